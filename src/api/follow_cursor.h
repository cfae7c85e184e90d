/*
 * Where a follower of a feed is: the store's epoch, and a number of the feed's.
 * As text "7-123".
 */
#ifndef TB_API_FOLLOW_CURSOR_H
#define TB_API_FOLLOW_CURSOR_H

#include <stdint.h>

#include "base/str.h"

#define TB_FOLLOW_CURSOR_MAX_BYTES 48

struct tb_follow_cursor {
	uint64_t epoch;
	uint64_t num;
};

/* Written into `text`, which the result borrows. */
struct tb_str tb_follow_cursor_put(const struct tb_follow_cursor *cursor,
				   char text[TB_FOLLOW_CURSOR_MAX_BYTES]);
/* INVALID: it is none, and `*ret` is as it was. */
enum tb_err tb_follow_cursor_parse(struct tb_str text,
				   struct tb_follow_cursor *ret) tb_must_check;

#endif
