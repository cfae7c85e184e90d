/*
 * Whether two events say the same, so that one sent again is known as a
 * repetition though its client wrote it in another way. Pure.
 */
#ifndef TB_KERNEL_EVENT_SAME_H
#define TB_KERNEL_EVENT_SAME_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* Compares two bodies as tb_event_take makes them. Neither the order of
 * members matters, nor white space, nor how strings are escaped; numbers are
 * the same if they were written with the same characters. Memory from the
 * arena. CORRUPT: one is no JSON. TOO_LARGE, NOMEM. */
enum tb_err tb_event_same(struct tb_arena *arena, struct tb_str a,
			  struct tb_str b, bool *ret) tb_must_check;

#endif
