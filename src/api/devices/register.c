/*
 * POST register: makes a device known.
 */
#include "api/devices/call.h"
#include "api/devices/decode_register.h"
#include "api/devices/errors.h"
#include "api/devices/handlers.h"
#include "api/devices/time_json.h"

#define ANSWER_MAX_BYTES 4096

static enum tb_err store(const struct tb_devices_caller *caller,
			 const struct tb_request *req, struct tb_response *res,
			 const struct tb_register *what,
			 struct tb_registration *ret, struct tb_str *ret_flaw)
{
	struct tb_audit_note note;
	enum tb_err err =
		tb_devices_call_note(req, res, "register", what->device, &note);

	if (!err)
		err = tb_registration_register(
			caller->devices->core, req->arena, &note, caller->org,
			what, caller->devices->options->devices_max, ret);
	if (err == TB_ERR_CONFLICT)
		*ret_flaw = TB_STR(TB_DEVICES_TOO_MANY);
	return err;
}

static void answer(const struct tb_request *req, struct tb_response *res,
		   const struct tb_registration *registration)
{
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "message", TB_STR("Device registered"));
	tb_json_kv_str(&w, "device_id", registration->device);
	tb_json_kv_str(&w, "role", registration->role);
	tb_json_kv_uint(&w, "priority", registration->priority);
	tb_devices_kv_time(&w, "registered_at", registration->registered_us);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &body);
}

void tb_devices_post_register(void *state, const struct tb_request *req,
			      struct tb_response *res)
{
	struct tb_registration registration;
	struct tb_str flaw = TB_STR_NONE;
	struct tb_devices_caller caller;
	struct tb_json_value object;
	struct tb_register what;
	struct tb_json json;
	enum tb_err err;

	if (!tb_devices_call_open(&caller, state, req, res) ||
	    !tb_devices_call_object(req, res, &json, &object))
		return;
	err = tb_devices_take_register(req->arena, object, &what, &flaw);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	if (!tb_devices_call_check(&caller, req, res, what.device))
		return;
	err = store(&caller, req, res, &what, &registration, &flaw);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	tb_seen_note(caller.devices->seen, caller.org, what.device,
		     req->now_us);
	answer(req, res, &registration);
}
