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
	/* May be older than the account is: one of an earlier generation of the
	 * org is looked up anew by each call, and may make a peek say true;
	 * so who keeps one for long renews it (tb_auth_renew). */
	const struct tb_principal *principal;
	bool is_collection; /* else a feed */
	struct tb_str name;
	struct tb_str after;    /* a cursor; empty: from now on */
	size_t limit;           /* changes; 0: only where it stands now */
	size_t max_bytes;       /* of changes and cursors; one change always
				 * fits */
	struct tb_arena *arena; /* with room for max_bytes, or for the largest
				 * change, and some more */
};

struct tb_follow_page {
	/* Each is the JSON of a `change`'s members beside `cursor` and what it
	 * is of: `"event":{...}`; in the arena. */
	struct tb_str *changes;
	struct tb_str *cursors; /* behind each */
	size_t n; /* may be 0 where has_more: much was passed over */
	/* Behind all of them and what was passed over: to be gone on from, even
	 * where nothing was given, since an old one may be too old some day. */
	struct tb_str cursor;
	bool has_more;
};

/* NOT_FOUND: no such feed here, or not for this caller. INVALID: `after` is
 * no cursor. RESYNC: it is too old, or what the caller sees has changed.
 * UNAUTHENTICATED: the caller's account has ended, or the token is too old for
 * this collection. Others: the store could not be read now. May block. */
typedef enum tb_err tb_follow_fn(void *state,
				 const struct tb_follow_query *query,
				 struct tb_follow_page *ret);

/* True if something may have come behind a cursor, or if it may be time to
 * start over; from memory, never blocks. May be wrong towards true, for the
 * first time in particular: a follow makes memory know. False for what is not
 * followed here. The arena need not have more than some hundred bytes. */
typedef bool tb_follow_peek_fn(void *state,
			       const struct tb_follow_query *query);

#endif
