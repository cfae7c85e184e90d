/*
 * What the memory engine keeps and how its parts share it. A transaction has
 * a tree of its own: a snapshot's is the store's as it was, a writer's becomes
 * the store's when it commits and is dropped when it rolls back. So readers
 * and the writer never wait for each other, and undo needs no log.
 */
#ifndef TB_STORE_MEMORY_MEMORY_H
#define TB_STORE_MEMORY_MEMORY_H

#include "kernel/store.h"
#include "store/memory/tree.h"

struct tb_memory_tx {
	struct tb_tx tx; /* first, so that one is the other */
	enum tb_tx_mode mode;
	struct tb_tree tree;
	size_t cursors_open;
	bool spoiled; /* a write failed: only rollback is left */
};

struct tb_memory_feed_row {
	uint64_t rid;
	struct tb_entry entry;
};

/* A record, its slices pointing at the bytes that stand behind it. */
struct tb_memory_record {
	struct tb_record record;
	struct tb_entry entries[];
};

/* The hash of an audit row, and behind it the row. */
struct tb_memory_audit {
	uint8_t hash[32];
	size_t n;
	char row[];
};

static inline struct tb_memory_tx *tb_memory_tx_of(struct tb_tx *tx)
{
	return (struct tb_memory_tx *)tx;
}

/* The record, borrowed from the transaction's tree, or NULL. */
const struct tb_record *tb_memory_record(struct tb_memory_tx *tx, uint64_t rid);

enum tb_err tb_memory_org_get(struct tb_tx *tx, uint32_t id,
			      struct tb_org *ret) tb_must_check;
enum tb_err tb_memory_org_next(struct tb_tx *tx, uint32_t after,
			       struct tb_org *ret) tb_must_check;
enum tb_err tb_memory_find(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_key *keys, size_t n,
			   struct tb_record **rets) tb_must_check;
enum tb_err tb_memory_children(struct tb_tx *tx, uint32_t org, uint64_t coll,
			       struct tb_str key, uint64_t after,
			       uint64_t *rets, size_t max,
			       size_t *ret_n) tb_must_check;
enum tb_err tb_memory_feed_open(struct tb_tx *tx,
				const struct tb_feed_query *query,
				struct tb_cursor **ret) tb_must_check;
enum tb_err tb_memory_feed_next(struct tb_cursor *cursor,
				struct tb_feed_row *ret) tb_must_check;
void tb_memory_feed_close(struct tb_cursor *cursor);
enum tb_err tb_memory_apply(struct tb_tx *tx, const struct tb_op *ops,
			    size_t n) tb_must_check;
enum tb_err tb_memory_audit_next(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_audit_row *ret) tb_must_check;
enum tb_err tb_memory_check(struct tb_tx *tx, tb_check_fn *report,
			    void *ctx) tb_must_check;

#endif
