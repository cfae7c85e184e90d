/*
 * Reads a history from the store, in the order of its numbers, leaving out
 * what a filter does. A reader is a place in the history and belongs to one
 * thread at a time; between two calls it holds no snapshot. While it goes it
 * notes in the index what it learns of whole segments.
 */
#ifndef TB_API_EVENTS_READER_H
#define TB_API_EVENTS_READER_H

#include "api/events/index.h"
#include "base/buf.h"
#include "kernel/acl.h"
#include "kernel/core.h"

/* What is left out; zeroed: nothing. Borrowed. */
struct tb_events_filter {
	const struct tb_acl *acl; /* items that `user` may not view; or NULL */
	struct tb_str user;
	int64_t from_s; /* lower timestamps; or 0 */
};

struct tb_events_reader {
	struct tb_core *core;
	struct tb_history_index *index;
	struct tb_history_id history;
	struct tb_events_filter filter;
	uint64_t at;   /* number of the last event that was looked at */
	uint64_t head; /* and of the last one to look at */
	struct tb_segment_facts noted; /* of the events behind noted_at */
	uint64_t noted_at;
};

/* Sets behind which event to begin and which is the last. The members above
 * are the caller's to set. */
void tb_events_reader_seek(struct tb_events_reader *reader, uint64_t at,
			   uint64_t head);

/* Takes the event of this number, whose body is borrowed. `*ret_fits` is true
 * before; false ends the batch in front of the event. */
typedef enum tb_err tb_events_take_fn(void *ctx, uint64_t num,
				      struct tb_str body, bool *ret_fits);

/* What one call may take, and has taken. */
struct tb_events_batch {
	tb_events_take_fn *take;
	void *ctx;
	size_t max_events;
	uint64_t max_looked_at; /* and left out ones; a segment more is */
	size_t n;               /* the result: events that were taken */
};

/* Events as the inside of an array, with commas between them. */
struct tb_events_text {
	struct tb_buf *buf;
	size_t max_bytes; /* ends before the event that would make the buffer
			   * longer; one always fits */
	size_t n;         /* events in it */
	bool has_given;   /* some came before: a comma goes between */
};
/* `ctx` is a struct tb_events_text. */
tb_events_take_fn tb_events_take_text;

/* Reads on, with a fresh snapshot for each segment, until one of the batch's
 * ends is reached, or the head. CORRUPT: an event is not there. */
enum tb_err tb_events_read(struct tb_events_reader *reader,
			   struct tb_events_batch *batch) tb_must_check;

#endif
