/*
 * Every call of the store and every allocation fails once, at each place: the
 * operation says so or succeeds, nothing is half done, and asking again gives
 * what it would have given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "fleet.h"
#include "kernel/transfer.h"
#include "store/fail/fail.h"

#define CALLS_MAX 4000

/* What one site sends in one push: parent and children in the wrong order, a
 * forwarded record, a refused one, and one that is central. */
static const struct tb_push_item batch[] = {
	{ .table = TB_STR_INIT("trans_line"),
	  .id = TB_STR_INIT("l1"),
	  .data = TB_STR_INIT("{\"transaction_ID\":\"t1\"}") },
	{ .table = TB_STR_INIT("transact"),
	  .id = TB_STR_INIT("t1"),
	  .data = TB_STR_INIT("{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
			      "\"status\":\"fn\"}") },
	{ .table = TB_STR_INIT("transact"),
	  .id = TB_STR_INIT("foreign"),
	  .data = TB_STR_INIT("{\"store_ID\":\"s2\"}"),
	  .record = TB_STR_INIT("{}") },
	{ .table = TB_STR_INIT("unheard_of"),
	  .id = TB_STR_INIT("u1"),
	  .data = TB_STR_INIT("{}") },
	{ .table = TB_STR_INIT("item"),
	  .id = TB_STR_INIT("i1"),
	  .data = TB_STR_INIT("{\"n\":1}") },
};

struct fixture {
	struct centre centre;
	struct tb_store *fail;
};

static void open_fixture(struct fixture *f)
{
	assert_int_equal(tb_fail_create(memory_store(), &f->fail), TB_OK);
	centre_open(&f->centre, f->fail);
	centre_add_site(&f->centre, "1", true);
	centre_add_site(&f->centre, "2", false);
	centre_add_store(&f->centre, "s1", "1");
	centre_add_store(&f->centre, "s2", "2");
	centre_push(&f->centre, 1, true, TB_PUSH_UPSERT, "transact", "t0",
		    "{\"store_ID\":\"s1\"}");
}

static enum tb_err put_row(void *ctx, const struct tb_export_row *row)
{
	struct tb_buf *buf = ctx;

	tb_buf_printf(buf, "%.*s/%.*s/%d ", TB_STR_ARG(row->table),
		      TB_STR_ARG(row->id), row->deleted);
	tb_buf_append_str(buf, row->data);
	tb_buf_append_char(buf, '\n');
	return TB_OK;
}

/* Everything that can be seen from outside, but for numbers and times. */
static void put_state(struct centre *centre, struct tb_buf *buf)
{
	static struct page page;

	assert_int_equal(
		tb_transfer_export(centre->core, FLEET_ORG, put_row, buf),
		TB_OK);
	for (uint32_t site = 1; site <= 2; site++) {
		centre_pull(centre, site, 100, &page);
		for (size_t i = 0; i < page.n; i++)
			tb_buf_printf(buf, "%u: %s/%s %s\n", site,
				      page.rows[i].table, page.rows[i].id,
				      page.rows[i].data);
	}
}

static void push_batch(struct centre *centre, enum tb_err *ret_err)
{
	struct tb_push_item items[TB_ARRAY_LEN(batch)];

	memcpy(items, batch, sizeof(items));
	*ret_err = centre_try_push(centre, 1, true, items, TB_ARRAY_LEN(items));
}

static void expect_states(struct tb_buf *before, struct tb_buf *after)
{
	struct fixture f;
	enum tb_err err;

	open_fixture(&f);
	put_state(&f.centre, before);
	push_batch(&f.centre, &err);
	assert_int_equal(err, TB_OK);
	put_state(&f.centre, after);
	centre_close(&f.centre);
}

/* One run with a failure; true if it was met. */
static bool run_once(const struct tb_fail_plan *plan, uint64_t fail_alloc,
		     struct tb_str before, struct tb_str after)
{
	struct fixture f;
	struct tb_buf state;
	enum tb_err err;
	bool met;

	open_fixture(&f);
	tb_buf_init(&state, 1u << 20);
	tb_fail_set_plan(f.fail, plan);
	if (fail_alloc > 0)
		tb_alloc_fail_at(fail_alloc);
	push_batch(&f.centre, &err);
	met = fail_alloc > 0 ? tb_alloc_calls() >= fail_alloc
			     : tb_fail_calls(f.fail, plan->call) >= plan->first;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(f.fail, NULL);
	put_state(&f.centre, &state);
	assert_true(
		tb_str_eq(tb_buf_str(&state), err == TB_OK ? after : before));
	push_batch(&f.centre, &err);
	assert_int_equal(err, TB_OK);
	tb_buf_reset(&state);
	put_state(&f.centre, &state);
	assert_true(tb_str_eq(tb_buf_str(&state), after));
	tb_buf_fini(&state);
	centre_close(&f.centre);
	return met;
}

static void test_nth_store_call_fails(void **unused)
{
	struct tb_buf before;
	struct tb_buf after;
	uint64_t n = 1;
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .err = TB_ERR_CORRUPT };

	(void)unused;
	tb_buf_init(&before, 1u << 20);
	tb_buf_init(&after, 1u << 20);
	expect_states(&before, &after);
	do {
		assert_true(n < CALLS_MAX);
		plan.first = n;
		plan.last = n;
	} while (run_once(&plan, 0, tb_buf_str(&before), tb_buf_str(&after)) &&
		 n++);
	assert_true(n > 5);
	tb_buf_fini(&before);
	tb_buf_fini(&after);
}

static void test_nth_allocation_fails(void **unused)
{
	struct tb_buf before;
	struct tb_buf after;
	uint64_t n = 1;

	(void)unused;
	tb_buf_init(&before, 1u << 20);
	tb_buf_init(&after, 1u << 20);
	expect_states(&before, &after);
	while (run_once(NULL, n, tb_buf_str(&before), tb_buf_str(&after)))
		assert_true(n++ < CALLS_MAX);
	assert_true(n > 20);
	tb_buf_fini(&before);
	tb_buf_fini(&after);
}

/* A commit that the engine says failed, although it took place: pushing again
 * doubles nothing. */
static void test_lost_commit_answer(void **unused)
{
	struct tb_buf before;
	struct tb_buf after;
	struct tb_buf state;
	struct fixture f;
	enum tb_err err;
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_IO,
				     .commit_happens = true };

	(void)unused;
	tb_buf_init(&before, 1u << 20);
	tb_buf_init(&after, 1u << 20);
	tb_buf_init(&state, 1u << 20);
	expect_states(&before, &after);
	open_fixture(&f);
	tb_fail_set_plan(f.fail, &plan);
	push_batch(&f.centre, &err);
	assert_int_equal(err, TB_ERR_IO);
	tb_fail_set_plan(f.fail, NULL);
	push_batch(&f.centre, &err);
	assert_int_equal(err, TB_OK);
	put_state(&f.centre, &state);
	assert_true(tb_str_eq(tb_buf_str(&state), tb_buf_str(&after)));
	centre_close(&f.centre);
	tb_buf_fini(&state);
	tb_buf_fini(&before);
	tb_buf_fini(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
		cmocka_unit_test(test_lost_commit_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
