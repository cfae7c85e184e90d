#include "bare.h"

#include <stdio.h>

#include "bare_rows.h"
#include "options.h"
#include "store/sqlite/sqlite_log.h"

/* The columns of an org, of which these move. */
#define ORG_COLUMNS 15
#define ORG_HEAD 4
#define ORG_AUDIT_N 12

struct loop {
	struct tb_sqlite_conn *conn; /* to the store that is written */
	const struct tb_bare_rows *rows;
	sqlite3_stmt *org_row; /* of the source, on its last row */
};

static void run(struct tb_sqlite_conn *conn, const struct tb_sqlite_binder *b)
{
	if (b->rc != SQLITE_OK || tb_sqlite_finish(conn, b->stmt) != TB_OK)
		tb_bench_die(sqlite3_errmsg(conn->db));
}

static void write_feed(struct tb_sqlite_conn *conn,
		       const struct tb_bare_feed_row *row)
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

static void delete_feed(struct tb_sqlite_conn *conn,
			const struct tb_bare_feed_row *row)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_FEED_DELETE, &b.stmt),
		      "feed");
	tb_sqlite_bind(&b, row->scope);
	tb_sqlite_bind(&b, row->num);
	run(conn, &b);
}

static void write_record(struct tb_sqlite_conn *conn,
			 const struct tb_bare_record_row *row)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(conn,
				    row->is_new ? TB_SQLITE_RECORD_INSERT
						: TB_SQLITE_RECORD_UPDATE,
				    &b.stmt),
		      "record");
	tb_sqlite_bind(&b, row->rid);
	tb_sqlite_bind(&b, row->version);
	tb_sqlite_bind(&b, row->created);
	tb_sqlite_bind(&b, row->updated);
	tb_sqlite_bind(&b, row->origin);
	tb_sqlite_bind(&b, row->deleted);
	tb_sqlite_bind_bytes(&b, row->entries);
	tb_sqlite_bind_bytes(&b, row->body);
	tb_sqlite_bind(&b, row->synced);
	if (row->is_new) {
		tb_sqlite_bind(&b, row->org);
		tb_sqlite_bind(&b, row->coll);
		tb_sqlite_bind_bytes(&b, row->key);
	}
	run(conn, &b);
	for (size_t i = 0; i < row->n_feed; i++) {
		if (row->feed[i].gone)
			delete_feed(conn, &row->feed[i]);
		else
			write_feed(conn, &row->feed[i]);
	}
}

static void write_audit(struct tb_sqlite_conn *conn,
			const struct tb_bare_rows *rows,
			const struct tb_bare_audit_row *row)
{
	struct tb_sqlite_binder audit = { 0 };

	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_AUDIT_INSERT, &audit.stmt),
		      "audit");
	tb_sqlite_bind(&audit, tb_rid((uint32_t)rows->org, row->n));
	tb_sqlite_bind_bytes(&audit, row->row);
	tb_sqlite_bind_bytes(&audit, row->hash);
	tb_sqlite_bind_bytes(&audit, row->detail);
	run(conn, &audit);
}

/* The source's row of the org; the statement stays on it. */
static sqlite3_stmt *find_org(struct tb_sqlite_conn *source, uint64_t org)
{
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(source, TB_SQLITE_ORG_GET, &b.stmt), "org");
	tb_sqlite_bind(&b, org);
	tb_bench_must(tb_sqlite_row(source, b.stmt), "org");
	return b.stmt;
}

/* The org's row as it is when `n_records` and `n_audits` are written. */
static void write_org(const struct loop *loop, size_t n_records,
		      size_t n_audits)
{
	const struct tb_bare_rows *rows = loop->rows;
	struct tb_sqlite_binder b = { 0 };

	tb_bench_must(tb_sqlite_get(loop->conn, TB_SQLITE_ORG_PUT, &b.stmt),
		      "org");
	for (int i = 0; i < ORG_COLUMNS; i++)
		sqlite3_bind_value(b.stmt, i + 1,
				   sqlite3_column_value(loop->org_row, i));
	if (n_records < rows->n_records) {
		b.i = ORG_HEAD;
		tb_sqlite_bind(&b, rows->records[n_records - 1].version);
		b.i = ORG_AUDIT_N;
		tb_sqlite_bind(&b, rows->audit_before + n_audits);
	}
	run(loop->conn, &b);
}

/* Audit rows are spread over the records as the requests were. */
static void write_groups(const struct loop *loop, uint64_t group)
{
	const struct tb_bare_rows *rows = loop->rows;
	struct tb_sqlite_conn *conn = loop->conn;
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
			write_org(loop, i + 1, audits);
			tb_bench_must(tb_sqlite_run(conn, TB_SQLITE_COMMIT),
				      "commit");
		}
	}
}

void tb_bare_write(const struct tb_bare_options *options)
{
	struct tb_sqlite_conn *source =
		tb_bare_open(options->source, TB_TX_READ);
	struct tb_bare_rows rows;
	struct loop loop = { .rows = &rows };
	int64_t begin_us;
	double seconds;

	tb_bare_rows_read(&rows, options->source, options->data);
	loop.org_row = find_org(source, rows.org);
	loop.conn = tb_bare_open(options->data, TB_TX_WRITE);
	begin_us = tb_bench_now_us();
	write_groups(&loop, options->group);
	seconds = (double)(tb_bench_now_us() - begin_us) / 1e6;
	tb_bare_rows_compare(&rows, loop.conn, options->source);
	printf("{\"rows\":%zu,\"feed_rows\":%zu,\"audit_rows\":%zu,"
	       "\"group\":%llu,\"seconds\":%.6f,\"rows_per_s\":%.1f}\n",
	       rows.n_records, rows.n_feed, rows.n_audits,
	       (unsigned long long)options->group, seconds,
	       (double)rows.n_records / seconds);
	sqlite3_reset(loop.org_row);
	tb_sqlite_conn_close(loop.conn);
	tb_sqlite_conn_close(source);
	tb_bare_rows_fini(&rows);
}
