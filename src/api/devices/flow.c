#include "api/devices/flow.h"

#include <string.h>

#include "base/assert.h"

void tb_flow_init(struct tb_flow *flow, uint64_t head)
{
	*flow = (struct tb_flow) { .sent = head, .joined = head };
}

void tb_flow_bind(struct tb_flow *flow, uint64_t first, uint64_t *waiting,
		  size_t window)
{
	/* What came since the client did, and has not gone out, is still live
	 * flow, beside what the device has not acknowledged. */
	flow->joined = flow->sent;
	flow->sent = first;
	flow->is_live = false;
	flow->turn++;
	flow->waiting = waiting;
	flow->window = window;
	flow->n_waiting = 0;
	flow->has_others = false;
	flow->again = (struct tb_flow_again) { .clean = first,
					       .n_rest = TB_FLOW_TICKS };
}

bool tb_flow_offer(struct tb_flow *flow, uint64_t id)
{
	if (!flow->is_live) {
		flow->shown = id;
		return false;
	}
	/* A page was ahead of the live ones. */
	if (id <= flow->sent)
		return false;
	flow->sent = id;
	return true;
}

void tb_flow_fall_back(struct tb_flow *flow)
{
	flow->is_live = false;
}

bool tb_flow_ask(struct tb_flow *flow, struct tb_flow_page *ret)
{
	size_t room = SIZE_MAX;

	if (flow->is_live || flow->is_reading)
		return false;
	if (flow->waiting != NULL) {
		room = flow->window - flow->n_waiting;
		if (room == 0 && !flow->has_others)
			return false;
	}
	*ret = (struct tb_flow_page) { .after = flow->sent,
				       .joined = flow->joined,
				       .room = room,
				       .has_others = flow->has_others,
				       .turn = flow->turn };
	flow->has_others = false;
	flow->is_reading = true;
	return true;
}

bool tb_flow_take(struct tb_flow *flow, uint32_t turn)
{
	flow->is_reading = false;
	return flow->turn == turn;
}

void tb_flow_send(struct tb_flow *flow, uint64_t id, bool waits)
{
	flow->sent = id;
	if (!waits || flow->waiting == NULL)
		return;
	TB_ASSERT(flow->n_waiting < flow->window);
	flow->waiting[flow->n_waiting++] = id;
}

void tb_flow_end(struct tb_flow *flow, uint64_t last, bool is_all)
{
	if (last > flow->sent)
		flow->sent = last;
	flow->is_live = is_all && flow->shown <= flow->sent;
	/* Live ones do not wait for the window. */
	if (flow->is_live)
		flow->n_waiting = 0;
}

void tb_flow_acknowledge(struct tb_flow *flow, uint64_t id)
{
	size_t i = 0;

	while (i < flow->n_waiting && flow->waiting[i] != id)
		i++;
	if (i == flow->n_waiting) {
		/* The page that is being read may still hold it. */
		flow->has_others |= flow->is_reading;
		return;
	}
	flow->n_waiting--;
	memmove(&flow->waiting[i], &flow->waiting[i + 1],
		(flow->n_waiting - i) * sizeof(*flow->waiting));
}

void tb_flow_keep(struct tb_flow *flow, const uint64_t *ids, size_t n)
{
	size_t kept = 0;
	size_t at = 0;

	for (size_t i = 0; i < flow->n_waiting; i++) {
		while (at < n && ids[at] < flow->waiting[i])
			at++;
		if (at < n && ids[at] == flow->waiting[i])
			flow->waiting[kept++] = flow->waiting[i];
	}
	flow->n_waiting = kept;
}

/* How far it had come when the time began that has now passed. */
static uint64_t turn_ring(struct tb_flow *flow)
{
	struct tb_flow_again *again = &flow->again;
	uint64_t due = again->sent[0];

	memmove(&again->sent[0], &again->sent[1],
		sizeof(again->sent) - sizeof(again->sent[0]));
	again->sent[TB_FLOW_TICKS - 1] = flow->sent;
	return due;
}

bool tb_flow_tick(struct tb_flow *flow, struct tb_flow_pass *ret)
{
	struct tb_flow_again *again = &flow->again;
	uint64_t due;

	if (flow->waiting == NULL)
		return false;
	due = turn_ring(flow);
	if (again->n_rest > 0)
		again->n_rest--;
	if (again->is_reading)
		return false;
	if (again->until == 0) {
		if (again->n_rest > 0 || due <= again->clean)
			return false;
		again->after = again->clean;
		again->until = due;
		again->has_found = false;
		again->n_rest = TB_FLOW_TICKS;
	}
	again->is_reading = true;
	*ret = (struct tb_flow_pass) { .after = again->after,
				       .until = again->until,
				       .turn = flow->turn };
	return true;
}

bool tb_flow_end_pass(struct tb_flow *flow, const struct tb_flow_pass *pass,
		      uint64_t last, size_t n)
{
	struct tb_flow_again *again = &flow->again;

	again->is_reading = false;
	if (pass->turn != flow->turn)
		return false;
	again->after = last;
	again->has_found |= n > 0;
	/* Before the first that was found everything is acknowledged. */
	if (!again->has_found)
		again->clean = last;
	if (last >= again->until)
		again->until = 0;
	return n > 0;
}

void tb_flow_fail_pass(struct tb_flow *flow)
{
	flow->again.is_reading = false;
}
