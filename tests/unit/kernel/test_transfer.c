/*
 * Histories as a whole, on each engine: what is exported is every event in the
 * order of the history; what is imported needs no permission and does not
 * count as use of the org.
 */
#include "world.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/event.h"
#include "kernel/transfer.h"

/* More than one snapshot gives. */
#define MANY 2500
#define CALLS_MAX 200

/* An import of the events `from` to `to`, each its own number. */
static struct tb_event_post import(struct world *w, size_t from, size_t to)
{
	struct tb_event_post post = { .is_import = true,
				      .is_lenient = true,
				      .generation = UINT64_MAX,
				      .n = to - from };

	post.events =
		tb_arena_calloc(w->ic.arena, post.n, sizeof(*post.events));
	assert_non_null(post.events);
	post.commit.note = w->ic.note;
	for (size_t i = 0; i < post.n; i++) {
		struct tb_event *event = &post.events[i];

		MUST(tb_arena_printf(w->ic.arena, &event->uuid, "%zu",
				     from + i));
		MUST(tb_arena_printf(w->ic.arena, &event->body, "{\"n\":%zu}",
				     from + i));
	}
	tb_event_post_init(&post, w->org);
	MUST(tb_core_commit(w->ic.core, &post.commit));
	return post;
}

struct taken {
	struct tb_buf bodies;
	size_t n;
	size_t n_max; /* the one behind is refused */
};

static enum tb_err take(void *ctx, struct tb_str body)
{
	struct taken *taken = ctx;

	if (taken->n == taken->n_max)
		return TB_ERR_FULL;
	taken->n++;
	tb_buf_append_str(&taken->bodies, body);
	return tb_buf_err(&taken->bodies);
}

static enum tb_err export(struct world *w, struct taken *taken, size_t n_max) {
	*taken = (struct taken) { .n_max = n_max };
		tb_buf_init(&taken->bodies, (size_t)1 << 20);
		return tb_transfer_export_events(w->ic.core, w->org, take,
						 taken);
}

static void expect_numbers(const struct taken *taken, size_t n)
{
	struct tb_buf expected;

	tb_buf_init(&expected, (size_t)1 << 20);
	for (size_t i = 0; i < n; i++)
		tb_buf_printf(&expected, "{\"n\":%zu}", i);
	assert_int_equal(taken->n, n);
	assert_true(
		tb_str_eq(tb_buf_str(&taken->bodies), tb_buf_str(&expected)));
	tb_buf_fini(&expected);
}

static void order_on(struct world *w)
{
	struct taken taken;

	MUST(export(w, &taken, SIZE_MAX));
	expect_numbers(&taken, 0);
	tb_buf_fini(&taken.bodies);
	(void)import(w, 0, 1000);
	(void)import(w, 1000, MANY);
	MUST(export(w, &taken, SIZE_MAX));
	expect_numbers(&taken, MANY);
	tb_buf_fini(&taken.bodies);
}

static void test_every_event_is_exported_in_the_order_of_the_history(void **u)
{
	(void)u;
	world_on_each_engine(order_on);
}

static void taker_on(struct world *w)
{
	struct taken taken;

	(void)import(w, 0, 10);
	assert_int_equal(export(w, &taken, 4), TB_ERR_FULL);
	expect_numbers(&taken, 4);
	tb_buf_fini(&taken.bodies);
}

static void test_an_error_of_the_taker_ends_an_export(void **unused)
{
	(void)unused;
	world_on_each_engine(taker_on);
}

static struct tb_org org_row(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, w->org, &org));
	tb_core_read_end(tx);
	return org;
}

static void import_on(struct world *w)
{
	struct tb_event_post post = import(w, 0, 10);
	struct tb_org before;
	struct tb_org after;

	assert_int_equal(post.n_stored, 10);
	before = org_row(w);
	assert_int_equal(before.commits, 0);
	assert_int_equal(before.dense[TB_DENSE_EVENTS], 10);
	post = import(w, 0, 10);
	assert_int_equal(post.n_stored, 0);
	after = org_row(w);
	assert_memory_equal(&before, &after, sizeof(before));
	post = import(w, 5, 12);
	assert_int_equal(post.n_stored, 2);
	assert_int_equal(org_row(w).dense[TB_DENSE_EVENTS], 12);
}

static void test_an_import_is_no_use_of_the_org_and_repeats_nothing(void **u)
{
	(void)u;
	world_on_each_engine(import_on);
}

static void failures_on(struct world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .err = TB_ERR_CORRUPT };
	struct taken taken;
	enum tb_err err = TB_ERR_CORRUPT;

	(void)import(w, 0, 20);
	for (plan.first = 1; err != TB_OK; plan.first++) {
		assert_true(plan.first < CALLS_MAX);
		plan.last = plan.first;
		tb_fail_set_plan(w->ic.store, &plan);
		err = export(w, &taken, SIZE_MAX);
		assert_true(err == TB_OK || err == TB_ERR_CORRUPT);
		if (err == TB_OK)
			expect_numbers(&taken, 20);
		tb_buf_fini(&taken.bodies);
	}
	tb_fail_set_plan(w->ic.store, NULL);
	assert_true(plan.first > 20);
}

static void test_an_export_that_meets_a_failure_says_so(void **unused)
{
	(void)unused;
	world_on_each_engine(failures_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_every_event_is_exported_in_the_order_of_the_history),
		cmocka_unit_test(test_an_error_of_the_taker_ends_an_export),
		cmocka_unit_test(
			test_an_import_is_no_use_of_the_org_and_repeats_nothing),
		cmocka_unit_test(test_an_export_that_meets_a_failure_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
