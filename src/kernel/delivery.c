/*
 * Pages: reading a site's queue and the central feed from a snapshot.
 */
#include "kernel/delivery.h"

#include "base/assert.h"
#include "kernel/system.h"

/* Names of the tables met last, so that a page asks for each once. */
#define TABLES 8
/* Numbers that an empty queue must have passed to be written down. */
#define PASSED_MIN 4096

struct tables {
	uint64_t coll[TABLES];
	struct tb_str name[TABLES];
	size_t next;
};

static enum tb_err table_name(const struct tb_delivery_reader *reader,
			      struct tables *tables, uint64_t coll,
			      struct tb_str *ret)
{
	enum tb_err err;

	for (size_t i = 0; i < TABLES; i++)
		if (tables->coll[i] == coll) {
			*ret = tables->name[i];
			return TB_OK;
		}
	err = tb_core_rid_name(reader->core, reader->tx, reader->arena, coll,
			       ret);
	if (err != TB_OK)
		return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
	tables->coll[tables->next] = coll;
	tables->name[tables->next] = *ret;
	tables->next = (tables->next + 1) % TABLES;
	return TB_OK;
}

/* One subscription's walk within a queue. */
struct strand {
	const struct tb_subscription *sub;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t range; /* the next acknowledged range ahead */
	bool at_end;
};

struct queue {
	struct tb_tx *tx;
	const struct tb_consumer *consumer;
	bool with_records;
	struct strand *strands;
	size_t n;
};

static enum tb_err open_strand(const struct queue *queue, struct strand *strand,
			       uint64_t after)
{
	struct tb_feed_query query = {
		.scope = strand->sub->scope,
		.after = after,
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = queue->with_records,
		.with_entries = queue->with_records,
		.skip_origin = queue->consumer->site_id,
		.skip_above = strand->sub->own_above,
	};
	const struct tb_store_ops *ops = queue->tx->store->ops;

	ops->feed_close(strand->cursor);
	strand->cursor = NULL;
	return ops->feed_open(queue->tx, &query, &strand->cursor);
}

/* The next row of a strand that is not acknowledged. Runs of acknowledged
 * numbers are jumped over, not walked through. */
static enum tb_err next_row(const struct queue *queue, struct strand *strand)
{
	const struct tb_subscription *sub = strand->sub;
	const struct tb_store_ops *ops = queue->tx->store->ops;

	for (;;) {
		uint64_t num;
		enum tb_err err = ops->feed_next(strand->cursor, &strand->row);

		if (err == TB_ERR_NOT_FOUND) {
			strand->at_end = true;
			return TB_OK;
		}
		if (err != TB_OK)
			return err;
		num = strand->row.num;
		while (strand->range < sub->n_ranges &&
		       sub->ranges[strand->range].last < num)
			strand->range++;
		if (strand->range == sub->n_ranges ||
		    num < sub->ranges[strand->range].first)
			return TB_OK;
		err = open_strand(queue, strand,
				  sub->ranges[strand->range].last);
		if (err != TB_OK)
			return err;
	}
}

static void queue_close(struct queue *queue)
{
	for (size_t i = 0; i < queue->n; i++)
		queue->tx->store->ops->feed_close(queue->strands[i].cursor);
}

static enum tb_err queue_open(struct queue *queue, struct tb_arena *arena)
{
	const struct tb_consumer *consumer = queue->consumer;
	enum tb_err err = TB_OK;

	queue->n = consumer->n_subs;
	queue->strands =
		tb_arena_calloc(arena, queue->n + 1, sizeof(*queue->strands));
	if (queue->strands == NULL) {
		queue->n = 0;
		return TB_ERR_NOMEM;
	}
	for (size_t i = 0; err == TB_OK && i < queue->n; i++) {
		struct strand *strand = &queue->strands[i];

		strand->sub = &consumer->subs[i];
		err = open_strand(queue, strand, strand->sub->acked);
		if (err == TB_OK)
			err = next_row(queue, strand);
	}
	return err;
}

/* The strand with the lowest number; NULL at the end of all. */
static struct strand *lowest(const struct queue *queue)
{
	struct strand *best = NULL;

	for (size_t i = 0; i < queue->n; i++) {
		struct strand *strand = &queue->strands[i];

		if (!strand->at_end &&
		    (best == NULL || strand->row.num < best->row.num))
			best = strand;
	}
	return best;
}

/* True if a later entry for the same record is in the site's queue, too, and
 * stands for the one of this scope and number. One that is acknowledged does
 * not: it may say that the record left a store, while this one came with a
 * store that is new to the site and holds it. */
static bool is_superseded(const struct tb_consumer *consumer,
			  const struct tb_record *record, uint64_t scope,
			  uint64_t num)
{
	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *other = &record->entries[i];

		if (other->scope == scope || other->num < num ||
		    (other->num == num && other->scope > scope))
			continue;
		if (tb_consumer_is_queued(consumer, other))
			return true;
	}
	return false;
}

static enum tb_delivery_action action_of(const struct tb_consumer *consumer,
					 const struct tb_record *record)
{
	bool present = false;
	bool sent = false;

	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];
		const struct tb_subscription *sub =
			tb_consumer_subscription(consumer, entry->scope);

		if (sub == NULL)
			continue;
		present |= (entry->flags & TB_ENTRY_PRESENT) != 0;
		sent |= entry->entered <= sub->delivered;
	}
	if (record->deleted || !present)
		return TB_DELIVER_DELETE;
	return sent ? TB_DELIVER_UPDATE : TB_DELIVER_INSERT;
}

static void fill_row(struct tb_delivery *row, const struct tb_feed_row *from,
		     struct tb_str table)
{
	row->sequence = from->num;
	row->origin = from->record.origin;
	row->table = table;
	row->id = from->record.key;
	row->data = row->action == TB_DELIVER_DELETE ? TB_STR("{}")
						     : from->record.body;
}

static enum tb_err walk_queue(const struct tb_delivery_reader *reader,
			      struct queue *queue, size_t limit,
			      struct tb_queue_page *page)
{
	struct tables tables = { .next = 0 };
	struct strand *strand;
	enum tb_err err = TB_OK;

	while (err == TB_OK && page->n < limit &&
	       (strand = lowest(queue)) != NULL) {
		struct tb_delivery row;
		struct tb_str table;

		if (!is_superseded(queue->consumer, &strand->row.record,
				   strand->sub->scope, strand->row.num)) {
			err = table_name(reader, &tables,
					 strand->row.record.coll, &table);
			if (err != TB_OK)
				return err;
			row.action =
				action_of(queue->consumer, &strand->row.record);
			fill_row(&row, &strand->row, table);
			if (!reader->take(reader->ctx, &row))
				return TB_OK;
			page->n++;
			page->last = row.sequence;
		}
		err = next_row(queue, strand);
	}
	return err;
}

/* An empty queue: the site need not walk again over what it has behind it, its
 * own changes above all. Small distances are not worth a commit. */
static enum tb_err note_passed(const struct tb_delivery_reader *reader,
			       const struct tb_consumer *consumer,
			       struct tb_queue_page *page)
{
	struct tb_org org;
	enum tb_err err =
		reader->tx->store->ops->org_get(reader->tx, reader->org, &org);

	if (err != TB_OK)
		return err;
	page->passed = org.head;
	page->must_mark = consumer->init == TB_INIT_STARTED;
	for (size_t i = 0; i < consumer->n_subs; i++)
		page->must_mark |=
			org.head - consumer->subs[i].acked > PASSED_MIN;
	return TB_OK;
}

enum tb_err tb_delivery_queue(const struct tb_delivery_reader *reader,
			      const struct tb_consumer *consumer, size_t limit,
			      struct tb_queue_page *ret)
{
	struct queue queue = { .tx = reader->tx,
			       .consumer = consumer,
			       .with_records = true };
	struct tb_queue_page page = { .n = 0 };
	bool is_empty = false;
	enum tb_err err = queue_open(&queue, reader->arena);

	if (err == TB_OK)
		err = walk_queue(reader, &queue, limit, &page);
	if (err == TB_OK)
		is_empty = page.n == 0 && lowest(&queue) == NULL;
	queue_close(&queue);
	if (is_empty)
		err = note_passed(reader, consumer, &page);
	if (err != TB_OK)
		return err;
	for (size_t i = 0; i < consumer->n_subs; i++)
		page.must_mark |= consumer->subs[i].delivered < page.last;
	*ret = page;
	return TB_OK;
}

enum tb_err tb_delivery_queue_length(struct tb_tx *tx,
				     const struct tb_consumer *consumer,
				     size_t max, struct tb_queue_length *ret)
{
	struct queue queue = { .tx = tx, .consumer = consumer };
	struct tb_queue_length length = { .n = 0 };
	struct tb_arena *arena = tb_arena_create(1u << 20);
	struct strand *strand;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = queue_open(&queue, arena);
	while (err == TB_OK && length.n < max &&
	       (strand = lowest(&queue)) != NULL) {
		if (length.n++ == 0) {
			length.oldest = strand->row.num;
			length.oldest_time_us = strand->row.time_us;
		}
		err = next_row(&queue, strand);
	}
	queue_close(&queue);
	tb_arena_destroy(arena);
	if (err == TB_OK)
		*ret = length;
	return err;
}

/* A walk along the central feed. */
struct central {
	const struct tb_delivery_reader *reader;
	struct tables tables;
	uint64_t cursor; /* the last number dealt with */
	uint64_t start;  /* the cursor that was asked */
	size_t left;     /* numbers, or rows, that may still be given */
	bool skip_holes;
	bool full;
	size_t n;
};

static bool give_hole(struct central *c, uint64_t sequence)
{
	struct tb_delivery row = { .action = TB_DELIVER_HOLE,
				   .sequence = sequence };

	if (c->full || !c->reader->take(c->reader->ctx, &row)) {
		c->full = true;
		return false;
	}
	c->cursor = sequence;
	c->n++;
	c->left--;
	return true;
}

/* The holes in front of number `until`. */
static void give_holes(struct central *c, uint64_t until)
{
	while (!c->skip_holes && c->left > 0 && c->cursor + 1 < until &&
	       give_hole(c, c->cursor + 1))
		;
}

static enum tb_err give_row(struct central *c, const struct tb_feed_row *row)
{
	struct tb_delivery out = { .action = TB_DELIVER_INSERT };
	struct tb_str table;
	enum tb_err err =
		table_name(c->reader, &c->tables, row->record.coll, &table);

	if (err != TB_OK)
		return err;
	if (!(row->flags & TB_ENTRY_PRESENT))
		out.action = TB_DELIVER_DELETE;
	else if (row->entered <= c->start)
		out.action = TB_DELIVER_UPDATE;
	fill_row(&out, row, table);
	if (!c->reader->take(c->reader->ctx, &out)) {
		c->full = true;
		return TB_OK;
	}
	c->cursor = row->num;
	c->n++;
	c->left--;
	return TB_OK;
}

/* Where a run of holes behind the cursor ends: a page of holes alone is
 * answered by its last one. */
static enum tb_err skip_run(struct central *c, uint64_t scope, uint64_t head)
{
	const struct tb_store_ops *ops = c->reader->tx->store->ops;
	struct tb_feed_query query = {
		.scope = scope, .after = c->cursor, .until = head, .limit = 1
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = ops->feed_open(c->reader->tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	err = ops->feed_next(cursor, &row);
	ops->feed_close(cursor);
	if (err == TB_OK)
		give_hole(c, row.num - 1);
	else if (err == TB_ERR_NOT_FOUND)
		give_hole(c, head);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err walk_central(struct central *c, uint64_t scope,
				uint64_t until)
{
	const struct tb_store_ops *ops = c->reader->tx->store->ops;
	struct tb_feed_query query = { .scope = scope,
				       .after = c->cursor,
				       .until = until,
				       .limit = c->left,
				       .with_records = true };
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t rows = 0;
	enum tb_err err = ops->feed_open(c->reader->tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (c->left > 0 && !c->full) {
		err = ops->feed_next(cursor, &row);
		if (err != TB_OK)
			break;
		rows++;
		give_holes(c, row.num);
		if (c->left > 0 && !c->full)
			err = give_row(c, &row);
		if (err != TB_OK)
			break;
	}
	ops->feed_close(cursor);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	if (rows == 0 && !c->skip_holes)
		return TB_ERR_NOT_FOUND;
	give_holes(c, until + 1);
	return TB_OK;
}

enum tb_err tb_delivery_central(const struct tb_delivery_reader *reader,
				uint64_t cursor, size_t limit, bool skip_holes,
				struct tb_central_page *ret)
{
	uint64_t scope = tb_scope_known(reader->org, TB_SCOPE_CENTRAL);
	struct central c = { .reader = reader,
			     .cursor = cursor,
			     .start = cursor,
			     .left = limit,
			     .skip_holes = skip_holes };
	struct tb_org org;
	uint64_t head;
	enum tb_err err =
		reader->tx->store->ops->org_get(reader->tx, reader->org, &org);

	if (err != TB_OK)
		return err;
	head = org.dense[TB_DENSE_CENTRAL];
	if (cursor > head ||
	    (cursor > 0 && cursor < org.floor[TB_DENSE_CENTRAL] &&
	     reader->central_floor < org.floor[TB_DENSE_CENTRAL]))
		return TB_ERR_RESYNC;
	if (cursor < head && limit > 0) {
		uint64_t until = skip_holes || limit > head - cursor
					 ? head
					 : cursor + limit;

		err = walk_central(&c, scope, until);
		if (err == TB_ERR_NOT_FOUND)
			err = skip_run(&c, scope, head);
	}
	if (err == TB_OK)
		*ret = (struct tb_central_page) { .n = c.n,
						  .last = c.cursor,
						  .head = head };
	return err;
}
