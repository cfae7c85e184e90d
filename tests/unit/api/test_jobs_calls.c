/*
 * Calls of the jobs API without a socket: what each answers, and in which
 * order jobs are shown.
 */
#include "jobs_fixture.h"

#include "api/jobs/roles.h"

/* A second behind the beginning. */
#define FIRST "2023-11-14T22:13:21Z"

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

static void assert_error(const struct jobs_world *w, unsigned status,
			 const char *message)
{
	char text[512];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_buf_printf(&buf, "{\"statusCode\":%u,\"message\":\"%s\",\"error\":",
		      status, message);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_int_equal(w->res.status, status);
	if (!tb_str_starts(jobs_body(w), tb_buf_str(&buf)))
		fail_msg("%.*s", TB_STR_ARG(jobs_body(w)));
}

/* ---- the public state ---- */

static void the_public_state_counts_the_only_org_or_the_named_one(void **state)
{
	struct jobs_world *w = *state;
	struct tb_job_lease lease;

	jobs_get(w, tb_jobs_get_state, NULL);
	jobs_assert_answer(w, 200, JOBS_STATE("0", "0", "0"));
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "a", "b", "c" };

		jobs_queue(w, names[i], "");
	}
	lease = jobs_take(w);
	jobs_end(w, &lease, TB_JOB_END_COMPLETED);
	lease = jobs_take(w);
	jobs_end(w, &lease, TB_JOB_END_FAILED);
	lease = jobs_take(w);
	jobs_queue(w, "d", "");
	jobs_control(w, tb_jobs_pause, "d");
	jobs_queue(w, "e", "");
	jobs_get(w, tb_jobs_get_state, NULL);
	jobs_assert_answer(w, 200, JOBS_STATE("3", "1", "1"));
	inline_core_add_org(&w->ic, "more");
	jobs_get(w, tb_jobs_get_state, NULL);
	jobs_assert_answer(w, 200, JOBS_STATE("0", "0", "0"));
	w->options.public_org = "shops";
	jobs_get(w, tb_jobs_get_state, NULL);
	jobs_assert_answer(w, 200, JOBS_STATE("3", "1", "1"));
	w->options.public_org = "none";
	jobs_get(w, tb_jobs_get_state, NULL);
	jobs_assert_answer(w, 200, JOBS_STATE("0", "0", "0"));
}

/* ---- queueing ---- */

static void what_is_queued_is_answered_with_its_id(void **state)
{
	struct jobs_world *w = *state;

	jobs_queue(w, "product-sync", "");
	jobs_assert_answer(w, 201,
			   "{\"success\":true,\"job\":{\"id\":\"job1\","
			   "\"name\":\"product-sync\",\"status\":\"queued\","
			   "\"queuedAt\":\"" FIRST
			   "\",\"estimatedStart\":\"" FIRST "\"}}");
	jobs_queue(w, "scheduled", "");
	jobs_ask(w,
		 &(struct jobs_call) {
			 .handler = tb_jobs_post_queue,
			 .body = "{\"name\":\"nightly\","
				 "\"type\":\"scheduled\",\"data\":"
				 "{\"source\":\"shop\"},\"schedule\":"
				 "{\"startAt\":\"2030-01-15T00:00:00Z\"}}" });
	jobs_assert_answer(w, 201,
			   "{\"success\":true,\"job\":{\"id\":\"job3\","
			   "\"name\":\"nightly\",\"status\":\"queued\","
			   "\"queuedAt\":\"2023-11-14T22:13:23Z\","
			   "\"estimatedStart\":\"2030-01-15T00:00:00Z\"}}");
}

static void what_cannot_be_queued_is_told_why(void **state)
{
	static const struct {
		const char *body;
		unsigned status;
		const char *message;
	} calls[] = {
		{ "", 400, "Empty Data" },
		{ "{}", 400, "Empty Data" },
		{ "{\"name\":}", 400, "Invalid JSON" },
		{ "[]", 400, "body must be an object" },
		{ "{\"type\":\"full\"}", 400, "name is required" },
		{ "{\"name\":\"a\",\"type\":\"full\",\"data\":"
		  "{\"source\":\"nowhere\"}}",
		  400, "data.source is unknown" },
		{ "{\"name\":\"a\",\"type\":\"scheduled\",\"data\":"
		  "{\"source\":\"shop\"},\"schedule\":"
		  "{\"repeat\":\"0 0 30 2 *\"}}",
		  400, "schedule never occurs" },
		{ "{\"name\":\"taken\",\"type\":\"full\",\"data\":"
		  "{\"source\":\"shop\"}}",
		  409, "A job of this name is not finished" },
	};
	struct jobs_world *w = *state;

	jobs_queue(w, "taken", "");
	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++) {
		jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_post_queue,
						  .body = calls[i].body });
		assert_error(w, calls[i].status, calls[i].message);
	}
	w->options.unfinished_max = 1;
	jobs_ask(w, &(struct jobs_call) {
			    .handler = tb_jobs_post_queue,
			    .body = jobs_request(w, "one-more", "") });
	assert_error(w, 503, "There are too many unfinished jobs");
	assert_true(tb_str_eq(w->res.headers[0].name, TB_STR("Retry-After")));
}

static void ask_again(struct jobs_world *w, const char *body, const char *key)
{
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_post_queue,
					  .body = body,
					  .key = key });
}

static void the_same_request_again_is_the_same_job(void **state)
{
	struct jobs_world *w = *state;
	const char *body = jobs_request(w, "a", "");
	struct tb_str first;
	char long_key[202];

	ask_again(w, body, "k");
	MUST(tb_arena_strdup(w->ic.arena, jobs_body(w), &first));
	ask_again(w, body, "k");
	assert_int_equal(w->res.status, 201);
	/* But for the estimate. */
	assert_memory_equal(
		jobs_body(w).p, first.p,
		strlen("{\"success\":true,\"job\":{\"id\":\"job1\""));
	ask_again(w, jobs_request(w, "b", ""), "k");
	assert_error(w, 409, "Idempotency-Key was used for another request");
	/* Another user's key is another key. */
	w->caller.key = TB_STR("bertha-uuid");
	ask_again(w, jobs_request(w, "b", ""), "k");
	assert_int_equal(w->res.status, 201);
	memset(long_key, 'x', sizeof(long_key));
	long_key[201] = '\0';
	ask_again(w, body, long_key);
	assert_error(w, 400, "Idempotency-Key must be 1 to 200 bytes");
	ask_again(w, body, "");
	assert_error(w, 400, "Idempotency-Key must be 1 to 200 bytes");
	long_key[200] = '\0';
	ask_again(w, jobs_request(w, "c", ""), long_key);
	assert_int_equal(w->res.status, 201);
	/* What became of it was purged. */
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_post_cancel,
					  .param = "job3",
					  .body = "" });
	jobs_control(w, tb_jobs_purge, NULL);
	ask_again(w, jobs_request(w, "c", ""), long_key);
	assert_error(w, 409, "The job of this Idempotency-Key was purged");
}

/* ---- pausing, resuming, cancelling, retrying, purging ---- */

static void a_job_is_paused_and_resumed_by_its_name(void **state)
{
	struct jobs_world *w = *state;
	struct tb_job_lease lease;

	jobs_control(w, tb_jobs_pause, "product-sync");
	assert_error(w, 404, "Sync job not found");
	jobs_queue(w, "product-sync", "");
	lease = jobs_take(w);
	jobs_send(w, &lease, 75, 75);
	jobs_control(w, tb_jobs_resume, "product-sync");
	assert_error(w, 409, "Sync job is not paused");
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_pause,
					  .param = "product-sync" });
	jobs_assert_answer(
		w, 200,
		"{\"success\":true,\"message\":\"Sync job paused "
		"successfully\",\"job\":{\"id\":\"job1\","
		"\"name\":\"product-sync\",\"status\":\"paused\","
		"\"progress\":75,\"pausedAt\":\"2023-11-14T22:13:26Z\"}}");
	jobs_control(w, tb_jobs_pause, "product-sync");
	assert_error(w, 409, "Sync job is paused already");
	jobs_control(w, tb_jobs_resume, "product-sync");
	jobs_assert_answer(
		w, 201,
		"{\"success\":true,\"message\":\"Sync job resumed "
		"successfully\",\"job\":{\"id\":\"job1\","
		"\"name\":\"product-sync\",\"status\":\"active\","
		"\"progress\":75,\"resumedAt\":\"2023-11-14T22:13:28Z\","
		"\"estimatedCompletion\":\"2023-11-14T22:13:29Z\"}}");
	lease = jobs_take(w);
	jobs_end(w, &lease, TB_JOB_END_COMPLETED);
	jobs_control(w, tb_jobs_pause, "product-sync");
	assert_error(w, 404, "Sync job not found");
}

static void a_job_is_cancelled_and_retried_by_its_id(void **state)
{
	static const char *const none[] = { "job2", "job0", "1", "product-sync",
					    "job01" };
	struct jobs_world *w = *state;

	jobs_queue(w, "product-sync", "");
	for (size_t i = 0; i < TB_ARRAY_LEN(none); i++) {
		jobs_control(w, tb_jobs_post_cancel, none[i]);
		assert_error(w, 404, "Sync job not found");
		jobs_control(w, tb_jobs_post_retry, none[i]);
		assert_error(w, 404, "Sync job not found");
	}
	jobs_control(w, tb_jobs_post_retry, "job1");
	assert_error(w, 409, "Sync job has not failed");
	jobs_control(w, tb_jobs_post_cancel, "job1");
	assert_int_equal(w->res.status, 201);
	assert_true(tb_str_starts(
		jobs_body(w),
		TB_STR("{\"success\":true,\"message\":\"Sync job cancelled "
		       "successfully\",\"job\":{\"id\":\"job1\","
		       "\"name\":\"product-sync\",\"type\":\"full\","
		       "\"status\":\"failed\",")));
	assert_true(tb_json_string_is(
		tb_json_get(
			tb_json_get(tb_json_get(jobs_parse(w), TB_STR("job")),
				    TB_STR("error")),
			TB_STR("code")),
		TB_STR("cancelled")));
	jobs_control(w, tb_jobs_post_cancel, "job1");
	assert_error(w, 409, "Sync job is finished");
	jobs_queue(w, "product-sync", "");
	jobs_control(w, tb_jobs_post_retry, "job1");
	assert_error(w, 409, "A job of this name is not finished");
	jobs_control(w, tb_jobs_post_cancel, "job2");
	jobs_control(w, tb_jobs_post_retry, "job1");
	assert_int_equal(w->res.status, 201);
	assert_true(tb_str_starts(
		jobs_body(w),
		TB_STR("{\"success\":true,\"message\":\"Sync job queued "
		       "again successfully\",\"job\":{\"id\":\"job1\",")));
}

static void those_that_are_finished_are_purged(void **state)
{
	struct jobs_world *w = *state;
	struct tb_job_lease lease;

	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "a", "b", "c", "d" };

		jobs_queue(w, names[i], "");
	}
	for (int i = 0; i < 3; i++) {
		lease = jobs_take(w);
		jobs_end(w, &lease,
			 i == 1 ? TB_JOB_END_FAILED : TB_JOB_END_COMPLETED);
	}
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_purge });
	jobs_assert_answer(w, 200,
			   "{\"success\":true,\"message\":\"Sync jobs purged "
			   "successfully\",\"purgedJobs\":{\"completed\":2,"
			   "\"failed\":1}}");
	jobs_control(w, tb_jobs_purge, NULL);
	jobs_assert_answer(w, 201,
			   "{\"success\":true,\"message\":\"Sync jobs purged "
			   "successfully\",\"purgedJobs\":{\"completed\":0,"
			   "\"failed\":0}}");
	jobs_get(w, tb_jobs_get_list, NULL);
	jobs_assert_names(tb_json_get(jobs_parse(w), TB_STR("jobs")), "d");
}

/* ---- lists ---- */

static void assert_next_is(struct tb_json_value page, bool is_there)
{
	struct tb_json_value next = tb_json_get(page, TB_STR("next"));

	assert_true(tb_json_is(next, is_there ? TB_JSON_STRING : TB_JSON_NULL));
}

/* The same, page by page, is the same. */
static void assert_pages(struct jobs_world *w, const char *status, size_t limit,
			 const char *expected)
{
	struct tb_str after = TB_STR("");
	char text[1024];
	struct tb_buf names;

	tb_buf_init_fixed(&names, text, sizeof(text));
	while (after.p) {
		struct tb_json_iter it;
		struct tb_json_value page;
		struct tb_str query;
		size_t n = 0;

		MUST(tb_arena_printf(w->ic.arena, &query,
				     "status=%s&limit=%zu&after=%.*s", status,
				     limit, TB_STR_ARG(after)));
		jobs_get(w, tb_jobs_get_list, query.p);
		assert_int_equal(w->res.status, 200);
		page = jobs_parse(w);
		it = tb_json_iter(tb_json_get(page, TB_STR("jobs")));
		for (; tb_json_next(&it); n++) {
			struct tb_str name = tb_json_raw(
				tb_json_get(it.value, TB_STR("name")));

			tb_buf_append_str(&names, TB_STR(" "));
			tb_buf_append(&names, name.p + 1, name.n - 2);
		}
		assert_true(n <= limit);
		after = tb_json_raw(tb_json_get(page, TB_STR("next")));
		if (after.p[0] == 'n')
			break;
		assert_int_equal(n, limit);
		MUST(tb_arena_strdup(w->ic.arena,
				     tb_str(after.p + 1, after.n - 2), &after));
	}
	tb_buf_append_char(&names, '\0');
	assert_int_equal(tb_buf_err(&names), TB_OK);
	assert_string_equal(text, expected);
}

static void jobs_are_listed_by_state_in_their_order(void **state)
{
	static const struct {
		const char *status;
		const char *names;
	} lists[] = {
		{ "queued", " q1 q2 q3 q4 q5" },
		{ "active", " a1 a2" },
		{ "paused", " p1 p2" },
		{ "completed", " c1 c2" },
		{ "failed", " f1 f2" },
		/* The last change first. */
		{ "", " p2 p1 q4 q5 q1 q2 q3 a2 a1 f2 c2 f1 c1" },
	};
	struct jobs_world *w = *state;

	jobs_make_all_kinds(w);
	for (size_t i = 0; i < TB_ARRAY_LEN(lists); i++)
		for (size_t limit = 1; limit < 20; limit++)
			assert_pages(w, lists[i].status, limit, lists[i].names);
}

static void many_jobs_are_listed_page_by_page(void **state)
{
	struct jobs_world *w = *state;
	struct tb_json_value page;

	for (int i = 0; i < 150; i++) {
		struct tb_str name;

		MUST(tb_arena_printf(w->ic.arena, &name, "j%d", i));
		jobs_queue(w, name.p, "");
	}
	jobs_get(w, tb_jobs_get_list, "status=queued");
	page = jobs_parse(w);
	assert_int_equal(tb_json_count(tb_json_get(page, TB_STR("jobs"))), 100);
	assert_next_is(page, true);
	jobs_get(w, tb_jobs_get_list, "limit=150");
	page = jobs_parse(w);
	assert_int_equal(tb_json_count(tb_json_get(page, TB_STR("jobs"))), 150);
	assert_next_is(page, false);
	jobs_get(w, tb_jobs_get_list, "limit=149");
	assert_next_is(jobs_parse(w), true);
	/* "up to 100 unfinished jobs" */
	jobs_get(w, tb_jobs_get_info, NULL);
	page = jobs_parse(w);
	assert_int_equal(tb_json_count(tb_json_get(page, TB_STR("syncJobs"))),
			 100);
}

static void a_bad_question_is_told_so(void **state)
{
	static const struct {
		const char *query;
		const char *message;
	} bad[] = {
		{ "limit=0", "limit must be a whole number from 1 to 1000" },
		{ "limit=1001", "limit must be a whole number from 1 to 1000" },
		{ "limit=-1", "limit must be a whole number from 1 to 1000" },
		{ "limit=x", "limit must be a whole number from 1 to 1000" },
		{ "limit=%ff", "limit must be a whole number from 1 to 1000" },
		{ "status=Queued", "status must be one of queued, active, "
				   "paused, completed, failed" },
		{ "status=%00", "status must be one of queued, active, "
				"paused, completed, failed" },
		{ "after=x", "after is not valid" },
		{ "after=0", "after is not valid" },
		{ "after=0-", "after is not valid" },
		{ "after=0-1-2", "after is not valid" },
		{ "after=99-0", "after is not valid" },
		{ "after=%zz", "after is not valid" },
		/* Of another list. */
		{ "status=paused&after=0-1", "after is not valid" },
	};
	struct jobs_world *w = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		jobs_get(w, tb_jobs_get_list, bad[i].query);
		assert_error(w, 400, bad[i].message);
	}
	jobs_get(w, tb_jobs_get_list, "limit=1000&status=&after=");
	jobs_assert_answer(w, 200, "{\"jobs\":[],\"next\":null}");
}

static void the_info_shows_who_is_next(void **state)
{
	struct jobs_world *w = *state;
	struct tb_json_value root;

	jobs_get(w, tb_jobs_get_info, NULL);
	jobs_assert_answer(w, 200,
			   "{\"organization\":{\"id\":\"shops\","
			   "\"name\":\"A title\"},\"syncStatus\":"
			   "{\"lastSync\":null,\"activeJobs\":0,"
			   "\"completedJobs\":0,\"failedJobs\":0},"
			   "\"syncJobs\":[]}");
	jobs_make_all_kinds(w);
	jobs_get(w, tb_jobs_get_info, NULL);
	root = jobs_parse(w);
	jobs_assert_names(tb_json_get(root, TB_STR("syncJobs")),
			  "a1 a2 q1 q2 q3 q4 q5 p1 p2");
	assert_true(
		tb_str_eq(tb_json_raw(tb_json_get(root, TB_STR("syncStatus"))),
			  TB_STR("{\"lastSync\":\"2023-11-14T22:13:30Z\","
				 "\"activeJobs\":9,\"completedJobs\":2,"
				 "\"failedJobs\":2}")));
}

static void one_job_is_shown_with_its_runs(void **state)
{
	struct jobs_world *w = *state;
	struct tb_job_lease lease;
	struct tb_json_value job;

	jobs_queue(w, "a", ",\"options\":{\"concurrency\":5}");
	lease = jobs_take(w);
	jobs_send(w, &lease, 60, 60);
	jobs_end(w, &lease, TB_JOB_END_FAILED);
	jobs_control(w, tb_jobs_post_retry, "job1");
	lease = jobs_take(w);
	jobs_send(w, &lease, 40, 100);
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_get_one,
					  .param = "job1" });
	assert_int_equal(w->res.status, 200);
	job = tb_json_get(jobs_parse(w), TB_STR("job"));
	assert_true(tb_str_eq(tb_json_raw(tb_json_get(job, TB_STR("options"))),
			      TB_STR("{\"concurrency\":5}")));
	/* What was not begun, too. */
	assert_int_equal(tb_json_count(tb_json_get(job, TB_STR("entities"))),
			 2);
	assert_true(tb_json_count(tb_json_get(job, TB_STR("runs"))) >= 1);
	assert_true(tb_json_count(tb_json_get(job, TB_STR("log"))) >= 2);
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_get_one,
					  .param = "job2" });
	assert_error(w, 404, "Sync job not found");
}

/* ---- permissions ---- */

static const struct tb_route *find_route(tb_handler_fn *handler)
{
	for (size_t i = 0; i < tb_jobs_api.n_routes; i++)
		if (tb_jobs_api.routes[i].handler == handler)
			return &tb_jobs_api.routes[i];
	fail_msg("no route");
	return NULL;
}

/* Whether somebody of this role, and of no other, may call it. */
static bool is_admitted(struct jobs_world *w, tb_handler_fn *handler,
			const char *role)
{
	struct tb_str roles[] = { tb_str_z(role) };
	bool is;

	/* What was asked for is there; who asks is another. */
	jobs_get(w, tb_jobs_get_list, NULL);
	w->caller.is_admin = false;
	w->caller.roles = roles;
	w->caller.n_roles = 1;
	tb_response_empty(&w->res, 0);
	is = tb_jobs_api.admit(&w->req, &w->res, find_route(handler)->needs);
	if (!is)
		assert_error(w, 403, "Forbidden resource");
	return is;
}

static void each_call_needs_its_permission(void **state)
{
	static const struct {
		tb_handler_fn *handler;
		const char *too_little;
		const char *enough;
	} calls[] = {
		{ tb_jobs_get_info, "Nobody", "Guest" },
		{ tb_jobs_get_list, "Nobody", "Guest" },
		{ tb_jobs_get_one, "Nobody", "Guest" },
		{ tb_jobs_post_queue, "Reviewer", "Publisher" },
		{ tb_jobs_pause, "Reviewer", "Publisher" },
		{ tb_jobs_resume, "Reviewer", "Publisher" },
		{ tb_jobs_purge, "Reviewer", "Publisher" },
		{ tb_jobs_post_cancel, "Reviewer", "Publisher" },
		{ tb_jobs_post_retry, "Reviewer", "Publisher" },
	};
	struct jobs_world *w = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(calls); i++) {
		assert_false(
			is_admitted(w, calls[i].handler, calls[i].too_little));
		assert_true(is_admitted(w, calls[i].handler, calls[i].enough));
	}
	assert_int_equal(find_route(tb_jobs_purge)->needs, TB_JOBS_DELETE);
	assert_int_equal(find_route(tb_jobs_get_state)->who, TB_WHO_ANYONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(the_public_state_counts_the_only_org_or_the_named_one),
		TEST(what_is_queued_is_answered_with_its_id),
		TEST(what_cannot_be_queued_is_told_why),
		TEST(the_same_request_again_is_the_same_job),
		TEST(a_job_is_paused_and_resumed_by_its_name),
		TEST(a_job_is_cancelled_and_retried_by_its_id),
		TEST(those_that_are_finished_are_purged),
		TEST(jobs_are_listed_by_state_in_their_order),
		TEST(many_jobs_are_listed_page_by_page),
		TEST(a_bad_question_is_told_so),
		TEST(the_info_shows_who_is_next),
		TEST(one_job_is_shown_with_its_runs),
		TEST(each_call_needs_its_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
