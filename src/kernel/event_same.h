/*
 * What an event says, so that one sent again is known as a repetition though
 * its client wrote it in another way. Pure.
 */
#ifndef TB_KERNEL_EVENT_SAME_H
#define TB_KERNEL_EVENT_SAME_H

#include "base/arena.h"
#include "base/str.h"
#include "codec/digest.h"

/* A digest of a body as tb_event_take makes them, which is that of another
 * body if they say the same. Neither the order of members matters, nor white
 * space, nor how strings are escaped; numbers are the same if they were
 * written with the same characters. A body of more values than the JSON
 * reader's default limit is only the same as its own bytes. Memory from the
 * arena. CORRUPT: it is no JSON. NOMEM. */
enum tb_err tb_event_digest(struct tb_arena *arena, struct tb_str body,
			    uint8_t ret[TB_SHA256_BYTES]) tb_must_check;

#endif
