/*
 * The two clocks of this machine, in microseconds.
 */
#ifndef TB_BASE_CLOCK_H
#define TB_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t tb_clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Since some moment in the past; never set back. For durations. */
static inline int64_t tb_clock_monotonic_us(void)
{
	return tb_clock_us(CLOCK_MONOTONIC);
}

/* Since 1970. */
static inline int64_t tb_clock_now_us(void)
{
	return tb_clock_us(CLOCK_REALTIME);
}

#endif
