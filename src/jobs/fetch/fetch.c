#include "jobs/fetch/fetch.h"

#include <pthread.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "jobs/connectors/failure.h"
#include "jobs/fetch/fetch_answer.h"
#include "jobs/fetch/fetch_credentials.h"
#include "jobs/fetch/fetch_exchange.h"
#include "jobs/fetch/fetch_url.h"

#define REDIRECTS_MAX 5
#define METHOD_MAX_BYTES 16

struct tb_fetch {
	const struct tb_source *source;
	const atomic_bool *is_stopped;
	CURL *easy;
	CURLU *base;                    /* the source's url */
	struct curl_slist *credentials; /* header lines */
};

/* ---- making one ---- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool is_curl_ready;

static void init_curl(void)
{
	is_curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static enum tb_err open_server(struct tb_fetch *fetch, struct tb_arena *arena,
			       struct tb_connector_failure *ret_failure)
{
	const struct tb_source *source = fetch->source;
	enum tb_err err = tb_fetch_url_parse(source->url, &fetch->base);

	if (err == TB_ERR_INVALID)
		return tb_failure_set(ret_failure, arena, TB_ERR_DENIED, "url",
				      false,
				      "url must be https://, or http:// on "
				      "loopback, without a user");
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	if (source->ca_file != NULL && access(source->ca_file, R_OK) != 0)
		return tb_failure_set(ret_failure, arena, TB_ERR_DENIED, "tls",
				      false, "%s: cannot be read",
				      source->ca_file);
	fetch->easy = curl_easy_init();
	if (fetch->easy == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	return tb_fetch_credentials_read(source, arena, &fetch->credentials,
					 ret_failure);
}

enum tb_err tb_fetch_create(const struct tb_source *source,
			    struct tb_arena *arena,
			    const atomic_bool *is_stopped,
			    struct tb_fetch **ret,
			    struct tb_connector_failure *ret_failure)
{
	struct tb_fetch *fetch;
	enum tb_err err;

	TB_ASSERT(source->url != NULL && source->timeout_s > 0);
	pthread_once(&curl_once, init_curl);
	fetch = is_curl_ready ? tb_calloc(1, sizeof(*fetch)) : NULL;
	if (fetch == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	fetch->source = source;
	fetch->is_stopped = is_stopped;
	err = open_server(fetch, arena, ret_failure);
	if (err != TB_OK) {
		tb_fetch_destroy(fetch);
		return err;
	}
	*ret = fetch;
	return TB_OK;
}

void tb_fetch_destroy(struct tb_fetch *fetch)
{
	if (fetch == NULL)
		return;
	curl_easy_cleanup(fetch->easy);
	curl_url_cleanup(fetch->base);
	tb_fetch_credentials_wipe(fetch->credentials);
	tb_free(fetch);
}

/* ---- a request ---- */

/* What is the same for all its redirects. */
struct sending {
	struct tb_fetch *fetch;
	struct tb_arena *arena;
	const struct tb_fetch_request *request;
	struct tb_connector_failure *ret_failure;
	char method[METHOD_MAX_BYTES];
	struct curl_slist *headers;
	CURLU *url;
	int64_t deadline_us;
	unsigned redirects;
};

static enum tb_err refuse(struct sending *sending, const char *what)
{
	return tb_failure_set(sending->ret_failure, sending->arena,
			      TB_ERR_INVALID, "request", false, "%s", what);
}

static enum tb_err add_header(struct sending *sending, struct tb_str name,
			      struct tb_str value)
{
	struct curl_slist *more;
	struct tb_str line;
	enum tb_err err;

	if (name.n == 0 || tb_str_has_control(name) ||
	    tb_str_has_control(value))
		return refuse(sending, "a header holds control characters");
	/* With a semicolon libcurl sends a header that is empty; with a colon
	 * alone none. */
	err = tb_arena_printf(sending->arena, &line,
			      value.n > 0 ? "%.*s: %.*s" : "%.*s;%.*s",
			      TB_STR_ARG(name), TB_STR_ARG(value));
	if (err != TB_OK)
		return tb_failure_of(sending->ret_failure, err);
	more = curl_slist_append(sending->headers, line.p);
	if (more == NULL)
		return tb_failure_of(sending->ret_failure, TB_ERR_NOMEM);
	sending->headers = more;
	return TB_OK;
}

/* A line that is known to be one, credentials among them. */
static enum tb_err add_line(struct sending *sending, const char *line)
{
	struct curl_slist *more = curl_slist_append(sending->headers, line);

	if (more == NULL)
		return tb_failure_of(sending->ret_failure, TB_ERR_NOMEM);
	sending->headers = more;
	return TB_OK;
}

static enum tb_err add_headers(struct sending *sending)
{
	const struct tb_fetch_request *request = sending->request;
	const struct curl_slist *at = sending->fetch->credentials;
	enum tb_err err = add_line(sending, "Accept: application/json");

	for (; err == TB_OK && at != NULL; at = at->next)
		err = add_line(sending, at->data);
	for (size_t i = 0; err == TB_OK && i < request->n_headers; i++)
		err = add_header(sending, request->headers[i].name,
				 request->headers[i].value);
	if (err == TB_OK && request->body.p != NULL)
		err = add_header(sending, TB_STR("Content-Type"),
				 request->content_type);
	/* A body is sent at once, not after a second without an answer. */
	if (err == TB_OK && request->body.p != NULL)
		err = add_line(sending, "Expect:");
	return err;
}

static enum tb_err set_url(struct sending *sending, CURLU *from,
			   struct tb_str text, CURLU **ret)
{
	enum tb_err err = tb_fetch_url_follow(from, text, ret);

	if (err == TB_ERR_DENIED)
		return tb_failure_set(
			sending->ret_failure, sending->arena, err, "other_host",
			false,
			"an address that is not at the host of the source");
	if (err == TB_ERR_INVALID)
		return refuse(sending, "a target that is no URL");
	return err == TB_OK ? err : tb_failure_of(sending->ret_failure, err);
}

static bool is_whole_url(struct tb_str target)
{
	return tb_str_starts(target, TB_STR("https://")) ||
	       tb_str_starts(target, TB_STR("http://"));
}

/* The first URL. */
static enum tb_err open_target(struct sending *sending)
{
	const struct tb_fetch *fetch = sending->fetch;
	struct tb_str target = sending->request->target;
	enum tb_err err;

	if (is_whole_url(target))
		return set_url(sending, fetch->base, target, &sending->url);
	/* Only then does the url's host end where it ends in the
	 * configuration. */
	if (!tb_str_starts(target, TB_STR("/")))
		return refuse(sending, "a target must begin with a slash");
	err = tb_arena_printf(sending->arena, &target, "%s%.*s",
			      fetch->source->url, TB_STR_ARG(target));
	if (err != TB_OK)
		return tb_failure_of(sending->ret_failure, err);
	return set_url(sending, fetch->base, target, &sending->url);
}

static enum tb_err open_sending(struct sending *sending)
{
	struct tb_str method = sending->request->method;
	struct tb_buf buf;

	if (method.n == 0)
		method = TB_STR("GET");
	tb_buf_init_fixed(&buf, sending->method, sizeof(sending->method));
	tb_buf_append_str(&buf, method);
	tb_buf_append_char(&buf, '\0');
	TB_ASSERT(tb_buf_err(&buf) == TB_OK);
	sending->deadline_us =
		tb_clock_monotonic_us() +
		(int64_t)sending->fetch->source->timeout_s * 1000000;
	enum tb_err err = add_headers(sending);
	return err == TB_OK ? open_target(sending) : err;
}

static void close_sending(struct sending *sending)
{
	/* Its lines are copies of the credentials, too. */
	tb_fetch_credentials_wipe(sending->headers);
	curl_url_cleanup(sending->url);
}

static bool is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* 307 and 308 leave the request as it is (RFC 9110, 15.4); the others make it a
 * GET, which one with a body cannot become. */
static bool may_ask_again(const struct sending *sending, unsigned status)
{
	return status == 307 || status == 308 ||
	       strcmp(sending->method, "GET") == 0;
}

static enum tb_err fail_redirect(struct sending *sending, const char *what)
{
	struct tb_str path = tb_fetch_url_path(sending->arena, sending->url);
	char plain[TB_FAILURE_PLAIN_MAX_BYTES + 1];

	return tb_failure_set(sending->ret_failure, sending->arena,
			      TB_ERR_DENIED, "redirect", false, "%s %s: %s",
			      sending->method, tb_failure_plain(path, plain),
			      what);
}

static enum tb_err follow(struct sending *sending, unsigned status,
			  struct tb_str location)
{
	CURLU *url;
	enum tb_err err;

	if (location.n == 0)
		return fail_redirect(sending, "a redirect to nowhere");
	if (!may_ask_again(sending, status))
		return fail_redirect(sending, "a redirect of what is sent");
	if (++sending->redirects > REDIRECTS_MAX)
		return fail_redirect(sending, "too many redirects");
	err = set_url(sending, sending->url, location, &url);
	if (err != TB_OK)
		return err;
	curl_url_cleanup(sending->url);
	sending->url = url;
	return TB_OK;
}

static void run(struct sending *sending, struct tb_exchange *ret)
{
	const struct tb_fetch *fetch = sending->fetch;
	int64_t left_ms =
		(sending->deadline_us - tb_clock_monotonic_us()) / 1000;
	struct tb_exchange_form form = {
		.easy = fetch->easy,
		.url = sending->url,
		.method = sending->method,
		.headers = sending->headers,
		.body = sending->request->body,
		.ca_file = fetch->source->ca_file,
		.body_max_bytes = fetch->source->page_max_bytes,
		.timeout_ms = left_ms > 0 ? (uint32_t)left_ms : 1,
		.is_stopped = fetch->is_stopped,
	};

	tb_exchange_run(ret, &form);
}

/* One exchange. `*ret_again`: it was a redirect, and the URL is another. */
static enum tb_err step(struct sending *sending, struct tb_fetch_answer *ret,
			bool *ret_again)
{
	struct tb_fetch_asked asked = {
		.arena = sending->arena,
		.method = sending->method,
		.url = sending->url,
		.may_miss = sending->request->may_miss,
	};
	struct tb_exchange exchange;
	struct tb_fetch_answer answer;
	enum tb_err err;

	run(sending, &exchange);
	*ret_again = is_redirect(exchange.status) &&
		     exchange.code != CURLE_ABORTED_BY_CALLBACK;
	err = *ret_again
		      ? TB_OK
		      : tb_fetch_judge(&asked, &exchange, sending->ret_failure);
	if (err == TB_OK)
		err = tb_fetch_answer_take(&asked, &exchange, &answer,
					   sending->ret_failure);
	tb_exchange_fini(&exchange);
	if (err == TB_OK && *ret_again)
		return follow(sending, answer.status,
			      tb_fetch_header(&answer, "Location"));
	if (err == TB_OK)
		*ret = answer;
	return err;
}

enum tb_err tb_fetch_send(struct tb_fetch *fetch, struct tb_arena *arena,
			  const struct tb_fetch_request *request,
			  struct tb_fetch_answer *ret,
			  struct tb_connector_failure *ret_failure)
{
	struct sending sending = {
		.fetch = fetch,
		.arena = arena,
		.request = request,
		.ret_failure = ret_failure,
	};
	bool again = true;
	enum tb_err err = open_sending(&sending);

	while (err == TB_OK && again)
		err = step(&sending, ret, &again);
	close_sending(&sending);
	return err;
}

/* ---- what an answer says ---- */

enum tb_err tb_fetch_next_link(struct tb_fetch *fetch, struct tb_arena *arena,
			       const struct tb_fetch_answer *answer,
			       struct tb_str *ret,
			       struct tb_connector_failure *ret_failure)
{
	struct tb_str target = TB_STR_NONE;
	CURLU *from = NULL, *url = NULL;
	enum tb_err err = tb_fetch_answer_next(answer, &target);

	if (err == TB_OK && target.n == 0) {
		*ret = TB_STR_NONE;
		return TB_OK;
	}
	if (err == TB_OK)
		err = tb_fetch_url_follow(fetch->base, answer->url, &from);
	if (err == TB_OK)
		err = tb_fetch_url_follow(from, target, &url);
	if (err == TB_OK)
		err = tb_fetch_url_text(arena, url, ret);
	curl_url_cleanup(from);
	curl_url_cleanup(url);
	if (err == TB_ERR_DENIED)
		return tb_failure_set(
			ret_failure, arena, err, "other_host", false,
			"the next page is not at the host of the source");
	if (err == TB_ERR_INVALID)
		return tb_failure_set(ret_failure, arena, err, "answer_invalid",
				      true, "the header Link cannot be read");
	return err == TB_OK ? err : tb_failure_of(ret_failure, err);
}
