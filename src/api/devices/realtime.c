#include "api/devices/realtime_state.h"

#include "api/devices/client_calls.h"
#include "api/devices/connect.h"
#include "base/alloc.h"

/* What may wait for workers: of each client an event, a page, a pass over
 * what was sent, changes, and a look at its token. */
#define TASKS_OF_CLIENT 5
/* Above devices.outbox_bytes: so that whatever a client may send fits behind
 * what waits for it, and answers do. */
#define OUTBOX_RESERVE_BYTES ((uint32_t)64 << 10)
/* No message is shorter on the wire, with what it takes to keep it. */
#define MESSAGE_MIN_BYTES 16
/* "is disconnected, within a second" */
#define CLOSE_TIMEOUT_MS 1000

static bool is_main(struct tb_str nsp)
{
	return tb_str_eq(nsp, TB_STR("/"));
}

static void on_connect(void *ctx, struct tb_client *client, struct tb_str nsp,
		       struct tb_str auth)
{
	struct tb_realtime *realtime = ctx;
	struct tb_peer *peer;

	if (!is_main(nsp)) {
		tb_client_refuse(client, nsp, TB_STR("Invalid namespace"));
		return;
	}
	peer = tb_peer_create(realtime, client);
	if (!peer) {
		tb_client_close(client);
		return;
	}
	tb_client_set_data(client, peer);
	tb_connect_begin(peer, auth);
}

static bool on_event(void *ctx, struct tb_client *client,
		     const struct tb_client_event *event)
{
	struct tb_peer *peer = tb_client_data(client);

	(void)ctx;
	if (!peer || peer->state != TB_PEER_JOINED)
		return true;
	return tb_client_calls_begin(peer, event);
}

/* It may join again: as another peer. */
static void let_go(struct tb_client *client)
{
	struct tb_peer *peer = tb_client_data(client);

	if (!peer)
		return;
	tb_peer_end(peer);
	tb_client_set_data(client, NULL);
	tb_peer_unref(peer);
}

static void on_leave(void *ctx, struct tb_client *client, struct tb_str nsp)
{
	(void)ctx;
	if (is_main(nsp))
		let_go(client);
}

static void on_gone(void *ctx, struct tb_client *client, const char *reason)
{
	(void)ctx;
	(void)reason;
	let_go(client);
}

static bool wants(void *ctx, struct tb_client *client, uint64_t tag,
		  void *broadcast_data)
{
	struct tb_peer *peer = tb_client_data(client);

	(void)ctx;
	return peer && tb_live_wants(peer, tag, broadcast_data);
}

static void on_timer(void *ctx, struct tb_client *client)
{
	struct tb_peer *peer = tb_client_data(client);

	(void)ctx;
	if (peer)
		tb_peer_on_timer(peer);
}

static enum tb_err create_hub(struct tb_realtime *realtime)
{
	const struct tb_devices_options *from = realtime->devices->options;
	struct tb_hub_options options = tb_hub_default_options;
	struct tb_hub_app app = {
		.on_connect = on_connect,
		.on_event = on_event,
		.on_leave = on_leave,
		.on_gone = on_gone,
		.wants = wants,
		.on_timer = on_timer,
		.ctx = realtime,
	};

	options.loops = from->loops;
	options.ping_interval_ms = from->ping_interval_s * 1000;
	options.ping_timeout_ms = from->ping_timeout_s * 1000;
	options.upgrade_timeout_ms = from->upgrade_timeout_s * 1000;
	options.connect_timeout_ms = from->connect_timeout_s * 1000;
	options.close_timeout_ms = CLOSE_TIMEOUT_MS;
	options.max_payload_bytes = from->message_max_bytes;
	options.outbox_max_bytes = from->outbox_bytes +
				   from->message_max_bytes +
				   OUTBOX_RESERVE_BYTES;
	options.outbox_max_messages =
		options.outbox_max_bytes / MESSAGE_MIN_BYTES;
	options.clients_max = from->clients_max;
	options.events_per_s = from->events_per_s;
	return tb_hub_create(&options, &app, &realtime->hub);
}

static enum tb_err start(struct tb_realtime *realtime)
{
	const struct tb_devices *devices = realtime->devices;
	size_t tasks_max =
		(size_t)devices->options->clients_max * TASKS_OF_CLIENT;
	enum tb_err err = tb_pool_create(devices->options->workers, tasks_max,
					 0, tb_task_run, &realtime->pool);

	realtime->roster = tb_roster_create();
	if (!realtime->roster)
		err = TB_ERR_NOMEM;
	if (!err)
		err = create_hub(realtime);
	if (!err)
		err = tb_live_start(devices->core, realtime->hub,
				    realtime->roster, &realtime->live);
	return err;
}

enum tb_err tb_realtime_create(const struct tb_devices *devices,
			       struct tb_realtime **ret)
{
	struct tb_realtime *realtime = tb_calloc(1, sizeof(*realtime));
	enum tb_err err;

	if (!realtime)
		return TB_ERR_NOMEM;
	realtime->devices = devices;
	err = start(realtime);
	if (err)
		tb_realtime_destroy(realtime);
	else
		*ret = realtime;
	return err;
}

void tb_realtime_stop(struct tb_realtime *realtime)
{
	if (atomic_exchange(&realtime->is_stopped, true))
		return;
	/* The loops run until all that workers have found has come back to
	 * them. */
	if (realtime->live)
		tb_live_stop(realtime->live);
	if (realtime->pool)
		tb_pool_stop(realtime->pool);
	if (realtime->hub)
		tb_hub_stop(realtime->hub);
}

void tb_realtime_destroy(struct tb_realtime *realtime)
{
	if (!realtime)
		return;
	tb_realtime_stop(realtime);
	tb_hub_destroy(realtime->hub);
	tb_pool_destroy(realtime->pool);
	tb_live_destroy(realtime->live);
	tb_roster_destroy(realtime->roster);
	tb_free(realtime);
}

struct tb_hub *tb_realtime_hub(struct tb_realtime *realtime)
{
	return realtime->hub;
}

void tb_realtime_stored(struct tb_realtime *realtime, uint32_t org)
{
	tb_live_wake(realtime->live, org);
}

void tb_realtime_acknowledged(struct tb_realtime *realtime, uint32_t org,
			      struct tb_str device)
{
	tb_roster_tell_device(realtime->roster, org, device, NULL,
			      TB_TOLD_ACKNOWLEDGED);
}

uint64_t tb_realtime_head(struct tb_realtime *realtime, uint32_t org)
{
	return tb_live_head(realtime->live, org);
}
