/*
 * How long to wait before trying again. Pure.
 */
#ifndef TB_JOBS_BACKOFF_H
#define TB_JOBS_BACKOFF_H

#include <stdint.h>

/* What another server may ask for at most. */
#define TB_BACKOFF_ASKED_MAX_S 86400u

/* After `failures` (from 1) in a row: first_us, doubled with each further one,
 * up to max_us; of that one half, and of the other half as much as `random`
 * says, so that those who failed together do not come back together. Never less
 * than `asked_s`. */
int64_t tb_backoff_us(uint32_t failures, int64_t first_us, int64_t max_us,
		      uint32_t asked_s, uint64_t random);

#endif
