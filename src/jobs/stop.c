#include "jobs/stop.h"

#include "base/clock.h"

void tb_stop_init(struct tb_stop *stop)
{
	pthread_condattr_t attr;

	atomic_init(&stop->is_set, false);
	pthread_mutex_init(&stop->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&stop->changed, &attr);
	pthread_condattr_destroy(&attr);
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
	struct timespec until = {
		.tv_sec = until_us / 1000000,
		.tv_nsec = until_us % 1000000 * 1000,
	};
	bool is_set;

	pthread_mutex_lock(&stop->lock);
	while (!atomic_load(&stop->is_set) &&
	       tb_clock_monotonic_us() < until_us)
		pthread_cond_timedwait(&stop->changed, &stop->lock, &until);
	is_set = atomic_load(&stop->is_set);
	pthread_mutex_unlock(&stop->lock);
	return is_set;
}
