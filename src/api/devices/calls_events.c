/*
 * Calls that send events, and say that they have come.
 */
#include "api/devices/client_calls.h"
#include "api/devices/decode_event.h"
#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "api/devices/live_json.h"
#include "api/devices/realtime_state.h"
#include "api/devices/time_json.h"
#include "codec/time.h"
#include "kernel/device_delivery.h"

#define NOT_BOUND TB_STR("No device is bound to this connection")
#define OTHER_DEVICE TB_STR("device_id is not this connection's device")
#define BAD_EVENT_ID TB_STR("event_id must be an integer")
#define UNKNOWN_EVENT TB_STR("Unknown event_id")
#define TEXT_MAX_BYTES 4096

static void answer_id(struct tb_task *task, const char *name,
		      const char *message, uint64_t id)
{
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	if (message)
		tb_json_kv_str(&w, "message", tb_str_z(message));
	tb_json_kv_uint(&w, "event_id", id);
	tb_json_end_object(&w);
	tb_task_answer_buf(task, name, &buf);
}

/* ---- sending ---- */

/* "It is stored first, then sent to every client of the org". */
static enum tb_err store(struct tb_task *task, const char *operation,
			 struct tb_device_push_item *item)
{
	const struct tb_devices *devices = task->realtime->devices;
	struct tb_device_push push = {
		.items = item,
		.n = 1,
		.devices_max = devices->options->devices_max,
		.arena = task->arena,
	};
	enum tb_err err;

	err = tb_task_note(task, operation, &push.commit.note);
	if (err)
		return err;
	push.commit.note.device = item->device;
	err = tb_device_push_prepare(&push, task->caller.org);
	if (!err)
		err = tb_core_commit(devices->core, &push.commit);
	if (!err)
		err = item->err;
	if (!err && !item->is_repeated)
		tb_realtime_stored(task->realtime, task->caller.org);
	if (!err && !item->is_no_devices)
		tb_seen_note(devices->seen, task->caller.org, item->device,
			     tb_core_now_us(devices->core));
	return err;
}

static enum tb_err take_critical(struct tb_task *task, struct tb_json_value arg,
				 struct tb_device_push_item *item,
				 struct tb_str *ret_flaw)
{
	const char *flaw = NULL;
	enum tb_err err =
		tb_devices_take_event(task->arena, arg, item, ret_flaw);

	if (err)
		return err;
	item->kind = TB_DEVICE_EVENT_CRITICAL;
	err = tb_devices_caller_check(&task->caller, item->device, &flaw);
	if (!err)
		err = tb_devices_caller_user(&task->caller, item->user,
					     &item->user, &flaw);
	if (flaw)
		*ret_flaw = tb_str_z(flaw);
	return err;
}

/* What came of an event that was to be stored. */
static void answer_stored(struct tb_task *task,
			  const struct tb_device_push_item *item,
			  enum tb_err err, struct tb_str flaw)
{
	if (err == TB_ERR_CONFLICT)
		flaw = TB_STR(TB_DEVICES_TOO_MANY);
	if (err)
		tb_task_fail(task, err, flaw);
	else
		answer_id(task, NULL, NULL, item->id);
}

void tb_call_critical_event(struct tb_task *task, struct tb_json_value arg)
{
	struct tb_device_push_item item;
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = take_critical(task, arg, &item, &flaw);

	if (!err)
		err = store(task, "critical_event", &item);
	answer_stored(task, &item, err, flaw);
}

/* "`sync_update` is stored as an event of type `sync_update` with the payload
 * {"data","timestamp"}, of the connection's device, or of `user/ID` where it
 * is not bound." */
static enum tb_err take_update(struct tb_task *task, struct tb_json_value arg,
			       struct tb_device_push_item *item,
			       struct tb_str *ret_flaw)
{
	static const char *const needed[] = { "data", NULL };
	const struct tb_principal *principal = task->caller.principal;
	struct tb_live_update update = { .device = task->device,
					 .connection = task->peer->id };
	struct tb_json_value time = tb_json_get(arg, TB_STR("timestamp"));
	enum tb_err err = tb_devices_check_missing(task->arena, arg, needed,
						   "data", ret_flaw);

	if (!err && update.device.n == 0)
		err = tb_arena_printf(task->arena, &update.device, "%s/%.*s",
				      tb_principal_kind_name(principal->kind),
				      TB_STR_ARG(principal->key));
	if (err)
		return err;
	update.data = tb_json_raw(tb_json_get(arg, TB_STR("data")));
	if (!tb_json_is_absent(time))
		update.timestamp = tb_json_raw(time);
	*item = (struct tb_device_push_item) {
		.kind = TB_DEVICE_EVENT_UPDATE,
		.device = update.device,
		/* Who is no device acknowledges nothing: events that waited
		 * for it would never be synced. */
		.is_no_devices = task->device.n == 0,
		.type = TB_LIVE_UPDATE_TYPE,
	};
	if (principal->kind == TB_PRINCIPAL_USER)
		item->user = principal->key;
	return tb_live_json_store_update(task->arena, &update, &item->sent,
					 &item->payload);
}

void tb_call_sync_update(struct tb_task *task, struct tb_json_value arg)
{
	struct tb_device_push_item item;
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err;

	/* "needs a token". */
	if (!task->caller.principal) {
		tb_task_fail(task, TB_ERR_UNAUTHENTICATED,
			     TB_STR(TB_DEVICES_NO_TOKEN));
		return;
	}
	err = take_update(task, arg, &item, &flaw);
	if (!err)
		err = store(task, "sync_update", &item);
	answer_stored(task, &item, err, flaw);
}

/* ---- acknowledging ---- */

/* "`acknowledge` ... of a connection that is not bound, or for another device:
 * `error`". */
static enum tb_err take_acknowledge(struct tb_task *task,
				    struct tb_json_value arg, uint64_t *ret_id,
				    struct tb_str *ret_flaw)
{
	static const char *const needed[] = { "event_id", "device_id", NULL };
	struct tb_json_value id = tb_json_get(arg, TB_STR("event_id"));
	struct tb_str device;
	int64_t number;
	enum tb_err err = tb_devices_check_missing(task->arena, arg, needed,
						   NULL, ret_flaw);

	if (!err)
		err = tb_devices_take_text(task->arena, arg, "device_id",
					   SIZE_MAX, &device, ret_flaw);
	if (err)
		return err;
	if (task->device.n == 0) {
		*ret_flaw = NOT_BOUND;
		return TB_ERR_DENIED;
	}
	if (!tb_str_eq(device, task->device)) {
		*ret_flaw = OTHER_DEVICE;
		return TB_ERR_DENIED;
	}
	if (tb_json_i64(id, &number)) {
		*ret_flaw = BAD_EVENT_ID;
		return TB_ERR_INVALID;
	}
	*ret_id = number > 0 ? (uint64_t)number : 0;
	return TB_OK;
}

static enum tb_err acknowledge(struct tb_task *task, uint64_t id,
			       struct tb_str *ret_flaw)
{
	const struct tb_devices *devices = task->realtime->devices;
	struct tb_device_ack ack = {
		.device = task->device,
		.ids = &id,
		.n = 1,
		.devices_max = devices->options->devices_max,
	};
	struct tb_audit_note note;
	enum tb_err err = tb_task_note(task, "acknowledge", &note);

	if (!err)
		err = tb_device_acknowledge(devices->core, task->arena, &note,
					    task->caller.org, &ack);
	if (err == TB_ERR_CONFLICT)
		*ret_flaw = TB_STR(TB_DEVICES_TOO_MANY);
	if (err == TB_ERR_TOO_LARGE) {
		*ret_flaw = TB_STR(TB_DEVICES_TOO_MANY_GAPS);
		err = TB_ERR_CONFLICT;
	}
	if (!err && ack.n_unknown > 0) {
		*ret_flaw = UNKNOWN_EVENT;
		return TB_ERR_NOT_FOUND;
	}
	return err;
}

void tb_call_acknowledge(struct tb_task *task, struct tb_json_value arg)
{
	struct tb_str flaw = TB_STR_NONE;
	uint64_t *id = tb_arena_alloc(task->arena, sizeof(*id));
	enum tb_err err = TB_ERR_NOMEM;

	if (id)
		err = take_acknowledge(task, arg, id, &flaw);
	if (!err)
		err = acknowledge(task, *id, &flaw);
	if (err) {
		tb_task_fail(task, err, flaw);
		return;
	}
	task->own = id;
	tb_roster_tell_device(task->realtime->roster, task->caller.org,
			      task->device, task->peer, TB_TOLD_ACKNOWLEDGED);
	answer_id(task, "acknowledged", "Acknowledgement received", *id);
}

void tb_call_acknowledge_done(struct tb_task *task)
{
	uint64_t *id = task->own;

	tb_flow_acknowledge(&task->peer->flow, *id);
	tb_peer_go_on(task->peer);
}

/* ---- being there ---- */

void tb_call_heartbeat(struct tb_task *task, struct tb_json_value arg)
{
	const struct tb_devices *devices = task->realtime->devices;
	int64_t now_us = tb_core_now_us(devices->core);
	struct tb_str flaw = TB_STR_NONE;
	const char *words = NULL;
	struct tb_json_writer w;
	struct tb_str device;
	struct tb_buf buf;
	enum tb_err err;

	err = tb_devices_take_text(task->arena, arg, "device_id",
				   TB_DEVICE_TEXT_MAX_BYTES, &device, &flaw);
	if (!err && device.n == 0)
		device = task->device;
	if (!err && device.n > 0)
		err = tb_devices_caller_check(&task->caller, device, &words);
	if (words)
		flaw = tb_str_z(words);
	if (err) {
		tb_task_fail(task, err, flaw);
		return;
	}
	if (device.n > 0)
		tb_seen_note(devices->seen, task->caller.org, device, now_us);
	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_devices_kv_time(&w, "server_time", now_us);
	tb_json_end_object(&w);
	tb_task_answer_buf(task, "heartbeat_ack", &buf);
}
