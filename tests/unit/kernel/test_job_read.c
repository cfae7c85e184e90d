/*
 * Lists of jobs, page by page, and what of them is followed.
 */
#include "job_world.h"

static uint64_t queue_nth(struct world *w, int i)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "j%d", i);
	return queue_named(w, name);
}

static void all_come_the_last_change_first_on(struct world *w)
{
	uint64_t next;

	for (int i = 1; i <= 5; i++)
		queue_nth(w, i);
	next = expect_list(w, TB_JOB_LIST_ALL, 0, 2, "5 4+");
	/* What changes meanwhile is before, and not seen twice. */
	MUST(pause_job(w, "j2"));
	queue_nth(w, 6);
	next = expect_list(w, TB_JOB_LIST_ALL, next, 1, "3+");
	(void)expect_list(w, TB_JOB_LIST_ALL, next, 1, "1");
	(void)expect_list(w, TB_JOB_LIST_ALL, 0, 10, "6 2 5 4 3 1");
	(void)expect_list(w, TB_JOB_LIST_ALL, 0, 6, "6 2 5 4 3 1");
	(void)expect_list(w, TB_JOB_LIST_ALL, 1, 6, "");
}
JOB_TEST(all_come_the_last_change_first)

static void changes_are_followed_on(struct world *w)
{
	struct tb_job_checkpoint page;
	uint64_t next;
	uint64_t seen;

	for (int i = 1; i <= 3; i++)
		queue_nth(w, i);
	next = expect_list(w, TB_JOB_LIST_CHANGES, 0, 2, "1 2+");
	assert_int_equal(next, read_job(w, 2, NULL).version);
	next = expect_list(w, TB_JOB_LIST_CHANGES, next, 2, "3");
	seen = expect_list(w, TB_JOB_LIST_CHANGES, next, 2, "");
	assert_int_equal(seen, next);
	assert_int_equal(take_one(w, 1), 1);
	page = page_of(w, 1, 1);
	MUST(try_checkpoint(w, &page));
	MUST(try_checkpoint(w, &page));
	MUST(cancel_job(w, 3));
	/* Of several changes the last. */
	next = expect_list(w, TB_JOB_LIST_CHANGES, next, 9, "1 3");
	assert_int_equal(next, read_job(w, 3, NULL).version);
}
JOB_TEST(changes_are_followed)

static void the_end_of_changes_is_known_on(struct world *w)
{
	uint64_t scope = tb_job_changes_scope(w->org);
	const struct tb_job_lease lease = { w->org, 1, 1 };
	struct tb_heads heads;
	uint64_t end;
	bool lost;

	MUST(tb_core_load_scopes(w->ic.core, w->org, &scope, 1, &heads, &end));
	assert_int_equal(end, 0);
	queue_nth(w, 1);
	assert_true(tb_core_find_scopes(w->ic.core, w->org, &scope, 1, &heads,
					&end));
	assert_int_equal(end, read_job(w, 1, NULL).version);
	assert_int_equal(take_one(w, 1), 1);
	assert_true(tb_core_find_scopes(w->ic.core, w->org, &scope, 1, &heads,
					&end));
	assert_int_equal(end, read_job(w, 1, NULL).version);
	MUST(tb_job_renew(w->ic.core, w->org, &lease, 1, LEASE_US, &lost));
	assert_true(tb_core_find_scopes(w->ic.core, w->org, &scope, 1, &heads,
					&end));
	assert_int_equal(end, read_job(w, 1, NULL).version);
}
JOB_TEST(the_end_of_changes_is_known)

static void each_state_has_its_list_on(struct world *w)
{
	struct tb_job jobs[6];
	uint64_t next;

	for (int i = 1; i <= 8; i++)
		queue_nth(w, i);
	assert_int_equal(take_jobs(w, 6, jobs), 6);
	end_job(w, 5, 104, TB_JOB_END_COMPLETED, 0);
	w->ic.now_us += SECOND_US;
	end_job(w, 2, 101, TB_JOB_END_COMPLETED, 0);
	end_job(w, 4, 103, TB_JOB_END_FAILED, 0);
	end_job(w, 6, 105, TB_JOB_END_FAILED, 0);
	MUST(cancel_job(w, 1));
	MUST(pause_job(w, "j8"));
	MUST(pause_job(w, "j3"));
	next = expect_list(w, TB_JOB_LIST_COMPLETED, 0, 1, "5+");
	(void)expect_list(w, TB_JOB_LIST_COMPLETED, next, 1, "2");
	next = expect_list(w, TB_JOB_LIST_FAILED, 0, 2, "4 6+");
	(void)expect_list(w, TB_JOB_LIST_FAILED, next, 2, "1");
	next = expect_list(w, TB_JOB_LIST_PAUSED, 0, 1, "3+");
	(void)expect_list(w, TB_JOB_LIST_PAUSED, next, 1, "8");
	(void)expect_list(w, TB_JOB_LIST_READY, 0, 5, "7");
	(void)expect_list(w, TB_JOB_LIST_ACTIVE, 0, 5, "");
	(void)expect_list(w, TB_JOB_LIST_DUE, 0, 5, "");
	check_jobs(w);
}
JOB_TEST(each_state_has_its_list)

static void the_ready_come_in_pages_on(struct world *w)
{
	struct tb_job_order order = order_of(w, "a");
	struct tb_job_page page;

	for (int i = 1; i <= 4; i++)
		queue_nth(w, i);
	order.priority = 51;
	queue_new(w, &order);
	page = list_jobs(w, TB_JOB_LIST_READY, 0, 2);
	assert_int_equal(page.jobs[0].id, 5);
	assert_int_equal(page.jobs[1].id, 1);
	assert_int_equal(page.jobs[1].ahead, 1);
	page = list_jobs(w, TB_JOB_LIST_READY, page.next, 2);
	assert_int_equal(page.jobs[0].id, 2);
	assert_int_equal(page.jobs[1].id, 3);
	assert_int_equal(page.jobs[1].ahead, 3);
	assert_true(page.has_more);
}
JOB_TEST(the_ready_come_in_pages)

static void orgs_see_their_own_on(struct world *w)
{
	uint32_t first = w->org;

	queue_nth(w, 1);
	queue_nth(w, 2);
	w->org = inline_core_add_org(&w->ic, "other");
	(void)expect_list(w, TB_JOB_LIST_ALL, 0, 10, "");
	assert_int_equal(take_one(w, 1), 0);
	assert_int_equal(queue_nth(w, 1), 1);
	assert_int_equal(pause_job(w, "j2"), TB_ERR_NOT_FOUND);
	check_jobs(w);
	w->org = first;
	(void)expect_list(w, TB_JOB_LIST_READY, 0, 10, "1 2");
}
JOB_TEST(orgs_see_their_own)

static void what_is_not_there_is_not_found_on(struct world *w)
{
	static const uint64_t ids[] = { 0, 2, TB_JOB_ID_MAX, UINT64_MAX };
	struct tb_tx *tx;
	struct tb_job job;

	queue_nth(w, 1);
	tx = inline_core_read(&w->ic);
	for (size_t i = 0; i < TB_ARRAY_LEN(ids); i++)
		assert_int_equal(tb_job_read(tx, w->ic.arena, w->org, ids[i],
					     &job, NULL),
				 TB_ERR_NOT_FOUND);
	assert_int_equal(
		tb_job_find(tx, w->ic.arena, w->org, TB_STR("j2"), &job),
		TB_ERR_NOT_FOUND);
	MUST(tb_job_find(tx, w->ic.arena, w->org, TB_STR("j1"), &job));
	assert_int_equal(job.id, 1);
	tb_core_read_end(tx);
}
JOB_TEST(what_is_not_there_is_not_found)

/* What is ahead is counted up to a bound. */
static void much_is_ahead_on(struct world *w)
{
	struct tb_job_sums sums;
	struct tb_job job;

	for (int i = 0; i < TB_JOB_AHEAD_MAX + 2; i++) {
		queue_nth(w, i);
		tb_arena_reset(w->ic.arena);
	}
	assert_int_equal(read_job(w, TB_JOB_AHEAD_MAX, NULL).ahead,
			 TB_JOB_AHEAD_MAX - 1);
	job = read_job(w, TB_JOB_AHEAD_MAX + 2, NULL);
	assert_int_equal(job.ahead, TB_JOB_AHEAD_MAX);
	sums = sums_of(w);
	assert_int_equal(sums.ready[50], TB_JOB_AHEAD_MAX + 2);
}
JOB_TEST_IN_MEMORY(much_is_ahead)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_come_the_last_change_first),
		cmocka_unit_test(changes_are_followed),
		cmocka_unit_test(the_end_of_changes_is_known),
		cmocka_unit_test(each_state_has_its_list),
		cmocka_unit_test(the_ready_come_in_pages),
		cmocka_unit_test(orgs_see_their_own),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(much_is_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
