#include "jobs/stop.h"

#include "base/clock.h"
#include "base/cond.h"

void tb_stop_init(struct tb_stop *stop)
{
	atomic_init(&stop->is_set, false);
	pthread_mutex_init(&stop->lock, NULL);
	pthread_cond_init(&stop->changed, NULL);
}

void tb_stop_fini(struct tb_stop *stop)
{
	pthread_cond_destroy(&stop->changed);
	pthread_mutex_destroy(&stop->lock);
}

void tb_stop_set(struct tb_stop *stop)
{
	pthread_mutex_lock(&stop->lock);
	atomic_store(&stop->is_set, true);
	pthread_cond_broadcast(&stop->changed);
	pthread_mutex_unlock(&stop->lock);
}

bool tb_stop_wait(struct tb_stop *stop, int64_t us)
{
	int64_t until_us = tb_clock_monotonic_us() + us;
	bool is_over = false;
	bool is_set;

	pthread_mutex_lock(&stop->lock);
	while (!atomic_load(&stop->is_set) && !is_over)
		is_over = !tb_cond_wait_until(&stop->changed, &stop->lock,
					      until_us);
	is_set = atomic_load(&stop->is_set);
	pthread_mutex_unlock(&stop->lock);
	return is_set;
}
