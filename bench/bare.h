/*
 * The bare loop: what a store costs by itself, without a server or a kernel.
 * It uses the SQLite engine's own connection, settings and statements, so
 * that the two cannot drift apart.
 */
#ifndef TB_BENCH_BARE_H
#define TB_BENCH_BARE_H

#include <stdint.h>

#include "store/sqlite/sqlite_conn.h"

struct tb_bare_options {
	const char *data;   /* folder that is written, or read */
	const char *source; /* write: folder whose rows are written again */
	uint64_t group;     /* write: records in a transaction */
	uint64_t from;      /* read: the first cursor */
	uint64_t to;        /* read: where the last page ends */
	uint64_t limit;     /* read: rows in a page */
	uint64_t rounds;    /* read: how often the walk is made */
};

/* A connection to the store in a folder, as the engine configures it. */
struct tb_sqlite_conn *tb_bare_open(const char *data, enum tb_tx_mode mode);

/* Writes the rows that `source` has and `data` has not, in groups, in place of
 * those that `source` has not any more; then makes sure that both have the same
 * bytes. `data` is a copy of the folder that
 * `source` was before a server filled it. */
void tb_bare_write(const struct tb_bare_options *options);

/* Reads pages of the central feed of the only org by the bare join. */
void tb_bare_read(const struct tb_bare_options *options);

#endif
