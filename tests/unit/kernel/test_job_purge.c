/*
 * What is finished goes, by hand or by age, and names that are not used.
 */
#include "job_world.h"

/* Queues, and ends at once. */
static uint64_t finish(struct world *w, const char *name,
		       enum tb_job_end_kind kind)
{
	uint64_t id = queue_named(w, name);

	assert_int_equal(take_one(w, 1), id);
	end_job(w, id, 1, kind, 0);
	return id;
}

static struct tb_job_purged purge(struct world *w)
{
	struct tb_job_purged purged;

	MUST(tb_job_purge(w->ic.core, &w->ic.note, w->org, &purged));
	return purged;
}

static bool keep_up(struct world *w, int64_t keep_us, int64_t success_us)
{
	const struct tb_job_ages ages = { keep_us, success_us };
	bool more;

	MUST(tb_job_upkeep(w->ic.core, w->org, &ages, &more));
	return more;
}

static bool is_there(struct world *w, uint64_t coll, const char *key)
{
	const struct tb_key name = { .org = w->org,
				     .coll = coll,
				     .key = tb_str_z(key) };
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_record *record = NULL;

	MUST(tx->store->ops->find(tx, w->ic.arena, &name, 1, &record));
	tb_core_read_end(tx);
	return record != NULL;
}

static void what_is_finished_is_purged_on(struct world *w)
{
	struct tb_job_purged purged;
	struct tb_audit_entry entry;

	finish(w, "a", TB_JOB_END_COMPLETED);
	finish(w, "b", TB_JOB_END_FAILED);
	finish(w, "c", TB_JOB_END_COMPLETED);
	queue_named(w, "d");
	queue_at(w, "e", w->ic.now_us + DAY_US);
	assert_true(is_there(w, TB_COLL_JOB_NOTES, "job2"));
	purged = purge(w);
	assert_int_equal(purged.completed, 2);
	assert_int_equal(purged.failed, 1);
	entry = audit_last(w);
	expect_str(entry.operation, "purge");
	expect_part(entry.detail, "\"completed\":2,\"failed\":1");
	expect_list(w, TB_JOB_LIST_ALL, 0, 10, "5 4");
	assert_false(is_there(w, TB_COLL_JOB_NOTES, "job2"));
	/* What was completed is remembered of the name, nothing of others. */
	assert_true(is_there(w, TB_COLL_JOB_NAME, "a"));
	assert_false(is_there(w, TB_COLL_JOB_NAME, "b"));
	check_jobs(w);
	purged = purge(w);
	assert_int_equal(purged.completed + purged.failed, 0);
	/* Numbers are not given twice. */
	assert_int_equal(queue_named(w, "a"), 6);
}
JOB_TEST(what_is_finished_is_purged)

static void nothing_to_purge_is_no_commit_on(struct world *w)
{
	uint64_t rows;

	queue_named(w, "a");
	rows = audit_rows(w);
	(void)purge(w);
	assert_false(keep_up(w, 1, 1));
	assert_int_equal(audit_rows(w), rows);
}
JOB_TEST(nothing_to_purge_is_no_commit)

static void much_is_purged_on(struct world *w)
{
	struct tb_job jobs[64];
	struct tb_job_purged purged;
	char name[16];

	for (int i = 0; i < 1003; i++) {
		(void)snprintf(name, sizeof(name), "j%d", i);
		queue_named(w, name);
		tb_arena_reset(w->ic.arena);
	}
	for (size_t n; (n = take_jobs(w, 64, jobs)) > 0;) {
		for (size_t i = 0; i < n; i++)
			end_job(w, jobs[i].id, jobs[i].token,
				jobs[i].id % 2 ? TB_JOB_END_COMPLETED
					       : TB_JOB_END_FAILED,
				0);
		tb_arena_reset(w->ic.arena);
	}
	purged = purge(w);
	assert_int_equal(purged.completed, 502);
	assert_int_equal(purged.failed, 501);
	check_jobs(w);
}
JOB_TEST_IN_MEMORY(much_is_purged)

/* An engine's error in the second commit: the first took place. */
static void a_purge_says_what_is_gone_on(struct world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 2,
				     .last = 2,
				     .err = TB_ERR_BUSY };
	struct tb_job_purged purged;
	char name[16];

	for (int i = 0; i < 501; i++) {
		(void)snprintf(name, sizeof(name), "j%d", i);
		MUST(cancel_job(w, queue_named(w, name)));
		tb_arena_reset(w->ic.arena);
	}
	tb_fail_set_plan(w->ic.store, &plan);
	assert_int_equal(tb_job_purge(w->ic.core, &w->ic.note, w->org, &purged),
			 TB_ERR_BUSY);
	tb_fail_set_plan(w->ic.store, NULL);
	assert_int_equal(purged.failed, 500);
	assert_int_equal(sums_of(w).counts[TB_JOB_FAILED], 1);
	check_jobs(w);
}
JOB_TEST_IN_MEMORY(a_purge_says_what_is_gone)

static void what_is_old_goes_on(struct world *w)
{
	finish(w, "a", TB_JOB_END_COMPLETED);
	finish(w, "b", TB_JOB_END_FAILED);
	w->ic.now_us += DAY_US;
	finish(w, "c", TB_JOB_END_COMPLETED);
	queue_named(w, "d");
	w->ic.now_us += 30 * DAY_US - MINUTE_US;
	assert_false(keep_up(w, 0, 0));
	assert_false(keep_up(w, 31 * DAY_US, 400 * DAY_US));
	expect_list(w, TB_JOB_LIST_ALL, 0, 10, "4 3 2 1");
	assert_false(keep_up(w, 30 * DAY_US, 400 * DAY_US));
	expect_list(w, TB_JOB_LIST_ALL, 0, 10, "4 3");
	w->ic.now_us += 2 * MINUTE_US;
	assert_false(keep_up(w, 30 * DAY_US, 400 * DAY_US));
	expect_list(w, TB_JOB_LIST_ALL, 0, 10, "4");
	check_jobs(w);
}
JOB_TEST(what_is_old_goes)

static void names_are_forgotten_on(struct world *w)
{
	finish(w, "a", TB_JOB_END_COMPLETED);
	finish(w, "used", TB_JOB_END_COMPLETED);
	queue_named(w, "used");
	MUST(pause_job(w, "used"));
	w->ic.now_us += DAY_US;
	finish(w, "b", TB_JOB_END_COMPLETED);
	w->ic.now_us += 399 * DAY_US + SECOND_US;
	assert_false(keep_up(w, 0, 400 * DAY_US));
	assert_false(is_there(w, TB_COLL_JOB_NAME, "a"));
	assert_true(is_there(w, TB_COLL_JOB_NAME, "b"));
	/* One that is in use stays, and what is known of it. */
	MUST(resume_job(w, "used"));
	assert_int_equal(take_one(w, 1), 3);
	assert_int_not_equal(read_job(w, 3, NULL).since_us, 0);
	end_job(w, 3, 1, TB_JOB_END_FAILED, 0);
	/* From now on it is not. */
	w->ic.now_us += 399 * DAY_US;
	assert_false(keep_up(w, 0, 400 * DAY_US));
	assert_false(is_there(w, TB_COLL_JOB_NAME, "b"));
	assert_true(is_there(w, TB_COLL_JOB_NAME, "used"));
	w->ic.now_us += 2 * DAY_US;
	assert_false(keep_up(w, 0, 400 * DAY_US));
	assert_false(is_there(w, TB_COLL_JOB_NAME, "used"));
	check_jobs(w);
}
JOB_TEST(names_are_forgotten)

static void upkeep_goes_by_parts_on(struct world *w)
{
	struct tb_job jobs[64];
	char name[16];

	for (int i = 0; i < 501; i++) {
		(void)snprintf(name, sizeof(name), "j%d", i);
		queue_named(w, name);
		tb_arena_reset(w->ic.arena);
	}
	for (size_t n; (n = take_jobs(w, 64, jobs)) > 0;) {
		for (size_t i = 0; i < n; i++)
			end_job(w, jobs[i].id, jobs[i].token,
				TB_JOB_END_COMPLETED, 0);
		tb_arena_reset(w->ic.arena);
	}
	w->ic.now_us += 2 * DAY_US;
	assert_true(keep_up(w, DAY_US, DAY_US));
	assert_int_equal(sums_of(w).counts[TB_JOB_COMPLETED], 1);
	assert_false(keep_up(w, DAY_US, DAY_US));
	assert_int_equal(sums_of(w).counts[TB_JOB_COMPLETED], 0);
	assert_false(is_there(w, TB_COLL_JOB_NAME, "j500"));
	check_jobs(w);
}
JOB_TEST_IN_MEMORY(upkeep_goes_by_parts)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_finished_is_purged),
		cmocka_unit_test(nothing_to_purge_is_no_commit),
		cmocka_unit_test(much_is_purged),
		cmocka_unit_test(a_purge_says_what_is_gone),
		cmocka_unit_test(what_is_old_goes),
		cmocka_unit_test(names_are_forgotten),
		cmocka_unit_test(upkeep_goes_by_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
