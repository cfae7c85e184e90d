/*
 * Whatever fails while a feed is followed, each allocation and each call of the
 * store once: it is an error or the right page, and asking again gives the
 * right one.
 */
#ifndef TB_TESTS_FOLLOW_TORTURE_H
#define TB_TESTS_FOLLOW_TORTURE_H

#include "../kernel/inline_core.h"

#include "api/follow.h"
#include "base/alloc.h"

#define FOLLOW_CALLS_MAX 3000

struct follow_torture {
	tb_follow_fn *follow;
	void *state;
	struct tb_follow_query query; /* but for the arena */
	struct tb_store *store;       /* one that fails as it is told to */
	/* Makes memory know nothing of the caller; NULL: it never does. */
	void (*forget)(void *ctx);
	void *ctx;
};

static inline enum tb_err follow_torture_ask(const struct follow_torture *t,
					     struct tb_arena *arena,
					     struct tb_follow_page *ret)
{
	struct tb_follow_query query = t->query;

	query.arena = arena;
	return t->follow(t->state, &query, ret);
}

static inline void follow_torture_compare(const struct tb_follow_page *page,
					  const struct tb_follow_page *right)
{
	assert_int_equal(page->n, right->n);
	assert_int_equal(page->has_more, right->has_more);
	assert_true(tb_str_eq(page->cursor, right->cursor));
	for (size_t i = 0; i < right->n; i++) {
		assert_true(tb_str_eq(page->changes[i], right->changes[i]));
		assert_true(tb_str_eq(page->cursors[i], right->cursors[i]));
	}
}

/* The n-th allocation, or the n-th call of the store, fails; true if there was
 * one. */
static inline bool follow_torture_once(const struct follow_torture *t,
				       bool of_store, uint64_t n,
				       const struct tb_follow_page *right)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = n,
				     .err = TB_ERR_IO };
	struct tb_arena *arena = tb_arena_create((size_t)64 << 20);
	struct tb_follow_page page;
	enum tb_err err;
	bool has_failed;

	assert_non_null(arena);
	if (t->forget)
		t->forget(t->ctx);
	if (of_store)
		tb_fail_set_plan(t->store, &plan);
	else
		tb_alloc_fail_at(n);
	err = follow_torture_ask(t, arena, &page);
	has_failed = of_store ? tb_fail_calls(t->store, TB_FAIL_ANY) >= n
			      : tb_alloc_calls() >= n;
	tb_fail_set_plan(t->store, NULL);
	tb_alloc_fail_at(0);
	if (err || !has_failed)
		assert_int_equal(err, !has_failed ? TB_OK
				      : of_store  ? TB_ERR_IO
						  : TB_ERR_NOMEM);
	if (err)
		MUST(follow_torture_ask(t, arena, &page));
	follow_torture_compare(&page, right);
	tb_arena_destroy(arena);
	return has_failed;
}

static inline void follow_torture(const struct follow_torture *t)
{
	struct tb_arena *arena = tb_arena_create((size_t)64 << 20);
	struct tb_follow_page right;

	assert_non_null(arena);
	MUST(follow_torture_ask(t, arena, &right));
	for (unsigned of_store = 0; of_store < 2; of_store++) {
		uint64_t n = 1;

		while (follow_torture_once(t, of_store, n, &right))
			assert_true(++n < FOLLOW_CALLS_MAX);
		assert_true(n > 2);
	}
	tb_arena_destroy(arena);
}

#endif
