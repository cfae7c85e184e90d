#include "jobs/fetch/fetch_answer.h"

#include "base/assert.h"
#include "jobs/connectors/failure.h"
#include "jobs/fetch/fetch_url.h"
#include "jobs/fetch/link_header.h"

#define NUMBER_MAX_BYTES 21

/* What libcurl's codes mean here. Any other is a server that does not speak
 * HTTP, which may pass as well. */
static const struct kind {
	CURLcode code;
	enum tb_err err;
	const char *name;
	bool may_pass;
} kinds[] = {
	{ CURLE_ABORTED_BY_CALLBACK, TB_ERR_CLOSED, "stopped", true },
	{ CURLE_OPERATION_TIMEDOUT, TB_ERR_TIMEOUT, "timeout", true },
	{ CURLE_COULDNT_RESOLVE_HOST, TB_ERR_IO, "connect", true },
	{ CURLE_COULDNT_CONNECT, TB_ERR_IO, "connect", true },
	{ CURLE_PARTIAL_FILE, TB_ERR_INTERRUPTED, "cut_off", true },
	{ CURLE_GOT_NOTHING, TB_ERR_INTERRUPTED, "cut_off", true },
	{ CURLE_RECV_ERROR, TB_ERR_INTERRUPTED, "cut_off", true },
	{ CURLE_SEND_ERROR, TB_ERR_INTERRUPTED, "cut_off", true },
	{ CURLE_PEER_FAILED_VERIFICATION, TB_ERR_DENIED, "tls", false },
	{ CURLE_SSL_CACERT_BADFILE, TB_ERR_DENIED, "tls", false },
	{ CURLE_SSL_ISSUER_ERROR, TB_ERR_DENIED, "tls", false },
	{ CURLE_SSL_CONNECT_ERROR, TB_ERR_IO, "tls", true },
};
static const struct kind no_http = { 0, TB_ERR_INVALID, "answer_invalid",
				     true };

static const struct kind *kind_of(CURLcode code)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(kinds); i++)
		if (kinds[i].code == code)
			return &kinds[i];
	return &no_http;
}

/* The method and the path, for messages. */
struct where {
	const char *method;
	char path[TB_FAILURE_PLAIN_MAX_BYTES + 1];
};

static struct where where_of(const struct tb_fetch_asked *asked)
{
	struct where where = { .method = asked->method };

	tb_failure_plain(tb_fetch_url_path(asked->arena, asked->url),
			 where.path);
	return where;
}

/* Nothing of the answer's body is told: it may repeat what was sent. */
static enum tb_err fail_status(const struct tb_fetch_asked *asked,
			       const struct tb_exchange *exchange,
			       struct tb_connector_failure *ret_failure)
{
	unsigned status = exchange->status;
	bool is_denied = status == 401 || status == 403;
	bool may_pass = status == 408 || status == 429 ||
			(status >= 500 && status <= 599);
	struct where where = where_of(asked);
	enum tb_err err;

	err = tb_failure_set(ret_failure, asked->arena,
			     is_denied ? TB_ERR_UNAUTHENTICATED : TB_ERR_IO,
			     "http_status", may_pass, "%s %s: status %u",
			     where.method, where.path, status);
	ret_failure->status = status;
	if (may_pass)
		ret_failure->retry_after_s =
			exchange->retry_after_s < TB_FETCH_RETRY_AFTER_MAX_S
				? (uint32_t)exchange->retry_after_s
				: TB_FETCH_RETRY_AFTER_MAX_S;
	return err;
}

static enum tb_err fail_code(const struct tb_fetch_asked *asked,
			     const struct tb_exchange *exchange,
			     struct tb_connector_failure *ret_failure)
{
	const struct kind *kind = kind_of(exchange->code);
	const char *words = exchange->error[0] != '\0'
				    ? exchange->error
				    : curl_easy_strerror(exchange->code);
	struct where where = where_of(asked);
	char plain[TB_FAILURE_PLAIN_MAX_BYTES + 1];

	return tb_failure_set(ret_failure, asked->arena, kind->err, kind->name,
			      kind->may_pass, "%s %s: %s", where.method,
			      where.path,
			      tb_failure_plain(tb_str_z(words), plain));
}

static enum tb_err fail_size(const struct tb_fetch_asked *asked,
			     struct tb_connector_failure *ret_failure)
{
	struct where where = where_of(asked);

	return tb_failure_set(ret_failure, asked->arena, TB_ERR_TOO_LARGE,
			      "too_large", true,
			      "%s %s: the answer is over page_max_bytes",
			      where.method, where.path);
}

static bool is_success(unsigned status)
{
	return status >= 200 && status <= 299;
}

static bool is_miss(const struct tb_fetch_asked *asked, unsigned status)
{
	return asked->may_miss && (status == 404 || status == 410);
}

enum tb_err tb_fetch_judge(const struct tb_fetch_asked *asked,
			   const struct tb_exchange *exchange,
			   struct tb_connector_failure *ret_failure)
{
	if (exchange->code == CURLE_OUT_OF_MEMORY)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	if (exchange->code == CURLE_ABORTED_BY_CALLBACK)
		return fail_code(asked, exchange, ret_failure);
	/* Any status but a success counts, whatever became of its body. */
	if (is_miss(asked, exchange->status))
		return TB_OK;
	if (exchange->status != 0 && !is_success(exchange->status))
		return fail_status(asked, exchange, ret_failure);
	if (exchange->is_too_large)
		return fail_size(asked, ret_failure);
	if (exchange->code != CURLE_OK)
		return fail_code(asked, exchange, ret_failure);
	return TB_OK;
}

/* ---- the answer ---- */

static size_t count_lines(struct tb_str head)
{
	size_t n = 0;

	for (size_t i = 0; i < head.n; i++)
		n += head.p[i] == '\n';
	return n;
}

/* Lines without a colon, of which the first is the status, are none. */
static size_t split_lines(struct tb_str head, struct tb_fetch_header *headers)
{
	size_t n = 0;

	while (head.n > 0) {
		struct tb_str line = tb_str_cut(&head, '\n');
		struct tb_str value = line;
		struct tb_str name = tb_str_cut(&value, ':');

		if (value.p == NULL)
			continue;
		if (value.n > 0 && value.p[value.n - 1] == '\r')
			value.n--;
		headers[n++] = (struct tb_fetch_header) {
			.name = name,
			.value = tb_str_trim(value),
		};
	}
	return n;
}

static enum tb_err take_headers(struct tb_arena *arena,
				const struct tb_exchange *exchange,
				struct tb_fetch_answer *answer)
{
	struct tb_fetch_header *headers;
	struct tb_str head;
	enum tb_err err =
		tb_arena_strdup(arena, tb_buf_str(&exchange->headers), &head);

	if (err != TB_OK)
		return err;
	headers =
		tb_arena_calloc(arena, count_lines(head) + 1, sizeof(*headers));
	if (headers == NULL)
		return tb_arena_err(arena);
	answer->n_headers = split_lines(head, headers);
	answer->headers = headers;
	return TB_OK;
}

enum tb_err tb_fetch_answer_take(const struct tb_fetch_asked *asked,
				 const struct tb_exchange *exchange,
				 struct tb_fetch_answer *ret,
				 struct tb_connector_failure *ret_failure)
{
	struct tb_fetch_answer answer = { .status = exchange->status };
	enum tb_err err = take_headers(asked->arena, exchange, &answer);

	if (err == TB_OK)
		err = tb_fetch_url_text(asked->arena, asked->url, &answer.url);
	if (err == TB_OK)
		err = tb_arena_strdup(asked->arena, tb_buf_str(&exchange->body),
				      &answer.body);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	*ret = answer;
	return TB_OK;
}

struct tb_str tb_fetch_header(const struct tb_fetch_answer *answer,
			      const char *name)
{
	for (size_t i = 0; i < answer->n_headers; i++)
		if (tb_str_eq_nocase(answer->headers[i].name, tb_str_z(name)))
			return answer->headers[i].value;
	return TB_STR_NONE;
}

enum tb_err tb_fetch_answer_next(const struct tb_fetch_answer *answer,
				 struct tb_str *ret)
{
	struct tb_str target = TB_STR_NONE;
	enum tb_err err = TB_OK;

	for (size_t i = 0;
	     err == TB_OK && target.n == 0 && i < answer->n_headers; i++)
		if (tb_str_eq_nocase(answer->headers[i].name, TB_STR("Link")))
			err = tb_link_header_next(answer->headers[i].value,
						  &target);
	if (err == TB_OK)
		*ret = target;
	return err;
}

/* ---- targets ---- */

/* All but what means nothing else anywhere in a URL (RFC 3986, 2.3). */
static void put_encoded(struct tb_buf *buf, struct tb_str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
		    c == '_' || c == '~') {
			tb_buf_append_char(buf, (char)c);
			continue;
		}
		tb_buf_append_char(buf, '%');
		tb_buf_append_char(buf, hex[c >> 4]);
		tb_buf_append_char(buf, hex[c & 15]);
	}
}

void tb_fetch_put_param(struct tb_buf *target, struct tb_str name,
			struct tb_str value)
{
	bool has_query =
		target->n > 0 && memchr(target->p, '?', target->n) != NULL;

	tb_buf_append_char(target, has_query ? '&' : '?');
	put_encoded(target, name);
	tb_buf_append_char(target, '=');
	put_encoded(target, value);
}

void tb_fetch_put_number(struct tb_buf *target, struct tb_str name,
			 uint64_t value)
{
	char text[NUMBER_MAX_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_buf_append_u64(&buf, value);
	TB_ASSERT(tb_buf_err(&buf) == TB_OK);
	tb_fetch_put_param(target, name, tb_buf_str(&buf));
}

void tb_fetch_put_segment(struct tb_buf *target, struct tb_str segment)
{
	put_encoded(target, segment);
}
