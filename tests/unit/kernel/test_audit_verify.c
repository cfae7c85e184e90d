/*
 * Verifying a chain: whatever is done to its rows is found, and nothing that
 * the system does itself is taken for it.
 */
#include "audit_world.h"

#include "kernel/audit_base.h"
#include "kernel/audit_keep.h"

#define ROWS 10
#define LAST ROWS

static char changed[4096];

static bool leave_out(struct tb_audit_row *row)
{
	(void)row;
	return false;
}

static bool change_row(struct tb_audit_row *row)
{
	memcpy(changed, row->row.p, row->row.n);
	/* "ok" becomes "no". */
	memcpy((char *)memmem(changed, row->row.n, "\"ok\"", 4), "\"no\"", 4);
	row->row.p = changed;
	return true;
}

static bool change_hash(struct tb_audit_row *row)
{
	row->hash[31] ^= 1;
	return true;
}

static bool change_detail(struct tb_audit_row *row)
{
	memcpy(changed, row->detail.p, row->detail.n);
	changed[row->detail.n - 2] ^= 1;
	row->detail.p = changed;
	return true;
}

static bool change_salt(struct tb_audit_row *row)
{
	memcpy(changed, row->detail.p, row->detail.n);
	changed[0] ^= 1;
	row->detail.p = changed;
	return true;
}

static bool erase_detail(struct tb_audit_row *row)
{
	row->detail = TB_STR_NONE;
	return true;
}

/* In row's place a copy of itself under the next number. */
static bool renumber(struct tb_audit_row *row)
{
	row->n = LAST + 1;
	return true;
}

static void each_change_is_found_on(struct world *w)
{
	static const struct {
		tamper_fn *tamper;
		uint64_t row;
		uint64_t found_at;
		const char *problem;
	} cases[] = {
		{ leave_out, 1, 2, "a row is missing" },
		{ leave_out, 5, 6, "a row is missing" },
		{ leave_out, LAST, LAST - 1,
		  "the chain does not end at the org's head" },
		{ change_row, 1, 1, "a row was changed" },
		{ change_row, LAST, LAST, "a row was changed" },
		{ change_hash, 5, 5, "a row was changed" },
		{ change_detail, 5, 5, "a row's detail was changed" },
		{ change_salt, 5, 5, "a row's detail was changed" },
		{ renumber, LAST, LAST + 1, "a row is missing" },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct world other;

		world_init(&other,
			   w->folder[0] ? &tb_store_sqlite : &tb_store_memory);
		add_rows(&other, ROWS);
		assert_whole(&other, 1);
		tamper_with(&other, cases[i].row, cases[i].tamper);
		assert_problem(&other, cases[i].found_at, cases[i].problem);
		world_fini(&other);
	}
}

static void each_change_is_found(void **unused)
{
	(void)unused;
	world_on_each_engine(each_change_is_found_on);
}

static void erased_details_are_counted(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	tamper_with(&w, 3, erase_detail);
	tamper_with(&w, LAST, erase_detail);
	assert_whole(&w, 1);
	assert_int_equal(verdict_of(&w).erased, 2);
	world_fini(&w);
}

static void a_chain_emptied_whole_is_found(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	forget(&w, TB_OP_AUDIT_DROP, LAST);
	assert_problem(&w, 0, "the chain does not end at the org's head");
	world_fini(&w);
}

/* ---- a beginning that was cut off ---- */

static void drop_before(struct world *w, int64_t before_us)
{
	uint64_t dropped;

	MUST(tb_audit_drop(w->ic.core, &w->ic.note, w->org, before_us,
			   &dropped));
	assert_true(dropped > 0);
}

/* The time of row n, when rows were added one a second. */
static int64_t time_of(const struct world *w, uint64_t n)
{
	return w->ic.now_us - (int64_t)(LAST - n) * SECOND_US;
}

static void cut_by_force_is_found_on(struct world *w)
{
	add_rows(w, ROWS);
	forget(w, TB_OP_AUDIT_DROP, 4);
	assert_problem(w, 5, "a row is missing");
}

static void cut_by_force_is_found(void **unused)
{
	(void)unused;
	world_on_each_engine(cut_by_force_is_found_on);
}

static void cut_by_force_behind_a_drop_is_found(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	drop_before(&w, time_of(&w, 4));
	assert_whole(&w, 4);
	forget(&w, TB_OP_AUDIT_DROP, 5);
	assert_problem(&w, 6, "a row is missing");
	world_fini(&w);
}

static enum tb_err forge_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_audit_row row;
	struct tb_audit_base base = { .n = 5 };
	struct tb_tx *tx = tb_view_tx(view);

	(void)commit;
	MUST(tx->store->ops->audit_next(tx, tb_view_arena(view),
					tb_view_org_id(view), 4, &row));
	memcpy(base.hash, row.hash, sizeof(base.hash));
	return tb_audit_base_put(view, &base);
}

static void a_base_that_no_row_tells_of_is_found(void **unused)
{
	static const struct tb_commit_kind kind = {
		.name = "forge",
		.decide = forge_decide,
	};
	struct tb_commit commit = { .kind = &kind, .weight = 1 };
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	commit.org = w.org;
	add_rows(&w, ROWS);
	MUST(tb_core_commit(w.ic.core, &commit));
	forget(&w, TB_OP_AUDIT_DROP, 5);
	assert_problem(&w, 5, "rows are gone that no row tells of");
	world_fini(&w);
}

/* ---- slices ---- */

static void verify_slice(struct world *w, struct tb_audit_verification *v,
			 uint64_t max)
{
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_audit_verify_slice(tx, w->ic.arena, v, max));
	tb_core_read_end(tx);
}

static void slices_come_to_the_same(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	for (uint64_t max = 1; max <= LAST + 1; max++) {
		struct tb_audit_verification v;
		uint64_t slices = 0;

		tb_audit_verify_init(&v, w.org);
		while (!v.is_done) {
			verify_slice(&w, &v, max);
			slices++;
		}
		assert_null(v.verdict.problem);
		assert_int_equal(v.verdict.rows, LAST);
		assert_int_equal(slices, LAST / max + 1);
	}
	world_fini(&w);
}

static void rows_that_come_meanwhile_are_looked_at(void **unused)
{
	struct tb_audit_verification v;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	tb_audit_verify_init(&v, w.org);
	verify_slice(&w, &v, LAST);
	assert_false(v.is_done);
	add_rows(&w, 1);
	verify_slice(&w, &v, LAST);
	assert_true(v.is_done);
	assert_null(v.verdict.problem);
	assert_int_equal(v.verdict.rows, LAST + 1);
	world_fini(&w);
}

static void a_drop_meanwhile_is_no_damage(void **unused)
{
	struct tb_audit_verification v;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	add_rows(&w, ROWS);
	tb_audit_verify_init(&v, w.org);
	verify_slice(&w, &v, 2);
	drop_before(&w, time_of(&w, 7));
	while (!v.is_done)
		verify_slice(&w, &v, 2);
	assert_null(v.verdict.problem);
	assert_int_equal(v.verdict.last, LAST + 1);
	/* Rows 1 and 2, 7 to the last, and the one that tells of it. */
	assert_int_equal(v.verdict.rows, 2 + 4 + 1);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_found),
		cmocka_unit_test(erased_details_are_counted),
		cmocka_unit_test(a_chain_emptied_whole_is_found),
		cmocka_unit_test(cut_by_force_is_found),
		cmocka_unit_test(cut_by_force_behind_a_drop_is_found),
		cmocka_unit_test(a_base_that_no_row_tells_of_is_found),
		cmocka_unit_test(slices_come_to_the_same),
		cmocka_unit_test(rows_that_come_meanwhile_are_looked_at),
		cmocka_unit_test(a_drop_meanwhile_is_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
