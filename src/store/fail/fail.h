/*
 * A store that fails on purpose: it passes every call on to another store and
 * makes the calls of its plan fail instead. For tests of what callers do then.
 * The plan is set between calls; else it may be used by several threads, as
 * the store within can.
 */
#ifndef TB_STORE_FAIL_FAIL_H
#define TB_STORE_FAIL_FAIL_H

#include "kernel/store.h"

/* The functions of a store that can fail. */
enum tb_fail_call {
	TB_FAIL_BEGIN,
	TB_FAIL_COMMIT,
	TB_FAIL_ORG_GET,
	TB_FAIL_ORG_NEXT,
	TB_FAIL_FIND,
	TB_FAIL_CHILDREN,
	TB_FAIL_FEED_OPEN,
	TB_FAIL_FEED_NEXT,
	TB_FAIL_APPLY,
	TB_FAIL_AUDIT_NEXT,
	TB_FAIL_CHECK,
	TB_FAIL_CALLS,
	TB_FAIL_ANY = TB_FAIL_CALLS, /* whichever it is */
};

struct tb_fail_plan {
	enum tb_fail_call call; /* which calls count */
	uint64_t first; /* of those, counted from 1, the first that fails */
	uint64_t last;  /* and the last; 0: no further one */
	enum tb_err err;
	/* A commit that fails takes place all the same, as when the engine
	 * loses the answer; else it is rolled back. */
	bool commit_happens;
};

/* Takes over `inner`, which closing the new store closes. */
enum tb_err tb_fail_create(struct tb_store *inner,
			   struct tb_store **ret) tb_must_check;

/* Counts anew, by this plan; NULL: nothing fails. */
void tb_fail_set_plan(struct tb_store *store, const struct tb_fail_plan *plan);
/* How many calls of this kind there were since the plan was set. */
uint64_t tb_fail_calls(struct tb_store *store, enum tb_fail_call call);

#endif
