/*
 * Calls that change whose the connection is, and for how long.
 */
#include "api/devices/client_calls.h"
#include "api/devices/connect.h"
#include "api/devices/decode_register.h"
#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "api/devices/realtime_state.h"
#include "api/devices/time_json.h"
#include "api/devices/token_watch.h"
#include "base/alloc.h"

#define OTHER_BOUND TB_STR("This connection is another device's")
#define NOT_THE_SAME TB_STR("The token is not of who connected")
#define TEXT_MAX_BYTES 4096

/* ---- register_device ---- */

static enum tb_err register_device(struct tb_task *task,
				   struct tb_json_value arg,
				   struct tb_registered *registered,
				   struct tb_str *ret_flaw)
{
	struct tb_register what;
	const char *flaw = NULL;
	enum tb_err err =
		tb_devices_take_register(task->arena, arg, &what, ret_flaw);

	if (err)
		return err;
	err = tb_devices_caller_check(&task->caller, what.device, &flaw);
	if (!err && task->device.n > 0 &&
	    !tb_str_eq(task->device, what.device)) {
		*ret_flaw = OTHER_BOUND;
		return TB_ERR_CONFLICT;
	}
	if (!err)
		err = tb_connect_register(task, &what, registered, &flaw);
	if (flaw)
		*ret_flaw = tb_str_z(flaw);
	return err;
}

void tb_call_register_device(struct tb_task *task, struct tb_json_value arg)
{
	struct tb_registered *registered =
		tb_arena_calloc(task->arena, 1, sizeof(*registered));
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = TB_ERR_NOMEM;

	if (registered)
		err = register_device(task, arg, registered, &flaw);
	if (err) {
		tb_task_fail(task, err, flaw);
		return;
	}
	task->own = registered;
	tb_task_answer(task, "registered", registered->text);
}

void tb_call_register_device_done(struct tb_task *task)
{
	struct tb_registered *registered = task->own;
	struct tb_registration *registration = &registered->registration;
	struct tb_peer *peer = task->peer;

	/* It was bound before: only its role is another. */
	if (peer->device)
		return;
	if (!tb_peer_bind(peer, registration->device, registration->first)) {
		tb_client_close(task->client);
		tb_peer_end(peer);
		return;
	}
	tb_roster_add_device(task->realtime->roster, peer);
	tb_peer_go_on(peer);
}

/* ---- authenticate ---- */

struct renewal {
	struct tb_str token;
	int64_t expires_us;
};

static bool is_same(const struct tb_principal *a, const struct tb_principal *b)
{
	return a && b && a->kind == b->kind && a->org == b->org &&
	       a->rid == b->rid;
}

static enum tb_err renew(struct tb_task *task, struct tb_json_value arg,
			 struct renewal *renewal, struct tb_str *ret_flaw)
{
	static const char *const needed[] = { "token", NULL };
	enum tb_err err = tb_devices_check_missing(task->arena, arg, needed,
						   NULL, ret_flaw);

	if (!err)
		err = tb_devices_take_text(task->arena, arg, "token", SIZE_MAX,
					   &renewal->token, ret_flaw);
	if (err)
		return err;
	err = tb_token_watch_verify(task->realtime->devices, task->arena,
				    renewal->token,
				    tb_client_address(task->client),
				    &task->found, &renewal->expires_us);
	if (err == TB_ERR_UNAUTHENTICATED)
		*ret_flaw = TB_STR(TB_DEVICES_BAD_TOKEN);
	if (!err && !is_same(task->found, task->caller.principal)) {
		*ret_flaw = NOT_THE_SAME;
		err = TB_ERR_DENIED;
	}
	return err;
}

void tb_call_authenticate(struct tb_task *task, struct tb_json_value arg)
{
	struct renewal *renewal =
		tb_arena_calloc(task->arena, 1, sizeof(*renewal));
	struct tb_str flaw = TB_STR_NONE;
	struct tb_json_writer w;
	struct tb_buf buf;
	enum tb_err err = TB_ERR_NOMEM;

	if (renewal)
		err = renew(task, arg, renewal, &flaw);
	if (err) {
		tb_task_fail(task, err, flaw);
		return;
	}
	task->own = renewal;
	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_devices_kv_time(&w, "expires_at", renewal->expires_us);
	tb_json_end_object(&w);
	tb_task_answer_buf(task, "authenticated", &buf);
}

void tb_call_authenticate_done(struct tb_task *task)
{
	struct renewal *renewal = task->own;
	struct tb_peer *peer = task->peer;
	char *token = tb_strdup(renewal->token);

	if (!token) {
		tb_client_close(task->client);
		tb_peer_end(peer);
		return;
	}
	tb_free(peer->token);
	peer->token = token;
	peer->expires_us = renewal->expires_us;
	tb_principal_unref(peer->principal);
	peer->principal = task->found;
	task->found = NULL;
	/* What has ended it since it was looked at was not told of it. */
	tb_token_watch_check(peer);
	tb_peer_set_timer(peer);
}
