#include "api/devices/connect.h"

#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "api/devices/realtime_state.h"
#include "api/devices/replay.h"
#include "api/devices/time_json.h"
#include "api/devices/token_watch.h"
#include "base/alloc.h"
#include "http/fail.h"
#include "kernel/device_delivery.h"

#define CONNECTED TB_STR("{\"message\":\"Connected to sync server\"}")
#define AUTH_DEPTH_MAX 16
#define TEXT_MAX_BYTES 4096

struct connect {
	struct tb_str auth; /* as it was sent */
	/* What is in it. */
	struct tb_str token;
	struct tb_str device;
	/* What was found. */
	struct tb_str refusal; /* or empty: it may join */
	unsigned status;
	uint32_t org;
	int64_t expires_us;
	uint64_t head;
	struct tb_registered registered; /* with a device */
};

/* ---- registering ---- */

/* "A device that is registered and has not acknowledged events that are no
 * longer retained is told so". */
static enum tb_err read_missed(struct tb_task *task,
			       const struct tb_registration *registration,
			       uint64_t *ret)
{
	uint32_t org = task->caller.org;
	struct tb_registration found;
	struct tb_device_marks marks;
	struct tb_tx *tx;
	uint64_t floor;
	enum tb_err err = tb_core_read(task->realtime->devices->core, &tx);

	if (err)
		return err;
	err = tb_device_floor(tx, task->arena, org, &floor);
	if (!err)
		err = tb_registration_read(tx, task->arena, org,
					   registration->device, &found,
					   &marks);
	tb_core_read_end(tx);
	if (err)
		return err;
	*ret = tb_device_marks_missed(&marks, floor);
	return TB_OK;
}

static enum tb_err put_registered(struct tb_task *task,
				  struct tb_registered *registered)
{
	const struct tb_registration *registration = &registered->registration;
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "device_id", registration->device);
	tb_devices_kv_time(&w, "registered_at", registration->registered_us);
	if (registered->missed_up_to > 0)
		tb_json_kv_uint(&w, "missed_up_to", registered->missed_up_to);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, task->arena, &registered->text);
}

enum tb_err tb_connect_register(struct tb_task *task,
				const struct tb_register *what,
				struct tb_registered *ret,
				const char **ret_flaw)
{
	const struct tb_devices *devices = task->realtime->devices;
	struct tb_audit_note note;
	enum tb_err err;

	*ret_flaw = NULL;
	err = tb_task_note(task, "register", &note);
	if (err)
		return err;
	note.device = what->device;
	err = tb_registration_register(
		devices->core, task->arena, &note, task->caller.org, what,
		devices->options->devices_max, &ret->registration);
	if (err == TB_ERR_CONFLICT)
		*ret_flaw = TB_DEVICES_TOO_MANY;
	if (!err)
		err = read_missed(task, &ret->registration, &ret->missed_up_to);
	if (!err)
		err = put_registered(task, ret);
	if (!err)
		tb_seen_note(devices->seen, task->caller.org, what->device,
			     tb_core_now_us(devices->core));
	return err;
}

/* ---- on a worker ---- */

/* "The handshake's `auth` is {"token","device_id"}; both may be missing". */
static enum tb_err take_auth(struct tb_task *task, struct tb_str *ret_flaw)
{
	struct connect *connect = task->own;
	struct tb_json_limits limits = { .max_depth = AUTH_DEPTH_MAX,
					 .max_nodes = TEXT_MAX_BYTES,
					 .tape_depth = 1 };
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err;

	if (connect->auth.n == 0)
		return TB_OK;
	err = tb_json_parse(task->arena, connect->auth, &limits, &json, NULL);
	if (err)
		return err;
	root = tb_json_root(&json);
	err = tb_devices_take_text(task->arena, root, "token", SIZE_MAX,
				   &connect->token, ret_flaw);
	if (err)
		return err;
	return tb_devices_take_text(task->arena, root, "device_id",
				    TB_DEVICE_TEXT_MAX_BYTES, &connect->device,
				    ret_flaw);
}

static enum tb_err find_caller(struct tb_task *task, const char **ret_flaw)
{
	const struct tb_devices *devices = task->realtime->devices;
	struct connect *connect = task->own;
	enum tb_err err = TB_OK;

	if (connect->token.n > 0)
		err = tb_token_watch_verify(
			devices, task->arena, connect->token,
			tb_client_address(task->client),
			&task->caller.principal, &connect->expires_us);
	if (err == TB_ERR_UNAUTHENTICATED)
		*ret_flaw = TB_DEVICES_BAD_TOKEN;
	if (err)
		return err;
	err = tb_devices_caller_init(&task->caller, devices,
				     task->caller.principal, ret_flaw);
	/* "{"feed":"central"}: sites, administrators": a site may come to
	 * follow changes, and do nothing else. */
	if (err == TB_ERR_DENIED && connect->device.n == 0) {
		*ret_flaw = NULL;
		return TB_OK;
	}
	return err;
}

static enum tb_err read_head(struct tb_task *task)
{
	struct connect *connect = task->own;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(task->realtime->devices->core, &tx);

	if (err)
		return err;
	err = tb_device_head(tx, task->caller.org, &connect->head);
	tb_core_read_end(tx);
	return err;
}

static enum tb_err look(struct tb_task *task, struct tb_str *ret_flaw)
{
	struct connect *connect = task->own;
	struct tb_register what;
	const char *flaw = NULL;
	enum tb_err err = take_auth(task, ret_flaw);

	if (!err)
		err = find_caller(task, &flaw);
	if (!err)
		err = read_head(task);
	what = (struct tb_register) { .device = connect->device };
	if (!err && connect->device.n > 0)
		err = tb_devices_caller_check(&task->caller, connect->device,
					      &flaw);
	if (!err && connect->device.n > 0)
		err = tb_connect_register(task, &what, &connect->registered,
					  &flaw);
	if (flaw)
		*ret_flaw = tb_str_z(flaw);
	return err;
}

static void connect_work(struct tb_task *task)
{
	struct connect *connect = task->own;
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = TB_ERR_CLOSED;

	if (!atomic_load(&task->realtime->is_stopped))
		err = look(task, &flaw);
	if (err && flaw.n == 0)
		flaw = tb_str_z(tb_fail_of(err)->message);
	connect->refusal = flaw;
	connect->org = task->caller.org;
	task->device = connect->device;
	if (err || !task->commits)
		tb_task_count(task, "connect",
			      err ? tb_fail_of(err)->status : 200);
}

/* ---- on the loop ---- */

/* False: no memory. */
static bool fill_peer(struct tb_peer *peer, struct tb_task *task)
{
	struct connect *connect = task->own;

	if (connect->token.n > 0) {
		peer->token = tb_strdup(connect->token);
		if (!peer->token)
			return false;
		peer->principal = task->caller.principal;
		task->caller.principal = NULL;
		peer->expires_us = connect->expires_us;
	}
	peer->org = connect->org;
	tb_flow_init(&peer->flow, connect->head);
	if (connect->device.n == 0)
		return true;
	return tb_peer_bind(peer, connect->device,
			    connect->registered.registration.first);
}

/* What has changed between the look at its token and now, it was not told. */
static void look_again(struct tb_peer *peer)
{
	struct tb_heads heads;

	if (peer->principal &&
	    (tb_core_heads(peer->realtime->devices->core, peer->org, &heads) ||
	     heads.generation != peer->principal->generation))
		tb_token_watch_check(peer);
}

static void connect_done(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	struct connect *connect = task->own;
	struct tb_roster *roster = task->realtime->roster;

	if (connect->refusal.n > 0) {
		tb_client_refuse(task->client, TB_STR("/"), connect->refusal);
		tb_client_set_data(task->client, NULL);
		tb_peer_end(peer);
		tb_peer_unref(peer);
		return;
	}
	if (!fill_peer(peer, task)) {
		tb_client_close(task->client);
		tb_peer_end(peer);
		return;
	}
	peer->state = TB_PEER_JOINED;
	tb_client_accept(task->client, TB_STR("/"));
	tb_peer_emit(peer, "connected", CONNECTED);
	/* Who has asked for nothing is told of what is not to be had. */
	if (connect->registered.missed_up_to > 0)
		tb_peer_emit(peer, "registered", connect->registered.text);
	/* From here on it hears of what happens; the first page is read
	 * afterwards, so that nothing falls between. */
	tb_roster_add(roster, peer);
	if (peer->device)
		tb_roster_add_device(roster, peer);
	look_again(peer);
	tb_peer_go_on(peer);
	tb_peer_set_timer(peer);
}

void tb_connect_begin(struct tb_peer *peer, struct tb_str auth)
{
	struct connect *connect;
	struct tb_task *task = tb_task_create(peer, connect_work, connect_done,
					      sizeof(*connect));
	enum tb_err err = TB_ERR_NOMEM;

	if (task) {
		connect = task->own;
		err = tb_arena_strdup(task->arena, auth, &connect->auth);
	}
	if (err) {
		tb_task_destroy(task);
		tb_client_close(peer->client);
		tb_peer_end(peer);
		return;
	}
	tb_task_submit(task);
}
