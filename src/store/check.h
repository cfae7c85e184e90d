/*
 * A store's own invariants, for every engine alike: the engine shows all that
 * it keeps, row by row, and this compares each with the rest by the engine's
 * own functions. What is broken is reported and the check goes on; an error
 * means that it could not go on. Used by the transaction's thread.
 */
#ifndef TB_STORE_CHECK_H
#define TB_STORE_CHECK_H

#include "kernel/store.h"

/* The names under which broken invariants are reported. */
#define TB_CHECK_FILE "file"       /* the engine's own structures are whole */
#define TB_CHECK_ORGS "orgs"       /* what belongs to an org has one */
#define TB_CHECK_ENTRIES "entries" /* records' entries are the feeds' rows */
#define TB_CHECK_HEADS "heads"     /* only fixed numbers are above the heads */
#define TB_CHECK_LINKS "links"     /* children are there, in the same org */
#define TB_CHECK_AUDIT                                                         \
	"audit" /* the chain has no holes and ends at its                      \
		 * org's end of it */

struct tb_check {
	struct tb_tx *tx;
	tb_check_fn *report;
	void *ctx;
	struct tb_arena *arena;
	struct tb_org org; /* the last one looked up ... */
	bool org_known;    /* ... if any */
};

enum tb_err tb_check_init(struct tb_check *check, struct tb_tx *tx,
			  tb_check_fn *report, void *ctx) tb_must_check;
void tb_check_fini(struct tb_check *check);

/* A record with its entries; the body is not looked at. */
enum tb_err tb_check_record(struct tb_check *check,
			    const struct tb_record *record) tb_must_check;
/* A row of a scope's feed. */
enum tb_err tb_check_feed_row(struct tb_check *check, uint64_t scope,
			      const struct tb_feed_row *row) tb_must_check;
/* A child that hangs below a record of `org`. */
enum tb_err tb_check_link(struct tb_check *check, uint32_t org,
			  uint64_t child) tb_must_check;
/* Row `n` of an org's audit chain, or its detail. */
enum tb_err tb_check_audit(struct tb_check *check, uint32_t org,
			   uint64_t n) tb_must_check;
/* Once: each org's chain from its first kept row to its end. */
enum tb_err tb_check_chains(struct tb_check *check) tb_must_check;

#endif
