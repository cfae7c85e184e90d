/*
 * The records of one answer: who asks sees some scopes of a collection, and
 * gets what is in them, or what changed in them since. Reads in snapshots that
 * are short however long the answer is, and puts what it finds into a spool;
 * what changes meanwhile is read again, so that the answer is of one moment,
 * that of the last snapshot. Used by one thread.
 *
 * A sight that changes because a record does is a change like any other. If the
 * caller's account changes it, or the record that the caller is gets its id, or
 * the declaration changes, nothing in the feeds says so:
 * who has read up to an earlier moment only starts over.
 */
#ifndef TB_API_RESOURCES_READER_H
#define TB_API_RESOURCES_READER_H

#include "api/resources/layout.h"
#include "api/resources/query.h"
#include "api/resources/sights.h"
#include "http/spool.h"
#include "kernel/core.h"
#include "kernel/restart.h"
#include "kernel/sight.h"

struct tb_reader_options {
	struct tb_core *core;
	struct tb_sights *sights;
	struct tb_arena *arena; /* of the request */
	const struct tb_principal *principal;
	const struct tb_layout *layout;
	const struct tb_resources_query *query;
	size_t slice_rows; /* read in one snapshot; 0: the default */
};

/* Embedded by its owner. */
struct tb_reader {
	struct tb_reader_options options;
	struct tb_tx *tx; /* the snapshot that is open, or NULL */
	/* What the snapshot says: the org, and what the caller sees with the
	 * last number of each scope. */
	struct tb_org org;
	struct tb_sight sight;
	struct tb_restart sighted; /* the account's last change of it */
	uint64_t turn;             /* of the org's scopes, or an earlier one */
	uint64_t nums[TB_RULES_MAX];
	/* What is asked for; judge may say that its time is as good as none. */
	struct tb_resources_query query;
	/* Filters as bodies have them, but for the one to which the sight is
	 * narrowed. p NULL: none. */
	struct tb_str filters[TB_FILTERS_MAX];
	size_t n_snapshots; /* so far */

	/* Set by tb_reader_run. */
	bool has_next;                   /* a page, and there is more */
	struct tb_resources_cursor next; /* where it is */
	int64_t last_us;                 /* X-Last-Sync */
};

/* What the caller sees of what is asked for, where its feeds end, and the org's
 * heads of the same moment. */
struct tb_reader_ends {
	struct tb_sight sight;
	uint64_t nums[TB_RULES_MAX];
	struct tb_heads heads;
};
/* The same from memory. False: memory does not have it. Never blocks. */
bool tb_reader_find_ends(const struct tb_reader_options *options,
			 struct tb_reader_ends *ret);

/* Opens a snapshot and finds what the caller sees in it. NOT_FOUND: the org is
 * not there. */
enum tb_err
tb_reader_open(struct tb_reader *reader,
	       const struct tb_reader_options *options) tb_must_check;
/* For who goes on from a time or a cursor. RESYNC: the client must start over.
 * Where a whole answer does as well, that is what run gives then. */
enum tb_err tb_reader_judge(struct tb_reader *reader) tb_must_check;
/* The form of spool that run wants. */
enum tb_spool_form tb_reader_spool_form(const struct tb_reader *reader);
/* Reads all that is asked for. The snapshot, perhaps another one than at the
 * beginning, is over then, and its `org` and `nums` are those of the answer.
 * BUSY: meanwhile the caller's account has changed and sees other records. */
enum tb_err tb_reader_run(struct tb_reader *reader,
			  struct tb_spool *spool) tb_must_check;
/* Ends a snapshot that is open. Takes one that is zeroed. */
void tb_reader_close(struct tb_reader *reader);
/* For one whose snapshot is over: from now on memory knows where the feeds of
 * its sight end, so that who asks again need not read (tb_reader_find_ends). */
void tb_reader_remember(const struct tb_reader *reader);

#endif
