#include "bare.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "options.h"
#include "store/sqlite/sqlite_file.h"
#include "store/sqlite/sqlite_log.h"

#define ROWS_MAX_BYTES ((size_t)16 << 30)

struct feed_row {
	uint64_t scope;
	uint64_t num;
	uint64_t rid;
	uint64_t entered;
	uint64_t time;
	uint64_t origin;
	uint64_t flags;
};

struct record_row {
	uint64_t rid;
	uint64_t version;
	uint64_t created;
	uint64_t updated;
	uint64_t origin;
	uint64_t deleted;
	struct tb_str entries;
	struct tb_str body;
	uint64_t org;
	uint64_t coll;
	struct tb_str key;
	const struct feed_row *feed;
	size_t n_feed;
};

struct audit_row {
	uint64_t n;
	struct tb_str row;
	struct tb_str hash;
	struct tb_str detail;
};

/* The columns of an org, of which these move. */
#define ORG_COLUMNS 14
#define ORG_HEAD 4
#define ORG_AUDIT_N 12

/* All that is to be written, in memory before the clock starts. */
struct rows {
	struct tb_arena *arena;
	uint64_t org;
	uint64_t rid_before; /* the last record and audit row that both have */
	uint64_t audit_before;
	struct record_row *records;
	size_t n_records;
	struct feed_row *feed;
	size_t n_feed;
	struct audit_row *audits;
	size_t n_audits;
	sqlite3_stmt *org_row; /* of the source, on its last row */
};

/* ---- reading the source ---- */

static struct tb_str copy(struct rows *rows, struct tb_str bytes)
{
	struct tb_str s;

	tb_bench_must(tb_arena_strdup(rows->arena, bytes, &s), "copy");
	return s;
}

static sqlite3_stmt *query(struct tb_sqlite_conn *conn, const char *sql,
			   uint64_t first, uint64_t second)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		tb_bench_die(sqlite3_errmsg(conn->db));
	/* Those that the text does not name are refused, which is fine. */
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)first);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)second);
	return stmt;
}

static uint64_t query_int(struct tb_sqlite_conn *conn, const char *sql,
			  uint64_t first, uint64_t second)
{
	sqlite3_stmt *stmt = query(conn, sql, first, second);
	uint64_t v;

	if (sqlite3_step(stmt) != SQLITE_ROW)
		tb_bench_die(sqlite3_errmsg(conn->db));
	v = tb_sqlite_column(stmt, 0);
	sqlite3_finalize(stmt);
	return v;
}

static void *room_for(struct rows *rows, size_t n, size_t size)
{
	void *p = tb_arena_calloc(rows->arena, n + 1, size);

	if (p == NULL)
		tb_bench_die("out of memory");
	return p;
}

static void read_feed(struct rows *rows, struct tb_sqlite_conn *conn)
{
	uint64_t n = query_int(conn, "SELECT count(*) FROM feed WHERE rid > ?1",
			       rows->rid_before, 0);
	sqlite3_stmt *stmt =
		query(conn,
		      "SELECT scope, num, rid, entered, time, origin, flags "
		      "FROM feed WHERE rid > ?1 ORDER BY rid, scope",
		      rows->rid_before, 0);

	rows->feed = room_for(rows, n, sizeof(*rows->feed));
	while (sqlite3_step(stmt) == SQLITE_ROW)
		rows->feed[rows->n_feed++] = (struct feed_row) {
			.scope = tb_sqlite_column(stmt, 0),
			.num = tb_sqlite_column(stmt, 1),
			.rid = tb_sqlite_column(stmt, 2),
			.entered = tb_sqlite_column(stmt, 3),
			.time = tb_sqlite_column(stmt, 4),
			.origin = tb_sqlite_column(stmt, 5),
			.flags = tb_sqlite_column(stmt, 6),
		};
	sqlite3_finalize(stmt);
}

static void read_record(struct rows *rows, sqlite3_stmt *stmt, size_t *at)
{
	struct record_row *r = &rows->records[rows->n_records++];

	r->rid = tb_sqlite_column(stmt, 0);
	r->version = tb_sqlite_column(stmt, 1);
	r->created = tb_sqlite_column(stmt, 2);
	r->updated = tb_sqlite_column(stmt, 3);
	r->origin = tb_sqlite_column(stmt, 4);
	r->deleted = tb_sqlite_column(stmt, 5);
	r->entries = copy(rows, tb_sqlite_column_bytes(stmt, 6));
	r->body = copy(rows, tb_sqlite_column_bytes(stmt, 7));
	r->org = tb_sqlite_column(stmt, 8);
	r->coll = tb_sqlite_column(stmt, 9);
	r->key = copy(rows, tb_sqlite_column_bytes(stmt, 10));
	r->feed = &rows->feed[*at];
	while (*at < rows->n_feed && rows->feed[*at].rid == r->rid) {
		r->n_feed++;
		++*at;
	}
}

static void read_records(struct rows *rows, struct tb_sqlite_conn *conn)
{
	uint64_t n =
		query_int(conn, "SELECT count(*) FROM record WHERE rid > ?1",
			  rows->rid_before, 0);
	sqlite3_stmt *stmt =
		query(conn,
		      "SELECT rid, version, created, updated, origin, deleted, "
		      "entries, body, org, coll, key "
		      "FROM record WHERE rid > ?1 ORDER BY rid",
		      rows->rid_before, 0);
	size_t at = 0;

	rows->records = room_for(rows, n, sizeof(*rows->records));
	while (sqlite3_step(stmt) == SQLITE_ROW)
		read_record(rows, stmt, &at);
	sqlite3_finalize(stmt);
}

static void read_audits(struct rows *rows, struct tb_sqlite_conn *conn)
{
	uint64_t n = query_int(
		conn, "SELECT count(*) FROM audit WHERE org = ?1 AND n > ?2",
		rows->org, rows->audit_before);
	sqlite3_stmt *stmt =
		query(conn,
		      "SELECT a.n, a.row, a.hash, d.detail FROM audit a "
		      "JOIN audit_detail d ON d.org = a.org AND d.n = a.n "
		      "WHERE a.org = ?1 AND a.n > ?2 ORDER BY a.n",
		      rows->org, rows->audit_before);

	rows->audits = room_for(rows, n, sizeof(*rows->audits));
	while (sqlite3_step(stmt) == SQLITE_ROW)
		rows->audits[rows->n_audits++] = (struct audit_row) {
			.n = tb_sqlite_column(stmt, 0),
			.row = copy(rows, tb_sqlite_column_bytes(stmt, 1)),
			.hash = copy(rows, tb_sqlite_column_bytes(stmt, 2)),
			.detail = copy(rows, tb_sqlite_column_bytes(stmt, 3)),
		};
	sqlite3_finalize(stmt);
}

static void read_org(struct rows *rows, struct tb_sqlite_conn *source)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(source, TB_SQLITE_ORG_GET, &b.stmt), "org");
	tb_sqlite_bind(&b, rows->org);
	tb_bench_must(tb_sqlite_row(source, b.stmt), "org");
	rows->org_row = b.stmt;
}

/* What `source` has more than `conn`. */
static void read_rows(struct rows *rows, struct tb_sqlite_conn *source,
		      struct tb_sqlite_conn *conn)
{
	rows->org = query_int(conn, "SELECT max(id) FROM org", 0, 0);
	rows->rid_before = query_int(conn, "SELECT max(rid) FROM record", 0, 0);
	rows->audit_before = query_int(
		conn, "SELECT audit_n FROM org WHERE id = ?1", rows->org, 0);
	read_feed(rows, source);
	read_records(rows, source);
	read_audits(rows, source);
	read_org(rows, source);
	if (rows->n_records == 0)
		tb_bench_die("the source has nothing to write");
}

/* ---- the loop ---- */

static void run(struct tb_sqlite_conn *conn, const struct tb_sqlite_binder *b)
{
	if (b->rc != SQLITE_OK || tb_sqlite_finish(conn, b->stmt) != TB_OK)
		tb_bench_die(sqlite3_errmsg(conn->db));
}

static void write_feed(struct tb_sqlite_conn *conn, const struct feed_row *row)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_FEED_INSERT, &b.stmt),
		      "feed");
	tb_sqlite_bind(&b, row->scope);
	tb_sqlite_bind(&b, row->num);
	tb_sqlite_bind(&b, row->rid);
	tb_sqlite_bind(&b, row->entered);
	tb_sqlite_bind(&b, row->time);
	tb_sqlite_bind(&b, row->origin);
	tb_sqlite_bind(&b, row->flags);
	run(conn, &b);
}

static void write_record(struct tb_sqlite_conn *conn,
			 const struct record_row *row)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_RECORD_INSERT, &b.stmt),
		      "record");
	tb_sqlite_bind(&b, row->rid);
	tb_sqlite_bind(&b, row->version);
	tb_sqlite_bind(&b, row->created);
	tb_sqlite_bind(&b, row->updated);
	tb_sqlite_bind(&b, row->origin);
	tb_sqlite_bind(&b, row->deleted);
	tb_sqlite_bind_bytes(&b, row->entries);
	tb_sqlite_bind_bytes(&b, row->body);
	tb_sqlite_bind(&b, row->org);
	tb_sqlite_bind(&b, row->coll);
	tb_sqlite_bind_bytes(&b, row->key);
	run(conn, &b);
	for (size_t i = 0; i < row->n_feed; i++)
		write_feed(conn, &row->feed[i]);
}

static void write_audit(struct tb_sqlite_conn *conn, const struct rows *rows,
			const struct audit_row *row)
{
	struct tb_sqlite_binder audit = { 0 };
	struct tb_sqlite_binder detail = { 0 };

	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_AUDIT_INSERT, &audit.stmt),
		      "audit");
	tb_sqlite_bind(&audit, rows->org);
	tb_sqlite_bind(&audit, row->n);
	tb_sqlite_bind_bytes(&audit, row->row);
	tb_sqlite_bind_bytes(&audit, row->hash);
	run(conn, &audit);
	tb_bench_must(
		tb_sqlite_get(conn, TB_SQLITE_DETAIL_INSERT, &detail.stmt),
		"audit_detail");
	tb_sqlite_bind(&detail, rows->org);
	tb_sqlite_bind(&detail, row->n);
	tb_sqlite_bind_bytes(&detail, row->detail);
	run(conn, &detail);
}

/* The org's row as it is when `n_records` and `n_audits` are written. */
static void write_org(struct tb_sqlite_conn *conn, const struct rows *rows,
		      size_t n_records, size_t n_audits)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_ORG_PUT, &b.stmt), "org");
	for (int i = 0; i < ORG_COLUMNS; i++)
		sqlite3_bind_value(b.stmt, i + 1,
				   sqlite3_column_value(rows->org_row, i));
	if (n_records < rows->n_records) {
		b.i = ORG_HEAD;
		tb_sqlite_bind(&b, rows->records[n_records - 1].version);
		b.i = ORG_AUDIT_N;
		tb_sqlite_bind(&b, rows->audit_before + n_audits);
	}
	run(conn, &b);
}

/* Audit rows are spread over the records as the requests were. */
static void write_groups(struct tb_sqlite_conn *conn, const struct rows *rows,
			 uint64_t group)
{
	struct tb_sqlite_log log;
	size_t audits = 0;

	tb_bench_must(tb_sqlite_log_init(&log, conn), "log");
	for (size_t i = 0; i < rows->n_records; i++) {
		bool is_last = i + 1 == rows->n_records;

		if (i % group == 0) {
			tb_bench_must(tb_sqlite_log_trim(&log, conn), "log");
			tb_bench_must(
				tb_sqlite_run(conn, TB_SQLITE_BEGIN_WRITE),
				"begin");
		}
		write_record(conn, &rows->records[i]);
		while (audits < (i + 1) * rows->n_audits / rows->n_records)
			write_audit(conn, rows, &rows->audits[audits++]);
		if ((i + 1) % group == 0 || is_last) {
			write_org(conn, rows, i + 1, audits);
			tb_bench_must(tb_sqlite_run(conn, TB_SQLITE_COMMIT),
				      "commit");
		}
	}
}

/* ---- the proof ---- */

/* Dies unless every new row of the source is in `conn`, byte for byte. */
static void compare(struct tb_sqlite_conn *conn, const struct rows *rows,
		    const char *source)
{
	static const char *const differences[] = {
		"SELECT count(*) FROM (SELECT * FROM source.record WHERE "
		"rid > ?1 EXCEPT SELECT * FROM main.record)",
		"SELECT count(*) FROM (SELECT * FROM source.feed WHERE "
		"rid > ?1 EXCEPT SELECT * FROM main.feed)",
		"SELECT count(*) FROM (SELECT * FROM source.link WHERE "
		"child > ?1 EXCEPT SELECT * FROM main.link)",
		"SELECT count(*) FROM (SELECT * FROM source.audit WHERE "
		"org = ?2 EXCEPT SELECT * FROM main.audit)",
		"SELECT count(*) FROM (SELECT * FROM source.audit_detail WHERE "
		"org = ?2 EXCEPT SELECT * FROM main.audit_detail)",
		"SELECT count(*) FROM (SELECT * FROM source.org WHERE "
		"id = ?2 EXCEPT SELECT * FROM main.org)",
	};
	char *attach = sqlite3_mprintf("ATTACH '%q/%q' AS source", source,
				       TB_SQLITE_FILE);

	tb_bench_must(tb_sqlite_exec(conn->db, attach), "attach");
	sqlite3_free(attach);
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]);
	     i++)
		if (query_int(conn, differences[i], rows->rid_before,
			      rows->org) != 0) {
			fprintf(stderr, "%s\n", differences[i]);
			tb_bench_die("the loop wrote other rows");
		}
}

void tb_bare_write(const struct tb_bare_options *options)
{
	struct tb_sqlite_conn *source =
		tb_bare_open(options->source, TB_TX_READ);
	struct tb_sqlite_conn *conn = tb_bare_open(options->data, TB_TX_WRITE);
	struct rows rows = { .arena = tb_arena_create(ROWS_MAX_BYTES) };
	int64_t begin_us;
	double seconds;

	if (rows.arena == NULL)
		tb_bench_die("out of memory");
	read_rows(&rows, source, conn);
	begin_us = tb_bench_now_us();
	write_groups(conn, &rows, options->group);
	seconds = (double)(tb_bench_now_us() - begin_us) / 1e6;
	compare(conn, &rows, options->source);
	printf("{\"rows\":%zu,\"feed_rows\":%zu,\"audit_rows\":%zu,"
	       "\"group\":%llu,\"seconds\":%.6f,\"rows_per_s\":%.1f}\n",
	       rows.n_records, rows.n_feed, rows.n_audits,
	       (unsigned long long)options->group, seconds,
	       (double)rows.n_records / seconds);
	sqlite3_reset(rows.org_row);
	tb_sqlite_conn_close(conn);
	tb_sqlite_conn_close(source);
	tb_arena_destroy(rows.arena);
}
