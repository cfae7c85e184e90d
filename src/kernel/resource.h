/*
 * Resources: edits of records by users, at the centre. One commit holds check
 * and write, so that of many edits from one base one wins; what loses is kept
 * in the ledger. Who may write which fields is decided before; what the caller
 * sees, whether the record is what it is thought to be, and whether the same
 * was accepted before, are decided in the commit.
 */
#ifndef TB_KERNEL_RESOURCE_H
#define TB_KERNEL_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/commit.h"
#include "kernel/requests.h"
#include "kernel/sight.h"

enum tb_resource_action {
	TB_RESOURCE_CREATE,
	TB_RESOURCE_SYNC, /* sync_update: a partial edit over a base */
	TB_RESOURCE_REPLACE,
	TB_RESOURCE_PATCH,
	TB_RESOURCE_DELETE,
};

enum tb_resource_outcome {
	TB_RESOURCE_DONE,
	TB_RESOURCE_REPEATED,   /* the same was done before; nothing changed */
	TB_RESOURCE_STALE,      /* SYNC: changed later than the base; nothing
				 * changed but the ledger */
	TB_RESOURCE_NO_MATCH,   /* it is not the state that was expected */
	TB_RESOURCE_USED,       /* CREATE: its Idempotency-Key is another
				 * request's */
	TB_RESOURCE_OVERLOADED, /* the record would be in too many places */
};

/* What an edit is based on. */
struct tb_resource_base {
	bool is_given; /* else nothing is compared */
	bool is_ms;    /* it was written with three decimals at most: so much
			* of the record's time is compared */
	int64_t us;
	struct tb_str as_sent; /* JSON, for the ledger */
};

/* Strings are borrowed until the commit has ended. */
struct tb_resource {
	struct tb_commit commit; /* kind, org and weight by tb_resource_init,
				  * which also sets its note's event_type,
				  * operation and status; its detail is set
				  * here */
	enum tb_resource_action action;
	const struct tb_collection *collection;
	const struct tb_sight *sight; /* what the caller sees of it */
	struct tb_str key; /* of the record; CREATE: the id, where the client
			    * gives it */
	struct tb_str changes; /* the members to write, a JSON object as it is
				* to be stored; DELETE: none */
	struct tb_str by;      /* "user/5f1c" */
	struct tb_resource_base base;
	struct tb_str request; /* SYNC: a repetition has the same bytes */
	uint64_t expected;     /* number of the state (tb_seen) on which it
				* depends; 0: on none */
	const struct tb_named_request *named; /* CREATE; NULL: no key */
	struct tb_arena *arena;               /* of the request */

	/* The outcome. */
	enum tb_resource_outcome outcome;
	/* The record as it is then, in the arena, with its entries; of STALE
	 * and NO_MATCH as it is; of USED and OVERLOADED none. */
	struct tb_record record;
};

/* NOT_FOUND: the caller sees no such record, or a repeated CREATE made one that
 * is gone. EXISTS: the id of CREATE is taken. INVALID: what is stored is no
 * object. */
void tb_resource_init(struct tb_resource *resource, uint32_t org);

/* A record vanishes for good: so does what is remembered of its updates. */
enum tb_err tb_resource_forget(struct tb_view *view,
			       uint64_t rid) tb_must_check;

#endif
