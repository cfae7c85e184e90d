/*
 * Earlier versions, on each engine: as many as were declared, the newest first,
 * and gone with their record; also when a call of the store or an allocation
 * fails.
 */
#include "resource_world.h"

#include "base/alloc.h"
#include "kernel/history.h"
#include "kernel/retention.h"

#define VERSIONS_MAX 8

static size_t history(struct resource_world *rw, uint64_t rid, uint64_t before,
		      struct tb_version *rets, size_t max)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	size_t n = 0;

	MUST(tb_history_read(tx, rw->w.ic.arena, rid, before, rets, max, &n));
	tb_core_read_end(tx);
	return n;
}

static struct tb_record patch(struct resource_world *rw, const char *changes)
{
	struct rw_edit edit;

	rw_make(rw, &edit, TB_RESOURCE_PATCH, VISITS, "1", changes);
	MUST(rw_commit(rw, &edit));
	return edit.resource.record;
}

static void kept_on(struct resource_world *rw)
{
	struct tb_record a = rw_create(rw, VISITS, NULL, "{\"n\":1.0}");
	struct tb_version versions[VERSIONS_MAX];
	struct tb_record b;
	struct tb_record c;

	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 0);
	b = patch(rw, "{\"n\":2}");
	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 1);
	rw_expect(versions[0].body, "{\"n\":1.0}");
	assert_int_equal(versions[0].version, a.version);
	assert_int_equal(versions[0].updated_us, a.updated_us);
	assert_int_equal(versions[0].origin, TB_ORIGIN_CENTRE);
	assert_false(versions[0].deleted);
	c = patch(rw, "{\"n\":3}");
	(void)patch(rw, "{\"n\":4}");
	/* Two are declared. */
	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 2);
	assert_int_equal(versions[0].version, c.version);
	assert_int_equal(versions[1].version, b.version);
	assert_int_equal(history(rw, a.rid, 0, versions, 1), 1);
	assert_int_equal(history(rw, a.rid, c.version, versions, VERSIONS_MAX),
			 1);
	assert_int_equal(versions[0].version, b.version);
	rw_expect_sound(rw);
}

static void test_as_many_versions_as_declared_are_kept(void **unused)
{
	(void)unused;
	rw_on_each_engine(kept_on);
}

static void none_on(struct resource_world *rw)
{
	struct tb_record a = rw_create(rw, NOTES, "n", "{\"n\":1}");
	struct tb_version versions[VERSIONS_MAX];
	struct rw_edit edit;

	rw_make(rw, &edit, TB_RESOURCE_PATCH, NOTES, "n", "{\"n\":2}");
	MUST(rw_commit(rw, &edit));
	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 0);
}

static void test_none_are_kept_where_none_are_declared(void **unused)
{
	(void)unused;
	rw_on_each_engine(none_on);
}

/* Each sees what those before it in the group kept. */
static void group_on(struct resource_world *rw)
{
	enum {
		N = 5
	};
	struct tb_record a = rw_create(rw, VISITS, NULL, "{\"n\":0}");
	struct tb_version versions[VERSIONS_MAX];
	struct rw_edit edits[N];
	struct tb_commit *commits[N];

	for (size_t i = 0; i < N; i++) {
		struct tb_str changes;

		MUST(tb_arena_printf(rw->w.ic.arena, &changes, "{\"n\":%zu}",
				     i + 1));
		rw_make(rw, &edits[i], TB_RESOURCE_PATCH, VISITS, "1",
			changes.p);
		edits[i].resource.commit.declaration = &rw->declaration;
		commits[i] = &edits[i].resource.commit;
	}
	MUST(tb_group_run(rw->w.ic.store, commits, N, rw->w.ic.now_us,
			  rw_publish, rw));
	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 2);
	rw_expect(versions[0].body, "{\"n\":4}");
	rw_expect(versions[1].body, "{\"n\":3}");
	rw_expect_sound(rw);
}

static void test_changes_of_one_group_keep_theirs(void **unused)
{
	(void)unused;
	rw_on_each_engine(group_on);
}

static void gone_on(struct resource_world *rw)
{
	const struct tb_retention_ages ages = { .absence_us = 1000000 };
	struct tb_record a = rw_create(rw, VISITS, NULL, "{\"n\":1}");
	struct tb_version versions[VERSIONS_MAX];
	struct rw_edit edit = rw_sync(rw, "1", a.updated_us, "{\"n\":2}");
	uint64_t after = 0;
	size_t n;

	MUST(rw_commit(rw, &edit));
	rw_make(rw, &edit, TB_RESOURCE_DELETE, VISITS, "1", NULL);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 2);
	/* A tombstone that is the last of a scope stays. */
	rw_create(rw, VISITS, NULL, "{\"n\":1}");
	rw->w.ic.now_us += 400 * 24 * 3600 * (int64_t)1000000;
	MUST(tb_retention_run(rw->core, rw->w.org, &ages, &after, &n));
	assert_int_equal(n, 1);
	assert_int_equal(history(rw, a.rid, 0, versions, VERSIONS_MAX), 0);
	assert_null(rw_find(rw, VISITS, "1"));
	rw_expect_sound(rw);
}

static void test_versions_go_with_their_record(void **unused)
{
	(void)unused;
	rw_on_each_engine(gone_on);
}

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_version versions[VERSIONS_MAX];
	struct resource_world rw;
	struct rw_edit edit;
	struct tb_record a;
	struct tb_tx *tx;
	enum tb_err err;
	size_t n = 0;
	bool met;

	rw_init(&rw, ops);
	a = rw_create(&rw, VISITS, NULL, "{\"n\":1}");
	(void)patch(&rw, "{\"n\":2}");
	(void)patch(&rw, "{\"n\":3}");
	rw_make(&rw, &edit, TB_RESOURCE_PATCH, VISITS, "1", "{\"n\":4}");
	if (store_call > 0)
		tb_fail_set_plan(rw.w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = rw_commit(&rw, &edit);
	if (!err)
		err = tb_core_read(rw.core, &tx);
	if (!err) {
		err = tb_history_read(tx, rw.w.ic.arena, a.rid, 0, versions,
				      VERSIONS_MAX, &n);
		tb_core_read_end(tx);
	}
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(rw.w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(rw.w.ic.store, NULL);
	assert_true(err != TB_OK || n == 2);
	n = history(&rw, a.rid, 0, versions, VERSIONS_MAX);
	assert_int_equal(n, 2);
	/* The versions are those before the record as it is. */
	if (tb_str_eq(rw_find(&rw, VISITS, "1")->body, TB_STR("{\"n\":4}")))
		rw_expect(versions[0].body, "{\"n\":3}");
	else
		rw_expect(versions[0].body, "{\"n\":2}");
	rw_expect_sound(&rw);
	rw_fini(&rw);
	return met;
}

static void test_nth_store_call_fails(void **unused)
{
	(void)unused;
	world_fail_each_store_call(fail_once);
}

static void test_nth_allocation_fails(void **unused)
{
	(void)unused;
	world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_many_versions_as_declared_are_kept),
		cmocka_unit_test(test_none_are_kept_where_none_are_declared),
		cmocka_unit_test(test_changes_of_one_group_keep_theirs),
		cmocka_unit_test(test_versions_go_with_their_record),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
