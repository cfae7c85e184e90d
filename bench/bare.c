#include "bare.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "options.h"
#include "store/sqlite/sqlite_file.h"
#include "store/stores.h"

#define BUSY_TIMEOUT_MS 1000

static const struct tb_bench_option rows[] = {
#define ROW(member, what) TB_OPTION(struct tb_bare_options, member, what)
	ROW(data, TEXT),     ROW(source, TEXT), ROW(group, NUMBER),
	ROW(from, NUMBER),   ROW(to, NUMBER),   ROW(limit, NUMBER),
	ROW(rounds, NUMBER),
#undef ROW
};

/* The engine sets SQLite up for the process when it opens its first store. */
static void open_once(const char *data)
{
	struct tb_store_options at = { .path = data,
				       .readers_max = 1,
				       .busy_timeout_ms = BUSY_TIMEOUT_MS };
	struct tb_store *store;

	tb_bench_must(tb_store_sqlite.open(&at, &store), data);
	tb_store_sqlite.close(store);
}

struct tb_sqlite_conn *tb_bare_open(const char *data, enum tb_tx_mode mode)
{
	char *file = tb_sqlite_file_path(data, TB_SQLITE_FILE);
	struct tb_sqlite_conn *conn;

	if (file == NULL)
		tb_bench_die("out of memory");
	tb_bench_must(tb_sqlite_conn_open(file, BUSY_TIMEOUT_MS, &conn), file);
	tb_bench_must(tb_sqlite_conn_configure(conn, mode), file);
	tb_free(file);
	return conn;
}

int main(int argc, char **argv)
{
	struct tb_bare_options options = { .group = 256,
					   .limit = 1000,
					   .rounds = 1 };
	const char *mode = tb_options_parse(argc, argv, rows,
					    TB_ARRAY_LEN(rows), &options);

	if (options.data == NULL || options.group == 0 || options.limit == 0)
		tb_bench_die("--data, --group, --limit");
	open_once(options.data);
	if (strcmp(mode, "write") == 0 && options.source != NULL)
		tb_bare_write(&options);
	else if (strcmp(mode, "read") == 0)
		tb_bare_read(&options);
	else
		tb_bench_die("write --source DIR, or read, was expected");
	return 0;
}
