/*
 * A core on a store, for unit tests: commits run on the caller's own
 * thread, the clock stands still until it is moved, and calls of the store
 * fail when they are told to.
 */
#ifndef TB_TESTS_INLINE_CORE_H
#define TB_TESTS_INLINE_CORE_H

/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "codec/digest.h"
#include "kernel/commit.h"
#include "kernel/core.h"
#include "kernel/directory.h"
#include "store/fail/fail.h"
#include "store/stores.h"

#define MUST(call) assert_int_equal((call), TB_OK)
#define INLINE_CORE_NOW_US 1700000000000000ll

struct inline_core {
	struct tb_store *store; /* fails by the plan it is given */
	struct tb_core *core;
	struct tb_arena *arena;
	int64_t now_us;
	pthread_mutex_t commits;
	struct tb_audit_note note;
};

static inline void inline_core_publish(void *ctx, const struct tb_org *org,
				       const struct tb_moves *moves)
{
	struct inline_core *ic = ctx;

	MUST(tb_core_publish_group(ic->core, org, moves));
}

static inline void inline_core_submit(void *ctx, struct tb_commit *commit)
{
	struct inline_core *ic = ctx;
	enum tb_err err;

	pthread_mutex_lock(&ic->commits);
	err = tb_group_run(ic->store, &commit, 1, ic->now_us,
			   inline_core_publish, ic);
	(void)err; /* it is the commit's, too */
	pthread_mutex_unlock(&ic->commits);
}

static inline int64_t inline_core_now_us(void *ctx)
{
	const struct inline_core *ic = ctx;

	return ic->now_us;
}

/* On a store of this engine, made at `path`. */
static inline void inline_core_init_on(struct inline_core *ic,
				       const struct tb_store_ops *ops,
				       const char *path)
{
	static const struct tb_declaration nothing;
	struct tb_store_options at = { .path = path,
				       .create = true,
				       .readers_max = 64 };
	struct tb_core_options options = {
		.committer = { inline_core_submit, ic },
		.now_us = inline_core_now_us,
		.now_ctx = ic,
		.declaration = &nothing,
	};
	struct tb_store *store;

	*ic = (struct inline_core) {
		.now_us = INLINE_CORE_NOW_US,
		.commits = PTHREAD_MUTEX_INITIALIZER,
		.note = { .event_type = "admin",
			  .operation = "test",
			  .status = "ok",
			  .principal = TB_STR("cli") },
	};
	MUST(tb_digest_init());
	MUST(ops->open(&at, &store));
	MUST(tb_fail_create(store, &ic->store));
	options.store = ic->store;
	MUST(tb_core_create(&options, &ic->core));
	MUST(tb_directory_init(ic->core, 1));
	ic->arena = tb_arena_create((size_t)64 << 20);
	assert_non_null(ic->arena);
}

static inline void inline_core_init(struct inline_core *ic)
{
	inline_core_init_on(ic, &tb_store_memory, "memory");
}

static inline void inline_core_fini(struct inline_core *ic)
{
	tb_arena_destroy(ic->arena);
	tb_core_destroy(ic->core);
	ic->store->ops->close(ic->store);
	pthread_mutex_destroy(&ic->commits);
}

/* An org of this name; its id. */
static inline uint32_t inline_core_add_org(struct inline_core *ic,
					   const char *name)
{
	uint32_t org = 0;

	MUST(tb_directory_add_org(ic->core, &ic->note, tb_str_z(name),
				  TB_STR("A title"), 77, &org));
	return org;
}

static inline struct tb_tx *inline_core_read(struct inline_core *ic)
{
	struct tb_tx *tx = NULL;

	MUST(tb_core_read(ic->core, &tx));
	return tx;
}

#endif
