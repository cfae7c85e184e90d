#include "api/devices/redeliver.h"

#include "api/devices/pages.h"
#include "api/devices/realtime_state.h"
#include "api/devices/task.h"
#include "base/clock.h"

struct again {
	struct tb_flow_pass pass;
	size_t limit;
	size_t room_bytes;
	struct tb_pages_page page;
	enum tb_err err;
};

static void read_again(struct tb_task *task)
{
	struct again *again = task->own;
	struct tb_pages_reader reader = {
		.core = task->realtime->devices->core,
		.arena = task->arena,
		.org = task->caller.org,
		.device = task->device,
		.max_bytes = again->room_bytes,
	};

	again->err = TB_ERR_CLOSED;
	if (!atomic_load(&task->realtime->is_stopped))
		again->err = tb_pages_read_again(&reader, again->pass.after,
						 again->pass.until,
						 again->limit, &again->page);
}

static void send_again(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	struct again *again = task->own;
	struct tb_pages_page *page = &again->page;

	if (again->err) {
		tb_flow_fail_pass(&peer->flow);
		return;
	}
	if (!tb_flow_end_pass(&peer->flow, &again->pass, page->last, page->n))
		return;
	/* What does not fit now is for the next pass. */
	for (size_t i = 0; i < page->n && !tb_peer_is_full(peer); i++)
		tb_peer_emit(peer, page->events[i].name, page->events[i].text);
}

static void set_tick(struct tb_peer *peer)
{
	uint64_t s = peer->realtime->devices->options->redeliver_s;

	peer->tick_us = tb_clock_monotonic_us() +
			(int64_t)(s * 1000000 / TB_FLOW_TICKS);
}

void tb_redeliver_begin(struct tb_peer *peer)
{
	set_tick(peer);
	tb_peer_set_timer(peer);
}

void tb_redeliver_tick(struct tb_peer *peer)
{
	const struct tb_devices *devices = peer->realtime->devices;
	struct tb_flow_pass pass;
	struct tb_task *task;
	struct again *again;

	set_tick(peer);
	/* A device that is connected is there. */
	tb_seen_note(devices->seen, peer->org, tb_peer_device(peer),
		     tb_core_now_us(devices->core));
	if (!tb_peer_has_room(peer) || !tb_flow_tick(&peer->flow, &pass))
		return;
	task = tb_task_create(peer, read_again, send_again, sizeof(*again));
	if (!task) {
		tb_flow_fail_pass(&peer->flow);
		return;
	}
	again = task->own;
	again->pass = pass;
	again->limit = devices->options->window;
	again->room_bytes = tb_peer_room(peer);
	tb_task_submit(task);
}
