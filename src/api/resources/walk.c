#include "api/resources/walk.h"

#include "base/alloc.h"
#include "codec/json_members.h"

/* Read in one snapshot: much less than a second's work. */
#define SLICE_ROWS ((size_t)100000)
#define SLICE_BYTES ((size_t)64 << 20)
#define ITEM_MAX_BYTES ((size_t)256 << 20)
#define SCRATCH_MAX_BYTES ((size_t)256 << 20)
/* Rows behind a page that are looked at for times out of order. */
#define LOOK_AHEAD_ROWS 10000

static const struct tb_collection *collection_of(const struct tb_walk *walk)
{
	return walk->reader->options.layout->collection;
}

static const struct tb_resources_query *query_of(const struct tb_walk *walk)
{
	return &walk->reader->query;
}

/* ---- making ---- */

static enum tb_err make_tools(struct tb_walk *walk)
{
	const struct tb_reader_options *o = &walk->reader->options;
	struct tb_render_options options = { .layout = o->layout,
					     .lookup = tb_peers_find };

	walk->scratch = tb_arena_create(SCRATCH_MAX_BYTES);
	if (o->layout->has_peers) {
		walk->peers = tb_peers_create(o->core, o->principal->org);
		if (!walk->peers)
			return TB_ERR_NOMEM;
	}
	options.lookup_ctx = walk->peers;
	walk->render = tb_render_create(&options);
	return walk->scratch && walk->render ? TB_OK : TB_ERR_NOMEM;
}

enum tb_err tb_walk_create(struct tb_reader *reader, struct tb_walk_sink *sink,
			   struct tb_walk **ret)
{
	struct tb_walk *walk = tb_calloc(1, sizeof(*walk));
	enum tb_err err;

	if (!walk)
		return TB_ERR_NOMEM;
	walk->reader = reader;
	walk->sink = sink;
	walk->slice_rows = reader->options.slice_rows
				   ? reader->options.slice_rows
				   : SLICE_ROWS;
	tb_buf_init(&walk->item, ITEM_MAX_BYTES);
	err = make_tools(walk);
	if (!err)
		err = tb_sight_imported(reader->tx, reader->options.arena,
					reader->org.id, &walk->imported);
	if (err)
		tb_walk_destroy(walk);
	else
		*ret = walk;
	return err;
}

void tb_walk_destroy(struct tb_walk *walk)
{
	if (!walk)
		return;
	tb_render_destroy(walk->render);
	tb_peers_destroy(walk->peers);
	tb_arena_destroy(walk->scratch);
	tb_buf_fini(&walk->item);
	tb_free(walk);
}

/* ---- into the sink ---- */

static enum tb_err put_item(struct tb_walk *walk, struct tb_walk_item *item)
{
	bool fits = true;
	enum tb_err err;

	item->text = tb_buf_str(&walk->item);
	err = walk->sink->put(walk->sink, item, &fits);
	if (!err && !fits)
		walk->has_next = walk->is_over = true;
	return err;
}

static enum tb_err give(struct tb_walk *walk,
			const struct tb_render_record *record,
			struct tb_walk_item *item)
{
	enum tb_err err;

	tb_buf_reset(&walk->item);
	err = tb_render_put(walk->render, record, &walk->item);
	return err ? err : put_item(walk, item);
}

static enum tb_err give_gone(struct tb_walk *walk,
			     const struct tb_render_record *record,
			     struct tb_walk_item *item)
{
	item->is_gone = true;
	tb_buf_reset(&walk->item);
	tb_render_put_gone(walk->reader->options.layout, record, &walk->item);
	return tb_buf_err(&walk->item) ? tb_buf_err(&walk->item)
				       : put_item(walk, item);
}

/* Nothing is given in its place, but it may have been given before. */
static enum tb_err take_back(struct tb_walk *walk,
			     const struct tb_render_record *record,
			     struct tb_walk_item *item)
{
	if (!walk->is_again)
		return TB_OK;
	item->is_void = true;
	return give_gone(walk, record, item);
}

/* ---- filters ---- */

static enum tb_err is_value(struct tb_walk *walk, struct tb_str raw,
			    struct tb_str value, bool *ret)
{
	struct tb_str text = raw;
	enum tb_err err = TB_OK;

	if (raw.n > 0 && raw.p[0] == '"')
		err = tb_render_key(walk->scratch, raw, &text);
	*ret = !err && tb_str_eq(text, value);
	return err;
}

static enum tb_err has_value(struct tb_walk *walk, struct tb_str body,
			     struct tb_str field, struct tb_str value,
			     bool *ret)
{
	struct tb_json_members it = tb_json_members(body);

	*ret = false;
	while (tb_json_members_next(&it))
		if (tb_layout_key_is(it.key, field))
			return is_value(walk, it.value, value, ret);
	return it.is_broken ? TB_ERR_CORRUPT : TB_OK;
}

static enum tb_err passes(struct tb_walk *walk, struct tb_str body, bool *ret)
{
	const struct tb_collection *c = collection_of(walk);
	const struct tb_str *filters = walk->reader->filters;
	enum tb_err err = TB_OK;

	tb_arena_reset(walk->scratch);
	*ret = true;
	for (size_t i = 0; !err && *ret && i < c->n_filters; i++)
		if (filters[i].p)
			err = has_value(walk, body, c->filters[i].field,
					filters[i], ret);
	return err;
}

/* ---- pages ---- */

static bool is_page_full(const struct tb_walk *walk)
{
	uint32_t limit = query_of(walk)->limit;

	return limit > 0 && walk->n_given == limit;
}

/* A row that is for a later page. "On such a page `X-Last-Sync` is the time of
 * its last record": if what was imported with times of its own comes later, an
 * earlier one, so that nobody who goes on from there misses it. */
static void look_ahead(struct tb_walk *walk, const struct tb_feed_row *row,
		       const struct tb_seen *seen)
{
	const struct tb_resources_query *query = query_of(walk);

	walk->has_next = true;
	if (row->num > walk->imported.num) {
		walk->is_over = true;
		return;
	}
	if (seen->time_us <= walk->last_us)
		walk->last_us = seen->time_us - 1;
	if (++walk->n_looked_at == LOOK_AHEAD_ROWS) {
		walk->last_us = query->has_since ? query->since_us : 0;
		walk->is_over = true;
	}
}

/* ---- the feed of ids ---- */

/* A list by ids is known by those alone: it needs no rids. */
static enum tb_err take_listed(struct tb_walk *walk,
			       const struct tb_feed_row *row)
{
	const struct tb_render_record record = {
		.id = row->num,
		.body = row->record.body,
		.created_us = row->record.created_us,
		.updated_us = row->record.updated_us,
		.synced_us = row->record.synced_us,
	};
	struct tb_walk_item item = { .id = row->num, .num = row->num };

	if (!row->record.deleted)
		return give(walk, &record, &item);
	return query_of(walk)->with_deleted ? give_gone(walk, &record, &item)
					    : TB_OK;
}

static bool is_slice_full(const struct tb_walk *walk, size_t rows)
{
	return rows >= walk->slice_rows || walk->slice_bytes >= SLICE_BYTES;
}

static enum tb_err walk_listing(struct tb_walk *walk, struct tb_cursor *cursor)
{
	const struct tb_store_ops *ops = walk->reader->tx->store->ops;
	struct tb_feed_row row;
	enum tb_err err = TB_OK;

	walk->slice_bytes = 0;
	for (size_t rows = 0; !err && !is_slice_full(walk, rows); rows++) {
		err = ops->feed_next(cursor, &row);
		if (!err)
			err = take_listed(walk, &row);
		if (err)
			break;
		walk->at = row.num;
		walk->slice_bytes += row.record.body.n;
	}
	walk->is_over = err == TB_ERR_NOT_FOUND;
	return walk->is_over ? TB_OK : err;
}

static enum tb_err ids_scope(struct tb_walk *walk, uint64_t *ret)
{
	const struct tb_reader_options *o = &walk->reader->options;
	struct tb_str name;
	enum tb_err err =
		tb_sight_ids_name(o->arena, collection_of(walk), &name);

	return err ? err
		   : tb_core_name_rid(o->core, walk->reader->tx,
				      o->principal->org, TB_COLL_SCOPE, name,
				      ret);
}

static void use_snapshot(struct tb_walk *walk)
{
	if (walk->peers)
		tb_peers_use(walk->peers, walk->reader->tx);
}

enum tb_err tb_walk_ids(struct tb_walk *walk)
{
	struct tb_tx *tx = walk->reader->tx;
	struct tb_feed_query query = {
		.after = walk->at,
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.for_listing = true,
	};
	struct tb_cursor *cursor;
	enum tb_err err = ids_scope(walk, &query.scope);

	/* Nothing was ever there. */
	walk->is_over = err == TB_ERR_NOT_FOUND;
	if (walk->is_over)
		return TB_OK;
	if (!err)
		err = tx->store->ops->feed_open(tx, &query, &cursor);
	if (err)
		return err;
	use_snapshot(walk);
	err = walk_listing(walk, cursor);
	tx->store->ops->feed_close(cursor);
	return err;
}

/* ---- changes ---- */

static enum tb_err begin_feed(struct tb_walk *walk, size_t i)
{
	const struct tb_reader *r = walk->reader;
	const struct tb_resources_query *query = query_of(walk);
	struct tb_walk_feed *feed = &walk->feeds[i];

	*feed = (struct tb_walk_feed) { .scope = r->sight.scopes[i] };
	if (query->has_after || !query->has_since)
		return TB_OK;
	return tb_sight_since(r->tx, &walk->imported, feed->scope,
			      query->since_us, r->org.head, &feed->after);
}

enum tb_err tb_walk_begin(struct tb_walk *walk)
{
	enum tb_err err = TB_OK;

	walk->n_feeds = walk->reader->sight.n;
	walk->at = query_of(walk)->after.num;
	for (size_t i = 0; !err && i < walk->n_feeds; i++)
		err = begin_feed(walk, i);
	return err;
}

void tb_walk_restart(struct tb_walk *walk, uint64_t num)
{
	const struct tb_sight *sight = &walk->reader->sight;

	walk->at = num;
	walk->is_again = true;
	walk->n_feeds = sight->n;
	for (size_t i = 0; i < sight->n; i++)
		walk->feeds[i] =
			(struct tb_walk_feed) { .scope = sight->scopes[i] };
}

static enum tb_err take_seen(struct tb_walk *walk,
			     const struct tb_feed_row *row,
			     const struct tb_seen *seen)
{
	const struct tb_resources_query *query = query_of(walk);
	const struct tb_render_record record = {
		.id = tb_record_id(&row->record),
		.key = row->record.key,
		.body = row->record.body,
		.created_us = row->record.created_us,
		.updated_us = seen->is_present ? row->record.updated_us
					       : seen->time_us,
		.synced_us = row->record.synced_us,
	};
	struct tb_walk_item item = { .id = record.id,
				     .rid = row->rid,
				     .num = row->num };
	bool is_told = query->with_deleted;
	bool is_given = seen->is_present && !row->record.deleted;
	enum tb_err err = TB_OK;

	if (is_given) {
		err = passes(walk, record.body, &is_given);
		/* It may have passed when the client saw it. */
		is_told &= query->has_since || query->has_after;
	}
	if (err)
		return err;
	if (!is_given && !is_told)
		return take_back(walk, &record, &item);
	if (is_page_full(walk)) {
		look_ahead(walk, row, seen);
		return TB_OK;
	}
	err = is_given ? give(walk, &record, &item)
		       : give_gone(walk, &record, &item);
	if (err || walk->is_over)
		return err;
	walk->n_given++;
	walk->last_num = row->num;
	walk->last_us = row->time_us;
	return TB_OK;
}

/* "strictly later": of each record its last entry in the caller's scopes
 * counts. */
static enum tb_err take_changed(struct tb_walk *walk,
				const struct tb_feed_row *row)
{
	const struct tb_resources_query *query = query_of(walk);
	const struct tb_record *record = &row->record;
	struct tb_seen seen;

	if (!tb_sight_of(&walk->reader->sight, record, &seen) ||
	    seen.num != row->num)
		return TB_OK;
	if (query->has_since &&
	    !tb_sight_is_later(&walk->imported, &seen, query->since_us))
		return TB_OK;
	/* One that has no id yet was never seen. */
	if (collection_of(walk)->id_type == TB_ID_INTEGER &&
	    !tb_record_id(record))
		return TB_OK;
	return take_seen(walk, row, &seen);
}

static enum tb_err next_row(struct tb_walk *walk, struct tb_walk_feed *feed)
{
	const struct tb_store_ops *ops = walk->reader->tx->store->ops;
	enum tb_err err = ops->feed_next(feed->cursor, &feed->row);

	feed->has_row = !err;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err open_feed(struct tb_walk *walk, struct tb_walk_feed *feed)
{
	struct tb_tx *tx = walk->reader->tx;
	struct tb_feed_query query = {
		.scope = feed->scope,
		.after = feed->after > walk->at ? feed->after : walk->at,
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
		.with_entries = true,
	};
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &feed->cursor);

	return err ? err : next_row(walk, feed);
}

static void close_feeds(struct tb_walk *walk)
{
	const struct tb_store_ops *ops = walk->reader->tx->store->ops;

	for (size_t i = 0; i < walk->n_feeds; i++) {
		ops->feed_close(walk->feeds[i].cursor);
		walk->feeds[i].cursor = NULL;
		walk->feeds[i].has_row = false;
	}
}

/* The feed whose row comes first; NULL: there are no more. */
static struct tb_walk_feed *lowest(struct tb_walk *walk)
{
	struct tb_walk_feed *found = NULL;

	for (size_t i = 0; i < walk->n_feeds; i++) {
		struct tb_walk_feed *feed = &walk->feeds[i];

		if (feed->has_row && (!found || feed->row.num < found->row.num))
			found = feed;
	}
	return found;
}

static enum tb_err walk_rows(struct tb_walk *walk)
{
	enum tb_err err = TB_OK;

	walk->slice_bytes = 0;
	for (size_t rows = 0;
	     !err && !walk->is_over && !is_slice_full(walk, rows); rows++) {
		struct tb_walk_feed *feed = lowest(walk);

		if (!feed) {
			walk->is_over = true;
			break;
		}
		/* One change may have a row in each of them. */
		if (feed->row.num > walk->at)
			err = take_changed(walk, &feed->row);
		if (err || walk->is_over)
			break;
		walk->at = feed->row.num;
		walk->slice_bytes += feed->row.record.body.n;
		err = next_row(walk, feed);
	}
	return err;
}

enum tb_err tb_walk_feeds(struct tb_walk *walk)
{
	enum tb_err err = TB_OK;

	use_snapshot(walk);
	if (walk->is_again)
		walk->sink->revise(walk->sink);
	for (size_t i = 0; !err && i < walk->n_feeds; i++)
		err = open_feed(walk, &walk->feeds[i]);
	if (!err)
		err = walk_rows(walk);
	close_feeds(walk);
	walk->is_again = true;
	return err;
}
