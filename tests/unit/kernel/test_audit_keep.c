/*
 * What goes from the audit trail: no more than was asked for, never without a
 * row that says so, and what stays verifies.
 */
#include "audit_world.h"

#include "base/alloc.h"
#include "kernel/audit_base.h"
#include "kernel/audit_keep.h"

#define ROWS 10
#define LAST ROWS

static int64_t time_of(const struct world *w, uint64_t n)
{
	return w->ic.now_us - (int64_t)(LAST - n) * SECOND_US;
}

static uint64_t drop(struct world *w, int64_t before_us)
{
	uint64_t dropped = 12345;

	MUST(tb_audit_drop(w->ic.core, &w->ic.note, w->org, before_us,
			   &dropped));
	return dropped;
}

static struct tb_audit_entry entry_of(struct world *w, uint64_t n)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_audit_entry entry;

	MUST(tb_audit_find(tx, w->ic.arena, w->org, n, &entry));
	tb_core_read_end(tx);
	return entry;
}

/* ---- dropping ---- */

static void old_rows_are_dropped_on(struct world *w)
{
	struct tb_audit_entry entry;
	struct tb_audit_base base;
	struct tb_audit_row dropped;
	struct tb_tx *tx;

	add_rows(w, ROWS);
	tx = inline_core_read(&w->ic);
	MUST(tx->store->ops->audit_next(tx, w->ic.arena, w->org, 3, &dropped));
	tb_core_read_end(tx);
	/* A row of exactly this time is not before it. */
	assert_int_equal(drop(w, time_of(w, 5)), 4);
	assert_int_equal(first_row(w), 5);
	entry = entry_of(w, LAST + 1);
	assert_true(tb_str_eq(entry.event_type, TB_STR("audit")));
	assert_true(tb_str_eq(entry.operation, TB_STR("drop")));
	assert_true(tb_str_eq(entry.status, TB_STR("ok")));
	assert_true(tb_str_eq(entry.principal, TB_STR("cli")));
	assert_true(tb_str_starts(entry.detail,
				  TB_STR("{\"up_to\":4,\"hash\":\"")));
	tx = inline_core_read(&w->ic);
	MUST(tb_audit_base_read(tx, w->ic.arena, w->org, &base));
	tb_core_read_end(tx);
	assert_int_equal(base.n, 4);
	assert_memory_equal(base.hash, dropped.hash, sizeof(base.hash));
	assert_whole(w, 5);
}

static void old_rows_are_dropped(void **unused)
{
	(void)unused;
	world_on_each_engine(old_rows_are_dropped_on);
}

static void nothing_old_costs_no_commit(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	assert_int_equal(drop(&w, time_of(&w, 1)), 0);
	assert_int_equal(org_row(&w).audit_n, LAST);
	assert_int_equal(drop(&w, time_of(&w, 2)), 1);
	assert_int_equal(drop(&w, time_of(&w, 2)), 0);
	assert_int_equal(org_row(&w).audit_n, LAST + 1);
	world_fini(&w);
}

/* The row that tells of a drop goes with a later one, which has its own. */
static void drops_follow_each_other(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	assert_int_equal(drop(&w, time_of(&w, 3)), 2);
	assert_int_equal(drop(&w, time_of(&w, 6)), 3);
	assert_whole(&w, 6);
	w.ic.now_us += 100 * SECOND_US;
	assert_int_equal(drop(&w, w.ic.now_us), LAST + 2 - 5);
	assert_whole(&w, LAST + 3);
	assert_int_equal(org_row(&w).audit_n, LAST + 3);
	add_rows(&w, 2);
	assert_whole(&w, LAST + 3);
	world_fini(&w);
}

static void one_call_drops_so_many(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, TB_AUDIT_DROP_MAX + 3);
	assert_int_equal(drop(&w, w.ic.now_us), TB_AUDIT_DROP_MAX);
	assert_whole(&w, TB_AUDIT_DROP_MAX + 1);
	assert_int_equal(drop(&w, w.ic.now_us), 2);
	assert_whole(&w, TB_AUDIT_DROP_MAX + 3);
	world_fini(&w);
}

static bool change_hash(struct tb_audit_row *row)
{
	row->hash[0] ^= 1;
	return true;
}

static void what_was_tampered_with_is_not_dropped(void **unused)
{
	uint64_t dropped = 0;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	tamper_with(&w, 3, change_hash);
	assert_int_equal(tb_audit_drop(w.ic.core, &w.ic.note, w.org,
				       time_of(&w, 6), &dropped),
			 TB_ERR_CORRUPT);
	assert_int_equal(first_row(&w), 1);
	assert_int_equal(drop(&w, time_of(&w, 3)), 2);
	assert_problem(&w, 3, "a row was changed");
	world_fini(&w);
}

static void a_clock_set_back_does_not_set_the_chain_back(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, 1);
	w.ic.now_us -= 3600 * SECOND_US;
	add_rows(&w, 1);
	assert_int_equal(entry_of(&w, 2).time_us, entry_of(&w, 1).time_us);
	assert_int_equal(org_row(&w).audit_us, entry_of(&w, 2).time_us);
	world_fini(&w);
}

/* ---- erasing ---- */

static uint64_t erase(struct world *w, int64_t before_us)
{
	struct tb_audit_erasure erasure;

	MUST(tb_audit_erase_begin(w->ic.core, w->org, before_us, &erasure));
	while (!tb_audit_erase_is_done(&erasure))
		MUST(tb_audit_erase_next(w->ic.core, &w->ic.note, &erasure));
	return erasure.n_erased;
}

static void details_are_erased_on(struct world *w)
{
	struct tb_audit_entry entry;

	add_rows(w, ROWS);
	assert_int_equal(erase(w, time_of(w, 4)), 3);
	assert_null(entry_of(w, 3).detail.p);
	assert_non_null(entry_of(w, 4).detail.p);
	entry = entry_of(w, LAST + 1);
	assert_true(tb_str_eq(entry.event_type, TB_STR("audit")));
	assert_true(tb_str_eq(entry.operation, TB_STR("erase")));
	assert_true(tb_str_eq(entry.detail, TB_STR("{\"up_to\":3}")));
	assert_whole(w, 1);
	assert_int_equal(verdict_of(w).erased, 3);
	assert_int_equal(erase(w, time_of(w, 4)), 0);
	assert_int_equal(org_row(w).audit_n, LAST + 1);
}

static void details_are_erased(void **unused)
{
	(void)unused;
	world_on_each_engine(details_are_erased_on);
}

static void one_row_tells_of_a_long_erasure(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, 2 * TB_AUDIT_ERASE_MAX);
	assert_int_equal(erase(&w, w.ic.now_us), 2 * TB_AUDIT_ERASE_MAX - 1);
	assert_int_equal(org_row(&w).audit_n, 2 * TB_AUDIT_ERASE_MAX + 1);
	world_fini(&w);
}

/* Without it what was dropped could not be verified. */
static void what_the_trail_says_of_itself_stays(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	assert_int_equal(drop(&w, time_of(&w, 3)), 2);
	w.ic.now_us += SECOND_US;
	assert_int_equal(erase(&w, w.ic.now_us), LAST - 2);
	assert_non_null(entry_of(&w, LAST + 1).detail.p);
	assert_whole(&w, 3);
	world_fini(&w);
}

/* ---- failures ---- */

static enum tb_err drop_once(struct world *w)
{
	uint64_t dropped;

	return tb_audit_drop(w->ic.core, &w->ic.note, w->org, time_of(w, 5),
			     &dropped);
}

static enum tb_err erase_once(struct world *w)
{
	struct tb_audit_erasure erasure;
	enum tb_err err = tb_audit_erase_begin(w->ic.core, w->org,
					       time_of(w, 5), &erasure);

	while (err == TB_OK && !tb_audit_erase_is_done(&erasure))
		err = tb_audit_erase_next(w->ic.core, &w->ic.note, &erasure);
	return err;
}

static bool is_dropped(struct world *w)
{
	return first_row(w) == 5;
}

static bool is_erased(struct world *w)
{
	return verdict_of(w).erased == 4;
}

static const struct {
	enum tb_err (*run)(struct world *w);
	bool (*is_done)(struct world *w);
} works[] = {
	{ drop_once, is_dropped },
	{ erase_once, is_erased },
};
static size_t work;

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_IO };
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	add_rows(&w, ROWS);
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = works[work].run(&w);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	assert_int_equal(works[work].is_done(&w), err == TB_OK);
	MUST(works[work].run(&w));
	assert_true(works[work].is_done(&w));
	assert_null(verdict_of(&w).problem);
	world_fini(&w);
	return met;
}

static void nth_store_call_fails(void **unused)
{
	(void)unused;
	for (work = 0; work < TB_ARRAY_LEN(works); work++)
		world_fail_each_store_call(fail_once);
}

static void nth_allocation_fails(void **unused)
{
	(void)unused;
	for (work = 0; work < TB_ARRAY_LEN(works); work++)
		world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_rows_are_dropped),
		cmocka_unit_test(nothing_old_costs_no_commit),
		cmocka_unit_test(drops_follow_each_other),
		cmocka_unit_test(one_call_drops_so_many),
		cmocka_unit_test(what_was_tampered_with_is_not_dropped),
		cmocka_unit_test(a_clock_set_back_does_not_set_the_chain_back),
		cmocka_unit_test(details_are_erased),
		cmocka_unit_test(one_row_tells_of_a_long_erasure),
		cmocka_unit_test(what_the_trail_says_of_itself_stays),
		cmocka_unit_test(nth_store_call_fails),
		cmocka_unit_test(nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
