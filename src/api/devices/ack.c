/*
 * POST ack: a device says which events it has.
 */
#include <stdlib.h>

#include "api/devices/call.h"
#include "api/devices/decode_ack.h"
#include "api/devices/errors.h"
#include "api/devices/handlers.h"
#include "api/devices/realtime.h"

#define ANSWER_MAX_BYTES ((size_t)64 << 20)

static enum tb_err acknowledge(const struct tb_devices_caller *caller,
			       const struct tb_request *req,
			       struct tb_response *res,
			       struct tb_devices_ack *ack,
			       struct tb_str *ret_flaw)
{
	struct tb_audit_note note;
	enum tb_err err = tb_devices_call_note(req, res, "acknowledge",
					       ack->what.device, &note);

	ack->what.devices_max = caller->devices->options->devices_max;
	if (!err)
		err = tb_device_acknowledge(caller->devices->core, req->arena,
					    &note, caller->org, &ack->what);
	if (err == TB_ERR_CONFLICT) {
		*ret_flaw = TB_STR(TB_DEVICES_TOO_MANY);
	} else if (err == TB_ERR_TOO_LARGE) {
		*ret_flaw = TB_STR(TB_DEVICES_TOO_MANY_GAPS);
		err = TB_ERR_CONFLICT;
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* "those that name no event are listed in `unknown`", as they were sent. */
static void put_unknown(struct tb_json_writer *w, struct tb_devices_ack *ack)
{
	uint64_t *unknown = ack->what.unknown;
	size_t n = ack->what.n_unknown;

	if (n > 0)
		qsort(unknown, n, sizeof(*unknown), compare);
	tb_json_begin_array(w);
	for (size_t i = 0; i < ack->n_given; i++) {
		const struct tb_devices_ack_id *given = &ack->given[i];

		if (given->is_odd ||
		    (n > 0 && bsearch(&given->id, unknown, n, sizeof(*unknown),
				      compare)))
			tb_json_rawval(w, given->raw);
	}
	tb_json_end_array(w);
}

static void answer(const struct tb_request *req, struct tb_response *res,
		   struct tb_devices_ack *ack)
{
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "message", TB_STR("Acknowledgement received"));
	tb_json_kv_uint(&w, "acknowledged", ack->what.n_new);
	tb_json_key(&w, TB_STR("unknown"));
	put_unknown(&w, ack);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &body);
}

void tb_devices_post_ack(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	struct tb_str flaw = TB_STR_NONE;
	struct tb_devices_caller caller;
	struct tb_devices_ack ack;
	struct tb_json_value object;
	struct tb_json json;
	enum tb_err err;

	if (!tb_devices_call_open(&caller, state, req, res) ||
	    !tb_devices_call_object(req, res, &json, &object))
		return;
	err = tb_devices_take_ack(req->arena, object, &ack, &flaw);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	if (!tb_devices_call_check(&caller, req, res, ack.what.device))
		return;
	err = acknowledge(&caller, req, res, &ack, &flaw);
	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	tb_seen_note(caller.devices->seen, caller.org, ack.what.device,
		     req->now_us);
	tb_realtime_acknowledged(caller.devices->realtime, caller.org,
				 ack.what.device);
	answer(req, res, &ack);
}
