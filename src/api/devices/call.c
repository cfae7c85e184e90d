#include "api/devices/call.h"

#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "http/fail.h"

#define DEPTH_MAX 64
#define NODES_MAX (64u << 10)

void tb_devices_answer_flaw(const struct tb_request *req,
			    struct tb_response *res, enum tb_err err,
			    struct tb_str flaw)
{
	if (!flaw.p)
		tb_response_fail(res, req, err);
	else if (err == TB_ERR_UNAUTHENTICATED)
		tb_devices_fail_401(res, req, flaw);
	else
		tb_devices_fail(res, req, tb_fail_of(err)->status, flaw);
}

bool tb_devices_call_open(struct tb_devices_caller *caller, void *state,
			  const struct tb_request *req, struct tb_response *res)
{
	const char *flaw;
	enum tb_err err =
		tb_devices_caller_init(caller, state, req->principal, &flaw);

	if (err)
		tb_devices_answer_flaw(req, res, err, tb_str_z(flaw));
	return !err;
}

bool tb_devices_call_check(const struct tb_devices_caller *caller,
			   const struct tb_request *req,
			   struct tb_response *res, struct tb_str device)
{
	const char *flaw = NULL;
	enum tb_err err = tb_devices_caller_check(caller, device, &flaw);

	if (err)
		tb_devices_answer_flaw(req, res, err, tb_str_z(flaw));
	return !err;
}

bool tb_devices_call_object(const struct tb_request *req,
			    struct tb_response *res, struct tb_json *json,
			    struct tb_json_value *ret)
{
	static const struct tb_json_limits limits = {
		.max_depth = DEPTH_MAX,
		.max_nodes = NODES_MAX,
		.tape_depth = 2,
	};
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err =
		tb_devices_parse(req->arena, req->body, &limits, json, &flaw);

	if (!err && !tb_json_is(tb_json_root(json), TB_JSON_OBJECT)) {
		flaw = TB_STR(TB_DEVICES_NOT_OBJECT);
		err = TB_ERR_INVALID;
	}
	if (err)
		tb_devices_answer_flaw(req, res, err, flaw);
	else
		*ret = tb_json_root(json);
	return !err;
}

enum tb_err tb_devices_call_note(const struct tb_request *req,
				 struct tb_response *res, const char *operation,
				 struct tb_str device,
				 struct tb_audit_note *ret)
{
	struct tb_audit_author author = {
		.principal = req->principal,
		.device = device,
		.request_id = req->id,
		.address = req->address,
		.is_written = &res->is_audited,
	};

	return tb_api_audit_by(req->arena, &author, "devices", operation, ret);
}
