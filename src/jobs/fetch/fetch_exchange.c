#include "jobs/fetch/fetch_exchange.h"

#include "base/assert.h"

#define HEADERS_MAX_BYTES 65536
/* Of an answer that is an error: read, so that the connection can be used
 * again, and thrown away, because it may repeat what was sent. */
#define SKIPPED_MAX_BYTES 65536
#define CONNECT_TIMEOUT_MAX_MS 15000

static bool is_success(unsigned status)
{
	return status >= 200 && status <= 299;
}

static unsigned status_of(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return (unsigned)status;
}

/* A line of the head. Of several (100 Continue) the last counts; trailers of a
 * chunked body do not, but libcurl keeps them all, so they have a ceiling, too.
 */
static size_t take_header(char *p, size_t size, size_t n, void *ctx)
{
	struct tb_exchange *exchange = ctx;
	struct tb_str line = tb_str(p, size * n);

	if (exchange->is_in_body) {
		exchange->n_trailers += line.n;
		return exchange->n_trailers <= HEADERS_MAX_BYTES ? line.n : 0;
	}
	if (tb_str_starts(line, TB_STR("HTTP/")))
		tb_buf_reset(&exchange->headers);
	exchange->is_head_whole = tb_str_eq(line, TB_STR("\r\n")) ||
				  tb_str_eq(line, TB_STR("\n"));
	tb_buf_append_str(&exchange->headers, line);
	if (tb_buf_err(&exchange->headers) != TB_OK)
		return 0;
	return line.n;
}

/* A piece of the body, unpacked. */
static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct tb_exchange *exchange = ctx;

	exchange->is_in_body = true;
	n *= size;
	if (is_success(status_of(exchange->form->easy))) {
		tb_buf_append(&exchange->body, p, n);
		return tb_buf_err(&exchange->body) == TB_OK ? n : 0;
	}
	exchange->skipped += n;
	return exchange->skipped <= SKIPPED_MAX_BYTES ? n : 0;
}

/* libcurl asks at least once in a second. */
static int poll_stop(void *ctx, curl_off_t dltotal, curl_off_t dlnow,
		     curl_off_t ultotal, curl_off_t ulnow)
{
	const struct tb_exchange *exchange = ctx;

	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	return atomic_load(exchange->form->is_stopped) ? 1 : 0;
}

/* Asked before a request is sent. libcurl sends it again where a connection
 * that was kept is dead; but then nobody knows what became of the first, and
 * whether to ask again is for others to say. One that was closed in time is
 * replaced before. */
static int allow_once(void *ctx, char *remote, char *local, int remote_port,
		      int local_port)
{
	struct tb_exchange *exchange = ctx;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	if (exchange->is_sent)
		exchange->is_lost = true;
	exchange->is_sent = true;
	return exchange->is_lost ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* An option that cannot be refused, but for want of memory. */
#define SET(easy, option, value)                                               \
	do {                                                                   \
		CURLcode set_code = curl_easy_setopt(easy, option, value);     \
		TB_ASSERT(set_code == CURLE_OK ||                              \
			  set_code == CURLE_OUT_OF_MEMORY);                    \
		if (set_code != CURLE_OK)                                      \
			ok = false;                                            \
	} while (0)

static bool set_limits(CURL *easy, struct tb_exchange *exchange)
{
	const struct tb_exchange_form *form = exchange->form;
	uint32_t connect_ms = form->timeout_ms < CONNECT_TIMEOUT_MAX_MS
				      ? form->timeout_ms
				      : CONNECT_TIMEOUT_MAX_MS;
	bool ok = true;

	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_TIMEOUT_MS, (long)form->timeout_ms);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	SET(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)form->body_max_bytes);
	SET(easy, CURLOPT_NOPROGRESS, 0L);
	SET(easy, CURLOPT_XFERINFOFUNCTION, poll_stop);
	SET(easy, CURLOPT_XFERINFODATA, exchange);
	SET(easy, CURLOPT_PREREQFUNCTION, allow_once);
	SET(easy, CURLOPT_PREREQDATA, exchange);
	return ok;
}

/* To one server, straight, by nothing but HTTP and with its certificate
 * checked. */
static bool set_server(CURL *easy, const struct tb_exchange_form *form)
{
	bool ok = true;

	SET(easy, CURLOPT_CURLU, form->url);
	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_PROXY, "");
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (form->ca_file != NULL) {
		SET(easy, CURLOPT_CAINFO, form->ca_file);
		/* Instead of the system's, not beside them. */
		SET(easy, CURLOPT_CAPATH, NULL);
	}
	return ok;
}

static bool set_request(CURL *easy, struct tb_exchange *exchange)
{
	const struct tb_exchange_form *form = exchange->form;
	bool ok = true;

	SET(easy, CURLOPT_USERAGENT, "tombolo/" TB_VERSION);
	SET(easy, CURLOPT_HTTPHEADER, form->headers);
	SET(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	if (form->body.p != NULL) {
		SET(easy, CURLOPT_POST, 1L);
		SET(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)form->body.n);
		SET(easy, CURLOPT_POSTFIELDS, form->body.p);
	}
	SET(easy, CURLOPT_CUSTOMREQUEST, form->method);
	SET(easy, CURLOPT_ERRORBUFFER, exchange->error);
	SET(easy, CURLOPT_HEADERFUNCTION, take_header);
	SET(easy, CURLOPT_HEADERDATA, exchange);
	SET(easy, CURLOPT_WRITEFUNCTION, take_body);
	SET(easy, CURLOPT_WRITEDATA, exchange);
	return ok;
}

static void take_outcome(struct tb_exchange *exchange, CURL *easy)
{
	curl_off_t wait = 0;

	exchange->status = status_of(easy);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
	exchange->retry_after_s = wait > 0 ? (uint64_t)wait : 0;
	/* libcurl takes a head that breaks off for one that ends. */
	if (!exchange->is_head_whole || exchange->status < 200) {
		exchange->status = 0;
		if (exchange->code == CURLE_OK)
			exchange->code = CURLE_PARTIAL_FILE;
	}
	if (exchange->is_lost) {
		exchange->code = CURLE_GOT_NOTHING;
		exchange->error[0] = '\0';
	}
	exchange->is_too_large =
		exchange->code == CURLE_FILESIZE_EXCEEDED ||
		exchange->n_trailers > HEADERS_MAX_BYTES ||
		tb_buf_err(&exchange->headers) == TB_ERR_TOO_LARGE ||
		tb_buf_err(&exchange->body) == TB_ERR_TOO_LARGE;
	if (tb_buf_err(&exchange->headers) == TB_ERR_NOMEM ||
	    tb_buf_err(&exchange->body) == TB_ERR_NOMEM)
		exchange->code = CURLE_OUT_OF_MEMORY;
}

void tb_exchange_run(struct tb_exchange *ret,
		     const struct tb_exchange_form *form)
{
	CURL *easy = form->easy;

	TB_ASSERT(form->timeout_ms > 0);
	*ret = (struct tb_exchange) { .form = form };
	tb_buf_init(&ret->headers, HEADERS_MAX_BYTES);
	tb_buf_init(&ret->body, form->body_max_bytes);
	/* Keeps its connections. */
	curl_easy_reset(easy);
	if (!set_limits(easy, ret) || !set_server(easy, form) ||
	    !set_request(easy, ret)) {
		ret->code = CURLE_OUT_OF_MEMORY;
		return;
	}
	ret->code = curl_easy_perform(easy);
	take_outcome(ret, easy);
	/* Nothing of this call is left in a handle that lives on. */
	curl_easy_reset(easy);
}

void tb_exchange_fini(struct tb_exchange *exchange)
{
	tb_buf_fini(&exchange->headers);
	tb_buf_fini(&exchange->body);
}
