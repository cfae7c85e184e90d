#include "api/devices/replay.h"

#include "api/devices/pages.h"
#include "api/devices/realtime_state.h"
#include "api/devices/task.h"
#include "base/alloc.h"

struct replay {
	struct tb_flow_page want;
	size_t room_bytes;
	uint64_t *waiting; /* that are to be looked at again */
	size_t n_waiting;
	struct tb_pages_page page;
	enum tb_err err;
};

static void read_page(struct tb_task *task)
{
	struct replay *replay = task->own;
	struct tb_pages_reader reader = {
		.core = task->realtime->devices->core,
		.arena = task->arena,
		.org = task->caller.org,
		.device = task->device,
		.has_token = task->caller.principal != NULL,
		.connection = task->peer->id,
		.max_bytes = replay->room_bytes,
	};

	replay->err = TB_ERR_CLOSED;
	if (!atomic_load(&task->realtime->is_stopped))
		replay->err =
			tb_pages_read(&reader, &replay->want, replay->waiting,
				      replay->n_waiting, &replay->page);
}

static void send_page(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	struct tb_flow *flow = &peer->flow;
	struct replay *replay = task->own;
	struct tb_pages_page *page = &replay->page;
	size_t i = 0;

	if (!tb_flow_take(flow, replay->want.turn)) {
		tb_peer_go_on(peer);
		return;
	}
	if (replay->err) {
		tb_peer_go_on_later(peer, true);
		return;
	}
	if (page->kept)
		tb_flow_keep(flow, page->kept, page->n_kept);
	for (; i < page->n && !tb_peer_is_full(peer); i++) {
		tb_peer_emit(peer, page->events[i].name, page->events[i].text);
		tb_flow_send(flow, page->events[i].id, page->events[i].waits);
	}
	/* What the client has not read meanwhile leaves no room: the rest is
	 * read again when there is some. */
	if (i == page->n)
		tb_flow_end(flow, page->last, page->is_all);
	else
		tb_flow_end(flow, flow->sent, false);
	tb_peer_go_on(peer);
}

static bool copy_waiting(struct tb_task *task, const struct tb_flow *flow)
{
	struct replay *replay = task->own;

	if (!replay->want.has_others)
		return true;
	replay->n_waiting = flow->n_waiting;
	replay->waiting = tb_arena_calloc(task->arena, flow->n_waiting + 1,
					  sizeof(*replay->waiting));
	if (replay->waiting && flow->n_waiting > 0)
		memcpy(replay->waiting, flow->waiting,
		       flow->n_waiting * sizeof(*replay->waiting));
	return replay->waiting != NULL;
}

void tb_replay_go_on(struct tb_peer *peer)
{
	struct tb_flow_page want;
	struct tb_task *task;
	struct replay *replay;

	if (!tb_flow_ask(&peer->flow, &want))
		return;
	task = tb_task_create(peer, read_page, send_page, sizeof(*replay));
	if (task) {
		replay = task->own;
		replay->want = want;
		replay->room_bytes = tb_peer_room(peer);
	}
	if (!task || !copy_waiting(task, &peer->flow)) {
		tb_task_destroy(task);
		tb_flow_take(&peer->flow, want.turn);
		tb_peer_go_on_later(peer, true);
		return;
	}
	tb_task_submit(task);
}
