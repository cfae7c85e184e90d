/*
 * The history in parts: each part is a run of events rendered as they are
 * sent, immutable, kept in a bounded memory and shared by all answers; packed
 * for gzip when somebody asks for that. An answer is the parts from where it
 * begins to the head at which it was asked for, one behind the other:
 *
 *   [{...},{...}   ,{...},{...}   ,{...}]
 *
 * Parts end where a segment does; towards the head where a half, a quarter and
 * so on of one does, so that one more event leaves the text of all but a few
 * as it was; and before, when they have their length. So but for the first
 * part of an answer that begins somewhere else, and the last before the head,
 * they are the same for everybody. Thread-safe.
 */
#ifndef TB_API_EVENTS_SEGMENTS_H
#define TB_API_EVENTS_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/events/index.h"
#include "http/source.h"
#include "kernel/core.h"

/* A part ends before the event that would make it longer; one always fits. */
#define TB_PART_MAX_BYTES ((size_t)120 << 10)

struct tb_segments;

/* NULL: no memory. */
struct tb_segments *tb_segments_create(struct tb_core *core,
				       uint64_t cache_max_bytes);
void tb_segments_destroy(struct tb_segments *segments); /* takes NULL */
/* Borrowed. */
struct tb_history_index *tb_segments_index(struct tb_segments *segments);

/* A place in an answer: behind the event `at`; the answer ends with event
 * `head`, which is above `at`. */
struct tb_part_at {
	struct tb_history_id history;
	uint64_t at;
	uint64_t head;
	bool is_first; /* the answer begins here */
};

struct tb_part {
	struct tb_piece piece;
	uint64_t last; /* number of its last event */
};

/* The part at a place, from memory. `is_packed`: with its packed form. False:
 * it is not there. Never blocks. */
bool tb_segments_find(struct tb_segments *segments, struct tb_part_at place,
		      bool is_packed, struct tb_part *ret);
/* The same, from memory or from the store. */
enum tb_err tb_segments_get(struct tb_segments *segments,
			    struct tb_part_at place, bool is_packed,
			    struct tb_part *ret) tb_must_check;
/* How long the answer from this place on is. TB_LENGTH_UNKNOWN: only reading
 * would tell. Never blocks. */
uint64_t tb_segments_length(struct tb_segments *segments,
			    struct tb_part_at place);

#endif
