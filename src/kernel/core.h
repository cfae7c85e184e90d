/*
 * The kernel as APIs and authentication see it: read a snapshot, commit a
 * change, ask for a head. What runs commits (the writer thread, or a
 * simulation inline), the clock and the store are handed in.
 * Thread-safe, but for create and destroy.
 */
#ifndef TB_KERNEL_CORE_H
#define TB_KERNEL_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/declaration.h"
#include "kernel/scope_heads.h"
#include "kernel/store.h"

struct tb_core;
struct tb_commit;

/* How commits are run; `submit` returns when the commit is durable or has
 * failed, with the outcome in commit->err. */
struct tb_committer {
	void (*submit)(void *ctx, struct tb_commit *commit);
	void *ctx;
	/* False once a failed sync has ended writing, until a restart. NULL:
	 * it never does. */
	bool (*is_writable)(void *ctx);
};

/* What is known of an org without reading the store. */
struct tb_heads {
	uint64_t epoch;
	uint64_t head;
	int64_t last_us; /* the time of the last change */
	uint64_t dense[TB_DENSE_COUNT];
	uint64_t floor[TB_DENSE_COUNT];
	uint64_t generation;
	/* Another number, from 1, whenever a scope may have been made that was
	 * not there before; 0 in heads that are from a snapshot. */
	uint64_t scopes_turn;
};

struct tb_core_options {
	struct tb_store *store; /* borrowed */
	struct tb_committer committer;
	int64_t (*now_us)(void *ctx);
	void *now_ctx;
	const struct tb_declaration *declaration; /* borrowed */
};

enum tb_err tb_core_create(const struct tb_core_options *options,
			   struct tb_core **ret) tb_must_check;
void tb_core_destroy(struct tb_core *core); /* takes NULL */

int64_t tb_core_now_us(struct tb_core *core);
const struct tb_declaration *tb_core_declaration(const struct tb_core *core);

/* A snapshot to read from; end it within a second. */
enum tb_err tb_core_read(struct tb_core *core,
			 struct tb_tx **ret) tb_must_check;
void tb_core_read_end(struct tb_tx *tx); /* takes NULL */

/* Runs a commit and waits for it: 2xx may be answered after OK. */
enum tb_err tb_core_commit(struct tb_core *core,
			   struct tb_commit *commit) tb_must_check;
/* False: every commit will fail, until a restart. */
bool tb_core_is_writable(const struct tb_core *core);

/* The newest published heads of an org. NOT_FOUND: no such org. */
enum tb_err tb_core_heads(struct tb_core *core, uint32_t org,
			  struct tb_heads *ret) tb_must_check;
/* The first org with an id above `after`; false when there is none. */
bool tb_core_next_org(struct tb_core *core, uint32_t after, uint32_t *ret_id,
		      struct tb_heads *ret);
/* Called by whoever has read an org, with the org as stored; older ones than
 * the published are ignored. */
enum tb_err tb_core_publish(struct tb_core *core,
			    const struct tb_org *org) tb_must_check;
/* Called by whoever ran a group of commits, in the order of the groups. */
enum tb_err tb_core_publish_group(struct tb_core *core,
				  const struct tb_org *org,
				  const struct tb_moves *moves) tb_must_check;

/* Called with each org whose published heads have risen, on whatever thread
 * published them; it must not block, and must not call the core. */
typedef void tb_core_listener_fn(void *ctx, uint32_t org);
/* From now on this one listens, too. */
void tb_core_listen(struct tb_core *core, tb_core_listener_fn *listener,
		    void *ctx);
/* Whoever listens with this context is not called any more. */
void tb_core_listen_no_more(struct tb_core *core, const void *ctx);
#define TB_CORE_LISTENERS_MAX 4

/* Where feeds end (tb_scope_end), and the org's heads of a moment at which
 * these were all there was; from memory. False: memory does not have them.
 * Never blocks. */
bool tb_core_find_scopes(struct tb_core *core, uint32_t org,
			 const uint64_t *scopes, size_t n,
			 struct tb_heads *ret_heads, uint64_t *rets);
/* The same from a snapshot; memory has them afterwards. Blocks. */
enum tb_err tb_core_load_scopes(struct tb_core *core, uint32_t org,
				const uint64_t *scopes, size_t n,
				struct tb_heads *ret_heads,
				uint64_t *rets) tb_must_check;

/* The rid of a name in TB_COLL_COLLECTION or TB_COLL_SCOPE; such a pair never
 * changes, so it is kept in memory. NOT_FOUND. `tx` is read when memory does
 * not have it. */
enum tb_err tb_core_name_rid(struct tb_core *core, struct tb_tx *tx,
			     uint32_t org, uint64_t coll, struct tb_str name,
			     uint64_t *ret) tb_must_check;
/* The name of such a rid, borrowed from the core or from the arena. */
enum tb_err tb_core_rid_name(struct tb_core *core, struct tb_tx *tx,
			     struct tb_arena *arena, uint64_t rid,
			     struct tb_str *ret) tb_must_check;

#endif
