#include "api/devices/peer.h"

#include <sys/random.h>

#include "api/devices/realtime_state.h"
#include "api/devices/redeliver.h"
#include "api/devices/replay.h"
#include "api/devices/task.h"
#include "api/devices/token_watch.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "codec/json.h"

/* Until what a client has not read yet is looked at again, and until what
 * failed is tried again. */
#define POLL_US 50000
#define SECOND_US 1000000
#define RETRY_US SECOND_US
#define ERROR_MAX_BYTES 4096

struct tb_peer *tb_peer_create(struct tb_realtime *realtime,
			       struct tb_client *client)
{
	struct tb_peer *peer = tb_calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	atomic_init(&peer->refs, 1);
	peer->realtime = realtime;
	peer->client = client;
	if (getrandom(&peer->id, sizeof(peer->id), 0) ==
	    (ssize_t)sizeof(peer->id))
		return peer;
	tb_free(peer);
	return NULL;
}

struct tb_peer *tb_peer_ref(struct tb_peer *peer)
{
	atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
	return peer;
}

void tb_peer_unref(struct tb_peer *peer)
{
	if (!peer || atomic_fetch_sub_explicit(&peer->refs, 1,
					       memory_order_acq_rel) != 1)
		return;
	tb_subscriptions_fini(&peer->subscriptions);
	tb_principal_unref(peer->principal);
	tb_free(peer->flow.waiting);
	tb_free(peer->device);
	tb_free(peer->token);
	tb_free(peer);
}

struct tb_str tb_peer_device(const struct tb_peer *peer)
{
	return tb_str_z(peer->device);
}

bool tb_peer_gets_events(const struct tb_peer *peer)
{
	return !peer->principal || peer->principal->kind != TB_PRINCIPAL_SITE;
}

/* ---- what it is sent ---- */

static const struct tb_devices_options *options_of(const struct tb_peer *peer)
{
	return peer->realtime->devices->options;
}

bool tb_peer_is_full(const struct tb_peer *peer)
{
	return tb_client_backlog(peer->client) > options_of(peer)->outbox_bytes;
}

bool tb_peer_has_room(const struct tb_peer *peer)
{
	return tb_client_backlog(peer->client) <
	       options_of(peer)->outbox_bytes / 2;
}

size_t tb_peer_room(const struct tb_peer *peer)
{
	size_t backlog = tb_client_backlog(peer->client);
	size_t max = options_of(peer)->outbox_bytes;

	return backlog < max ? max - backlog : 0;
}

void tb_peer_emit(struct tb_peer *peer, const char *name, struct tb_str arg)
{
	struct tb_emission emission = {
		.nsp = TB_STR("/"),
		.name = tb_str_z(name),
		.args = &arg,
		.n_args = 1,
	};

	tb_client_emit(peer->client, &emission);
}

void tb_peer_emit_error(struct tb_peer *peer,
			const struct tb_client_event *event, struct tb_str text)
{
	struct tb_emission answer = { .nsp = TB_STR("/"), .n_args = 1 };
	char bytes[ERROR_MAX_BYTES];
	struct tb_json_writer w;
	struct tb_str arg;
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, bytes, sizeof(bytes));
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error", text);
	tb_json_end_object(&w);
	if (tb_buf_err(&buf))
		return;
	arg = tb_buf_str(&buf);
	answer.args = &arg;
	tb_peer_emit(peer, "error", arg);
	if (event && event->wants_ack)
		tb_client_ack(peer->client, event->id, &answer);
}

/* ---- going on ---- */

static void look_at_backlog(struct tb_peer *peer)
{
	const struct tb_devices_options *options = options_of(peer);
	int64_t s = (int64_t)options->ping_interval_s +
		    (int64_t)options->ping_timeout_s;

	peer->held_backlog = tb_client_backlog(peer->client);
	peer->held_until_us = tb_clock_monotonic_us() + s * SECOND_US;
}

void tb_peer_hold(struct tb_peer *peer, struct tb_task *task)
{
	peer->held = task;
	look_at_backlog(peer);
	tb_peer_go_on_later(peer, false);
}

/* True: it has not read anything for too long. */
static bool has_gone(struct tb_peer *peer)
{
	if (!peer->held)
		return false;
	if (tb_client_backlog(peer->client) < peer->held_backlog)
		look_at_backlog(peer);
	return tb_clock_monotonic_us() >= peer->held_until_us;
}

static void wait_for_room(struct tb_peer *peer)
{
	if (has_gone(peer)) {
		tb_client_close(peer->client);
		tb_peer_end(peer);
	} else {
		tb_peer_go_on_later(peer, false);
	}
}

void tb_peer_go_on(struct tb_peer *peer)
{
	struct tb_task *held = peer->held;

	if (peer->state != TB_PEER_JOINED)
		return;
	if (peer->checks_again)
		tb_token_watch_check(peer);
	if (!tb_peer_has_room(peer)) {
		wait_for_room(peer);
		return;
	}
	peer->held = NULL;
	if (held)
		tb_task_submit(held);
	if (tb_peer_gets_events(peer))
		tb_replay_go_on(peer);
	tb_subscriptions_go_on(peer);
}

void tb_peer_go_on_later(struct tb_peer *peer, bool has_failed)
{
	int64_t at_us =
		tb_clock_monotonic_us() + (has_failed ? RETRY_US : POLL_US);

	if (peer->poll_us == 0 || at_us < peer->poll_us)
		peer->poll_us = at_us;
	tb_peer_set_timer(peer);
}

static void earlier(int64_t *at_us, int64_t other_us)
{
	if (other_us != 0 && (*at_us == 0 || other_us < *at_us))
		*at_us = other_us;
}

void tb_peer_set_timer(struct tb_peer *peer)
{
	int64_t at_us = 0;

	if (peer->state == TB_PEER_GONE)
		return;
	earlier(&at_us, peer->poll_us);
	earlier(&at_us, peer->tick_us);
	earlier(&at_us, tb_token_watch_us(peer));
	tb_client_set_timer(peer->client, at_us);
}

void tb_peer_on_timer(struct tb_peer *peer)
{
	int64_t now_us = tb_clock_monotonic_us();

	if (peer->state == TB_PEER_GONE || tb_token_watch_on_timer(peer))
		return;
	if (peer->tick_us != 0 && peer->tick_us <= now_us)
		tb_redeliver_tick(peer);
	if (peer->poll_us != 0 && peer->poll_us <= now_us) {
		peer->poll_us = 0;
		tb_peer_go_on(peer);
	}
	tb_peer_set_timer(peer);
}

void tb_peer_on_told(struct tb_peer *peer)
{
	unsigned told = atomic_exchange(&peer->told, 0);

	if (peer->state != TB_PEER_JOINED)
		return;
	if (told & TB_TOLD_CHECK)
		tb_token_watch_check(peer);
	if (told & TB_TOLD_CHANGES)
		tb_subscriptions_on_change(peer);
	if (told & TB_TOLD_ACKNOWLEDGED)
		peer->flow.has_others = !peer->flow.is_live;
	tb_peer_go_on(peer);
}

/* ---- beginning and end ---- */

bool tb_peer_bind(struct tb_peer *peer, struct tb_str device, uint64_t first)
{
	const struct tb_devices_options *options = options_of(peer);
	char *name = tb_strdup(device);
	uint64_t *waiting =
		tb_calloc(options->window, sizeof(*peer->flow.waiting));

	if (!name || !waiting) {
		tb_free(name);
		tb_free(waiting);
		return false;
	}
	peer->device = name;
	tb_flow_bind(&peer->flow, first, waiting, options->window);
	tb_redeliver_begin(peer);
	return true;
}

void tb_peer_end(struct tb_peer *peer)
{
	struct tb_task *held = peer->held;

	if (peer->state == TB_PEER_GONE)
		return;
	tb_roster_remove(peer->realtime->roster, peer);
	tb_client_set_timer(peer->client, 0);
	peer->state = TB_PEER_GONE;
	peer->held = NULL;
	tb_task_destroy(held);
}
