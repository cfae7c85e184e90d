/*
 * What a store has more than it had: the rows that a server wrote, so that the
 * bare loop can write them again. All in memory before the clock starts.
 */
#ifndef TB_BENCH_BARE_ROWS_H
#define TB_BENCH_BARE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "bare.h"
#include "base/arena.h"

struct tb_bare_feed_row {
	uint64_t scope;
	uint64_t num;
	uint64_t rid;
	uint64_t entered;
	uint64_t time;
	uint64_t origin;
	uint64_t flags;
	bool gone; /* it was there and is not any more, as it was */
};

struct tb_bare_record_row {
	uint64_t rid;
	uint64_t version;
	uint64_t created;
	uint64_t updated;
	uint64_t origin;
	uint64_t deleted;
	struct tb_str entries;
	struct tb_str body;
	uint64_t synced;
	uint64_t org;
	uint64_t coll;
	struct tb_str key;
	bool is_new;                         /* else it was there before */
	const struct tb_bare_feed_row *feed; /* first those that are gone */
	size_t n_feed;
};

struct tb_bare_audit_row {
	uint64_t n;
	struct tb_str row;
	struct tb_str hash;
	struct tb_str detail;
};

struct tb_bare_rows {
	struct tb_arena *arena; /* of all of it */
	uint64_t org;           /* the store's last one, whose rows these are */
	uint64_t audit_before;  /* the last audit row that both have */
	struct tb_bare_record_row *records; /* in the order of the writes */
	size_t n_records;
	struct tb_bare_feed_row *feed;
	size_t n_feed;
	struct tb_bare_audit_row *audits;
	size_t n_audits;
};

/* Reads what the store in the folder `source` has more than the one in `data`,
 * which is a copy of what `source` was. Dies if that is nothing. */
void tb_bare_rows_read(struct tb_bare_rows *rows, const char *source,
		       const char *data);
void tb_bare_rows_fini(struct tb_bare_rows *rows);

/* Dies unless the store of `conn` now has the rows of that org which the one
 * in `source` has, byte for byte. */
void tb_bare_rows_compare(const struct tb_bare_rows *rows,
			  struct tb_sqlite_conn *conn, const char *source);

#endif
