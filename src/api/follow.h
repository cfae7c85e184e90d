/*
 * Feeds that clients may follow live: what an API lets others read of its
 * changes, in its own form, behind a cursor and as far as the caller may see.
 * Who shows them (the realtime side of devices) knows no API but by this.
 */
#ifndef TB_API_FOLLOW_H
#define TB_API_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/principal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* What is asked for. */
struct tb_follow_query {
	const struct tb_principal *principal;
	bool is_collection; /* else a feed */
	struct tb_str name;
	struct tb_str after; /* a cursor; p NULL: from now on */
	size_t limit;        /* changes; 0: only where it stands now */
	size_t max_bytes;    /* one change always fits */
	struct tb_arena *arena;
};

struct tb_follow_page {
	/* Each is the JSON of a `change`'s members beside `cursor` and what it
	 * is of: `"event":{...}`; in the arena. */
	struct tb_str *changes;
	struct tb_str *cursors; /* behind each */
	size_t n;
	struct tb_str cursor; /* behind all of them */
	bool has_more;
};

/* NOT_FOUND: no such feed here, or not for this caller. INVALID: `after` is
 * no cursor. RESYNC: it is too old, or what the caller sees has changed. May
 * block. */
typedef enum tb_err tb_follow_fn(void *state,
				 const struct tb_follow_query *query,
				 struct tb_follow_page *ret);

/* True if something may have come behind a cursor; from memory, never blocks.
 * May be wrong towards true. */
typedef bool tb_follow_peek_fn(void *state,
			       const struct tb_follow_query *query);

#endif
