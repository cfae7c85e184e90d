/*
 * A core with one org on a store of each engine, for unit tests of what is
 * kept.
 */
#ifndef TB_TESTS_WORLD_H
#define TB_TESTS_WORLD_H

#include "inline_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "fixture.h"

struct world {
	struct inline_core ic;
	uint32_t org;
	char folder[64]; /* empty: the store is in memory */
};

static inline void world_init(struct world *w, const struct tb_store_ops *ops)
{
	*w = (struct world) { .org = 0 };
	if (ops == &tb_store_memory) {
		inline_core_init(&w->ic);
	} else {
		(void)snprintf(w->folder, sizeof(w->folder),
			       "/tmp/tombolo-kernel-XXXXXX");
		assert_non_null(mkdtemp(w->folder));
		inline_core_init_on(&w->ic, ops, w->folder);
	}
	w->org = inline_core_add_org(&w->ic, "clinic");
}

static inline void world_fini(struct world *w)
{
	inline_core_fini(&w->ic);
	if (w->folder[0] != '\0')
		remove_folder(w->folder);
}

static const struct tb_store_ops *const world_engines[] = { &tb_store_memory,
							    &tb_store_sqlite };

static inline void world_on_each_engine(void (*test)(struct world *w))
{
	for (size_t i = 0; i < TB_ARRAY_LEN(world_engines); i++) {
		struct world w;

		world_init(&w, world_engines[i]);
		test(&w);
		world_fini(&w);
	}
}

/* A test once more, with one failure: of the n-th call of the store, or of the
 * n-th allocation; the other is 0. False once the failure is not met any
 * more. */
typedef bool world_fail_once_fn(const struct tb_store_ops *ops,
				uint64_t store_call, uint64_t allocation);
#define WORLD_CALLS_MAX 2000

static inline void world_fail_each_store_call(world_fail_once_fn *fail_once)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(world_engines); i++) {
		uint64_t n = 1;

		while (fail_once(world_engines[i], n, 0))
			assert_true(n++ < WORLD_CALLS_MAX);
		assert_true(n > 3);
	}
}

static inline void world_fail_each_allocation(world_fail_once_fn *fail_once)
{
	uint64_t n = 1;

	while (fail_once(&tb_store_memory, 0, n))
		assert_true(n++ < WORLD_CALLS_MAX);
	assert_true(n > 3);
}

#endif
