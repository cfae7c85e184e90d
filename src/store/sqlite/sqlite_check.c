#include "store/sqlite/sqlite_check.h"

#include "base/assert.h"
#include "store/check.h"
#include "store/sqlite/sqlite_conn.h"

/* For the decoded entries of one record. */
#define ENTRIES_ARENA_BYTES (2 * TB_ENTRIES_MAX * sizeof(struct tb_entry))

typedef enum tb_err check_row_fn(struct tb_check *check, sqlite3_stmt *stmt,
				 struct tb_arena *arena);

/* SQLite's own check gives one row of "ok", or one for each thing it found. */
static enum tb_err check_file_row(struct tb_check *check, sqlite3_stmt *stmt,
				  struct tb_arena *arena)
{
	const char *found = (const char *)sqlite3_column_text(stmt, 0);

	(void)arena;
	if (!found)
		return TB_ERR_NOMEM;
	if (strcmp(found, "ok") != 0)
		check->report(check->ctx, TB_CHECK_FILE, 0, found);
	return TB_OK;
}

static enum tb_err check_record_row(struct tb_check *check, sqlite3_stmt *stmt,
				    struct tb_arena *arena)
{
	struct tb_record record = {
		.rid = tb_sqlite_column(stmt, 0),
		.version = tb_sqlite_column(stmt, 1),
	};
	enum tb_err err;

	if (tb_sqlite_column(stmt, 2) != tb_rid_org(record.rid))
		check->report(check->ctx, TB_CHECK_ORGS, record.rid,
			      "its org is not that of its rid");
	tb_arena_reset(arena);
	err = tb_entries_decode(arena, tb_rid_org(record.rid),
				tb_sqlite_column_bytes(stmt, 3),
				&record.entries, &record.n_entries);
	if (err == TB_ERR_CORRUPT)
		check->report(check->ctx, TB_CHECK_ENTRIES, record.rid,
			      "its entries cannot be read");
	else if (err != TB_OK)
		return err;
	return tb_check_record(check, &record);
}

static enum tb_err check_feed_row(struct tb_check *check, sqlite3_stmt *stmt,
				  struct tb_arena *arena)
{
	struct tb_feed_row row = {
		.num = tb_sqlite_column(stmt, 1),
		.rid = tb_sqlite_column(stmt, 2),
		.entered = tb_sqlite_column(stmt, 3),
		.time_us = sqlite3_column_int64(stmt, 4),
		.origin = (uint32_t)tb_sqlite_column(stmt, 5),
		.flags = (uint8_t)tb_sqlite_column(stmt, 6),
	};

	(void)arena;
	return tb_check_feed_row(check, tb_sqlite_column(stmt, 0), &row);
}

static enum tb_err check_link_row(struct tb_check *check, sqlite3_stmt *stmt,
				  struct tb_arena *arena)
{
	(void)arena;
	return tb_check_link(check, (uint32_t)tb_sqlite_column(stmt, 0),
			     tb_sqlite_column(stmt, 1));
}

static enum tb_err check_audit_row(struct tb_check *check, sqlite3_stmt *stmt,
				   struct tb_arena *arena)
{
	(void)arena;
	return tb_check_audit(check, (uint32_t)tb_sqlite_column(stmt, 0),
			      tb_sqlite_column(stmt, 1));
}

static const struct {
	enum tb_sqlite_statement statement;
	check_row_fn *check_row;
} passes[] = {
	{ TB_SQLITE_CHECK_FILE, check_file_row },
	{ TB_SQLITE_CHECK_RECORDS, check_record_row },
	{ TB_SQLITE_CHECK_FEEDS, check_feed_row },
	{ TB_SQLITE_CHECK_LINKS, check_link_row },
	{ TB_SQLITE_CHECK_AUDIT, check_audit_row },
};

static enum tb_err run_pass(struct tb_check *check, struct tb_arena *arena,
			    enum tb_sqlite_statement which,
			    check_row_fn *check_row)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(check->tx);
	sqlite3_stmt *stmt;
	enum tb_err err = tb_sqlite_get(conn, which, &stmt);

	if (err != TB_OK)
		return err;
	while (err == TB_OK) {
		err = tb_sqlite_row(conn, stmt);
		if (err == TB_OK)
			err = check_row(check, stmt, arena);
	}
	sqlite3_reset(stmt);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

enum tb_err tb_sqlite_check(struct tb_tx *tx, tb_check_fn *report, void *ctx)
{
	struct tb_arena *arena = tb_arena_create(ENTRIES_ARENA_BYTES);
	struct tb_check check;
	enum tb_err err = tb_check_init(&check, tx, report, ctx);

	if (!arena)
		err = TB_ERR_NOMEM;
	for (size_t i = 0; i < TB_ARRAY_LEN(passes) && err == TB_OK; i++)
		err = run_pass(&check, arena, passes[i].statement,
			       passes[i].check_row);
	if (err == TB_OK)
		err = tb_check_chains(&check);
	tb_check_fini(&check);
	tb_arena_destroy(arena);
	return err;
}
