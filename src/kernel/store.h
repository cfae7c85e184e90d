/*
 * What the kernel asks of a store: records, feeds, links, the audit chain and
 * the orgs' heads, read in snapshots and written in transactions. Each engine
 * is one const struct of functions (store/<name>/); a memory store and one
 * that fails on purpose are among them, and one conformance suite binds all.
 *
 * A store is opened once and used by many threads; a transaction belongs to
 * one thread at a time. Rows are borrowed from the store until the next call
 * on the same cursor or transaction, unless an arena is passed.
 */
#ifndef TB_KERNEL_STORE_H
#define TB_KERNEL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/record.h"

/* Feeds whose contract shows dense numbers; each has a head in the org. */
enum tb_dense {
	TB_DENSE_CENTRAL,
	TB_DENSE_EVENTS,
	TB_DENSE_COUNT,
};

#define TB_ORG_NAME_MAX 64
#define TB_ORG_TITLE_MAX 128

/* An org: its order's head, and the ends of its audit chain. The row that
 * serialises an org's commits. */
struct tb_org {
	uint32_t id;
	char name[TB_ORG_NAME_MAX + 1];
	char title[TB_ORG_TITLE_MAX + 1];
	uint64_t epoch;  /* random; a restored store takes a new one */
	uint64_t head;   /* last number given */
	int64_t last_us; /* last time given */
	uint64_t dense[TB_DENSE_COUNT]; /* last dense numbers given */
	uint64_t floor[TB_DENSE_COUNT]; /* readers below it must resync */
	uint64_t generation; /* rises when principals or settings change */
	uint64_t commits;    /* changes of records made through an API */
	uint64_t audit_n;    /* last row of the audit chain */
	uint8_t audit_hash[32];
	int64_t audit_us; /* its time */
};

/* Names a record: by its number when `rid` is not 0, else by collection and
 * key in an org; a `coll` of TB_COLL_ANY takes the lowest rid above `after` of
 * those with this key in any collection that is not the system's. */
struct tb_key {
	uint32_t org;
	uint64_t coll;
	struct tb_str key;
	uint64_t rid;
	uint64_t after;    /* with TB_COLL_ANY only */
	bool without_body; /* the body is not read: p NULL */
};
#define TB_COLL_ANY UINT64_MAX

/* One row of a feed, with its record when asked. */
struct tb_feed_row {
	uint64_t num;
	uint64_t rid;
	uint64_t entered;
	int64_t time_us;
	uint32_t origin;
	uint8_t flags;
	struct tb_record record; /* zeroed unless the query asked for records;
				  * entries decoded only when asked */
};

struct tb_feed_query {
	uint64_t scope;
	uint64_t after; /* exclusive */
	uint64_t until; /* inclusive; UINT64_MAX for all */
	uint64_t limit; /* rows; UINT64_MAX for all */
	bool with_records;
	bool with_entries; /* and the records' entries, decoded */
	/* From the highest number down; only without records, and skips no
	 * origin. */
	bool backwards;
	/* Instead of all that: rows with their numbers and their records'
	 * bodies, and nothing else; skips no origin. For long walks. */
	bool bodies_only;
	/* The same with a little more: rows with their numbers, and of their
	 * records the times, `deleted` and the body. */
	bool for_listing;
	/* Rows of this origin above `skip_above` are left out (a site does
	 * not get back its own changes); no skipping when it is 0. */
	uint32_t skip_origin;
	uint64_t skip_above;
};

/* True for the queries that there are; any other is a bug. */
static inline bool tb_feed_query_is_possible(const struct tb_feed_query *query)
{
	bool is_narrow = query->bodies_only || query->for_listing;

	if (query->bodies_only && query->for_listing)
		return false;
	if (query->backwards && (is_narrow || query->with_records))
		return false;
	return query->skip_origin == 0 || !(query->backwards || is_narrow);
}

/* A row of the audit chain. `row` is what is hashed; `detail` (with its salt)
 * is apart from it and may have been erased. */
struct tb_audit_row {
	uint64_t n;
	struct tb_str row;
	struct tb_str detail; /* p NULL: erased */
	uint8_t hash[32];     /* of the row before and this row */
};

enum tb_op_kind {
	TB_OP_RECORD, /* put `record`; `old` is what was read before, or NULL */
	TB_OP_REMOVE, /* `old` and all its feed rows vanish */
	TB_OP_LINK,   /* `link_child` hangs below (link_coll, link_key) */
	TB_OP_UNLINK,
	TB_OP_ORG,         /* put `org`; a new id makes the org */
	TB_OP_AUDIT,       /* append `audit` to the org's chain */
	TB_OP_AUDIT_ERASE, /* forget the detail of row audit.n */
	TB_OP_AUDIT_DROP,  /* forget all rows up to audit.n */
};

/* One write. A store brings its feed rows to `record->entries` by comparing
 * them with `old->entries`. */
struct tb_op {
	enum tb_op_kind kind;
	uint32_t org_id;
	const struct tb_record *record;
	const struct tb_record *old;
	uint64_t link_coll;
	struct tb_str link_key;
	uint64_t link_child; /* rid */
	const struct tb_org *org;
	struct tb_audit_row audit;
};

enum tb_tx_mode {
	TB_TX_READ,  /* a snapshot; not to be held longer than a second */
	TB_TX_WRITE, /* the one writer; waits for another process's */
};

struct tb_store; /* an engine's own, first member: ops */
struct tb_tx;
struct tb_cursor;

struct tb_store_options {
	const char *path;         /* folder of the data */
	bool create;              /* make it when it is not there */
	size_t readers_max;       /* snapshots open at once */
	uint32_t busy_timeout_ms; /* wait for another process's transaction */
};

/* What `check` calls for each broken invariant. */
typedef void tb_check_fn(void *ctx, const char *invariant, uint64_t rid,
			 const char *what);

/* All functions are required unless marked optional. */
struct tb_store_ops {
	const char *name;

	/* Opens, makes or migrates. NEWER: of a later schema, untouched.
	 * NOT_FOUND: nothing is there. DENIED: it must not be read or written;
	 * no other function returns that, because it is a commit's refusal: a
	 * store that may not be written any more fails with IO. */
	enum tb_err (*open)(const struct tb_store_options *options,
			    struct tb_store **ret);
	void (*close)(struct tb_store *store); /* takes NULL */

	/* BUSY: no reader free, or another process writes for too long. */
	enum tb_err (*begin)(struct tb_store *store, enum tb_tx_mode mode,
			     struct tb_tx **ret);
	/* Durable when it returns OK. On an error nothing is written, unless
	 * it is IO: then nobody knows, and writing must end. Ends the tx. */
	enum tb_err (*commit)(struct tb_tx *tx);
	/* Ends a snapshot, or undoes a transaction. Takes NULL. */
	void (*rollback)(struct tb_tx *tx);

	/* The org with this id. NOT_FOUND. */
	enum tb_err (*org_get)(struct tb_tx *tx, uint32_t id,
			       struct tb_org *ret);
	/* The first org with an id above `after`. NOT_FOUND. */
	enum tb_err (*org_next)(struct tb_tx *tx, uint32_t after,
				struct tb_org *ret);

	/* Reads `n` records in one go. rets[i] is a copy in the arena, its
	 * entries decoded, or NULL where there is none. */
	enum tb_err (*find)(struct tb_tx *tx, struct tb_arena *arena,
			    const struct tb_key *keys, size_t n,
			    struct tb_record **rets);
	/* Up to `max` children of (coll, key) with a rid above `after`, in
	 * that order; their rids to `rets`. */
	enum tb_err (*children)(struct tb_tx *tx, uint32_t org, uint64_t coll,
				struct tb_str key, uint64_t after,
				uint64_t *rets, size_t max, size_t *ret_n);

	/* A walk along a feed in the order of its numbers, or against it. It
	 * must be closed before the transaction ends; it may or may not show
	 * what is applied meanwhile. */
	enum tb_err (*feed_open)(struct tb_tx *tx,
				 const struct tb_feed_query *query,
				 struct tb_cursor **ret);
	/* NOT_FOUND behind the last row. The row is borrowed until the next
	 * call on this cursor. */
	enum tb_err (*feed_next)(struct tb_cursor *cursor,
				 struct tb_feed_row *ret);
	void (*feed_close)(struct tb_cursor *cursor); /* takes NULL */

	/* Writes in order. Only in a write transaction. EXISTS: a new record's
	 * rid or key, or its number in a feed, is taken. NOT_FOUND: what an op
	 * names as `old` is not there. An error spoils the transaction, and
	 * so does one of its reads but NOT_FOUND: it must be rolled back. */
	enum tb_err (*apply)(struct tb_tx *tx, const struct tb_op *ops,
			     size_t n);

	/* The audit row after `after`, in the arena. NOT_FOUND. */
	enum tb_err (*audit_next)(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org, uint64_t after,
				  struct tb_audit_row *ret);

	/* Verifies the store's own invariants (feed rows and entries agree,
	 * nothing above the heads, ...), reporting each that is broken. */
	enum tb_err (*check)(struct tb_tx *tx, tb_check_fn *report, void *ctx);
};

struct tb_store {
	const struct tb_store_ops *ops;
};
struct tb_tx {
	struct tb_store *store;
};

/* The engine of this name ("sqlite", "memory"), or NULL; made from
 * store/stores.def. */
const struct tb_store_ops *tb_store_find(struct tb_str name);

#endif
