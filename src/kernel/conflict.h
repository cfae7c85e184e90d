/*
 * Two writers: a site pushes over a version of other origin that it has not
 * acknowledged. Both versions go to the ledger (ledger.h); the declaration says
 * who wins.
 */
#ifndef TB_KERNEL_CONFLICT_H
#define TB_KERNEL_CONFLICT_H

#include <stdbool.h>

#include "kernel/declaration.h"
#include "kernel/rights.h"
#include "kernel/view.h"

/* True if the writer has not acknowledged the stored version, which is not
 * its own. */
bool tb_conflict_is(const struct tb_writer *writer,
		    const struct tb_record *stored);

/* One conflict: what is stored and what the site sent over it. */
struct tb_conflict {
	const struct tb_collection *collection;
	struct tb_str table;
	const struct tb_record *stored;
	struct tb_str body;
	bool deleted; /* the site deleted the record */
};

/* What comes of it. */
struct tb_conflict_result {
	struct tb_str body; /* what the record is to be */
	bool deleted;
	bool site_wins; /* exactly what the site sent */
	bool known;     /* the same was settled before: the push is a repetition
			 * and changes nothing */
};

/* Decides what the record is to be. */
enum tb_err tb_conflict_settle(struct tb_view *view,
			       const struct tb_writer *writer,
			       const struct tb_conflict *conflict,
			       struct tb_conflict_result *ret) tb_must_check;
/* Writes both versions to the ledger. `version` is the record's once the
 * result is stored: by it a repeated push finds the entry. */
enum tb_err tb_conflict_record(struct tb_view *view,
			       const struct tb_writer *writer,
			       const struct tb_conflict *conflict,
			       const struct tb_conflict_result *result,
			       uint64_t version) tb_must_check;

#endif
