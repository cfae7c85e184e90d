/*
 * The last numbers of feeds in memory: never one that is behind what a commit
 * published, nothing of an org that others changed, and bounded. Below, the
 * core's use of them with two cores on one store, on each engine.
 */
#include "clinic_world.h"

#define SCOPE(n) tb_rid(1, n)

static struct tb_scope_heads *heads;

static int set_up(void **state)
{
	(void)state;
	heads = tb_scope_heads_create();
	return heads != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_scope_heads_destroy(heads);
	return 0;
}

static void expect(uint64_t scope, uint64_t num)
{
	uint64_t found = 0;

	assert_true(tb_scope_heads_find(heads, scope, &found));
	assert_true(found == num);
}

static void expect_none(uint64_t scope)
{
	uint64_t found;

	assert_false(tb_scope_heads_find(heads, scope, &found));
}

static uint64_t expected(uint64_t scope)
{
	uint64_t turn = UINT64_MAX;

	MUST(tb_scope_heads_expect(heads, scope, &turn));
	return turn;
}

static void learn(uint64_t scope, uint64_t num)
{
	tb_scope_heads_settle(heads, scope, expected(scope), num);
}

static void move(uint64_t scope, uint64_t num)
{
	tb_scope_heads_move(heads, &(struct tb_move) { scope, num });
}

static void what_was_read_is_known_and_rises(void **unused)
{
	(void)unused;
	expect_none(SCOPE(100));
	learn(SCOPE(100), 5);
	expect(SCOPE(100), 5);
	move(SCOPE(100), 9);
	expect(SCOPE(100), 9);
	move(SCOPE(100), 7);
	expect(SCOPE(100), 9);
	/* A scope without entries is known, too. */
	learn(SCOPE(101), 0);
	expect(SCOPE(101), 0);
	/* Nobody asked for this one. */
	move(SCOPE(102), 3);
	expect_none(SCOPE(102));
}

static void what_moves_while_it_is_read_counts(void **unused)
{
	uint64_t turn = expected(SCOPE(100));

	(void)unused;
	expect_none(SCOPE(100));
	move(SCOPE(100), 8);
	expect_none(SCOPE(100));
	tb_scope_heads_settle(heads, SCOPE(100), turn, 6);
	expect(SCOPE(100), 8);
}

static void what_was_read_before_forgetting_is_not_kept(void **unused)
{
	uint64_t turn = expected(SCOPE(100));

	(void)unused;
	tb_scope_heads_forget(heads, 1);
	tb_scope_heads_settle(heads, SCOPE(100), turn, 6);
	expect_none(SCOPE(100));
	learn(SCOPE(100), 7);
	expect(SCOPE(100), 7);
	/* Nobody expects it. */
	tb_scope_heads_settle(heads, SCOPE(200), turn, 6);
	expect_none(SCOPE(200));
}

static void one_org_is_forgotten_alone(void **unused)
{
	uint64_t other = tb_rid(2, 100);

	(void)unused;
	learn(SCOPE(100), 5);
	learn(other, 6);
	tb_scope_heads_forget(heads, 1);
	expect_none(SCOPE(100));
	expect(other, 6);
	/* What moved since is no less. */
	move(SCOPE(100), 20);
	learn(SCOPE(100), 10);
	expect(SCOPE(100), 20);
}

static void many_are_kept_and_too_many_forgotten(void **unused)
{
	uint64_t turn;

	(void)unused;
	for (uint64_t i = 0; i < TB_SCOPE_HEADS_MAX; i++)
		learn(SCOPE(100 + i), i + 1);
	for (uint64_t i = 0; i < TB_SCOPE_HEADS_MAX; i++)
		expect(SCOPE(100 + i), i + 1);
	turn = expected(SCOPE(100));
	learn(SCOPE(99), 4);
	expect(SCOPE(99), 4);
	expect_none(SCOPE(100));
	tb_scope_heads_settle(heads, SCOPE(100), turn, 1);
	expect_none(SCOPE(100));
}

static void without_memory_nothing_is_lost(void **unused)
{
	uint64_t turn;
	uint64_t n = 0;
	enum tb_err err = TB_OK;

	(void)unused;
	while (err == TB_OK) {
		assert_true(n < 1000);
		learn(SCOPE(100 + n), n + 1);
		n++;
		tb_alloc_fail_at(1);
		err = tb_scope_heads_expect(heads, SCOPE(100 + n), &turn);
		tb_alloc_fail_at(0);
	}
	assert_int_equal(err, TB_ERR_NOMEM);
	for (uint64_t i = 0; i < n; i++)
		expect(SCOPE(100 + i), i + 1);
	learn(SCOPE(100 + n), 1);
	for (uint64_t i = 1; i < 3; i++) {
		tb_alloc_fail_at(i);
		assert_null(tb_scope_heads_create());
		tb_alloc_fail_at(0);
	}
	tb_scope_heads_destroy(NULL);
}

/* ---- the core ---- */

static uint64_t scope_of(struct clinic_world *w, const char *name)
{
	struct look look;
	uint64_t scope;

	look_begin(&look, &w->centre);
	scope = look_scope(&look, name);
	look_end(&look);
	assert_true(scope != 0);
	return scope;
}

static bool finds(struct tb_core *core, uint64_t scope, uint64_t *ret)
{
	struct tb_heads org;

	return tb_core_find_scopes(core, FLEET_ORG, &scope, 1, &org, ret);
}

static uint64_t loads(struct tb_core *core, uint64_t scope)
{
	struct tb_heads org;
	uint64_t num = UINT64_MAX;

	MUST(tb_core_load_scopes(core, FLEET_ORG, &scope, 1, &org, &num));
	assert_true(num <= org.head);
	return num;
}

/* The number of the last entry for those who see all patients. */
static uint64_t last_of(struct clinic_world *w, const char *key)
{
	return clinic_entry(w, "patients", key, "all/patients")->num;
}

#define BODY "{\"store_id\":\"s1\"}"

static void own_commits_on(struct clinic_world *w)
{
	struct tb_core *core = w->centre.core;
	uint64_t all, num;

	clinic_put(w, "patients", "p1", BODY);
	all = scope_of(w, "all/patients");
	assert_false(finds(core, all, &num));
	assert_true(loads(core, all) == last_of(w, "p1"));
	assert_true(finds(core, all, &num));
	clinic_put(w, "patients", "p2", BODY);
	assert_true(finds(core, all, &num));
	assert_true(num == last_of(w, "p2"));
	/* What nobody sees leaves the number. */
	clinic_put(w, "notes", "n1", BODY);
	assert_true(finds(core, all, &num));
	assert_true(num == last_of(w, "p2"));
	clinic_put(w, "appointments", "a1",
		   "{\"patient_id\":\"p1\",\"doctor_id\":1}");
	assert_true(loads(core, all) == last_of(w, "p2"));
	assert_false(tb_core_find_scopes(
		core, 99, &all, 1, &(struct tb_heads) { .head = 0 }, &num));
}
CLINIC_TEST(own_commits)

static uint64_t turn_of(struct clinic_world *w)
{
	struct tb_heads org;

	MUST(tb_core_heads(w->centre.core, FLEET_ORG, &org));
	return org.scopes_turn;
}

static struct tb_org org_row(struct clinic_world *w)
{
	struct look look;
	struct tb_org org;

	look_begin(&look, &w->centre);
	org = look.org;
	look_end(&look);
	return org;
}

/* Who lacks a scope need not ask for it again until one was made. */
static void new_scopes_on(struct clinic_world *w)
{
	struct tb_org org;
	uint64_t turn;

	clinic_put(w, "patients", "p1", BODY);
	turn = turn_of(w);
	assert_true(turn > 0);
	clinic_put(w, "patients", "p1", "{\"store_id\":\"s1\",\"name\":\"x\"}");
	clinic_delete(w, "patients", "p1");
	clinic_put(w, "patients", "p1", BODY);
	assert_true(turn_of(w) == turn);
	clinic_put(w, "patients", "p2", BODY);
	assert_true(turn_of(w) > turn);
	turn = turn_of(w);
	org = org_row(w);
	MUST(tb_core_publish(w->centre.core, &org));
	assert_true(turn_of(w) == turn);
	/* Nobody tells what others have made. */
	org.head++;
	MUST(tb_core_publish(w->centre.core, &org));
	assert_true(turn_of(w) > turn);
	turn = turn_of(w);
	org.epoch++;
	MUST(tb_core_publish(w->centre.core, &org));
	assert_true(turn_of(w) > turn);
}
CLINIC_TEST(new_scopes)

/* Another core on the same store, as another process would have. */
static struct tb_core *other_core(struct clinic_world *w, struct centre *centre)
{
	struct tb_org org = org_row(w);

	*centre = w->centre;
	centre->core = NULL;
	centre_declare(centre, &w->clinic.declaration);
	MUST(tb_core_publish(centre->core, &org));
	return centre->core;
}

static void foreign_commits_on(struct clinic_world *w)
{
	struct centre centre;
	struct tb_core *own = w->centre.core;
	struct tb_core *other = other_core(w, &centre);
	struct tb_org org;
	uint64_t all, num;

	clinic_put(w, "patients", "p1", BODY);
	all = scope_of(w, "all/patients");
	(void)loads(own, all);
	(void)centre_push(&centre, 63, true, TB_PUSH_UPSERT, "patients", "p2",
			  BODY);
	/* An own commit sees that there was another in between. */
	clinic_put(w, "notes", "n1", BODY);
	assert_false(finds(own, all, &num));
	assert_true(loads(own, all) == last_of(w, "p2"));
	/* So does whoever reads the org. */
	(void)centre_push(&centre, 63, true, TB_PUSH_UPSERT, "patients", "p3",
			  BODY);
	org = org_row(w);
	MUST(tb_core_publish(own, &org));
	assert_false(finds(own, all, &num));
	(void)loads(own, all);
	MUST(tb_core_publish(own, &org));
	assert_true(finds(own, all, &num));
	assert_true(num == last_of(w, "p3"));
	/* A restored store is another one. */
	org.epoch++;
	MUST(tb_core_publish(own, &org));
	assert_false(finds(own, all, &num));
	tb_core_destroy(other);
}
CLINIC_TEST(foreign_commits)

static void failing_reads_on(struct clinic_world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .err = TB_ERR_CORRUPT };
	struct tb_heads org = { .head = 77 };
	enum tb_err err = TB_ERR_CORRUPT;
	uint64_t scopes[2], nums[2];

	clinic_put(w, "patients", "p1", BODY);
	scopes[0] = scope_of(w, "all/patients");
	scopes[1] = scope_of(w, "by/patients/id/p1");
	for (plan.first = 1; err != TB_OK; plan.first++) {
		assert_true(plan.first < 50);
		plan.last = plan.first;
		tb_fail_set_plan(w->centre.store, &plan);
		err = tb_core_load_scopes(w->centre.core, FLEET_ORG, scopes, 2,
					  &org, nums);
		tb_fail_set_plan(w->centre.store, NULL);
		if (err == TB_OK)
			break;
		assert_int_equal(err, TB_ERR_CORRUPT);
		assert_int_equal(org.head, 77);
		assert_false(finds(w->centre.core, scopes[0], nums));
	}
	assert_true(plan.first > 3);
	assert_true(nums[0] == nums[1]);
}
CLINIC_TEST(failing_reads)

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(what_was_read_is_known_and_rises),
		T(what_moves_while_it_is_read_counts),
		T(what_was_read_before_forgetting_is_not_kept),
		T(one_org_is_forgotten_alone),
		T(many_are_kept_and_too_many_forgotten),
		T(without_memory_nothing_is_lost),
		cmocka_unit_test(own_commits),
		cmocka_unit_test(new_scopes),
		cmocka_unit_test(foreign_commits),
		cmocka_unit_test(failing_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
