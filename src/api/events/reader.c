#include "api/events/reader.h"

#include "base/assert.h"
#include "kernel/event.h"
#include "kernel/system.h"

/* For what a look into one event needs. */
#define ROW_ARENA_BYTES (64u << 20)

/* One walk within a segment. */
struct walk {
	struct tb_events_reader *reader;
	struct tb_events_batch *batch;
	const struct tb_events_filter *filter; /* NULL: all goes through */
	struct tb_arena *arena;                /* for the filter */
	bool is_full;
};

static uint64_t segment_end(uint64_t at)
{
	return at - at % TB_SEGMENT_EVENTS + TB_SEGMENT_EVENTS;
}

/* ---- what is learned on the way ---- */

static void note_start(struct tb_events_reader *reader)
{
	reader->noted_at = reader->at;
	reader->noted = (struct tb_segment_facts) { .bytes = 0 };
}

static void note_time(struct tb_segment_facts *facts, int64_t timestamp_s)
{
	if (!facts->lowest_s || timestamp_s < facts->lowest_s)
		facts->lowest_s = timestamp_s;
	if (timestamp_s > facts->highest_s)
		facts->highest_s = timestamp_s;
}

/* Of a segment that was read from its beginning to its end. */
static void note_segment(struct tb_events_reader *reader)
{
	if (reader->noted_at + TB_SEGMENT_EVENTS == reader->at)
		tb_history_index_put(reader->index, reader->history,
				     reader->noted_at / TB_SEGMENT_EVENTS,
				     &reader->noted);
	note_start(reader);
}

void tb_events_reader_seek(struct tb_events_reader *reader, uint64_t at,
			   uint64_t head)
{
	reader->at = at;
	reader->head = head;
	note_start(reader);
}

/* ---- events ---- */

static enum tb_err filter_event(struct walk *walk, struct tb_str body,
				bool *ret_passes)
{
	const struct tb_events_filter *filter = walk->filter;
	int64_t timestamp_s;
	struct tb_str item;
	enum tb_err err;

	tb_arena_reset(walk->arena);
	err = tb_event_peek(walk->arena, body, &item, &timestamp_s);
	if (err)
		return err;
	note_time(&walk->reader->noted, timestamp_s);
	*ret_passes = timestamp_s >= filter->from_s &&
		      (!filter->acl ||
		       tb_acl_may_view(filter->acl, filter->user, item));
	return TB_OK;
}

enum tb_err tb_events_take_text(void *ctx, uint64_t num, struct tb_str body,
				bool *ret_fits)
{
	struct tb_events_text *text = ctx;
	struct tb_buf *buf = text->buf;
	/* A comma in front, and perhaps a bracket behind. */
	size_t more = body.n + 2;
	char *to;

	(void)num;
	*ret_fits = text->n == 0 || buf->n + more <= text->max_bytes;
	if (!*ret_fits)
		return TB_OK;
	to = tb_buf_reserve(buf, more);
	if (!to)
		return tb_buf_err(buf);
	if (text->has_given)
		*to++ = ',';
	memcpy(to, body.p, body.n);
	buf->n += body.n + text->has_given;
	text->has_given = true;
	text->n++;
	return TB_OK;
}

static enum tb_err take(struct walk *walk, uint64_t num, struct tb_str body)
{
	struct tb_events_batch *batch = walk->batch;
	bool fits = true;
	enum tb_err err = batch->take(batch->ctx, num, body, &fits);

	walk->is_full = !fits;
	batch->n += !err && fits;
	return err;
}

static enum tb_err take_row(struct walk *walk, const struct tb_feed_row *row)
{
	struct tb_events_reader *reader = walk->reader;
	struct tb_str body = row->record.body;
	bool passes = true;
	enum tb_err err = TB_OK;

	/* Numbers are dense, and events are never changed. */
	if (row->num != reader->at + 1)
		return TB_ERR_CORRUPT;
	if (walk->filter)
		err = filter_event(walk, body, &passes);
	if (!err && passes)
		err = take(walk, row->num, body);
	if (err || walk->is_full)
		return err;
	walk->is_full = walk->batch->n == walk->batch->max_events;
	reader->noted.bytes += body.n + 1;
	reader->at = row->num;
	return TB_OK;
}

static enum tb_err walk_rows(struct walk *walk, struct tb_tx *tx,
			     uint64_t until)
{
	struct tb_events_reader *reader = walk->reader;
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_feed_query query = {
		.scope = tb_scope_known(reader->history.org, TB_SCOPE_EVENTS),
		.after = reader->at,
		.until = until,
		.limit = UINT64_MAX,
		.bodies_only = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = ops->feed_open(tx, &query, &cursor);

	if (err)
		return err;
	while (!err && !walk->is_full && reader->at < until) {
		err = ops->feed_next(cursor, &row);
		if (!err)
			err = take_row(walk, &row);
	}
	ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
}

static enum tb_err walk_snapshot(struct walk *walk, uint64_t until)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(walk->reader->core, &tx);

	if (err)
		return err;
	err = walk_rows(walk, tx, until);
	tb_core_read_end(tx);
	return err;
}

static enum tb_err walk_filtered(struct walk *walk, uint64_t until)
{
	enum tb_err err;

	walk->arena = tb_arena_create(ROW_ARENA_BYTES);
	if (!walk->arena)
		return TB_ERR_NOMEM;
	err = walk_snapshot(walk, until);
	tb_arena_destroy(walk->arena);
	return err;
}

/* ---- segments ---- */

/* Passes over a segment, or reads of it what the batch takes. */
static enum tb_err read_segment(struct walk *walk, uint64_t until)
{
	struct tb_events_reader *reader = walk->reader;
	const struct tb_events_filter *filter = &reader->filter;
	struct tb_segment_facts facts = { .bytes = 0 };

	if (filter->from_s)
		facts = tb_history_index_get(reader->index, reader->history,
					     reader->at / TB_SEGMENT_EVENTS);
	if (facts.highest_s && facts.highest_s < filter->from_s) {
		reader->at = until;
		note_start(reader);
		return TB_OK;
	}
	walk->filter = filter;
	if (!filter->acl && facts.lowest_s >= filter->from_s)
		walk->filter = NULL;
	return walk->filter ? walk_filtered(walk, until)
			    : walk_snapshot(walk, until);
}

enum tb_err tb_events_read(struct tb_events_reader *reader,
			   struct tb_events_batch *batch)
{
	uint64_t from = reader->at;
	struct walk walk = { .reader = reader, .batch = batch };
	enum tb_err err = TB_OK;

	TB_ASSERT(batch->max_events > 0 && batch->max_looked_at > 0);
	batch->n = 0;
	while (!err && !walk.is_full && reader->at < reader->head &&
	       reader->at - from < batch->max_looked_at) {
		uint64_t end = segment_end(reader->at);

		if (end > reader->head)
			end = reader->head;
		err = read_segment(&walk, end);
		if (!err && reader->at % TB_SEGMENT_EVENTS == 0)
			note_segment(reader);
	}
	return err;
}
