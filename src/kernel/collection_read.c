#include "kernel/collection_read.h"

#include "kernel/feeds.h"
#include "kernel/sight.h"
#include "kernel/system.h"

/* A piece while it is read. */
struct piece {
	const struct tb_collection_reader *reader;
	struct tb_tx *tx;
	struct tb_arena *arena;
	uint64_t coll;
	bool is_shared; /* the feeds hold other collections' records, too */
	struct tb_imported imported;
	struct tb_collection_place place;
	size_t looks;
	bool is_full;
};

static size_t looks_left(const struct piece *piece)
{
	return piece->reader->looks_max - piece->looks;
}

/* ---- which feeds ---- */

/* Where a collection's records go in the end; SITE: it is not declared. */
static enum tb_routing_kind root_routing(const struct tb_declaration *d,
					 struct tb_str name)
{
	const struct tb_collection *c = tb_declaration_find(d, name);

	/* Each step is to another one, unless they go round. */
	for (size_t i = 0; c != NULL && c->routing == TB_ROUTING_PARENT &&
			   i < d->n_collections;
	     i++)
		c = tb_declaration_find(d, c->parent);
	return c != NULL ? c->routing : TB_ROUTING_SITE;
}

/* The one feed that has them all; 0: there is none. */
static enum tb_err find_feed(struct piece *piece, uint64_t *ret)
{
	const struct tb_collection_reader *r = piece->reader;
	const struct tb_declaration *d = tb_core_declaration(r->core);
	const struct tb_collection *c = tb_declaration_find(d, r->name);
	struct tb_str name;
	enum tb_err err;

	if (c == NULL || c->path.p == NULL) {
		piece->is_shared = true;
		*ret = root_routing(d, r->name) == TB_ROUTING_CENTRAL
			       ? tb_scope_known(r->org, TB_SCOPE_CENTRAL)
			       : 0;
		return TB_OK;
	}
	err = tb_sight_all_name(piece->arena, c, &name);
	return err == TB_OK ? tb_core_name_rid(r->core, piece->tx, r->org,
					       TB_COLL_SCOPE, name, ret)
			    : err;
}

static bool is_home_name(struct tb_str name)
{
	return tb_str_starts(name, tb_str_z(TB_SCOPE_STORE_PREFIX)) ||
	       tb_str_starts(name, tb_str_z(TB_SCOPE_SITE_PREFIX));
}

/* Looks on for the next of those scopes that records can be at home in. */
static enum tb_err next_scope(struct piece *piece, bool *ret_at_end)
{
	const struct tb_store_ops *ops = piece->tx->store->ops;
	const struct tb_feed_query query = {
		.scope = tb_scope_known(piece->reader->org, TB_SCOPE_NAMES),
		.after = piece->place.scopes,
		.until = UINT64_MAX,
		.limit = looks_left(piece),
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;
	enum tb_err err = ops->feed_open(piece->tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (piece->place.scope == 0 &&
	       (err = ops->feed_next(cursor, &row)) == TB_OK) {
		n++;
		piece->place.scopes = row.num;
		if (row.record.coll == TB_COLL_SCOPE &&
		    is_home_name(row.record.key)) {
			piece->place.scope = row.rid;
			piece->place.after = 0;
		}
	}
	ops->feed_close(cursor);
	piece->looks += n;
	*ret_at_end = err == TB_ERR_NOT_FOUND && n < query.limit;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* ---- one feed ---- */

/* Of feeds that others share, each record is taken from its home. One that was
 * at home here and is now elsewhere may have gone where the walk has been
 * already. */
static bool is_taken_here(const struct piece *piece,
			  const struct tb_feed_row *row)
{
	if (!piece->is_shared)
		return true;
	if (row->record.coll != piece->coll)
		return false;
	return (row->flags & TB_ENTRY_HOME) ||
	       (!(row->flags & TB_ENTRY_PRESENT) && !row->record.deleted);
}

static bool is_wanted(const struct piece *piece, const struct tb_feed_row *row)
{
	int64_t after_us = piece->reader->after_us;

	return is_taken_here(piece, row) &&
	       (after_us == INT64_MIN || row->time_us > after_us ||
		row->record.updated_us > after_us);
}

/* Skips what is older than what is asked for. */
static enum tb_err begin_feed(struct piece *piece)
{
	const struct tb_collection_reader *r = piece->reader;
	struct tb_feed_row last;
	enum tb_err err;

	if (r->after_us == INT64_MIN || piece->place.after > 0)
		return TB_OK;
	err = tb_feed_last(piece->tx, piece->place.scope, &last);
	if (err == TB_OK)
		err = tb_sight_since(piece->tx, &piece->imported,
				     piece->place.scope, r->after_us, last.num,
				     &piece->place.after);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err walk_rows(struct piece *piece, struct tb_cursor *cursor)
{
	const struct tb_collection_reader *r = piece->reader;
	const struct tb_store_ops *ops = piece->tx->store->ops;
	struct tb_feed_row row;
	enum tb_err err;

	while ((err = ops->feed_next(cursor, &row)) == TB_OK) {
		piece->looks++;
		if (is_wanted(piece, &row) && !r->take(r->ctx, &row.record)) {
			piece->is_full = true;
			return TB_OK;
		}
		piece->place.after = row.num;
	}
	return err;
}

/* Walks on along the place's feed. */
static enum tb_err walk_feed(struct piece *piece, bool *ret_at_end)
{
	const struct tb_store_ops *ops = piece->tx->store->ops;
	size_t limit = looks_left(piece);
	struct tb_feed_query query = { .scope = piece->place.scope,
				       .until = UINT64_MAX,
				       .limit = limit,
				       .with_records = true };
	struct tb_cursor *cursor;
	enum tb_err err = begin_feed(piece);

	query.after = piece->place.after;
	if (err == TB_OK)
		err = ops->feed_open(piece->tx, &query, &cursor);
	if (err != TB_OK)
		return err;
	err = walk_rows(piece, cursor);
	ops->feed_close(cursor);
	/* Fewer rows than were asked for. */
	*ret_at_end = err == TB_ERR_NOT_FOUND && looks_left(piece) > 0;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* ---- a piece ---- */

static enum tb_err read_one_feed(struct piece *piece, uint64_t scope,
				 struct tb_collection_piece *ret)
{
	struct tb_feed_row last;
	enum tb_err err = tb_feed_last(piece->tx, scope, &last);

	piece->place.scope = scope;
	ret->is_last = err == TB_ERR_NOT_FOUND;
	if (err != TB_OK)
		return ret->is_last ? TB_OK : err;
	ret->end = last.num;
	return walk_feed(piece, &ret->is_last);
}

static enum tb_err read_feeds(struct piece *piece,
			      struct tb_collection_piece *ret)
{
	enum tb_err err = TB_OK;

	while (err == TB_OK && !ret->is_last && !piece->is_full &&
	       looks_left(piece) > 0) {
		bool at_end = false;

		if (piece->place.scope == 0)
			err = next_scope(piece, &ret->is_last);
		else
			err = walk_feed(piece, &at_end);
		if (at_end)
			piece->place.scope = 0;
	}
	return err;
}

static enum tb_err read_piece(struct piece *piece,
			      struct tb_collection_piece *ret)
{
	const struct tb_collection_reader *r = piece->reader;
	uint64_t scope = 0;
	enum tb_err err =
		tb_core_name_rid(r->core, piece->tx, r->org, TB_COLL_COLLECTION,
				 r->name, &piece->coll);

	if (err == TB_OK)
		err = find_feed(piece, &scope);
	if (err == TB_ERR_NOT_FOUND &&
	    tb_declaration_find(tb_core_declaration(r->core), r->name)) {
		ret->is_last = true;
		return TB_OK;
	}
	if (err == TB_OK && r->after_us != INT64_MIN)
		err = tb_sight_imported(piece->tx, piece->arena, r->org,
					&piece->imported);
	if (err != TB_OK)
		return err;
	return scope != 0 ? read_one_feed(piece, scope, ret)
			  : read_feeds(piece, ret);
}

enum tb_err tb_collection_read(const struct tb_collection_reader *reader,
			       struct tb_arena *arena,
			       struct tb_collection_place *place,
			       struct tb_collection_piece *ret)
{
	struct piece piece = { .reader = reader,
			       .arena = arena,
			       .place = *place };
	struct tb_collection_piece result = { .end = 0 };
	enum tb_err err = tb_core_read(reader->core, &piece.tx);

	if (err != TB_OK)
		return err;
	err = read_piece(&piece, &result);
	tb_core_read_end(piece.tx);
	if (err == TB_OK) {
		*place = piece.place;
		*ret = result;
	}
	return err;
}
