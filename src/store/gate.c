#include "store/gate.h"

#include <errno.h>
#include <time.h>

#include "base/assert.h"

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

void tb_gate_init(struct tb_gate *gate, size_t places)
{
	pthread_condattr_t attr;

	TB_ASSERT(places > 0);
	gate->places = places;
	gate->inside = 0;
	TB_ASSERT(pthread_mutex_init(&gate->lock, NULL) == 0);
	TB_ASSERT(pthread_condattr_init(&attr) == 0);
	TB_ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	TB_ASSERT(pthread_cond_init(&gate->left, &attr) == 0);
	pthread_condattr_destroy(&attr);
}

void tb_gate_fini(struct tb_gate *gate)
{
	TB_ASSERT(gate->inside == 0);
	pthread_cond_destroy(&gate->left);
	pthread_mutex_destroy(&gate->lock);
}

static struct timespec deadline_after(uint32_t timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += (long)(timeout_ms % 1000) * NS_PER_MS;
	if (t.tv_nsec >= NS_PER_S) {
		t.tv_sec++;
		t.tv_nsec -= NS_PER_S;
	}
	return t;
}

enum tb_err tb_gate_enter(struct tb_gate *gate, uint32_t timeout_ms)
{
	struct timespec deadline = deadline_after(timeout_ms);
	enum tb_err err = TB_OK;

	pthread_mutex_lock(&gate->lock);
	while (gate->inside == gate->places && err == TB_OK)
		if (pthread_cond_timedwait(&gate->left, &gate->lock,
					   &deadline) == ETIMEDOUT &&
		    gate->inside == gate->places)
			err = TB_ERR_BUSY;
	if (err == TB_OK)
		gate->inside++;
	pthread_mutex_unlock(&gate->lock);
	return err;
}

void tb_gate_leave(struct tb_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	TB_ASSERT(gate->inside > 0);
	gate->inside--;
	pthread_cond_signal(&gate->left);
	pthread_mutex_unlock(&gate->lock);
}
