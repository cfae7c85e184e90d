#include "store/sqlite/sqlite_feed.h"

#include "base/alloc.h"
#include "base/assert.h"

/* Closed cursors of one kind that a connection keeps: enough to merge the
 * feeds of a site with several stores without preparing anything. */
#define IDLE_MAX 16

/* For the decoded entries of one row. */
#define ENTRIES_ARENA_BYTES (2 * TB_ENTRIES_MAX * sizeof(struct tb_entry))

/* Reads the row at which a cursor's statement stands. */
typedef enum tb_err read_row_fn(struct tb_sqlite_cursor *cursor,
				struct tb_feed_row *ret);

struct tb_sqlite_cursor {
	struct tb_sqlite_conn *conn;
	sqlite3_stmt *stmt;
	unsigned walk; /* which of the connection's TB_SQLITE_WALKS */
	bool with_records;
	read_row_fn *read_row;
	bool at_end;
	struct tb_arena *arena; /* NULL unless the walk gives entries */
	struct tb_sqlite_cursor *next_idle;
};

static struct tb_sqlite_cursor *cursor_of(struct tb_cursor *cursor)
{
	return (struct tb_sqlite_cursor *)cursor;
}

static void cursor_destroy(struct tb_sqlite_cursor *cursor)
{
	sqlite3_finalize(cursor->stmt);
	tb_arena_destroy(cursor->arena);
	tb_free(cursor);
}

static enum tb_sqlite_statement statement_for(const struct tb_feed_query *query)
{
	bool skip = query->skip_origin != 0;

	if (query->bodies_only)
		return TB_SQLITE_FEED_BODIES;
	if (query->for_listing)
		return TB_SQLITE_FEED_LISTING;
	if (query->backwards)
		return TB_SQLITE_FEED_BACKWARDS;
	if (!query->with_records)
		return skip ? TB_SQLITE_FEED_SKIPPING : TB_SQLITE_FEED;
	if (!query->with_entries)
		return skip ? TB_SQLITE_FEED_RECORDS_SKIPPING
			    : TB_SQLITE_FEED_RECORDS;
	return skip ? TB_SQLITE_FEED_ENTRIES_SKIPPING : TB_SQLITE_FEED_ENTRIES;
}

/* What the row has of its record. */
static enum tb_err read_record(struct tb_sqlite_cursor *cursor, uint64_t rid,
			       struct tb_record *ret)
{
	sqlite3_stmt *stmt = cursor->stmt;
	enum tb_err err = TB_OK;

	ret->rid = rid;
	ret->coll = tb_sqlite_column(stmt, 6);
	ret->version = tb_sqlite_column(stmt, 7);
	ret->created_us = sqlite3_column_int64(stmt, 8);
	ret->updated_us = sqlite3_column_int64(stmt, 9);
	ret->origin = (uint32_t)tb_sqlite_column(stmt, 10);
	ret->deleted = sqlite3_column_int(stmt, 11) != 0;
	ret->key = tb_sqlite_column_bytes(stmt, 12);
	ret->body = tb_sqlite_column_bytes(stmt, 13);
	ret->synced_us = sqlite3_column_int64(stmt, 14);
	ret->entries = NULL;
	ret->n_entries = 0;
	if (cursor->arena) {
		tb_arena_reset(cursor->arena);
		err = tb_entries_decode(cursor->arena, tb_rid_org(rid),
					tb_sqlite_column_bytes(stmt, 15),
					&ret->entries, &ret->n_entries);
	}
	/* No collection is 0: there is no such record. */
	return ret->coll == 0 ? TB_ERR_CORRUPT : err;
}

static enum tb_err read_row(struct tb_sqlite_cursor *cursor,
			    struct tb_feed_row *ret)
{
	sqlite3_stmt *stmt = cursor->stmt;
	struct tb_record record = { 0 };
	uint64_t rid = tb_sqlite_column(stmt, 1);
	enum tb_err err = TB_OK;

	if (cursor->with_records)
		err = read_record(cursor, rid, &record);
	if (err != TB_OK)
		return err;
	*ret = (struct tb_feed_row) {
		.num = tb_sqlite_column(stmt, 0),
		.rid = rid,
		.entered = tb_sqlite_column(stmt, 2),
		.time_us = sqlite3_column_int64(stmt, 3),
		.origin = (uint32_t)tb_sqlite_column(stmt, 4),
		.flags = (uint8_t)tb_sqlite_column(stmt, 5),
		.record = record,
	};
	return TB_OK;
}

/* A number and a body. */
static enum tb_err read_body(struct tb_sqlite_cursor *cursor,
			     struct tb_feed_row *ret)
{
	sqlite3_stmt *stmt = cursor->stmt;

	/* Every record has one: there is no such record. */
	if (sqlite3_column_type(stmt, 1) == SQLITE_NULL)
		return TB_ERR_CORRUPT;
	*ret = (struct tb_feed_row) {
		.num = tb_sqlite_column(stmt, 0),
		.record = { .body = tb_sqlite_column_bytes(stmt, 1) },
	};
	return TB_OK;
}

static enum tb_err read_listed(struct tb_sqlite_cursor *cursor,
			       struct tb_feed_row *ret)
{
	sqlite3_stmt *stmt = cursor->stmt;

	if (sqlite3_column_type(stmt, 4) == SQLITE_NULL)
		return TB_ERR_CORRUPT;
	*ret = (struct tb_feed_row) {
		.num = tb_sqlite_column(stmt, 0),
		.record = { .created_us = sqlite3_column_int64(stmt, 1),
			    .updated_us = sqlite3_column_int64(stmt, 2),
			    .deleted = sqlite3_column_int(stmt, 3) != 0,
			    .body = tb_sqlite_column_bytes(stmt, 4),
			    .synced_us = sqlite3_column_int64(stmt, 5) },
	};
	return TB_OK;
}

static read_row_fn *row_reader_for(const struct tb_feed_query *query)
{
	if (query->bodies_only)
		return read_body;
	return query->for_listing ? read_listed : read_row;
}

static enum tb_err cursor_create(struct tb_sqlite_conn *conn,
				 const struct tb_feed_query *query,
				 struct tb_sqlite_cursor **ret)
{
	struct tb_sqlite_cursor *cursor = tb_calloc(1, sizeof(*cursor));
	enum tb_sqlite_statement which = statement_for(query);
	enum tb_err err;

	if (!cursor)
		return TB_ERR_NOMEM;
	cursor->conn = conn;
	cursor->walk = which - TB_SQLITE_FEED;
	cursor->with_records = query->with_records;
	cursor->read_row = row_reader_for(query);
	err = tb_sqlite_prepare(conn, which, &cursor->stmt);
	if (err == TB_OK && query->with_records && query->with_entries) {
		cursor->arena = tb_arena_create(ENTRIES_ARENA_BYTES);
		if (!cursor->arena)
			err = TB_ERR_NOMEM;
	}
	if (err != TB_OK) {
		cursor_destroy(cursor);
		return err;
	}
	*ret = cursor;
	return TB_OK;
}

static enum tb_err cursor_take(struct tb_sqlite_conn *conn,
			       const struct tb_feed_query *query,
			       struct tb_sqlite_cursor **ret)
{
	unsigned walk = statement_for(query) - TB_SQLITE_FEED;
	struct tb_sqlite_cursor *cursor = conn->idle[walk];

	if (!cursor)
		return cursor_create(conn, query, ret);
	conn->idle[walk] = cursor->next_idle;
	conn->n_idle[walk]--;
	cursor->at_end = false;
	*ret = cursor;
	return TB_OK;
}

static void cursor_give_back(struct tb_sqlite_cursor *cursor)
{
	struct tb_sqlite_conn *conn = cursor->conn;

	if (conn->n_idle[cursor->walk] == IDLE_MAX) {
		cursor_destroy(cursor);
		return;
	}
	cursor->next_idle = conn->idle[cursor->walk];
	conn->idle[cursor->walk] = cursor;
	conn->n_idle[cursor->walk]++;
}

/* SQLite's integers are signed: what is above them all is its highest, and a
 * negative LIMIT is none. */
static uint64_t to_sqlite_max(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : v;
}

enum tb_err tb_sqlite_feed_open(struct tb_tx *tx,
				const struct tb_feed_query *query,
				struct tb_cursor **ret)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);
	struct tb_sqlite_cursor *cursor;
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err;

	TB_ASSERT(tb_feed_query_is_possible(query));
	err = cursor_take(conn, query, &cursor);
	if (err != TB_OK)
		return err;
	b.stmt = cursor->stmt;
	tb_sqlite_bind(&b, query->scope);
	tb_sqlite_bind(&b, to_sqlite_max(query->after));
	tb_sqlite_bind(&b, to_sqlite_max(query->until));
	tb_sqlite_bind(&b, to_sqlite_max(query->limit));
	if (query->skip_origin != 0) {
		tb_sqlite_bind(&b, query->skip_origin);
		tb_sqlite_bind(&b, to_sqlite_max(query->skip_above));
	}
	if (b.rc != SQLITE_OK) {
		cursor_give_back(cursor);
		return tb_sqlite_err(conn->db, b.rc);
	}
	conn->cursors_open++;
	*ret = (struct tb_cursor *)cursor;
	return TB_OK;
}

static enum tb_err step(struct tb_sqlite_cursor *cursor)
{
	int rc;

	/* A statement that is stepped behind its end would begin anew. */
	if (cursor->at_end)
		return TB_ERR_NOT_FOUND;
	rc = sqlite3_step(cursor->stmt);
	if (rc == SQLITE_ROW)
		return TB_OK;
	cursor->at_end = true;
	return rc == SQLITE_DONE ? TB_ERR_NOT_FOUND
				 : tb_sqlite_err(cursor->conn->db, rc);
}

enum tb_err tb_sqlite_feed_next(struct tb_cursor *base, struct tb_feed_row *ret)
{
	struct tb_sqlite_cursor *cursor = cursor_of(base);
	enum tb_err err = step(cursor);

	return err == TB_OK ? cursor->read_row(cursor, ret) : err;
}

void tb_sqlite_feed_close(struct tb_cursor *base)
{
	struct tb_sqlite_cursor *cursor = cursor_of(base);

	if (!cursor)
		return;
	sqlite3_reset(cursor->stmt);
	TB_ASSERT(cursor->conn->cursors_open > 0);
	cursor->conn->cursors_open--;
	cursor_give_back(cursor);
}

void tb_sqlite_cursors_destroy(struct tb_sqlite_conn *conn)
{
	for (size_t i = 0; i < TB_SQLITE_WALKS; i++)
		while (conn->idle[i]) {
			struct tb_sqlite_cursor *cursor = conn->idle[i];

			conn->idle[i] = cursor->next_idle;
			cursor_destroy(cursor);
		}
}
