#include "api/devices/errors.h"

#include "codec/json.h"
#include "http/fail.h"

void tb_devices_put_error(struct tb_buf *buf, const struct tb_request *req,
			  const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	(void)req;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error", error->message);
	tb_json_end_object(&w);
}

void tb_devices_fail(struct tb_response *res, const struct tb_request *req,
		     unsigned status, struct tb_str message)
{
	tb_response_error(res, req, status, NULL, message);
}

void tb_devices_fail_401(struct tb_response *res, const struct tb_request *req,
			 struct tb_str message)
{
	enum tb_err err = tb_response_header(
		res, "WWW-Authenticate", TB_STR("Bearer realm=\"devices\""));

	if (err)
		tb_response_fail(res, req, err);
	else
		tb_devices_fail(res, req, 401, message);
}

void tb_devices_refuse(const struct tb_request *req, struct tb_response *res,
		       const struct tb_auth_result *result)
{
	switch (result->failure) {
	case TB_AUTH_MISSING:
		tb_devices_fail_401(res, req, TB_STR(TB_DEVICES_NO_TOKEN));
		break;
	/* "After `auth.failures_max` failures in a row a name is locked". */
	case TB_AUTH_LIMITED:
		tb_devices_fail_401(res, req, TB_STR(TB_DEVICES_LOCKED));
		tb_fail_put_retry_after(res, result->retry_after_s);
		break;
	case TB_AUTH_UNAVAILABLE:
		tb_response_fail(res, req, TB_ERR_BUSY);
		break;
	case TB_AUTH_MALFORMED:
	case TB_AUTH_UNKNOWN:
	case TB_AUTH_WRONG:
	case TB_AUTH_DISABLED:
	case TB_AUTH_HARDWARE:
	case TB_AUTH_BAD_TOKEN:
	case TB_AUTH_EXPIRED:
		tb_devices_fail_401(res, req, TB_STR(TB_DEVICES_BAD_TOKEN));
		break;
	}
}

void tb_devices_forbid(const struct tb_request *req, struct tb_response *res,
		       unsigned who)
{
	(void)who;
	tb_devices_fail(res, req, 403, TB_STR(TB_DEVICES_DENIED));
}
