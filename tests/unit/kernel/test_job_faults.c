/*
 * Every call of the store and every allocation fails once, at each place of
 * what is done to jobs: it says so and nothing is half done, and asking again
 * gives what it would have given.
 */
#include "job_world.h"

#include "base/alloc.h"
#include "kernel/job_name.h"

#define STATE_MAX_BYTES ((size_t)256 << 10)
#define TOKEN 7

static const struct tb_named_request named = {
	.key = TB_STR_INIT("0123456789abcdef0123456789abcdef"),
	.body = TB_STR_INIT("fedcba9876543210fedcba9876543210"),
};

/* job1 runs for the second time and has errors, job2 runs, job3 has failed,
 * job4 is paused, job5 is due, job6 was completed long ago. */
static void prepare(struct world *w)
{
	struct tb_job_checkpoint page;

	queue_named(w, "old");
	assert_int_equal(take_one(w, TOKEN), 1);
	page = page_of(w, 1, TOKEN);
	bring(w, &page, "t", "a=1 !b");
	MUST(try_checkpoint(w, &page));
	end_job(w, 1, TOKEN, TB_JOB_END_COMPLETED, w->ic.now_us);
	assert_int_equal(take_one(w, TOKEN), 1);
	page = page_of(w, 1, TOKEN);
	bring(w, &page, "t", "a=1 !b");
	MUST(try_checkpoint(w, &page));
	queue_named(w, "two");
	assert_int_equal(take_one(w, TOKEN), 2);
	queue_named(w, "three");
	assert_int_equal(take_one(w, TOKEN), 3);
	end_job(w, 3, TOKEN, TB_JOB_END_FAILED, 0);
	queue_named(w, "four");
	assert_int_equal(take_one(w, TOKEN), 4);
	MUST(pause_job(w, "four"));
	queue_named(w, "six");
	assert_int_equal(take_one(w, TOKEN), 5);
	end_job(w, 5, TOKEN, TB_JOB_END_COMPLETED, 0);
	queue_at(w, "five", w->ic.now_us + SECOND_US);
	w->ic.now_us += DAY_US;
	queue_named(w, "ready");
}

/* ---- what can be seen of it ---- */

static void put_run(struct tb_buf *buf, const struct tb_job_run *run)
{
	tb_buf_printf(buf, " run %.*s %lld-%lld %llu/%llu\n",
		      TB_STR_ARG(run->status), (long long)run->started_us,
		      (long long)run->ended_us, (unsigned long long)run->read,
		      (unsigned long long)run->written);
}

static void put_notes(struct tb_buf *buf, const struct tb_job_notes *notes)
{
	for (size_t i = 0; i < notes->n_runs; i++)
		put_run(buf, &notes->runs[i]);
	for (size_t i = 0; i < notes->n_log; i++)
		tb_buf_printf(buf, " log %.*s\n",
			      TB_STR_ARG(notes->log[i].message));
	for (size_t i = 0; i < notes->n_errors; i++)
		tb_buf_printf(buf, " error %.*s %.*s\n",
			      TB_STR_ARG(notes->errors[i].record),
			      TB_STR_ARG(notes->errors[i].message));
}

static void put_job(struct tb_buf *buf, const struct tb_job *job)
{
	tb_buf_printf(buf, "%llu %.*s %s v%llu due %lld%s taken %lld ",
		      (unsigned long long)job->id, TB_STR_ARG(job->name),
		      tb_job_state_name(job->state),
		      (unsigned long long)job->version, (long long)job->due_us,
		      job->is_waiting ? " waits" : "",
		      (long long)job->taken_us);
	tb_buf_printf(
		buf,
		"attempts %u runs %llu token %llu until %lld %.*s "
		"behind %.*s\n",
		job->attempts, (unsigned long long)job->runs,
		(unsigned long long)job->token, (long long)job->lease_until_us,
		TB_STR_ARG(job->error.code), TB_STR_ARG(job->last_cursor));
	for (size_t i = 0; i < job->n_streams; i++)
		tb_buf_printf(buf, " stream %.*s %.*s %llu\n",
			      TB_STR_ARG(job->streams[i].entity),
			      TB_STR_ARG(job->streams[i].cursor),
			      (unsigned long long)job->streams[i].read);
}

/* What is known of the name of a job. */
static void put_name(struct world *w, struct tb_buf *buf, struct tb_str name)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_job_name value;

	MUST(tb_job_name_read(tx, w->ic.arena, w->org, name, &value));
	tb_core_read_end(tx);
	tb_buf_printf(buf, " name of %llu since %lld at %.*s\n",
		      (unsigned long long)value.id, (long long)value.began_us,
		      TB_STR_ARG(value.cursor));
}

static void put_state(struct world *w, struct tb_buf *buf)
{
	struct tb_job_page page = list_jobs(w, TB_JOB_LIST_ALL, 0, 100);
	struct tb_job_sums sums = sums_of(w);

	for (size_t i = 0; i < page.n; i++) {
		struct tb_job_notes notes;

		put_job(buf, &page.jobs[i]);
		put_name(w, buf, page.jobs[i].name);
		(void)read_job(w, page.jobs[i].id, &notes);
		put_notes(buf, &notes);
	}
	tb_buf_printf(
		buf, "%llu %lld %s %s %llu\n", (unsigned long long)sums.last_id,
		(long long)sums.average_us, record_of(w, "t", "c"),
		record_of(w, "t", "d"), (unsigned long long)audit_rows(w));
	MUST(tb_buf_err(buf));
	check_jobs(w);
}

/* ---- what is done ---- */

static enum tb_err queue_work(struct world *w)
{
	struct tb_job_order order = order_of(w, "new");
	enum tb_job_queued outcome;
	struct tb_job_sums sums;
	struct tb_job job;
	enum tb_err err;

	order.named = &named;
	err = tb_job_queue(w->ic.core, w->ic.arena, &w->ic.note, &order,
			   &outcome, &job, &sums);
	if (err == TB_OK)
		assert_int_equal(outcome, TB_JOB_IS_NEW);
	return err;
}

static enum tb_err take_work(struct world *w)
{
	const uint64_t tokens[] = { 21, 22 };
	struct tb_job jobs[2];
	struct tb_job_taking taking = take_under(w, tokens, 2, jobs);
	enum tb_err err = tb_job_take(w->ic.core, w->org, &taking);

	assert_int_equal(taking.n, err == TB_OK ? 1 : 0);
	return err;
}

static enum tb_err checkpoint_work(struct world *w)
{
	struct tb_job_checkpoint page = page_of(w, 1, TOKEN);

	bring(w, &page, "t", "c=3 !x d=4");
	page.cursor = TB_STR("c2");
	page.log = TB_STR("half");
	return try_checkpoint(w, &page);
}

static enum tb_err renew_work(struct world *w)
{
	const struct tb_job_lease leases[] = { { w->org, 1, TOKEN },
					       { w->org, 2, TOKEN } };
	bool lost[2] = { true, true };
	enum tb_err err =
		tb_job_renew(w->ic.core, w->org, leases, 2, LEASE_US, lost);

	assert_true(err != TB_OK || (!lost[0] && !lost[1]));
	return err;
}

static enum tb_err complete_work(struct world *w)
{
	return try_end(w, 1, TOKEN, TB_JOB_END_COMPLETED, 0);
}

static enum tb_err go_on_work(struct world *w)
{
	uint64_t id;
	enum tb_err err = try_end_and_take(w, 1, TOKEN, TB_JOB_END_COMPLETED,
					   TOKEN + 1, &id);

	assert_int_equal(id != 0, err == TB_OK);
	return err;
}

static enum tb_err occurrence_work(struct world *w)
{
	return try_end(w, 1, TOKEN, TB_JOB_END_COMPLETED,
		       w->ic.now_us + DAY_US);
}

static enum tb_err fail_work(struct world *w)
{
	return try_end(w, 2, TOKEN, TB_JOB_END_FAILED, 0);
}

static enum tb_err retry_later_work(struct world *w)
{
	return try_end(w, 1, TOKEN, TB_JOB_END_RETRY, w->ic.now_us + DAY_US);
}

static enum tb_err skip_work(struct world *w)
{
	return try_end(w, 2, TOKEN, TB_JOB_END_SKIPPED, w->ic.now_us + DAY_US);
}

static enum tb_err pause_work(struct world *w)
{
	return pause_job(w, "two");
}

static enum tb_err resume_work(struct world *w)
{
	return resume_job(w, "four");
}

static enum tb_err cancel_work(struct world *w)
{
	return cancel_job(w, 1);
}

static enum tb_err retry_work(struct world *w)
{
	return retry_job(w, 3);
}

static enum tb_err promote_work(struct world *w)
{
	bool more;

	return tb_job_promote(w->ic.core, w->org, &more);
}

static enum tb_err reclaim_work(struct world *w)
{
	bool more;

	return tb_job_reclaim(w->ic.core, w->org, false, &more);
}

static enum tb_err purge_work(struct world *w)
{
	struct tb_job_purged purged;

	return tb_job_purge(w->ic.core, &w->ic.note, w->org, &purged);
}

static enum tb_err upkeep_work(struct world *w)
{
	const struct tb_job_ages ages = { DAY_US / 2, DAY_US / 2 };
	bool more;

	return tb_job_upkeep(w->ic.core, w->org, &ages, &more);
}

static enum tb_err (*const works[])(struct world *w) = {
	queue_work,    take_work,       checkpoint_work, renew_work,
	complete_work, occurrence_work, fail_work,       retry_later_work,
	skip_work,     pause_work,      resume_work,     cancel_work,
	retry_work,    promote_work,    reclaim_work,    purge_work,
	upkeep_work,   go_on_work,
};
static size_t work;

static struct tb_buf before;
static struct tb_buf after;

/* The states before and after, by what does not fail. */
static void expect_states(void)
{
	struct world w;

	world_init(&w, &tb_store_memory);
	prepare(&w);
	put_state(&w, &before);
	MUST(works[work](&w));
	put_state(&w, &after);
	assert_false(tb_str_eq(tb_buf_str(&before), tb_buf_str(&after)));
	world_fini(&w);
}

/* One run with a failure; false once it is not met any more. */
static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_buf state;
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	prepare(&w);
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = works[work](&w);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	assert_true(met || err == TB_OK);
	tb_buf_init(&state, STATE_MAX_BYTES);
	if (err != TB_OK) {
		put_state(&w, &state);
		assert_true(tb_str_eq(tb_buf_str(&state), tb_buf_str(&before)));
		MUST(works[work](&w));
	}
	tb_buf_reset(&state);
	put_state(&w, &state);
	assert_true(tb_str_eq(tb_buf_str(&state), tb_buf_str(&after)));
	tb_buf_fini(&state);
	world_fini(&w);
	return met;
}

static void fail_each_work(void (*fail_each)(world_fail_once_fn *))
{
	for (work = 0; work < TB_ARRAY_LEN(works); work++) {
		tb_buf_init(&before, STATE_MAX_BYTES);
		tb_buf_init(&after, STATE_MAX_BYTES);
		expect_states();
		fail_each(fail_once);
		tb_buf_fini(&before);
		tb_buf_fini(&after);
	}
}

/* On the store in memory alone: what is done is the same, and much is. */
static void fail_each_store_call(world_fail_once_fn *once)
{
	uint64_t n = 1;

	while (once(&tb_store_memory, n, 0))
		assert_true(n++ < WORLD_CALLS_MAX);
	assert_true(n > 3);
}

static void test_nth_store_call_fails(void **unused)
{
	(void)unused;
	fail_each_work(fail_each_store_call);
}

static void test_nth_allocation_fails(void **unused)
{
	(void)unused;
	fail_each_work(world_fail_each_allocation);
}

/* ---- reading ---- */

static enum tb_err read_all(struct world *w)
{
	struct tb_job_query query = { .org = w->org, .limit = 100 };
	struct tb_job_outlook outlook;
	struct tb_job_notes notes;
	struct tb_job_page page;
	struct tb_job job;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(w->ic.core, &tx);

	if (err != TB_OK)
		return err;
	err = tb_job_read(tx, w->ic.arena, w->org, 1, &job, &notes);
	if (err == TB_OK)
		assert_int_equal(notes.n_runs, 1);
	if (err == TB_OK)
		err = tb_job_find(tx, w->ic.arena, w->org, TB_STR("ready"),
				  &job);
	if (err == TB_OK)
		err = tb_job_list(tx, w->ic.arena, &query, &page);
	if (err == TB_OK)
		assert_int_equal(page.n, 7);
	if (err == TB_OK)
		err = tb_job_look(tx, w->ic.arena, w->org, &outlook);
	if (err == TB_OK)
		assert_int_equal(outlook.ready, 1);
	tb_core_read_end(tx);
	return err;
}

static bool fail_read_once(uint64_t store_call)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct world w;
	bool met;

	world_init(&w, &tb_store_memory);
	prepare(&w);
	tb_fail_set_plan(w.ic.store, &plan);
	met = read_all(&w) != TB_OK;
	assert_true(met ==
		    (tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call));
	tb_fail_set_plan(w.ic.store, NULL);
	world_fini(&w);
	return met;
}

static void test_reading_fails(void **unused)
{
	uint64_t n = 1;

	(void)unused;
	while (fail_read_once(n))
		assert_true(n++ < WORLD_CALLS_MAX);
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
		cmocka_unit_test(test_reading_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
