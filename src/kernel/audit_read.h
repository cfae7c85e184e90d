/*
 * Reading an org's audit trail, the newest row first. Rows have dense numbers
 * and times that never fall, so that a time is found by halving, and only what
 * a row says has to be looked for row by row. That is done slice by slice, each
 * in a snapshot of its own.
 */
#ifndef TB_KERNEL_AUDIT_READ_H
#define TB_KERNEL_AUDIT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/audit.h"
#include "kernel/core.h"

/* Rows of one page, and those looked at in one slice. */
#define TB_AUDIT_PAGE_MAX 1000

/* Which rows; slices are borrowed. */
struct tb_audit_query {
	uint32_t org;
	struct tb_str event_type; /* exactly this one; p NULL: any */
	struct tb_str device;     /* likewise; of rows whose detail is there */
	int64_t since_us;         /* inclusive */
	int64_t until_us;         /* inclusive */
};

/* A time that a query names: ISO 8601, in UTC where it says no zone. A date
 * alone is its beginning or, with `is_end`, its last microsecond. INVALID. */
enum tb_err tb_audit_parse_time(struct tb_str text, bool is_end,
				int64_t *ret_us) tb_must_check;

/* Goes down the rows that the query's times admit. */
struct tb_audit_walk {
	const struct tb_audit_query *query;
	uint64_t first; /* the oldest of them */
	uint64_t next;  /* to be looked at next; below `first`: none */
};
enum tb_err tb_audit_walk_begin(struct tb_core *core,
				const struct tb_audit_query *query,
				struct tb_audit_walk *ret) tb_must_check;
/* True if no row is left. */
bool tb_audit_walk_is_done(const struct tb_audit_walk *walk);
/* Looks at the next `max` rows at most (up to TB_AUDIT_PAGE_MAX) and gives the
 * numbers of those that fit, which may be none though others follow. */
enum tb_err tb_audit_walk_next(struct tb_core *core, struct tb_audit_walk *walk,
			       uint64_t *rets, size_t max,
			       size_t *ret_n) tb_must_check;

/* A part of what fits, and how many these are. */
struct tb_audit_page {
	uint64_t rows[TB_AUDIT_PAGE_MAX];
	size_t n;
	uint64_t total;
	bool is_complete; /* all rows were looked at */
};
/* Leaves out the newest `offset` that fit and gives up to `limit`. Where every
 * row has to be looked at, only the newest `scan_max` are. */
enum tb_err tb_audit_page_read(struct tb_core *core,
			       const struct tb_audit_query *query,
			       uint64_t offset, size_t limit, uint64_t scan_max,
			       struct tb_audit_page *ret) tb_must_check;

/* One row. One that cannot be read has its number alone, and the status
 * "damaged". NOT_FOUND: it was dropped. */
enum tb_err tb_audit_find(struct tb_tx *tx, struct tb_arena *arena,
			  uint32_t org, uint64_t n,
			  struct tb_audit_entry *ret) tb_must_check;

/* The last row before a time; 0: none is. */
enum tb_err tb_audit_find_before(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, int64_t us,
				 uint64_t *ret) tb_must_check;

#endif
