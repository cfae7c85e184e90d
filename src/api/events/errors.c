#include "api/events/errors.h"

#include "codec/json.h"
#include "http/fail.h"

#define BODY_MAX_BYTES 8192

static void put_body(struct tb_buf *buf, struct tb_str message,
		     const struct tb_str *uuid)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error", message);
	if (uuid)
		tb_json_kv_str(&w, "eventUuid", *uuid);
	tb_json_end_object(&w);
}

void tb_events_put_error(struct tb_buf *buf, const struct tb_request *req,
			 const struct tb_http_error *error)
{
	(void)req;
	put_body(buf, error->message, NULL);
}

void tb_events_fail(struct tb_response *res, const struct tb_request *req,
		    unsigned status, const char *message)
{
	tb_response_error(res, req, status, NULL, tb_str_z(message));
}

void tb_events_fail_event(struct tb_response *res, const struct tb_request *req,
			  unsigned status, const char *message,
			  struct tb_str uuid)
{
	struct tb_buf body;

	tb_buf_init(&body, BODY_MAX_BYTES);
	put_body(&body, tb_str_z(message), &uuid);
	tb_response_written(res, req, status, TB_JSON_UTF8_TYPE, &body);
}

void tb_events_fail_401(struct tb_response *res, const struct tb_request *req,
			const char *message)
{
	enum tb_err err = tb_response_header(res, "WWW-Authenticate",
					     TB_STR("Bearer realm=\"events\""));

	if (err)
		tb_response_fail(res, req, err);
	else
		tb_events_fail(res, req, 401, message);
}

void tb_events_refuse(const struct tb_request *req, struct tb_response *res,
		      const struct tb_auth_result *result)
{
	switch (result->failure) {
	case TB_AUTH_MISSING:
	case TB_AUTH_MALFORMED:
		tb_events_fail_401(res, req, TB_EVENTS_NO_TOKEN);
		break;
	case TB_AUTH_LIMITED:
		tb_events_fail(res, req, 429, TB_EVENTS_LIMITED);
		tb_fail_put_retry_after(res, result->retry_after_s);
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
		tb_events_fail_401(res, req, TB_EVENTS_BAD_TOKEN);
		break;
	}
}

/* Contract: "401 Unauthorized: If the user is not authenticated or does not
 * have permission" at acl and admin; at events a known caller is 403. */
void tb_events_forbid(const struct tb_request *req, struct tb_response *res,
		      unsigned who)
{
	if (who & TB_WHO_ADMIN)
		tb_events_fail_401(res, req, TB_EVENTS_NOT_ADMIN);
	else
		tb_events_fail(res, req, 403, TB_EVENTS_DENIED);
}
