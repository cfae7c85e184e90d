/*
 * Reads the body of a post: an array of events, or null for none. Pure.
 */
#ifndef TB_API_EVENTS_DECODE_H
#define TB_API_EVENTS_DECODE_H

#include "base/arena.h"
#include "base/buf.h"
#include "kernel/event.h"

/* An element of the array. */
struct tb_events_item {
	const char *flaw; /* what is wrong with it; static; NULL: nothing */
	struct tb_event_fields fields; /* with a flaw: the uuid, if it can be
					* read */
	size_t body_at;                /* where its body is in the buffer */
	size_t body_n;
};

struct tb_events_decoder {
	struct tb_arena *arena;
	struct tb_str user; /* the author */
	int64_t latest_s;   /* the highest timestamp */
	size_t items_max;
	bool is_strict;     /* ends with the first item that has a flaw */
	struct tb_buf *buf; /* gets the bodies */
	/* The result; in the arena. */
	struct tb_events_item *items;
	size_t n_items;
};

/* INVALID or TOO_DEEP: not JSON, or no array. TOO_LARGE: more items than
 * `items_max`, or more JSON than is read at once. NOMEM. */
enum tb_err tb_events_decode(struct tb_events_decoder *decoder,
			     struct tb_str text) tb_must_check;

#endif
