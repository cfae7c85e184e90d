#include "api/devices/client_calls.h"

#include "api/devices/decode_event.h"
#include "api/devices/errors.h"
#include "api/devices/realtime_state.h"
#include "base/assert.h"

/* Of events that are worked on, all together; past it clients are told to try
 * again. */
#define EVENTS_MAX_BYTES ((size_t)256 << 20)
#define BUSY TB_STR("the server is busy, try again")
#define NO_BINARY TB_STR("Binary data is not supported")

#define CALL(name_, is_for_sites_)                                             \
	{                                                                      \
		.name = #name_, .is_for_sites = (is_for_sites_),               \
		.work = tb_call_##name_                                        \
	}
#define CALL_DONE(name_, is_for_sites_)                                        \
	{                                                                      \
		.name = #name_, .is_for_sites = (is_for_sites_),               \
		.work = tb_call_##name_, .done = tb_call_##name_##_done        \
	}

static const struct tb_client_call calls[] = {
	CALL_DONE(acknowledge, false),     CALL(critical_event, false),
	CALL(sync_update, false),          CALL(heartbeat, true),
	CALL_DONE(register_device, false), CALL_DONE(authenticate, true),
	CALL_DONE(subscribe, true),        CALL_DONE(unsubscribe, true),
};

static const struct tb_client_call *find_call(struct tb_str name)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++)
		if (tb_str_eq(name, tb_str_z(calls[i].name)))
			return &calls[i];
	return NULL;
}

/* The first argument; one that is missing is as good as an empty object. */
static enum tb_err parse_argument(struct tb_task *task, struct tb_json *json,
				  struct tb_json_value *ret)
{
	struct tb_json_limits limits = tb_devices_event_limits(1);
	struct tb_json_iter it;
	enum tb_err err =
		tb_json_parse(task->arena, task->args, &limits, json, NULL);

	if (err)
		return err;
	it = tb_json_iter(tb_json_root(json));
	if (tb_json_next(&it)) {
		*ret = it.value;
		return TB_OK;
	}
	err = tb_json_parse(task->arena, TB_STR("{}"), &limits, json, NULL);
	if (!err)
		*ret = tb_json_root(json);
	return err;
}

static bool is_site(const struct tb_task *task)
{
	const struct tb_principal *principal = task->caller.principal;

	return principal && principal->kind == TB_PRINCIPAL_SITE;
}

static void work(struct tb_task *task)
{
	struct tb_json_value arg;
	struct tb_json json;
	enum tb_err err = TB_ERR_CLOSED;

	if (!atomic_load(&task->realtime->is_stopped))
		err = parse_argument(task, &json, &arg);
	if (err)
		tb_task_fail(task, err, TB_STR_NONE);
	else if (!tb_json_is(arg, TB_JSON_OBJECT))
		tb_task_fail(task, TB_ERR_INVALID,
			     TB_STR(TB_DEVICES_NOT_OBJECT));
	else if (is_site(task) && !task->call->is_for_sites)
		tb_task_fail(task, TB_ERR_DENIED, TB_STR(TB_DEVICES_DENIED));
	else
		task->call->work(task, arg);
}

static struct tb_task *create(struct tb_peer *peer,
			      const struct tb_client_event *event,
			      const struct tb_client_call *call)
{
	struct tb_task *task = tb_task_create(peer, work, call->done, 0);

	if (!task)
		return NULL;
	if (tb_arena_strdup(task->arena, event->args, &task->args)) {
		tb_task_destroy(task);
		return NULL;
	}
	task->call = call;
	task->wants_ack = event->wants_ack;
	task->ack_id = event->id;
	return task;
}

bool tb_client_calls_begin(struct tb_peer *peer,
			   const struct tb_client_event *event)
{
	const struct tb_client_call *call = find_call(event->name);
	atomic_size_t *bytes = &peer->realtime->event_bytes;
	struct tb_task *task;

	/* "Unknown events are ignored." */
	if (!call)
		return true;
	if (event->n_attachments > 0) {
		tb_peer_emit_error(peer, event, NO_BINARY);
		return true;
	}
	if (atomic_fetch_add(bytes, event->args.n) > EVENTS_MAX_BYTES) {
		atomic_fetch_sub(bytes, event->args.n);
		tb_peer_emit_error(peer, event, BUSY);
		return true;
	}
	task = create(peer, event, call);
	if (!task) {
		atomic_fetch_sub(bytes, event->args.n);
		tb_peer_emit_error(peer, event, BUSY);
		return true;
	}
	/* What is answered has to find room. */
	if (tb_peer_is_full(peer))
		tb_peer_hold(peer, task);
	else
		tb_task_submit(task);
	return false;
}
