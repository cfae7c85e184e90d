#include "store/gate.h"

#include <stdbool.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/cond.h"

void tb_gate_init(struct tb_gate *gate, size_t places)
{
	TB_ASSERT(places > 0);
	gate->places = places;
	gate->inside = 0;
	TB_ASSERT(pthread_mutex_init(&gate->lock, NULL) == 0);
	TB_ASSERT(pthread_cond_init(&gate->left, NULL) == 0);
}

void tb_gate_fini(struct tb_gate *gate)
{
	TB_ASSERT(gate->inside == 0);
	pthread_cond_destroy(&gate->left);
	pthread_mutex_destroy(&gate->lock);
}

enum tb_err tb_gate_enter(struct tb_gate *gate, uint32_t timeout_ms)
{
	int64_t until_us = tb_clock_monotonic_us() + timeout_ms * 1000ll;
	bool is_over = false;
	bool is_full;

	pthread_mutex_lock(&gate->lock);
	while (gate->inside == gate->places && !is_over)
		is_over =
			!tb_cond_wait_until(&gate->left, &gate->lock, until_us);
	/* A place may have come free as the time ended. */
	is_full = gate->inside == gate->places;
	if (!is_full)
		gate->inside++;
	pthread_mutex_unlock(&gate->lock);
	return is_full ? TB_ERR_BUSY : TB_OK;
}

void tb_gate_leave(struct tb_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	TB_ASSERT(gate->inside > 0);
	gate->inside--;
	pthread_cond_signal(&gate->left);
	pthread_mutex_unlock(&gate->lock);
}
