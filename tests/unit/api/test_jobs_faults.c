/*
 * What becomes of a call of the jobs API when each call of the store, or each
 * allocation, fails once: a question is answered rightly or with an error, a
 * change is made and told, or is not made.
 */
#include "jobs_fixture.h"

#define CALLS_MAX 5000

static int set_up(void **state)
{
	static struct jobs_world w;

	jobs_set_up(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	jobs_tear_down(*state);
	return 0;
}

/* How the n-th call of the store, or the n-th allocation, fails. */
struct fault {
	bool is_of_store;
	uint64_t n;
};

static void begin_fault(struct jobs_world *w, const struct fault *fault)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = fault->n,
				     .err = TB_ERR_IO };

	assert_true(fault->n < CALLS_MAX);
	if (fault->is_of_store)
		tb_fail_set_plan(w->ic.store, &plan);
	else
		tb_alloc_fail_at(fault->n);
}

/* True if there was anything to fail. */
static bool end_fault(struct jobs_world *w, const struct fault *fault)
{
	bool was = fault->is_of_store
			   ? tb_fail_calls(w->ic.store, TB_FAIL_ANY) >= fault->n
			   : tb_alloc_calls() >= fault->n;

	tb_fail_set_plan(w->ic.store, NULL);
	tb_alloc_fail_at(0);
	return was;
}

static void torture_question(struct jobs_world *w, const struct jobs_call *call,
			     bool is_of_store)
{
	struct fault fault = { is_of_store, 1 };
	int64_t now_us = w->ic.now_us;
	struct tb_str right;

	jobs_ask(w, call);
	assert_int_equal(w->res.status, 200);
	MUST(tb_arena_strdup(w->ic.arena, jobs_body(w), &right));
	for (;; fault.n++) {
		bool has_failed;

		w->ic.now_us = now_us;
		begin_fault(w, &fault);
		jobs_ask(w, call);
		has_failed = end_fault(w, &fault);
		if (w->res.status == 200)
			assert_true(tb_str_eq(jobs_body(w), right));
		else
			assert_int_equal(w->res.status, 503);
		assert_true(has_failed || w->res.status == 200);
		if (!has_failed)
			return;
	}
}

static void a_question_gets_an_error_or_the_right_answer(void **state)
{
	static const struct jobs_call calls[] = {
		{ .handler = tb_jobs_get_state },
		{ .handler = tb_jobs_get_info },
		{ .handler = tb_jobs_get_list, .query = "limit=5" },
		{ .handler = tb_jobs_get_list, .query = "status=queued" },
		{ .handler = tb_jobs_get_list, .query = "status=active" },
		{ .handler = tb_jobs_get_one, .param = "job5" },
	};
	struct jobs_world *w = *state;

	jobs_make_all_kinds(w);
	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++) {
		torture_question(w, &calls[i], true);
		torture_question(w, &calls[i], false);
	}
}

/* One change, of a job that was made for it. */
struct change {
	tb_handler_fn *handler;
	/* Makes a job; what the path says of it. */
	void (*prepare)(struct jobs_world *w, const char *name);
	bool is_by_id;
	enum tb_job_state after;
};

static struct tb_job find_job(struct jobs_world *w, struct tb_str id)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_job job;
	uint64_t n;

	MUST(tb_str_to_u64(tb_str(id.p + 3, id.n - 3), &n));
	MUST(tb_job_read(tx, w->ic.arena, w->org, n, &job, NULL));
	tb_core_read_end(tx);
	return job;
}

/* Of the job that was queued last. */
static struct tb_str last_id(struct jobs_world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_job_sums sums;
	struct tb_str id;

	MUST(tb_job_sums_read(tx, w->ic.arena, w->org, &sums));
	tb_core_read_end(tx);
	MUST(tb_arena_printf(w->ic.arena, &id, "job%llu",
			     (unsigned long long)sums.last_id));
	return id;
}

static void prepare_queued(struct jobs_world *w, const char *name)
{
	jobs_queue(w, name, "");
}

static void prepare_paused(struct jobs_world *w, const char *name)
{
	jobs_queue(w, name, "");
	jobs_control(w, tb_jobs_pause, name);
}

static void prepare_failed(struct jobs_world *w, const char *name)
{
	jobs_queue(w, name, "");
	jobs_control(w, tb_jobs_post_cancel, last_id(w).p);
}

/* Nothing is there, or all of it, and it was told. */
static bool torture_change(struct jobs_world *w, const struct change *change,
			   const struct fault *fault)
{
	struct tb_job before;
	struct tb_job after;
	struct tb_str name;
	struct tb_str id;
	bool has_failed;

	MUST(tb_arena_printf(w->ic.arena, &name, "t%llu",
			     (unsigned long long)w->ic.now_us));
	change->prepare(w, name.p);
	id = last_id(w);
	before = find_job(w, id);
	begin_fault(w, fault);
	jobs_control(w, change->handler, change->is_by_id ? id.p : name.p);
	has_failed = end_fault(w, fault);
	after = find_job(w, id);
	if (w->res.status == 201)
		assert_int_equal(after.state, change->after);
	else
		assert_int_equal(w->res.status, 503);
	/* What ran out of memory may be done, and not be told. */
	if (w->res.status != 201 && fault->is_of_store) {
		assert_int_equal(after.state, before.state);
		assert_true(after.version == before.version);
	}
	return has_failed;
}

static void a_change_is_made_or_not(void **state)
{
	static const struct change changes[] = {
		{ tb_jobs_pause, prepare_queued, false, TB_JOB_PAUSED },
		{ tb_jobs_resume, prepare_paused, false, TB_JOB_QUEUED },
		{ tb_jobs_post_cancel, prepare_queued, true, TB_JOB_FAILED },
		{ tb_jobs_post_retry, prepare_failed, true, TB_JOB_QUEUED },
	};
	struct jobs_world *w = *state;

	for (size_t i = 0; i < 2 * TB_ARRAY_LEN(changes); i++) {
		struct fault fault = { i % 2 == 0, 1 };

		while (torture_change(w, &changes[i / 2], &fault))
			fault.n++;
		assert_true(fault.n > 2);
	}
}

static void what_is_queued_under_failures_is_there_once(void **state)
{
	struct jobs_world *w = *state;
	const char *body = jobs_request(w, "once", "");
	size_t n_made = 0;

	for (int of_store = 0; of_store < 2; of_store++) {
		struct fault fault = { of_store, 1 };
		bool has_failed = true;

		for (; has_failed; fault.n++) {
			begin_fault(w, &fault);
			jobs_ask(w, &(struct jobs_call) {
					    .handler = tb_jobs_post_queue,
					    .body = body,
					    .key = "k" });
			has_failed = end_fault(w, &fault);
			if (w->res.status == 201)
				n_made++;
			else
				assert_int_equal(w->res.status, 503);
		}
	}
	assert_true(n_made >= 2);
	jobs_get(w, tb_jobs_get_list, NULL);
	jobs_assert_names(tb_json_get(jobs_parse(w), TB_STR("jobs")), "once");
}

static void
a_purge_under_failures_loses_nothing_that_is_unfinished(void **state)
{
	struct jobs_world *w = *state;
	struct fault fault = { true, 1 };
	bool has_failed = true;

	jobs_queue(w, "stays", ",\"priority\":0");
	for (; has_failed; fault.n++) {
		struct tb_job_lease lease;

		jobs_queue(w, "goes", "");
		lease = jobs_take(w);
		jobs_end(w, &lease, TB_JOB_END_COMPLETED);
		begin_fault(w, &fault);
		jobs_control(w, tb_jobs_purge, NULL);
		has_failed = end_fault(w, &fault);
		assert_true(w->res.status == 201 || w->res.status == 503);
	}
	assert_int_equal(w->res.status, 201);
	jobs_get(w, tb_jobs_get_list, NULL);
	jobs_assert_names(tb_json_get(jobs_parse(w), TB_STR("jobs")), "stays");
	jobs_get(w, tb_jobs_get_state, NULL);
	jobs_assert_answer(w, 200, JOBS_STATE("1", "0", "0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_question_gets_an_error_or_the_right_answer),
		TEST(a_change_is_made_or_not),
		TEST(what_is_queued_under_failures_is_there_once),
		TEST(a_purge_under_failures_loses_nothing_that_is_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
