#include "bare_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "options.h"
#include "store/sqlite/sqlite_file.h"

#define ROWS_MAX_BYTES ((size_t)16 << 30)
#define ROWS_FIRST 4096

/* In all of them ?1 is the org and ?2 where its rids begin. Those of the last
 * org are above all others. */
static const char feed_sql[] =
	"WITH has AS (SELECT scope, num, rid, entered, time, origin, flags "
	"             FROM source.feed WHERE rid >= ?2),"
	"     had AS (SELECT scope, num, rid, entered, time, origin, flags "
	"             FROM main.feed WHERE rid >= ?2) "
	"SELECT * FROM ("
	" SELECT *, 0 AS gone FROM (SELECT * FROM has EXCEPT SELECT * FROM had)"
	" UNION ALL"
	" SELECT *, 1 FROM (SELECT * FROM had EXCEPT SELECT * FROM has)) "
	"ORDER BY rid, gone DESC, scope";

static const char records_sql[] =
	"SELECT s.rid, s.version, s.created, s.updated, s.origin, s.deleted, "
	"s.entries, s.body, s.synced, s.org, s.coll, s.key, m.rid IS NULL "
	"FROM source.record s LEFT JOIN main.record m ON m.rid = s.rid "
	"WHERE s.rid >= ?2 AND (m.rid IS NULL OR m.version <> s.version "
	"OR m.body <> s.body OR m.entries <> s.entries "
	"OR m.synced <> s.synced) "
	"ORDER BY s.version, s.rid";

static const char audits_sql[] =
	"SELECT n, row, hash, detail FROM source.audit WHERE org = ?1 AND n > "
	"(SELECT audit_n FROM main.org WHERE id = ?1) ORDER BY n";

static const char *const differences[] = {
	"SELECT count(*) FROM (SELECT * FROM source.record WHERE rid >= ?2 "
	"EXCEPT SELECT * FROM main.record)",
	"SELECT count(*) FROM (SELECT * FROM source.feed WHERE rid >= ?2 "
	"EXCEPT SELECT * FROM main.feed)",
	"SELECT count(*) FROM (SELECT * FROM main.feed WHERE rid >= ?2 "
	"EXCEPT SELECT * FROM source.feed)",
	"SELECT count(*) FROM (SELECT * FROM source.link WHERE child >= ?2 "
	"EXCEPT SELECT * FROM main.link)",
	"SELECT count(*) FROM (SELECT * FROM source.audit WHERE org = ?1 "
	"EXCEPT SELECT * FROM main.audit)",
	"SELECT count(*) FROM (SELECT * FROM source.org WHERE id = ?1 "
	"EXCEPT SELECT * FROM main.org)",
};

/* ---- queries ---- */

static sqlite3_stmt *query(struct tb_sqlite_conn *conn, const char *sql,
			   uint64_t org)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		tb_bench_die(sqlite3_errmsg(conn->db));
	/* Those that the text does not name are refused, which is fine. */
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)org);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)tb_rid((uint32_t)org, 0));
	return stmt;
}

/* False behind the last row, and the query is over. */
static bool next_row(struct tb_sqlite_conn *conn, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		tb_bench_die(sqlite3_errmsg(conn->db));
	sqlite3_finalize(stmt);
	return false;
}

static void attach(struct tb_sqlite_conn *conn, const char *source)
{
	char *sql = sqlite3_mprintf("ATTACH '%q/%q' AS source", source,
				    TB_SQLITE_FILE);

	tb_bench_must(tb_sqlite_exec(conn->db, sql), "attach");
	sqlite3_free(sql);
}

/* Room for one more; `n` is how many there are. */
static void *grow(void *rows, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return rows;
	*cap = *cap > 0 ? 2 * *cap : ROWS_FIRST;
	rows = tb_realloc(rows, *cap * size);
	if (rows == NULL)
		tb_bench_die("out of memory");
	return rows;
}

static struct tb_str copy(struct tb_bare_rows *rows, struct tb_str bytes)
{
	struct tb_str s;

	tb_bench_must(tb_arena_strdup(rows->arena, bytes, &s), "copy");
	return s;
}

/* ---- reading ---- */

static void read_feed(struct tb_bare_rows *rows, struct tb_sqlite_conn *conn)
{
	sqlite3_stmt *stmt = query(conn, feed_sql, rows->org);
	size_t cap = 0;

	while (next_row(conn, stmt)) {
		rows->feed = grow(rows->feed, rows->n_feed, &cap,
				  sizeof(*rows->feed));
		rows->feed[rows->n_feed++] = (struct tb_bare_feed_row) {
			.scope = tb_sqlite_column(stmt, 0),
			.num = tb_sqlite_column(stmt, 1),
			.rid = tb_sqlite_column(stmt, 2),
			.entered = tb_sqlite_column(stmt, 3),
			.time = tb_sqlite_column(stmt, 4),
			.origin = tb_sqlite_column(stmt, 5),
			.flags = tb_sqlite_column(stmt, 6),
			.gone = tb_sqlite_column(stmt, 7) != 0,
		};
	}
}

static int compare_rid(const void *key, const void *element)
{
	uint64_t rid = *(const uint64_t *)key;
	const struct tb_bare_feed_row *row = element;

	return (rid > row->rid) - (rid < row->rid);
}

/* The feed's rows are in the order of their rids. */
static void find_feed(const struct tb_bare_rows *rows,
		      struct tb_bare_record_row *r)
{
	const struct tb_bare_feed_row *end = rows->feed + rows->n_feed;
	const struct tb_bare_feed_row *at =
		rows->n_feed == 0 ? NULL
				  : bsearch(&r->rid, rows->feed, rows->n_feed,
					    sizeof(*rows->feed), compare_rid);

	if (at == NULL)
		return;
	while (at > rows->feed && at[-1].rid == r->rid)
		at--;
	r->feed = at;
	while (at + r->n_feed < end && at[r->n_feed].rid == r->rid)
		r->n_feed++;
}

static void read_record(struct tb_bare_rows *rows, sqlite3_stmt *stmt)
{
	struct tb_bare_record_row *r = &rows->records[rows->n_records++];

	*r = (struct tb_bare_record_row) {
		.rid = tb_sqlite_column(stmt, 0),
		.version = tb_sqlite_column(stmt, 1),
		.created = tb_sqlite_column(stmt, 2),
		.updated = tb_sqlite_column(stmt, 3),
		.origin = tb_sqlite_column(stmt, 4),
		.deleted = tb_sqlite_column(stmt, 5),
		.entries = copy(rows, tb_sqlite_column_bytes(stmt, 6)),
		.body = copy(rows, tb_sqlite_column_bytes(stmt, 7)),
		.synced = tb_sqlite_column(stmt, 8),
		.org = tb_sqlite_column(stmt, 9),
		.coll = tb_sqlite_column(stmt, 10),
		.key = copy(rows, tb_sqlite_column_bytes(stmt, 11)),
		.is_new = tb_sqlite_column(stmt, 12) != 0,
	};
	find_feed(rows, r);
}

static void read_records(struct tb_bare_rows *rows, struct tb_sqlite_conn *conn)
{
	sqlite3_stmt *stmt = query(conn, records_sql, rows->org);
	size_t cap = 0;

	while (next_row(conn, stmt)) {
		rows->records = grow(rows->records, rows->n_records, &cap,
				     sizeof(*rows->records));
		read_record(rows, stmt);
	}
}

static void read_audits(struct tb_bare_rows *rows, struct tb_sqlite_conn *conn)
{
	sqlite3_stmt *stmt = query(conn, audits_sql, rows->org);
	size_t cap = 0;

	while (next_row(conn, stmt)) {
		rows->audits = grow(rows->audits, rows->n_audits, &cap,
				    sizeof(*rows->audits));
		rows->audits[rows->n_audits++] = (struct tb_bare_audit_row) {
			.n = tb_sqlite_column(stmt, 0),
			.row = copy(rows, tb_sqlite_column_bytes(stmt, 1)),
			.hash = copy(rows, tb_sqlite_column_bytes(stmt, 2)),
			.detail = copy(rows, tb_sqlite_column_bytes(stmt, 3)),
		};
	}
}

static uint64_t query_int(struct tb_sqlite_conn *conn, const char *sql,
			  uint64_t org)
{
	sqlite3_stmt *stmt = query(conn, sql, org);
	uint64_t v;

	if (sqlite3_step(stmt) != SQLITE_ROW)
		tb_bench_die(sqlite3_errmsg(conn->db));
	v = tb_sqlite_column(stmt, 0);
	sqlite3_finalize(stmt);
	return v;
}

void tb_bare_rows_read(struct tb_bare_rows *rows, const char *source,
		       const char *data)
{
	struct tb_sqlite_conn *conn = tb_bare_open(data, TB_TX_READ);

	*rows = (struct tb_bare_rows) {
		.arena = tb_arena_create(ROWS_MAX_BYTES),
	};
	if (rows->arena == NULL)
		tb_bench_die("out of memory");
	attach(conn, source);
	rows->org = query_int(conn, "SELECT max(id) FROM main.org", 0);
	rows->audit_before = query_int(
		conn, "SELECT audit_n FROM main.org WHERE id = ?1", rows->org);
	read_feed(rows, conn);
	read_records(rows, conn);
	read_audits(rows, conn);
	if (rows->n_records == 0)
		tb_bench_die("the source has nothing to write");
	tb_sqlite_conn_close(conn);
}

void tb_bare_rows_fini(struct tb_bare_rows *rows)
{
	tb_free(rows->records);
	tb_free(rows->feed);
	tb_free(rows->audits);
	tb_arena_destroy(rows->arena);
}

void tb_bare_rows_compare(const struct tb_bare_rows *rows,
			  struct tb_sqlite_conn *conn, const char *source)
{
	attach(conn, source);
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]);
	     i++)
		if (query_int(conn, differences[i], rows->org) != 0) {
			fprintf(stderr, "%s\n", differences[i]);
			tb_bench_die("the loop wrote other rows");
		}
}
