/*
 * What workers do: taking jobs under leases, keeping and losing them, and
 * ending runs and attempts.
 */
#include "job_world.h"

/* ---- taking ---- */

static void jobs_are_taken_under_leases_on(struct world *w)
{
	struct tb_job jobs[4];
	struct tb_job stored;
	int64_t now_us;

	queue_named(w, "a");
	queue_named(w, "b");
	queue_at(w, "c", w->ic.now_us + DAY_US);
	now_us = w->ic.now_us += SECOND_US;
	assert_int_equal(take_jobs(w, 1, jobs), 1);
	assert_int_equal(take_jobs(w, 4, jobs + 1), 1);
	assert_int_equal(take_jobs(w, 4, jobs + 2), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(jobs[i].id, i + 1);
		assert_int_equal(jobs[i].state, TB_JOB_ACTIVE);
		assert_int_equal(jobs[i].token, 100);
		assert_int_equal(jobs[i].lease_until_us, now_us + LEASE_US);
		assert_int_equal(jobs[i].started_us, now_us);
		assert_int_equal(jobs[i].taken_us, now_us);
		assert_int_equal(jobs[i].attempts, 1);
		assert_int_equal(jobs[i].runs, 1);
		assert_true(jobs[i].has_begun && jobs[i].in_attempt);
		assert_int_equal(jobs[i].n_streams, 0);
		expect_str(jobs[i].request, REQUEST);
		stored = read_job(w, i + 1, NULL);
		assert_int_equal(stored.version, jobs[i].version);
		assert_int_equal(stored.token, 100);
	}
	expect_list(w, TB_JOB_LIST_ACTIVE, 0, 10, "1 2");
	check_jobs(w);
}
JOB_TEST(jobs_are_taken_under_leases)

static void taking_tells_nobody_on(struct world *w)
{
	uint64_t rows;

	queue_named(w, "a");
	rows = audit_rows(w);
	assert_int_equal(take_one(w, 1), 1);
	end_job(w, 1, 1, TB_JOB_END_COMPLETED, 0);
	assert_int_equal(audit_rows(w), rows);
}
JOB_TEST(taking_tells_nobody)

static void a_lease_is_kept_silently_on(struct world *w)
{
	struct tb_job_lease leases[] = {
		{ w->org, 1, 100 }, { w->org, 2, 100 }, /* it is 101 */
		{ w->org, 3, 100 },                     /* nobody's */
		{ w->org, 9, 100 },                     /* there is none */
		{ w->org, 1, 0 },
	};
	bool lost[TB_ARRAY_LEN(leases)];
	struct tb_job before;
	struct tb_job jobs[2];
	struct tb_job job;

	queue_named(w, "a");
	queue_named(w, "b");
	assert_int_equal(take_jobs(w, 2, jobs), 2);
	queue_named(w, "c");
	before = read_job(w, 1, NULL);
	w->ic.now_us += LEASE_US / 2;
	MUST(tb_job_renew(w->ic.core, w->org, leases, TB_ARRAY_LEN(leases),
			  LEASE_US, lost));
	assert_false(lost[0]);
	for (size_t i = 1; i < TB_ARRAY_LEN(leases); i++)
		assert_true(lost[i]);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.lease_until_us, w->ic.now_us + LEASE_US);
	assert_int_equal(job.version, before.version);
	assert_int_equal(read_job(w, 2, NULL).lease_until_us,
			 before.lease_until_us);
	check_jobs(w);
}
JOB_TEST(a_lease_is_kept_silently)

static void a_lease_that_is_over_is_lost_on(struct world *w)
{
	struct tb_job_notes notes;
	struct tb_job_outlook outlook;
	struct tb_job_checkpoint page;
	struct tb_job jobs[2];
	struct tb_job job;
	struct tb_tx *tx;
	const struct tb_job_lease lease = { w->org, 2, 101 };
	bool lost;

	queue_named(w, "a");
	queue_named(w, "b");
	assert_int_equal(take_jobs(w, 2, jobs), 2);
	page = page_of(w, 1, 100);
	MUST(try_checkpoint(w, &page));
	w->ic.now_us += LEASE_US - 1;
	assert_false(reclaim(w, false));
	MUST(tb_job_renew(w->ic.core, w->org, &lease, 1, LEASE_US, &lost));
	assert_false(lost);
	w->ic.now_us += 10 * SECOND_US;
	tx = inline_core_read(&w->ic);
	MUST(tb_job_look(tx, w->ic.arena, w->org, &outlook));
	tb_core_read_end(tx);
	assert_int_equal(outlook.ready, 0);
	assert_int_equal(outlook.next_loss_us, jobs[0].lease_until_us);
	assert_int_equal(outlook.next_due_us, INT64_MAX);
	assert_false(reclaim(w, false));
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_ACTIVE);
	assert_int_equal(job.token, 0);
	/* It was worked on while the lease held. */
	assert_int_equal(job.active_us, LEASE_US);
	assert_int_equal(notes.n_log, 1);
	expect_str(notes.log[0].message, "worker lost");
	expect_list(w, TB_JOB_LIST_READY, 0, 10, "1");
	expect_list(w, TB_JOB_LIST_ACTIVE, 0, 10, "2");
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_CONFLICT);
	/* Whoever takes it over goes on, in the same attempt. */
	assert_int_equal(take_one(w, 55), 1);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.attempts, 1);
	assert_int_equal(job.runs, 1);
	assert_int_equal(job.n_streams, 1);
	expect_str(job.streams[0].cursor, "c1");
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_CONFLICT);
	page.lease.token = 55;
	MUST(try_checkpoint(w, &page));
	check_jobs(w);
}
JOB_TEST(a_lease_that_is_over_is_lost)

static void looking_without_news_commits_nothing_on(struct world *w)
{
	struct tb_heads before;
	struct tb_heads after;

	queue_at(w, "a", w->ic.now_us + DAY_US);
	queue_named(w, "b");
	assert_int_equal(take_one(w, 1), 2);
	MUST(tb_core_heads(w->ic.core, w->org, &before));
	assert_false(promote(w));
	assert_false(reclaim(w, false));
	MUST(tb_core_heads(w->ic.core, w->org, &after));
	assert_memory_equal(&before, &after, sizeof(before));
}
JOB_TEST(looking_without_news_commits_nothing)

static void many_are_lost_and_due_in_parts_on(struct world *w)
{
	struct tb_job jobs[TB_JOB_TAKE_MAX];
	char name[16];
	size_t n = 0;

	for (int i = 0; i < 501; i++) {
		(void)snprintf(name, sizeof(name), "j%d", i);
		queue_at(w, name, w->ic.now_us + SECOND_US);
	}
	w->ic.now_us += SECOND_US;
	assert_true(promote(w));
	assert_false(promote(w));
	assert_int_equal(sums_of(w).ready[50], 501);
	while (n < 101)
		n += take_jobs(w, 50, jobs);
	w->ic.now_us += LEASE_US;
	assert_true(reclaim(w, false));
	assert_false(reclaim(w, false));
	assert_int_equal(sums_of(w).take_over, n);
	check_jobs(w);
	tb_arena_reset(w->ic.arena);
}
JOB_TEST_IN_MEMORY(many_are_lost_and_due_in_parts)

static void a_time_comes_within_a_second_on(struct world *w)
{
	queue_at(w, "a", w->ic.now_us + SECOND_US / 2);
	assert_false(promote(w));
	expect_list(w, TB_JOB_LIST_DUE, 0, 10, "1");
	w->ic.now_us += SECOND_US;
	assert_false(promote(w));
	expect_list(w, TB_JOB_LIST_READY, 0, 10, "1");
	assert_int_equal(read_job(w, 1, NULL).due_us,
			 w->ic.now_us - SECOND_US / 2);
	assert_int_equal(take_one(w, 1), 1);
	assert_int_equal(read_job(w, 1, NULL).due_us,
			 w->ic.now_us - SECOND_US / 2);
}
JOB_TEST(a_time_comes_within_a_second)

/* ---- attempts ---- */

static void an_attempt_fails_and_another_goes_on_on(struct world *w)
{
	struct tb_job_notes notes;
	struct tb_job_checkpoint page;
	struct tb_job job;
	int64_t due_us;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	page = page_of(w, 1, 1);
	MUST(try_checkpoint(w, &page));
	w->ic.now_us += 5 * SECOND_US;
	due_us = w->ic.now_us + MINUTE_US;
	end_job(w, 1, 1, TB_JOB_END_RETRY, due_us);
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	assert_true(job.is_waiting && job.has_begun);
	assert_false(job.in_attempt);
	assert_int_equal(job.due_us, due_us);
	assert_int_equal(job.active_us, 5 * SECOND_US);
	assert_int_equal(job.ended_us, 0);
	expect_str(job.error.code, "timeout");
	expect_str(job.error.message, "no answer");
	assert_int_equal(notes.n_runs, 0);
	expect_str(notes.log[0].message,
		   "attempt 1 failed: timeout: no answer");
	assert_int_equal(take_one(w, 2), 0);
	w->ic.now_us = due_us;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 2), 1);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.attempts, 2);
	assert_int_equal(job.runs, 1);
	expect_str(job.streams[0].cursor, "c1");
	end_job(w, 1, 2, TB_JOB_END_COMPLETED, 0);
	job = read_job(w, 1, &notes);
	assert_int_equal(notes.n_runs, 1);
	assert_int_equal(notes.runs[0].attempts, 2);
	expect_str(notes.runs[0].status, "completed");
	assert_int_equal(sums_of(w).average_us, 5 * SECOND_US);
	check_jobs(w);
}
JOB_TEST(an_attempt_fails_and_another_goes_on)

static void what_is_released_goes_on_in_its_attempt_on(struct world *w)
{
	struct tb_job job;

	queue_named(w, "a");
	queue_named(w, "b");
	assert_int_equal(take_one(w, 1), 1);
	w->ic.now_us += 3 * SECOND_US;
	end_job(w, 1, 1, TB_JOB_END_RELEASED, 0);
	w->ic.now_us += MINUTE_US;
	assert_int_equal(take_one(w, 2), 1);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.attempts, 1);
	assert_int_equal(job.runs, 1);
	assert_int_equal(job.active_us, 3 * SECOND_US);
	assert_int_equal(job.taken_us, w->ic.now_us);
}
JOB_TEST(what_is_released_goes_on_in_its_attempt)

/* In one commit: whoever follows sees both, or neither. */
static void a_worker_goes_on_with_the_next_on(struct world *w)
{
	uint64_t id;

	queue_named(w, "a");
	queue_named(w, "b");
	assert_int_equal(take_one(w, 1), 1);
	/* Whoever has no lease gets nothing. */
	assert_int_equal(
		try_end_and_take(w, 1, 7, TB_JOB_END_COMPLETED, 2, &id),
		TB_ERR_CONFLICT);
	assert_int_equal(id, 0);
	assert_int_equal(read_job(w, 2, NULL).state, TB_JOB_QUEUED);
	MUST(try_end_and_take(w, 1, 1, TB_JOB_END_COMPLETED, 2, &id));
	assert_int_equal(id, 2);
	assert_int_equal(read_job(w, 1, NULL).state, TB_JOB_COMPLETED);
	assert_int_equal(read_job(w, 2, NULL).token, 2);
	check_jobs(w);
	/* What it gives back itself is for another commit. */
	MUST(try_end_and_take(w, 2, 2, TB_JOB_END_RELEASED, 3, &id));
	assert_int_equal(id, 0);
	assert_int_equal(take_one(w, 4), 2);
	check_jobs(w);
}
JOB_TEST(a_worker_goes_on_with_the_next)

/* The attempt before was over: what comes then is another. */
static void a_pause_between_attempts_on(struct world *w)
{
	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	end_job(w, 1, 1, TB_JOB_END_RETRY, w->ic.now_us + DAY_US);
	MUST(pause_job(w, "a"));
	MUST(resume_job(w, "a"));
	assert_int_equal(take_one(w, 2), 1);
	assert_int_equal(read_job(w, 1, NULL).attempts, 2);
	/* And one within an attempt begins none. */
	MUST(pause_job(w, "a"));
	MUST(resume_job(w, "a"));
	assert_int_equal(take_one(w, 3), 1);
	assert_int_equal(read_job(w, 1, NULL).attempts, 2);
	assert_int_equal(read_job(w, 1, NULL).runs, 1);
}
JOB_TEST(a_pause_between_attempts)

/* ---- runs ---- */

static void a_run_begins_anew_on(struct world *w)
{
	struct tb_job_checkpoint page;
	struct tb_job_notes notes;
	int64_t began_us = w->ic.now_us;
	int64_t due_us = began_us + DAY_US;
	struct tb_job job;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	assert_int_equal(read_job(w, 1, NULL).since_us, 0);
	page = page_of(w, 1, 1);
	bring(w, &page, "t", "a=1 !b");
	MUST(try_checkpoint(w, &page));
	w->ic.now_us += 8 * SECOND_US;
	end_job(w, 1, 1, TB_JOB_END_COMPLETED, due_us);
	/* Between two runs it still tells of the last. */
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	assert_true(job.is_waiting);
	assert_false(job.has_begun);
	assert_int_equal(job.due_us, due_us);
	assert_int_equal(tb_job_progress(&job), 0);
	assert_int_equal(notes.n_runs, 1);
	assert_int_equal(notes.runs[0].started_us, began_us);
	assert_int_equal(notes.runs[0].ended_us, w->ic.now_us);
	assert_int_equal(notes.runs[0].read, 2);
	assert_int_equal(notes.runs[0].written, 1);
	assert_int_equal(notes.runs[0].rejected, 1);
	assert_int_equal(notes.n_errors, 1);
	assert_int_equal(sums_of(w).last_completed_us, w->ic.now_us);
	assert_int_equal(sums_of(w).average_us, 8 * SECOND_US);
	w->ic.now_us = due_us;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 2), 1);
	job = read_job(w, 1, &notes);
	assert_int_equal(job.since_us, began_us);
	assert_int_equal(job.started_us, due_us);
	assert_int_equal(job.due_us, due_us);
	assert_int_equal(job.n_streams, 0);
	assert_int_equal(job.attempts, 1);
	assert_int_equal(job.runs, 2);
	assert_int_equal(job.active_us, 0);
	assert_int_equal(notes.n_runs, 1);
	assert_int_equal(notes.n_errors, 0);
	/* What failed is no success. */
	end_job(w, 1, 2, TB_JOB_END_FAILED, due_us + DAY_US);
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	expect_str(job.error.code, "timeout");
	assert_int_equal(notes.n_runs, 2);
	expect_str(notes.runs[0].status, "failed");
	expect_str(notes.runs[0].error.message, "no answer");
	expect_str(notes.runs[1].status, "completed");
	w->ic.now_us = due_us + DAY_US;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 3), 1);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.since_us, began_us);
	assert_int_equal(job.error.code.n, 0);
	check_jobs(w);
}
JOB_TEST(a_run_begins_anew)

static void a_success_is_of_a_name_on(struct world *w)
{
	int64_t began_us;

	queue_named(w, "a");
	w->ic.now_us += SECOND_US;
	began_us = w->ic.now_us;
	assert_int_equal(take_one(w, 1), 1);
	w->ic.now_us += SECOND_US;
	end_job(w, 1, 1, TB_JOB_END_COMPLETED, 0);
	queue_named(w, "b");
	assert_int_equal(take_one(w, 1), 2);
	assert_int_equal(read_job(w, 2, NULL).since_us, 0);
	queue_named(w, "a");
	MUST(cancel_job(w, 3));
	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 4);
	assert_int_equal(read_job(w, 4, NULL).since_us, began_us);
	check_jobs(w);
}
JOB_TEST(a_success_is_of_a_name)

static void a_run_is_skipped_on(struct world *w)
{
	int64_t due_us = w->ic.now_us + DAY_US;
	struct tb_job_notes notes;
	struct tb_job job;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	end_job(w, 1, 1, TB_JOB_END_COMPLETED, due_us);
	w->ic.now_us = due_us + MINUTE_US;
	assert_false(promote(w));
	assert_int_equal(take_one(w, 1), 1);
	end_job(w, 1, 1, TB_JOB_END_SKIPPED, due_us + DAY_US);
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	assert_true(job.is_waiting);
	assert_false(job.has_begun);
	assert_int_equal(job.due_us, due_us + DAY_US);
	assert_int_equal(job.runs, 1);
	assert_int_equal(job.started_us, 0);
	assert_int_equal(job.attempts, 0);
	assert_int_equal(notes.n_runs, 1);
	expect_str(notes.runs[0].status, "completed");
	assert_int_equal(sums_of(w).last_completed_us, due_us - DAY_US);
	check_jobs(w);
}
JOB_TEST(a_run_is_skipped)

static void the_last_runs_are_kept_on(struct world *w)
{
	struct tb_job_notes notes;
	int64_t last_us = 0;

	queue_named(w, "a");
	for (int i = 0; i < TB_JOB_RUNS_MAX + 5; i++) {
		assert_int_equal(take_one(w, 1), 1);
		w->ic.now_us += SECOND_US;
		last_us = w->ic.now_us;
		end_job(w, 1, 1, TB_JOB_END_COMPLETED, w->ic.now_us);
	}
	assert_int_equal(read_job(w, 1, &notes).runs, TB_JOB_RUNS_MAX + 5);
	assert_int_equal(notes.n_runs, TB_JOB_RUNS_MAX);
	for (size_t i = 0; i < notes.n_runs; i++)
		assert_int_equal(notes.runs[i].ended_us,
				 last_us - (int64_t)i * SECOND_US);
	/* The next one makes room for itself when it is over, not before. */
	assert_int_equal(take_one(w, 1), 1);
	(void)read_job(w, 1, &notes);
	assert_int_equal(notes.n_runs, TB_JOB_RUNS_MAX - 1);
	assert_int_equal(notes.runs[0].ended_us, last_us);
}
JOB_TEST(the_last_runs_are_kept)

/* ---- retrying ---- */

static void what_failed_goes_on_when_it_is_retried_on(struct world *w)
{
	struct tb_job_checkpoint page;
	struct tb_job_notes notes;
	int64_t began_us = w->ic.now_us;
	struct tb_job job;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	page = page_of(w, 1, 1);
	bring(w, &page, "t", "a=1 !b");
	MUST(try_checkpoint(w, &page));
	w->ic.now_us += SECOND_US;
	end_job(w, 1, 1, TB_JOB_END_FAILED, 0);
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_FAILED);
	assert_int_equal(job.ended_us, w->ic.now_us);
	assert_int_equal(notes.n_runs, 1);
	MUST(retry_job(w, 1));
	job = read_job(w, 1, &notes);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	assert_int_equal(job.ended_us, 0);
	assert_int_equal(job.attempts, 0);
	assert_int_equal(tb_job_progress(&job), 25);
	/* It is not over after all. */
	assert_int_equal(notes.n_runs, 0);
	assert_int_equal(notes.n_errors, 1);
	assert_int_equal(take_one(w, 2), 1);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.attempts, 1);
	assert_int_equal(job.runs, 1);
	assert_int_equal(job.started_us, began_us);
	expect_str(job.streams[0].cursor, "c1");
	check_jobs(w);
}
JOB_TEST(what_failed_goes_on_when_it_is_retried)

static void a_name_may_be_taken_meanwhile_on(struct world *w)
{
	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	end_job(w, 1, 1, TB_JOB_END_FAILED, 0);
	queue_named(w, "a");
	assert_int_equal(retry_job(w, 1), TB_ERR_EXISTS);
	MUST(cancel_job(w, 2));
	MUST(retry_job(w, 1));
	assert_int_equal(retry_job(w, 2), TB_ERR_EXISTS);
	check_jobs(w);
}
JOB_TEST(a_name_may_be_taken_meanwhile)

/* ---- cancelling, pausing ---- */

static void what_is_cancelled_is_over_on(struct world *w)
{
	struct tb_job_notes notes;
	struct tb_job job;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	w->ic.now_us += 2 * SECOND_US;
	MUST(cancel_job(w, 1));
	job = read_job(w, 1, &notes);
	expect_str(job.error.code, "cancelled");
	assert_int_equal(job.ended_us, w->ic.now_us);
	assert_int_equal(job.active_us, 2 * SECOND_US);
	assert_int_equal(notes.n_runs, 1);
	expect_str(notes.runs[0].status, "cancelled");
	expect_str(audit_last(w).operation, "cancel");
	/* One that never began has no run. */
	queue_named(w, "b");
	MUST(cancel_job(w, 2));
	job = read_job(w, 2, &notes);
	assert_int_equal(notes.n_runs, 0);
	assert_int_equal(job.ended_us, w->ic.now_us);
	MUST(retry_job(w, 2));
	job = read_job(w, 2, NULL);
	assert_int_equal(job.error.code.n, 0);
	assert_false(job.has_begun);
	assert_int_equal(cancel_job(w, 9), TB_ERR_NOT_FOUND);
}
JOB_TEST(what_is_cancelled_is_over)

/* The run before it was completed, and stays so. */
static void what_is_cancelled_between_runs_on(struct world *w)
{
	struct tb_job_notes notes;
	int64_t ended_us;
	struct tb_job job;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	ended_us = w->ic.now_us += 2 * SECOND_US;
	end_job(w, 1, 1, TB_JOB_END_COMPLETED, w->ic.now_us + DAY_US);
	w->ic.now_us += 2 * SECOND_US;
	MUST(cancel_job(w, 1));
	job = read_job(w, 1, &notes);
	assert_int_equal(job.ended_us, w->ic.now_us);
	assert_int_equal(notes.n_runs, 1);
	expect_str(notes.runs[0].status, "completed");
	assert_int_equal(notes.runs[0].ended_us, ended_us);
}
JOB_TEST(what_is_cancelled_between_runs)

static void a_pause_stops_the_worker_on(struct world *w)
{
	struct tb_job_checkpoint page;
	struct tb_job_notes notes;
	struct tb_job job;

	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	page = page_of(w, 1, 1);
	MUST(try_checkpoint(w, &page));
	w->ic.now_us += 2 * SECOND_US;
	MUST(pause_job(w, "a"));
	job = read_job(w, 1, NULL);
	assert_int_equal(job.paused_us, w->ic.now_us);
	assert_int_equal(job.active_us, 2 * SECOND_US);
	assert_int_equal(job.taken_us, 0);
	assert_int_equal(tb_job_progress(&job), 25);
	expect_str(audit_last(w).operation, "pause");
	bring(w, &page, "t", "a=1");
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_CONFLICT);
	assert_string_equal(record_of(w, "t", "a"), "");
	assert_int_equal(try_end(w, 1, 1, TB_JOB_END_COMPLETED, 0),
			 TB_ERR_CONFLICT);
	w->ic.now_us += DAY_US;
	MUST(resume_job(w, "a"));
	expect_str(audit_last(w).operation, "resume");
	job = read_job(w, 1, &notes);
	assert_int_equal(job.resumed_us, w->ic.now_us);
	assert_int_equal(job.active_us, 2 * SECOND_US);
	assert_int_equal(notes.n_log, 2);
	expect_str(notes.log[1].message, "resumed");
	/* The old worker has no part in it any more. */
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_CONFLICT);
	assert_int_equal(take_one(w, 2), 1);
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_CONFLICT);
	check_jobs(w);
}
JOB_TEST(a_pause_stops_the_worker)

static void a_time_may_pass_while_it_is_paused_on(struct world *w)
{
	int64_t due_us = w->ic.now_us + MINUTE_US;

	queue_at(w, "a", due_us);
	MUST(pause_job(w, "a"));
	MUST(resume_job(w, "a"));
	assert_true(read_job(w, 1, NULL).is_waiting);
	MUST(pause_job(w, "a"));
	w->ic.now_us += DAY_US;
	assert_false(promote(w));
	MUST(resume_job(w, "a"));
	assert_int_equal(take_one(w, 1), 1);
	assert_int_equal(read_job(w, 1, NULL).due_us, due_us);
}
JOB_TEST(a_time_may_pass_while_it_is_paused)

static void names_that_are_none_on(struct world *w)
{
	char name[1000];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(pause_job(w, "a"), TB_ERR_NOT_FOUND);
	assert_int_equal(resume_job(w, ""), TB_ERR_NOT_FOUND);
	assert_int_equal(pause_job(w, name), TB_ERR_NOT_FOUND);
	assert_int_equal(retry_job(w, 0), TB_ERR_NOT_FOUND);
	assert_int_equal(cancel_job(w, UINT64_MAX), TB_ERR_NOT_FOUND);
}
JOB_TEST(names_that_are_none)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_are_taken_under_leases),
		cmocka_unit_test(taking_tells_nobody),
		cmocka_unit_test(a_lease_is_kept_silently),
		cmocka_unit_test(a_lease_that_is_over_is_lost),
		cmocka_unit_test(looking_without_news_commits_nothing),
		cmocka_unit_test(many_are_lost_and_due_in_parts),
		cmocka_unit_test(a_time_comes_within_a_second),
		cmocka_unit_test(an_attempt_fails_and_another_goes_on),
		cmocka_unit_test(a_worker_goes_on_with_the_next),
		cmocka_unit_test(what_is_released_goes_on_in_its_attempt),
		cmocka_unit_test(a_pause_between_attempts),
		cmocka_unit_test(a_run_begins_anew),
		cmocka_unit_test(a_success_is_of_a_name),
		cmocka_unit_test(a_run_is_skipped),
		cmocka_unit_test(the_last_runs_are_kept),
		cmocka_unit_test(what_failed_goes_on_when_it_is_retried),
		cmocka_unit_test(a_name_may_be_taken_meanwhile),
		cmocka_unit_test(what_is_cancelled_is_over),
		cmocka_unit_test(what_is_cancelled_between_runs),
		cmocka_unit_test(a_pause_stops_the_worker),
		cmocka_unit_test(a_time_may_pass_while_it_is_paused),
		cmocka_unit_test(names_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
