#include "api/sites/errors.h"

#include "api/sites/dialect.h"
#include "base/assert.h"
#include "codec/json.h"
#include "http/fail.h"

#define BODY_MAX_BYTES 4096

/* The versioned dialect has one code for whatever is temporary. */
static const char *code_of(const struct tb_request *req,
			   const struct tb_http_error *error)
{
	enum tb_sites_dialect dialect;

	if (error->status == 503 && !tb_sites_dialect_of(req, &dialect) &&
	    dialect == TB_SITES_VERSIONED)
		return TB_SITES_CODE_INTEGRATION;
	return error->code;
}

void tb_sites_put_error(struct tb_buf *buf, const struct tb_request *req,
			const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("error"));
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "code", tb_str_z(code_of(req, error)));
	tb_json_kv_str(&w, "message", error->message);
	if (error->data.p)
		tb_json_kv_raw(&w, "data", error->data);
	else
		tb_json_kv_null(&w, "data");
	tb_json_end_object(&w);
	tb_json_end_object(&w);
}

void tb_sites_answer_401(struct tb_response *res, const struct tb_request *req,
			 const char *code, struct tb_str message)
{
	/* RFC 9110, section 15.5.2: a 401 names what it would take. */
	enum tb_err err = tb_response_header(
		res, "WWW-Authenticate",
		TB_STR("Basic realm=\"sites\", charset=\"UTF-8\""));

	if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_error(res, req, 401, code, message);
}

static void answer_limited(struct tb_response *res,
			   const struct tb_request *req, uint32_t wait_s)
{
	tb_response_error(res, req, 429, NULL,
			  TB_STR("too many failed logins, try again later"));
	tb_fail_put_retry_after(res, wait_s);
}

void tb_sites_refuse(const struct tb_request *req, struct tb_response *res,
		     const struct tb_auth_result *result)
{
	static const struct {
		const char *code;
		const char *message;
	} failures[] = {
		[TB_AUTH_MISSING] = { NULL, "a site's name and password, or "
					    "its token, are needed" },
		[TB_AUTH_MALFORMED] = { NULL, "the Authorization header "
					      "cannot be read" },
		[TB_AUTH_UNKNOWN] = { TB_SITES_CODE_UNKNOWN,
				      "there is no site of this name" },
		[TB_AUTH_WRONG] = { TB_SITES_CODE_PASSWORD,
				    "the password is wrong" },
		[TB_AUTH_DISABLED] = { TB_SITES_CODE_DISABLED,
				       "the site is disabled" },
		[TB_AUTH_HARDWARE] = { TB_SITES_CODE_HARDWARE,
				       "the site is bound to another database, "
				       "until an operator releases it" },
		[TB_AUTH_BAD_TOKEN] = { NULL, "the token is not valid" },
		[TB_AUTH_EXPIRED] = { TB_SITES_CODE_TIMEOUT,
				      "the token has expired, get another" },
	};

	if (result->failure == TB_AUTH_LIMITED) {
		answer_limited(res, req, result->retry_after_s);
		return;
	}
	if (result->failure == TB_AUTH_UNAVAILABLE) {
		tb_response_fail(res, req, TB_ERR_BUSY);
		return;
	}
	TB_ASSERT(result->failure < TB_ARRAY_LEN(failures));
	tb_sites_answer_401(res, req, failures[result->failure].code,
			    tb_str_z(failures[result->failure].message));
}

void tb_sites_answer_version(struct tb_response *res,
			     const struct tb_request *req)
{
	struct tb_http_error error = {
		.status = 409,
		.code = TB_SITES_CODE_VERSION,
		.message = TB_STR("the version header is not a version"),
	};
	enum tb_err err = tb_arena_printf(
		req->arena, &error.data, "{\"major\":%d,\"minor\":%d}",
		TB_SITES_VERSION_MAJOR, TB_SITES_VERSION_MINOR);
	struct tb_buf body;

	tb_buf_init(&body, BODY_MAX_BYTES);
	if (!err) {
		tb_sites_put_error(&body, req, &error);
		err = tb_buf_err(&body);
	}
	if (err) {
		tb_buf_fini(&body);
		tb_response_fail(res, req, err);
		return;
	}
	tb_response_body(res, error.status, TB_JSON_UTF8_TYPE, &body);
	res->error_code = error.code;
}
