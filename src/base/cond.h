/*
 * Waiting on a condition until a time. The time is one of the monotonic clock
 * (base/clock.h), so that setting the machine's clock neither wakes nor keeps
 * anybody. The condition is one of pthread_cond_init without attributes.
 */
#ifndef TB_BASE_COND_H
#define TB_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Gives up the lock, which the caller holds, until the condition is signalled
 * or the clock shows `until_us` (of tb_clock_monotonic_us; one that is over
 * does not wait); holds it again when it returns. False: the time is over. It
 * may return early, so that callers look again at what they wait for. */
bool tb_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
			int64_t until_us);

#endif
