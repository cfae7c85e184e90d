#include "api/resources/errors.h"

#include "base/assert.h"
#include "codec/json.h"
#include "http/fail.h"
#include "http/method.h"

#define BODY_MAX_BYTES ((size_t)64 << 10)

/* ---- words ---- */

static void put_method(struct tb_buf *buf, const struct tb_request *req,
		       const struct tb_http_error *error)
{
	struct tb_str name;

	if (req->method >= TB_METHOD_COUNT ||
	    tb_method_list(req->arena, tb_method_bit(req->method), &name)) {
		tb_buf_append_str(buf, error->message);
		return;
	}
	tb_buf_printf(buf, "Method \"%.*s\" not allowed.", TB_STR_ARG(name));
}

static bool is_ascii(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void put_media_type(struct tb_buf *buf, const struct tb_request *req,
			   const struct tb_http_error *error)
{
	struct tb_str type = tb_request_header(req, "Content-Type");

	/* It may be about the coding, or no text. */
	if (tb_request_is_json(req) || !is_ascii(type)) {
		tb_buf_append_str(buf, error->message);
		return;
	}
	tb_buf_printf(buf, "Unsupported media type \"%.*s\" in request.",
		      TB_STR_ARG(type));
}

static void put_not_found(struct tb_buf *buf, const struct tb_request *req,
			  const struct tb_http_error *error)
{
	(void)req;
	(void)error;
	tb_buf_append_z(buf, TB_RESOURCES_NOT_FOUND);
}

static const struct {
	unsigned status;
	void (*put)(struct tb_buf *buf, const struct tb_request *req,
		    const struct tb_http_error *error);
} words[] = {
	{ 404, put_not_found },
	{ 405, put_method },
	{ 415, put_media_type },
};

static void put_words(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(words); i++)
		if (words[i].status == error->status) {
			words[i].put(buf, req, error);
			return;
		}
	tb_buf_append_str(buf, error->message);
}

void tb_resources_put_error(struct tb_buf *buf, const struct tb_request *req,
			    const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);
	struct tb_buf text;

	tb_buf_init(&text, BODY_MAX_BYTES);
	put_words(&text, req, error);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "detail",
		       tb_buf_err(&text) ? error->message : tb_buf_str(&text));
	tb_json_end_object(&w);
	tb_buf_fini(&text);
}

/* ---- shapes ---- */

void tb_resources_fail(struct tb_response *res, const struct tb_request *req,
		       unsigned status, struct tb_str message)
{
	tb_response_error(res, req, status, NULL, message);
}

void tb_resources_fail_401(struct tb_response *res,
			   const struct tb_request *req, const char *message,
			   const char *code)
{
	struct tb_json_writer w;
	struct tb_buf body;
	enum tb_err err = tb_response_header(res, "WWW-Authenticate",
					     TB_STR("Bearer realm=\"api\""));

	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_buf_init(&body, BODY_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "detail", tb_str_z(message));
	if (code)
		tb_json_kv_str(&w, "code", tb_str_z(code));
	tb_json_end_object(&w);
	tb_response_written(res, req, 401, TB_JSON_TYPE, &body);
}

static void fail_named(struct tb_response *res, const struct tb_request *req,
		       unsigned status, struct tb_str name,
		       struct tb_str message, bool is_list)
{
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, BODY_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_key(&w, name);
	if (is_list)
		tb_json_begin_array(&w);
	tb_json_str(&w, message);
	if (is_list)
		tb_json_end_array(&w);
	tb_json_end_object(&w);
	tb_response_written(res, req, status, TB_JSON_TYPE, &body);
}

void tb_resources_fail_param(struct tb_response *res,
			     const struct tb_request *req, struct tb_str name,
			     struct tb_str message)
{
	fail_named(res, req, 400, name, message, false);
}

void tb_resources_fail_field(struct tb_response *res,
			     const struct tb_request *req, unsigned status,
			     struct tb_str name, struct tb_str message)
{
	fail_named(res, req, status, name, message, true);
}

void tb_resources_fail_resync(struct tb_response *res,
			      const struct tb_request *req)
{
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, BODY_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error_code", TB_STR("RESYNC_REQUIRED"));
	tb_json_kv_str(&w, "message", TB_STR(TB_RESOURCES_RESYNC));
	tb_json_kv_str(&w, "suggested_action", TB_STR("RESYNC"));
	tb_json_end_object(&w);
	tb_response_written(res, req, 410, TB_JSON_TYPE, &body);
}

void tb_resources_fail_limited(struct tb_response *res,
			       const struct tb_request *req,
			       uint32_t retry_after_s)
{
	struct tb_str message;
	enum tb_err err = tb_arena_printf(
		req->arena, &message,
		"Request was throttled. Expected available in %u second%s.",
		(unsigned)retry_after_s, retry_after_s == 1 ? "" : "s");

	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_resources_fail(res, req, 429, message);
	tb_fail_put_retry_after(res, retry_after_s);
}

/* ---- callers ---- */

void tb_resources_refuse(const struct tb_request *req, struct tb_response *res,
			 const struct tb_auth_result *result)
{
	switch (result->failure) {
	case TB_AUTH_MISSING:
	case TB_AUTH_MALFORMED:
		tb_resources_fail_401(res, req, TB_RESOURCES_NO_TOKEN, NULL);
		break;
	case TB_AUTH_LIMITED:
		tb_resources_fail_limited(res, req, result->retry_after_s);
		break;
	case TB_AUTH_UNAVAILABLE:
		tb_response_fail(res, req, TB_ERR_BUSY);
		break;
	case TB_AUTH_UNKNOWN:
	case TB_AUTH_WRONG:
	case TB_AUTH_DISABLED:
	case TB_AUTH_HARDWARE:
	case TB_AUTH_BAD_TOKEN:
	case TB_AUTH_EXPIRED:
		tb_resources_fail_401(res, req, TB_RESOURCES_BAD_TOKEN,
				      TB_RESOURCES_TOKEN_CODE);
		break;
	}
}

void tb_resources_forbid(const struct tb_request *req, struct tb_response *res,
			 unsigned who)
{
	(void)who;
	tb_resources_fail(res, req, 403, TB_STR(TB_RESOURCES_DENIED));
}
