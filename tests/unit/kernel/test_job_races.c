/*
 * Commits of one group, which see what was changed before them in it, but feeds
 * as they were before: whoever looks for a job in a feed looks at it anew.
 */
#include "job_world.h"

#include "grouped.h"

#define CALLS_MAX GROUPED_MAX

struct races {
	struct grouped *g;
	struct world w; /* on its core */
};

static void races_init(struct races *r)
{
	*r = (struct races) { .g = NULL };
	r->g = grouped_create(&r->w.org);
	r->w.ic.core = grouped_core(r->g);
	r->w.ic.store = grouped_store(r->g);
	r->w.ic.arena = tb_arena_create((size_t)64 << 20);
	assert_non_null(r->w.ic.arena);
	r->w.ic.now_us = INLINE_CORE_NOW_US;
	r->w.ic.note = (struct tb_audit_note) { .event_type = "jobs",
						.operation = "test",
						.status = "ok",
						.principal = TB_STR("cli") };
	grouped_set_now(r->g, r->w.ic.now_us);
}

static void races_fini(struct races *r)
{
	check_jobs(&r->w);
	tb_arena_destroy(r->w.ic.arena);
	grouped_destroy(r->g);
}

static void pass(struct races *r, int64_t us)
{
	r->w.ic.now_us += us;
	grouped_set_now(r->g, r->w.ic.now_us);
}

/* One call of a group. */
struct call {
	struct world *w;
	enum tb_err (*run)(struct call *call);
	const char *name;
	uint64_t id;
	uint64_t token;
	const struct tb_named_request *named;
	struct tb_job_checkpoint *page;
	enum tb_job_queued queued; /* results */
	enum tb_err err;
};

static void run_call(void *arg)
{
	struct call *call = arg;

	call->err = call->run(call);
}

static void run_group(struct races *r, struct call *calls, size_t n)
{
	struct grouped_call grouped[CALLS_MAX];

	assert_true(n <= CALLS_MAX);
	for (size_t i = 0; i < n; i++) {
		calls[i].w = &r->w;
		grouped[i] = (struct grouped_call) { .run = run_call,
						     .arg = &calls[i] };
	}
	grouped_run(r->g, grouped, n);
}

static enum tb_err take_it(struct call *call)
{
	call->id = take_one(call->w, call->token);
	return TB_OK;
}

static enum tb_err pause_it(struct call *call)
{
	return pause_job(call->w, call->name);
}

static enum tb_err resume_it(struct call *call)
{
	return resume_job(call->w, call->name);
}

static enum tb_err cancel_it(struct call *call)
{
	return cancel_job(call->w, call->id);
}

static enum tb_err retry_it(struct call *call)
{
	return retry_job(call->w, call->id);
}

static enum tb_err release_it(struct call *call)
{
	return try_end(call->w, call->id, call->token, TB_JOB_END_RELEASED, 0);
}

static enum tb_err complete_it(struct call *call)
{
	return try_end(call->w, call->id, call->token, TB_JOB_END_COMPLETED, 0);
}

static enum tb_err retry_later(struct call *call)
{
	return try_end(call->w, call->id, call->token, TB_JOB_END_RETRY,
		       call->w->ic.now_us + DAY_US);
}

static enum tb_err store_it(struct call *call)
{
	return try_checkpoint(call->w, call->page);
}

static enum tb_err queue_it(struct call *call)
{
	struct tb_job_order order = order_of(call->w, call->name);
	struct tb_job_sums sums;
	struct tb_job job;
	enum tb_err err;

	order.named = call->named;
	err = tb_job_queue(call->w->ic.core, call->w->ic.arena,
			   &call->w->ic.note, &order, &call->queued, &job,
			   &sums);
	call->id =
		err == TB_OK && call->queued <= TB_JOB_IS_REPEATED ? job.id : 0;
	return err;
}

static enum tb_err reclaim_all(struct call *call)
{
	bool more;

	return tb_job_reclaim(call->w->ic.core, call->w->org, true, &more);
}

static enum tb_err promote_it(struct call *call)
{
	bool more;

	return tb_job_promote(call->w->ic.core, call->w->org, &more);
}

static enum tb_err purge_it(struct call *call)
{
	struct tb_job_purged purged;

	return tb_job_purge(call->w->ic.core, &call->w->ic.note, call->w->org,
			    &purged);
}

static enum tb_err keep_up_it(struct call *call)
{
	const struct tb_job_ages ages = { DAY_US, DAY_US };
	bool more;

	return tb_job_upkeep(call->w->ic.core, call->w->org, &ages, &more);
}

/* ---- taking ---- */

static void two_takes_never_take_one_job(struct races *r)
{
	struct call calls[] = { { .run = take_it, .token = 1 },
				{ .run = take_it, .token = 2 },
				{ .run = take_it, .token = 3 } };

	queue_named(&r->w, "a");
	queue_named(&r->w, "b");
	run_group(r, calls, 3);
	assert_int_equal(calls[0].id, 1);
	assert_int_equal(calls[1].id, 2);
	assert_int_equal(calls[2].id, 0);
	assert_int_equal(read_job(&r->w, 1, NULL).token, 1);
	assert_int_equal(read_job(&r->w, 2, NULL).token, 2);
}

static void what_is_paused_is_not_taken(struct races *r)
{
	struct call calls[] = { { .run = pause_it, .name = "a" },
				{ .run = take_it, .token = 1 },
				{ .run = pause_it, .name = "b" } };

	queue_named(&r->w, "a");
	queue_named(&r->w, "b");
	run_group(r, calls, 3);
	MUST(calls[0].err);
	assert_int_equal(calls[1].id, 2);
	/* What is taken is paused nevertheless, and the lease is lost. */
	MUST(calls[2].err);
	assert_int_equal(read_job(&r->w, 2, NULL).state, TB_JOB_PAUSED);
	assert_int_equal(try_end(&r->w, 2, 1, TB_JOB_END_COMPLETED, 0),
			 TB_ERR_CONFLICT);
}

/* Not before the next group, which is another look at the feed. */
static void what_becomes_ready_is_seen_later(struct races *r)
{
	struct call calls[] = { { .run = queue_it, .name = "b" },
				{ .run = release_it, .id = 1, .token = 9 },
				{ .run = take_it, .token = 1 } };

	queue_named(&r->w, "a");
	assert_int_equal(take_one(&r->w, 9), 1);
	run_group(r, calls, 3);
	MUST(calls[1].err);
	assert_int_equal(calls[2].id, 0);
	assert_int_equal(take_one(&r->w, 1), 1);
	assert_int_equal(take_one(&r->w, 2), 2);
}

static void what_goes_and_comes_is_taken(struct races *r)
{
	struct call calls[] = { { .run = pause_it, .name = "a" },
				{ .run = resume_it, .name = "a" },
				{ .run = take_it, .token = 1 } };

	queue_named(&r->w, "a");
	run_group(r, calls, 3);
	assert_int_equal(calls[2].id, 1);
}

/* Those that take one after the other do not pass over what was taken, but what
 * is ready again is not passed over either. */
static void what_comes_back_is_taken_first(struct races *r)
{
	struct call calls[] = {
		{ .run = take_it, .token = 1 },
		{ .run = pause_it, .name = "a" },
		{ .run = take_it, .token = 2 },
		{ .run = resume_it, .name = "a" },
		{ .run = take_it, .token = 3 },
		{ .run = take_it, .token = 4 },
	};

	queue_named(&r->w, "a");
	queue_named(&r->w, "b");
	queue_named(&r->w, "c");
	run_group(r, calls, TB_ARRAY_LEN(calls));
	assert_int_equal(calls[0].id, 1);
	assert_int_equal(calls[2].id, 2);
	assert_int_equal(calls[4].id, 1);
	assert_int_equal(calls[5].id, 3);
}

/* ---- leases ---- */

static void who_comes_too_late_stores_nothing(struct races *r)
{
	struct tb_job_checkpoint first = page_of(&r->w, 1, 1);
	struct tb_job_checkpoint second = page_of(&r->w, 1, 1);
	struct call calls[] = { { .run = store_it, .page = &first },
				{ .run = pause_it, .name = "a" },
				{ .run = store_it, .page = &second },
				{ .run = complete_it, .id = 1, .token = 1 } };
	struct tb_job job;

	queue_named(&r->w, "a");
	assert_int_equal(take_one(&r->w, 1), 1);
	bring(&r->w, &first, "t", "a=1");
	bring(&r->w, &second, "t", "b=1");
	run_group(r, calls, 4);
	MUST(calls[0].err);
	MUST(calls[1].err);
	assert_int_equal(calls[2].err, TB_ERR_CONFLICT);
	assert_int_equal(calls[3].err, TB_ERR_CONFLICT);
	assert_string_equal(record_of(&r->w, "t", "a"), "{\"v\":1}");
	assert_string_equal(record_of(&r->w, "t", "b"), "");
	job = read_job(&r->w, 1, NULL);
	expect_stream(&job, "products", "1/1/0/0");
}

static void what_was_ended_is_not_reclaimed(struct races *r)
{
	struct call calls[] = { { .run = complete_it, .id = 1, .token = 1 },
				{ .run = retry_later, .id = 2, .token = 1 },
				{ .run = reclaim_all } };

	queue_named(&r->w, "a");
	assert_int_equal(take_one(&r->w, 1), 1);
	queue_named(&r->w, "b");
	assert_int_equal(take_one(&r->w, 1), 2);
	queue_named(&r->w, "c");
	assert_int_equal(take_one(&r->w, 1), 3);
	run_group(r, calls, 3);
	assert_int_equal(read_job(&r->w, 1, NULL).state, TB_JOB_COMPLETED);
	assert_int_equal(read_job(&r->w, 2, NULL).state, TB_JOB_QUEUED);
	assert_int_equal(sums_of(&r->w).take_over, 1);
	expect_list(&r->w, TB_JOB_LIST_READY, 0, 9, "3");
}

static void what_waits_for_another_time_is_not_due(struct races *r)
{
	struct call calls[] = { { .run = pause_it, .name = "a" },
				{ .run = cancel_it, .id = 2 },
				{ .run = promote_it } };

	for (int i = 0; i < 3; i++)
		queue_at(&r->w, (const char *[]) { "a", "b", "c" }[i],
			 r->w.ic.now_us + SECOND_US);
	pass(r, SECOND_US);
	run_group(r, calls, 3);
	expect_list(&r->w, TB_JOB_LIST_READY, 0, 9, "3");
	expect_list(&r->w, TB_JOB_LIST_PAUSED, 0, 9, "1");
}

/* ---- names and requests ---- */

static void a_name_is_given_once(struct races *r)
{
	struct call calls[] = { { .run = queue_it, .name = "a" },
				{ .run = queue_it, .name = "a" } };

	run_group(r, calls, 2);
	assert_int_equal(calls[0].queued, TB_JOB_IS_NEW);
	assert_int_equal(calls[1].queued, TB_JOB_NAME_IS_TAKEN);
}

static void a_request_is_done_once(struct races *r)
{
	const struct tb_named_request named = { TB_STR("key"), TB_STR("body") };
	struct call calls[] = {
		{ .run = queue_it, .name = "a", .named = &named },
		{ .run = queue_it, .name = "a", .named = &named },
	};

	run_group(r, calls, 2);
	assert_int_equal(calls[0].queued, TB_JOB_IS_NEW);
	assert_int_equal(calls[1].queued, TB_JOB_IS_REPEATED);
	assert_int_equal(calls[1].id, calls[0].id);
}

static void a_name_that_is_taken_is_not_forgotten(struct races *r)
{
	struct call calls[] = { { .run = queue_it, .name = "a" },
				{ .run = keep_up_it } };

	queue_named(&r->w, "a");
	assert_int_equal(take_one(&r->w, 1), 1);
	end_job(&r->w, 1, 1, TB_JOB_END_COMPLETED, 0);
	pass(r, 2 * DAY_US);
	run_group(r, calls, 2);
	MUST(calls[1].err);
	assert_int_equal(take_one(&r->w, 1), 2);
	assert_int_not_equal(read_job(&r->w, 2, NULL).since_us, 0);
}

/* ---- what goes ---- */

static void what_failed_anew_is_not_meant(struct races *r, bool by_age)
{
	struct call calls[] = { { .run = retry_it, .id = 1 },
				{ .run = cancel_it, .id = 1 },
				{ .run = retry_it, .id = 2 },
				{ .run = by_age ? keep_up_it : purge_it } };

	for (int i = 0; i < 3; i++)
		MUST(cancel_job(
			&r->w, queue_named(&r->w, (const char *[]) {
							  "a", "b", "c" }[i])));
	pass(r, 2 * DAY_US);
	run_group(r, calls, 4);
	for (int i = 0; i < 4; i++)
		MUST(calls[i].err);
	expect_list(&r->w, TB_JOB_LIST_FAILED, 0, 9, "1");
	expect_list(&r->w, TB_JOB_LIST_READY, 0, 9, "2");
}

static void what_failed_anew_is_not_purged(struct races *r)
{
	what_failed_anew_is_not_meant(r, false);
}

static void what_failed_anew_is_not_old(struct races *r)
{
	what_failed_anew_is_not_meant(r, true);
}

static void what_is_purged_is_not_there(struct races *r)
{
	struct call calls[] = { { .run = purge_it },
				{ .run = retry_it, .id = 1 },
				{ .run = queue_it, .name = "a" } };

	MUST(cancel_job(&r->w, queue_named(&r->w, "a")));
	run_group(r, calls, 3);
	assert_int_equal(calls[1].err, TB_ERR_NOT_FOUND);
	assert_int_equal(calls[2].queued, TB_JOB_IS_NEW);
	assert_int_equal(calls[2].id, 2);
}

/* ---- a group that is run again ---- */

/* A call of the store fails once: the group is run in halves, and nothing is
 * counted twice. */
static bool fail_nth_call(uint64_t nth)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = nth,
				     .last = nth,
				     .err = TB_ERR_CORRUPT };
	struct races r;
	struct tb_job_checkpoint page;
	struct call calls[] = { { .run = queue_it, .name = "b" },
				{ .run = store_it, .page = &page },
				{ .run = take_it, .token = 2 } };
	struct tb_job job;
	bool met;

	races_init(&r);
	queue_named(&r.w, "a");
	assert_int_equal(take_one(&r.w, 1), 1);
	queue_named(&r.w, "c");
	page = page_of(&r.w, 1, 1);
	bring(&r.w, &page, "t", "a=1 !b");
	tb_fail_set_plan(r.w.ic.store, &plan);
	run_group(&r, calls, 3);
	met = tb_fail_calls(r.w.ic.store, TB_FAIL_ANY) >= nth;
	tb_fail_set_plan(r.w.ic.store, NULL);
	for (int i = 0; i < 3; i++)
		MUST(calls[i].err);
	assert_int_equal(calls[0].queued, TB_JOB_IS_NEW);
	assert_int_equal(calls[2].id, 2);
	job = read_job(&r.w, 1, NULL);
	expect_stream(&job, "products", "2/1/0/1");
	races_fini(&r);
	return met;
}

static void test_a_group_that_fails_once(void **unused)
{
	uint64_t n = 1;

	(void)unused;
	while (fail_nth_call(n))
		assert_true(n++ < WORLD_CALLS_MAX);
	assert_true(n > 3);
}

#define RACE(name)                                                             \
	static void test_##name(void **unused)                                 \
	{                                                                      \
		struct races r;                                                \
                                                                               \
		(void)unused;                                                  \
		races_init(&r);                                                \
		name(&r);                                                      \
		races_fini(&r);                                                \
	}
RACE(two_takes_never_take_one_job)
RACE(what_is_paused_is_not_taken)
RACE(what_becomes_ready_is_seen_later)
RACE(what_goes_and_comes_is_taken)
RACE(what_comes_back_is_taken_first)
RACE(who_comes_too_late_stores_nothing)
RACE(what_was_ended_is_not_reclaimed)
RACE(what_waits_for_another_time_is_not_due)
RACE(a_name_is_given_once)
RACE(a_request_is_done_once)
RACE(a_name_that_is_taken_is_not_forgotten)
RACE(what_failed_anew_is_not_purged)
RACE(what_failed_anew_is_not_old)
RACE(what_is_purged_is_not_there)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_takes_never_take_one_job),
		cmocka_unit_test(test_what_is_paused_is_not_taken),
		cmocka_unit_test(test_what_becomes_ready_is_seen_later),
		cmocka_unit_test(test_what_goes_and_comes_is_taken),
		cmocka_unit_test(test_what_comes_back_is_taken_first),
		cmocka_unit_test(test_who_comes_too_late_stores_nothing),
		cmocka_unit_test(test_what_was_ended_is_not_reclaimed),
		cmocka_unit_test(test_what_waits_for_another_time_is_not_due),
		cmocka_unit_test(test_a_name_is_given_once),
		cmocka_unit_test(test_a_request_is_done_once),
		cmocka_unit_test(test_a_name_that_is_taken_is_not_forgotten),
		cmocka_unit_test(test_what_failed_anew_is_not_purged),
		cmocka_unit_test(test_what_failed_anew_is_not_old),
		cmocka_unit_test(test_what_is_purged_is_not_there),
		cmocka_unit_test(test_a_group_that_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
