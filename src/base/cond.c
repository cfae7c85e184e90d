#include "base/cond.h"

#include <errno.h>
#include <time.h>

#include "base/assert.h"

#define SECOND_US 1000000

bool tb_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
			int64_t until_us)
{
	/* A time before the clock's first is over, too. */
	int64_t us = until_us > 0 ? until_us : 0;
	const struct timespec until = {
		.tv_sec = us / SECOND_US,
		.tv_nsec = us % SECOND_US * 1000,
	};
	int rc = pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until);

	TB_ASSERT(rc == 0 || rc == ETIMEDOUT);
	return rc == 0;
}
