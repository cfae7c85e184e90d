#include "api/jobs/errors.h"

#include "codec/json.h"
#include "http/fail.h"
#include "http/method.h"

/* Of a path, which may be all escapes, and what is before it. */
#define MESSAGE_MAX_BYTES ((size_t)16 << 10)

/* "A path below `/sync/` that is none is 404 `Cannot GET /sync/x` (with the
 * method and path that were asked for)." What a handler does not find has a
 * route. */
static bool is_no_path(const struct tb_request *req, unsigned status)
{
	return status == 404 && !req->route.p;
}

static void put_no_path(struct tb_buf *buf, const struct tb_request *req,
			struct tb_str otherwise)
{
	struct tb_str method;

	if (req->method >= TB_METHOD_COUNT ||
	    tb_method_list(req->arena, tb_method_bit(req->method), &method))
		tb_buf_append_str(buf, otherwise);
	else
		tb_buf_printf(buf, "Cannot %.*s %.*s", TB_STR_ARG(method),
			      TB_STR_ARG(req->path));
}

void tb_jobs_put_error(struct tb_buf *buf, const struct tb_request *req,
		       const struct tb_http_error *error)
{
	struct tb_str words = tb_str_z(tb_fail_status_words(error->status));
	struct tb_json_writer w = tb_json_writer(buf);
	struct tb_str message = error->message;
	struct tb_buf text;

	tb_buf_init(&text, MESSAGE_MAX_BYTES);
	if (is_no_path(req, error->status)) {
		put_no_path(&text, req, message);
		if (!tb_buf_err(&text))
			message = tb_buf_str(&text);
	}
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "statusCode", error->status);
	tb_json_kv_str(&w, "message", message);
	/* It is not said twice. */
	if (!tb_str_eq(message, words))
		tb_json_kv_str(&w, "error", words);
	tb_json_end_object(&w);
	tb_buf_fini(&text);
}

void tb_jobs_fail(struct tb_response *res, const struct tb_request *req,
		  unsigned status, struct tb_str message)
{
	tb_response_error(res, req, status, NULL, message);
}

/* What a 401 must say: RFC 9110, section 15.5.2. */
static void fail_401(struct tb_response *res, const struct tb_request *req)
{
	enum tb_err err = tb_response_header(res, "WWW-Authenticate",
					     TB_STR("Bearer realm=\"jobs\""));

	if (err)
		tb_response_fail(res, req, err);
	else
		tb_jobs_fail(res, req, 401, TB_STR(TB_JOBS_UNAUTHORIZED));
}

void tb_jobs_refuse(const struct tb_request *req, struct tb_response *res,
		    const struct tb_auth_result *result)
{
	switch (result->failure) {
	case TB_AUTH_LIMITED:
		tb_jobs_fail(res, req, 429, TB_STR(TB_JOBS_LIMITED));
		tb_fail_put_retry_after(res, result->retry_after_s);
		break;
	case TB_AUTH_UNAVAILABLE:
		tb_response_fail(res, req, TB_ERR_BUSY);
		break;
	case TB_AUTH_MISSING:
	case TB_AUTH_MALFORMED:
	case TB_AUTH_UNKNOWN:
	case TB_AUTH_WRONG:
	case TB_AUTH_DISABLED:
	case TB_AUTH_HARDWARE:
	case TB_AUTH_BAD_TOKEN:
	case TB_AUTH_EXPIRED:
		fail_401(res, req);
		break;
	}
}

/* "a site's or a device's token" */
void tb_jobs_forbid(const struct tb_request *req, struct tb_response *res,
		    unsigned who)
{
	(void)who;
	tb_jobs_fail(res, req, 403, TB_STR(TB_JOBS_FORBIDDEN));
}
