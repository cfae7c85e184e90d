/*
 * Upkeep: what commits left is done, an org that stands still costs nothing,
 * and one that fails holds up no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/maintenance.h"
#include "fleet.h"
#include "kernel/directory.h"
#include "kernel/work.h"
#include "store/fail/fail.h"

#define CHILDREN (TB_WORK_MAX + 500)

struct fixture {
	struct centre centre;
	struct tb_store *fail;
	struct tb_maintenance maintenance;
};

static int setup(void **state)
{
	static struct fixture f;

	f.maintenance = (struct tb_maintenance) { .n_orgs = 0 };
	assert_int_equal(tb_fail_create(memory_store(), &f.fail), TB_OK);
	centre_open(&f.centre, f.fail);
	centre_add_site(&f.centre, "63", false);
	centre_add_site(&f.centre, "64", false);
	centre_add_store(&f.centre, "s1", "63");
	centre_add_store(&f.centre, "s2", "64");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_fail_set_plan(f->fail, NULL);
	tb_maintenance_fini(&f->maintenance);
	centre_close(&f->centre);
	return 0;
}

/* A parent of more children than one commit routes. */
static void leave_work(struct fixture *f)
{
	static struct tb_push_item items[CHILDREN];
	static char ids[CHILDREN][16];

	for (size_t i = 0; i < CHILDREN; i++) {
		snprintf(ids[i], sizeof(ids[i]), "l%zu", i);
		items[i] = (struct tb_push_item) {
			.table = TB_STR("trans_line"),
			.id = tb_str_z(ids[i]),
			.data = TB_STR("{\"transaction_ID\":\"t\"}")
		};
	}
	assert_int_equal(
		centre_try_push(&f->centre, 63, false, items, CHILDREN), TB_OK);
	centre_push(&f->centre, 63, false, TB_PUSH_UPSERT, "transact", "t",
		    "{\"store_ID\":\"s1\",\"other_store_ID\":\"s2\","
		    "\"status\":\"fn\"}");
}

static bool is_waiting(struct fixture *f)
{
	bool waiting;

	assert_int_equal(
		tb_work_is_waiting(f->centre.core, FLEET_ORG, &waiting), TB_OK);
	return waiting;
}

static enum tb_err maintain(struct fixture *f)
{
	return tb_maintenance_run(&f->maintenance, f->centre.core);
}

static void test_work_that_is_left_is_done(void **state)
{
	static struct page page;
	struct fixture *f = *state;
	size_t n = 0;

	leave_work(f);
	assert_true(is_waiting(f));
	assert_int_equal(maintain(f), TB_OK);
	assert_false(is_waiting(f));
	for (;;) {
		centre_pull(&f->centre, 64, 500, &page);
		if (page.n == 0)
			break;
		n += page.n;
		for (size_t i = 0; i < page.n; i++)
			centre_ack_sequence(&f->centre, 64,
					    page.rows[i].sequence);
	}
	assert_int_equal(n, CHILDREN + 1);
}

static void test_an_org_that_stands_still_is_not_read(void **state)
{
	struct fixture *f = *state;

	leave_work(f);
	assert_int_equal(maintain(f), TB_OK);
	/* The work itself moved the head. */
	assert_int_equal(maintain(f), TB_OK);
	tb_fail_set_plan(f->fail, NULL);
	assert_int_equal(maintain(f), TB_OK);
	assert_int_equal(tb_fail_calls(f->fail, TB_FAIL_ANY), 0);
}

static void test_an_org_that_fails_holds_up_no_other(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_FEED_OPEN,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_CORRUPT };
	struct tb_audit_note note = { .event_type = "test" };
	struct fixture *f = *state;
	uint32_t second;

	assert_int_equal(tb_directory_add_org(f->centre.core, &note,
					      TB_STR("second"), TB_STR("2"), 8,
					      &second),
			 TB_OK);
	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(maintain(f), TB_ERR_CORRUPT);
	/* The second was looked at all the same; the first comes again. */
	assert_int_equal(tb_fail_calls(f->fail, TB_FAIL_FEED_OPEN), 2);
	tb_fail_set_plan(f->fail, NULL);
	assert_int_equal(maintain(f), TB_OK);
	assert_int_equal(tb_fail_calls(f->fail, TB_FAIL_FEED_OPEN), 1);
}

static void test_an_org_that_comes_between_others_is_looked_at(void **state)
{
	struct tb_org far = { .id = 900 };
	struct tb_audit_note note = { .event_type = "test" };
	struct fixture *f = *state;
	uint32_t second;

	assert_int_equal(tb_core_publish(f->centre.core, &far), TB_OK);
	assert_int_equal(maintain(f), TB_OK);
	assert_int_equal(tb_directory_add_org(f->centre.core, &note,
					      TB_STR("second"), TB_STR("2"), 8,
					      &second),
			 TB_OK);
	assert_true(second < far.id);
	/* The new one is, and once; the others stood still. */
	tb_fail_set_plan(f->fail, NULL);
	assert_int_equal(maintain(f), TB_OK);
	assert_int_equal(tb_fail_calls(f->fail, TB_FAIL_FEED_OPEN), 1);
	tb_fail_set_plan(f->fail, NULL);
	assert_int_equal(maintain(f), TB_OK);
	assert_int_equal(tb_fail_calls(f->fail, TB_FAIL_ANY), 0);
}

static void test_work_that_failed_is_done_the_next_time(void **state)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_FULL };
	struct fixture *f = *state;

	leave_work(f);
	tb_fail_set_plan(f->fail, &plan);
	assert_int_equal(maintain(f), TB_ERR_FULL);
	assert_true(is_waiting(f));
	assert_int_equal(maintain(f), TB_OK);
	assert_false(is_waiting(f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_work_that_is_left_is_done),
		TEST(test_an_org_that_stands_still_is_not_read),
		TEST(test_an_org_that_fails_holds_up_no_other),
		TEST(test_an_org_that_comes_between_others_is_looked_at),
		TEST(test_work_that_failed_is_done_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
