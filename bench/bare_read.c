#include "bare.h"

#include <stdio.h>

#include "kernel/system.h"
#include "options.h"

/* FEED_RECORDS gives so many columns, of which two are bytes. */
#define COLUMNS 15
#define COLUMN_KEY 12
#define COLUMN_BODY 13

static uint64_t central_scope(struct tb_sqlite_conn *conn)
{
	int64_t org;

	tb_bench_must(
		tb_sqlite_query_int(conn->db, "SELECT max(id) FROM org", &org),
		"the org");
	return tb_scope_known((uint32_t)org, TB_SCOPE_CENTRAL);
}

/* Looks at every column, as whoever made a page of them would. */
static uint64_t look_at_row(sqlite3_stmt *stmt)
{
	uint64_t sum = 0;

	for (int i = 0; i < COLUMNS; i++) {
		struct tb_str bytes;

		if (i < COLUMN_KEY || i > COLUMN_BODY) {
			sum += tb_sqlite_column(stmt, i);
			continue;
		}
		bytes = tb_sqlite_column_bytes(stmt, i);
		sum += bytes.n > 0 ? (uint8_t)bytes.p[bytes.n - 1] : 0;
	}
	return sum;
}

static uint64_t read_page(struct tb_sqlite_conn *conn, uint64_t scope,
			  uint64_t after, uint64_t limit, uint64_t *sum)
{
	struct tb_sqlite_binder b = { 0 };
	uint64_t n = 0;

	tb_bench_must(tb_sqlite_run(conn, TB_SQLITE_BEGIN_READ), "begin");
	tb_bench_must(tb_sqlite_get(conn, TB_SQLITE_FEED_RECORDS, &b.stmt),
		      "the join");
	tb_sqlite_bind(&b, scope);
	tb_sqlite_bind(&b, after);
	tb_sqlite_bind(&b, after + limit);
	tb_sqlite_bind(&b, limit);
	while (sqlite3_step(b.stmt) == SQLITE_ROW) {
		*sum += look_at_row(b.stmt);
		n++;
	}
	sqlite3_reset(b.stmt);
	tb_bench_must(tb_sqlite_run(conn, TB_SQLITE_COMMIT), "commit");
	return n;
}

void tb_bare_read(const struct tb_bare_options *options)
{
	struct tb_sqlite_conn *conn = tb_bare_open(options->data, TB_TX_READ);
	uint64_t scope = central_scope(conn);
	uint64_t limit = options->limit;
	uint64_t rows = 0;
	uint64_t sum = 0;
	int64_t begin_us = tb_bench_now_us();
	double seconds;

	for (uint64_t r = 0; r < options->rounds; r++)
		for (uint64_t at = options->from; at + limit <= options->to;
		     at += limit) {
			if (read_page(conn, scope, at, limit, &sum) != limit)
				tb_bench_die("a page is not full");
			rows += limit;
		}
	seconds = (double)(tb_bench_now_us() - begin_us) / 1e6;
	printf("{\"rows\":%llu,\"seconds\":%.6f,\"rows_per_s\":%.1f,"
	       "\"sum\":%llu}\n",
	       (unsigned long long)rows, seconds, (double)rows / seconds,
	       (unsigned long long)sum);
	tb_sqlite_conn_close(conn);
}
