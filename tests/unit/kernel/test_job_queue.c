/*
 * Queueing: what is kept, who is refused, what is asked again, and in which
 * order jobs will run.
 */
#include "job_world.h"

static const struct tb_named_request named = {
	.key = TB_STR_INIT("0123456789abcdef0123456789abcdef"),
	.body = TB_STR_INIT("fedcba9876543210fedcba9876543210"),
};

static void keeps_what_was_sent_on(struct world *w)
{
	static const char request[] =
		"{\"name\":\"\xc3\xa4 \\\"x\\\"\",\n\t\"n\" : 1.50e0,"
		"\"deep\":[[[[[[1]]]]]],\"nul\":\"\\u0000\"}";
	struct tb_job_order order = order_of(w, "\xc3\xa4 \"x\"/\\");
	struct tb_job job;

	order.type = TB_STR("incremental");
	order.request = tb_str_z(request);
	order.priority = 100;
	order.retries_max = 7;
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(job.id, 1);
		expect_str(job.name, "\xc3\xa4 \"x\"/\\");
		expect_str(job.type, "incremental");
		expect_str(job.request, request);
		assert_int_equal(job.priority, 100);
		assert_int_equal(job.retries_max, 7);
		assert_int_equal(job.state, TB_JOB_QUEUED);
		assert_int_equal(job.queued_us, w->ic.now_us);
		assert_false(job.is_waiting || job.has_begun || job.in_attempt);
		assert_true(job.due_us == 0 && job.started_us == 0 &&
			    job.ended_us == 0 && job.token == 0);
		assert_int_not_equal(job.version, 0);
		job = read_job(w, 1, NULL);
	}
	check_jobs(w);
}
JOB_TEST(keeps_what_was_sent)

static void numbers_rise_for_ever_on(struct world *w)
{
	assert_int_equal(queue_named(w, "a"), 1);
	assert_int_equal(queue_named(w, "b"), 2);
	MUST(cancel_job(w, 2));
	assert_int_equal(queue_named(w, "b"), 3);
	assert_int_equal(sums_of(w).last_id, 3);
}
JOB_TEST(numbers_rise_for_ever)

static void a_name_is_of_one_unfinished_job_on(struct world *w)
{
	const struct tb_job_order order = order_of(w, "a");
	uint64_t rows;
	struct tb_job job;

	queue_named(w, "a");
	queue_named(w, "A");
	rows = audit_rows(w);
	assert_int_equal(queue(w, &order, &job), TB_JOB_NAME_IS_TAKEN);
	assert_int_equal(audit_rows(w), rows);
	assert_int_equal(take_one(w, 1), 1);
	assert_int_equal(queue(w, &order, &job), TB_JOB_NAME_IS_TAKEN);
	end_job(w, 1, 1, TB_JOB_END_COMPLETED, 0);
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	assert_int_equal(job.id, 3);
	check_jobs(w);
}
JOB_TEST(a_name_is_of_one_unfinished_job)

static void a_request_is_done_once_on(struct world *w)
{
	struct tb_job_order order = order_of(w, "a");
	struct tb_job job;

	order.named = &named;
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_REPEATED);
	assert_int_equal(job.id, 1);
	MUST(cancel_job(w, 1));
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_REPEATED);
	assert_int_equal(job.id, 1);
	assert_int_equal(job.state, TB_JOB_FAILED);
	assert_int_equal(sums_of(w).last_id, 1);
	/* A day later it is another. */
	w->ic.now_us += TB_REQUESTS_LIFE_US + SECOND_US;
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	assert_int_equal(job.id, 2);
}
JOB_TEST(a_request_is_done_once)

static void a_key_names_one_request_on(struct world *w)
{
	const struct tb_named_request other = {
		.key = named.key,
		.body = TB_STR("ffffffffffffffffffffffffffffffff"),
	};
	struct tb_job_order order = order_of(w, "a");
	struct tb_job job;

	order.named = &named;
	queue_new(w, &order);
	order.name = TB_STR("b");
	order.named = &other;
	assert_int_equal(queue(w, &order, &job), TB_JOB_KEY_IS_USED);
	assert_int_equal(sums_of(w).last_id, 1);
}
JOB_TEST(a_key_names_one_request)

static void a_repeated_request_may_be_of_a_job_that_is_gone_on(struct world *w)
{
	struct tb_job_order order = order_of(w, "a");
	struct tb_job_purged purged;
	struct tb_job job;

	order.named = &named;
	queue_new(w, &order);
	MUST(cancel_job(w, 1));
	MUST(tb_job_purge(w->ic.core, &w->ic.note, w->org, &purged));
	assert_int_equal(purged.failed, 1);
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_GONE);
	assert_int_equal(sums_of(w).last_id, 1);
}
JOB_TEST(a_repeated_request_may_be_of_a_job_that_is_gone)

static void a_queue_may_be_full_on(struct world *w)
{
	struct tb_job_order order = order_of(w, "c");
	struct tb_job job;

	order.unfinished_max = 3;
	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	queue_named(w, "b");
	queue_at(w, "d", w->ic.now_us + DAY_US);
	assert_int_equal(queue(w, &order, &job), TB_JOB_QUEUE_IS_FULL);
	MUST(pause_job(w, "b"));
	assert_int_equal(queue(w, &order, &job), TB_JOB_QUEUE_IS_FULL);
	end_job(w, 1, 1, TB_JOB_END_FAILED, 0);
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	check_jobs(w);
}
JOB_TEST(a_queue_may_be_full)

static void what_cannot_be_is_invalid_on(struct world *w)
{
	char long_name[TB_JOB_NAME_MAX_BYTES + 2];
	enum tb_job_queued outcome;
	struct tb_job_sums sums;
	struct tb_job job;
	struct tb_job_order orders[] = {
		order_of(w, ""),
		order_of(w, "\xff"),
		order_of(w, long_name),
		order_of(w, "a"),
	};

	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	orders[2].name = tb_str_z(long_name);
	orders[3].priority = TB_JOB_PRIORITY_MAX + 1;
	for (size_t i = 0; i < TB_ARRAY_LEN(orders); i++)
		assert_int_equal(tb_job_queue(w->ic.core, w->ic.arena,
					      &w->ic.note, &orders[i], &outcome,
					      &job, &sums),
				 TB_ERR_INVALID);
	orders[2].name.n--;
	assert_int_equal(queue(w, &orders[2], &job), TB_JOB_IS_NEW);
}
JOB_TEST(what_cannot_be_is_invalid)

static void it_is_noted_who_queued_on(struct world *w)
{
	struct tb_audit_entry entry;

	queue_named(w, "a \"b\"");
	entry = audit_last(w);
	expect_str(entry.operation, "queue");
	expect_str(entry.principal, "cli");
	expect_part(entry.detail, "\"job\":\"job1\",\"name\":\"a \\\"b\\\"\"");
}
JOB_TEST(it_is_noted_who_queued)

/* ---- orders ---- */

static uint64_t queue_prior(struct world *w, const char *name,
			    uint32_t priority)
{
	struct tb_job_order order = order_of(w, name);

	order.priority = priority;
	return queue_new(w, &order);
}

static void the_ready_go_by_priority_then_by_number_on(struct world *w)
{
	struct tb_job jobs[8];

	queue_prior(w, "a", 50);
	queue_prior(w, "b", 0);
	queue_prior(w, "c", 100);
	queue_prior(w, "d", 50);
	queue_prior(w, "e", 51);
	queue_prior(w, "f", 100);
	expect_list(w, TB_JOB_LIST_READY, 0, 10, "3 6 5 1 4 2");
	/* One that is to be taken over goes before all. */
	assert_int_equal(take_jobs(w, 5, jobs), 5);
	end_job(w, 4, 104, TB_JOB_END_RELEASED, 0);
	queue_prior(w, "g", 100);
	expect_list(w, TB_JOB_LIST_READY, 0, 10, "4 7 2");
	assert_int_equal(take_jobs(w, 8, jobs), 3);
	assert_int_equal(jobs[0].id, 4);
	assert_int_equal(jobs[1].id, 7);
	assert_int_equal(jobs[2].id, 2);
	check_jobs(w);
}
JOB_TEST(the_ready_go_by_priority_then_by_number)

static void those_that_wait_go_by_their_time_on(struct world *w)
{
	int64_t now_us = w->ic.now_us;
	struct tb_job_outlook outlook;
	struct tb_tx *tx;

	queue_at(w, "a", now_us + 3 * SECOND_US);
	queue_at(w, "b", now_us + 2 * SECOND_US);
	queue_at(w, "c", now_us + 2 * SECOND_US);
	queue_at(w, "never", INT64_MAX);
	/* What is due is ready. */
	queue_at(w, "now", now_us);
	queue_at(w, "past", 1);
	expect_list(w, TB_JOB_LIST_DUE, 0, 10, "2 3 1 4");
	expect_list(w, TB_JOB_LIST_READY, 0, 10, "5 6");
	tx = inline_core_read(&w->ic);
	MUST(tb_job_look(tx, w->ic.arena, w->org, &outlook));
	tb_core_read_end(tx);
	assert_int_equal(outlook.ready, 2);
	assert_int_equal(outlook.next_due_us, now_us + 2 * SECOND_US);
	check_jobs(w);
}
JOB_TEST(those_that_wait_go_by_their_time)

/* ---- what is ahead ---- */

static void it_is_known_how_many_are_ahead_on(struct world *w)
{
	struct tb_job_order order = order_of(w, "c");
	struct tb_job_page page;
	struct tb_job job;

	queue_prior(w, "a", 50);
	queue_prior(w, "b", 60);
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	assert_int_equal(job.ahead, 2);
	queue_prior(w, "d", 40);
	order.name = TB_STR("e");
	order.priority = 60;
	assert_int_equal(queue(w, &order, &job), TB_JOB_IS_NEW);
	assert_int_equal(job.ahead, 1);
	assert_int_equal(read_job(w, 1, NULL).ahead, 2);
	assert_int_equal(read_job(w, 2, NULL).ahead, 0);
	assert_int_equal(read_job(w, 4, NULL).ahead, 4);
	page = list_jobs(w, TB_JOB_LIST_ALL, 0, 10);
	assert_int_equal(page.n, 5);
	assert_int_equal(page.jobs[0].id, 5);
	assert_int_equal(page.jobs[0].ahead, 1);
	assert_int_equal(page.jobs[2].id, 3);
	assert_int_equal(page.jobs[2].ahead, 3);
	/* So is what goes on. */
	MUST(pause_job(w, "d"));
	MUST(tb_job_resume(w->ic.core, w->ic.arena, &w->ic.note, w->org,
			   TB_STR("d"), &job));
	assert_int_equal(job.ahead, 4);
}
JOB_TEST(it_is_known_how_many_are_ahead)

/* The engine fails as it commits: nothing took place, and nothing is given. */
static void after_an_error_nothing_is_given_on(struct world *w)
{
	const struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
					   .first = 1,
					   .err = TB_ERR_IO };
	const struct tb_job_order order = order_of(w, "b");
	enum tb_job_queued outcome = TB_JOB_IS_GONE;
	struct tb_job_sums sums = { .last_id = 99 };
	struct tb_job job = { .id = 99 };

	queue_named(w, "a");
	tb_fail_set_plan(w->ic.store, &plan);
	assert_int_equal(tb_job_queue(w->ic.core, w->ic.arena, &w->ic.note,
				      &order, &outcome, &job, &sums),
			 TB_ERR_IO);
	tb_fail_set_plan(w->ic.store, &plan);
	assert_int_equal(tb_job_pause(w->ic.core, w->ic.arena, &w->ic.note,
				      w->org, TB_STR("a"), &job),
			 TB_ERR_IO);
	tb_fail_set_plan(w->ic.store, NULL);
	assert_int_equal(outcome, TB_JOB_IS_GONE);
	assert_int_equal(job.id, 99);
	assert_int_equal(sums.last_id, 99);
	check_jobs(w);
}
JOB_TEST(after_an_error_nothing_is_given)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_an_error_nothing_is_given),
		cmocka_unit_test(keeps_what_was_sent),
		cmocka_unit_test(numbers_rise_for_ever),
		cmocka_unit_test(a_name_is_of_one_unfinished_job),
		cmocka_unit_test(a_request_is_done_once),
		cmocka_unit_test(a_key_names_one_request),
		cmocka_unit_test(
			a_repeated_request_may_be_of_a_job_that_is_gone),
		cmocka_unit_test(a_queue_may_be_full),
		cmocka_unit_test(what_cannot_be_is_invalid),
		cmocka_unit_test(it_is_noted_who_queued),
		cmocka_unit_test(the_ready_go_by_priority_then_by_number),
		cmocka_unit_test(those_that_wait_go_by_their_time),
		cmocka_unit_test(it_is_known_how_many_are_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
