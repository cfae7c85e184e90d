/*
 * Jobs as JSON: which members each answer has, and in which order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/jobs/job_json.h"
#include "base/assert.h"

#define S_US 1000000ll
/* 2023-01-01T12:00:00Z */
#define NOON_US (1672574400 * S_US)
#define TEXT_MAX_BYTES ((size_t)1 << 20)

static const struct tb_job_sums sums = {
	.counts = { 2, 0, 0, 0, 0 },
	.ready[50] = 2,
	.average_us = 60 * S_US,
};
static const struct tb_jobs_moment moment = { .sums = &sums,
					      .workers = 1,
					      .now_us = NOON_US + 300 * S_US };
static const struct tb_jobs_moment no_sums = { .workers = 1,
					       .now_us = NOON_US + 300 * S_US };

/* Half of a hundred records were read within a minute and a half. */
static const struct tb_job_stream streams[] = {
	{ .entity = TB_STR_INIT("products"),
	  .read = 75,
	  .written = 70,
	  .unchanged = 3,
	  .rejected = 2,
	  .position = 75,
	  .total = 100 },
	{ .entity = TB_STR_INIT("orders"),
	  .read = 4,
	  .written = 4,
	  .position = 4,
	  .total = 0 },
};

static struct tb_job make_job(enum tb_job_state state)
{
	return (struct tb_job) {
		.id = 123,
		.name = TB_STR("product-\"sync"),
		.type = TB_STR("full"),
		.request = TB_STR("{ \"name\" :1,\"data\":{ \"source\":\"x\"},"
				  "\"options\":null,\"more\":[1]}"),
		.priority = 50,
		.state = state,
		.queued_us = NOON_US + 999999,
	};
}

static struct tb_job make_active(void)
{
	struct tb_job job = make_job(TB_JOB_ACTIVE);

	job.has_begun = true;
	job.attempts = 2;
	job.started_us = NOON_US + 210 * S_US;
	job.taken_us = job.started_us;
	job.streams = streams;
	job.n_streams = 1;
	job.n_entities = 1;
	job.token = 7;
	return job;
}

static struct tb_buf buf;

static int set_up(void **state)
{
	(void)state;
	tb_buf_init(&buf, TEXT_MAX_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tb_buf_fini(&buf);
	return 0;
}

static void assert_text(const char *expected)
{
	struct tb_str text = tb_buf_str(&buf);

	assert_int_equal(tb_buf_err(&buf), TB_OK);
	if (!tb_str_eq(text, tb_str_z(expected)))
		fail_msg("%.*s\nis not\n%s", TB_STR_ARG(text), expected);
	tb_buf_reset(&buf);
}

#define PUT(how, job, moment_)                                                 \
	do {                                                                   \
		struct tb_json_writer w_ = tb_json_writer(&buf);               \
		tb_jobs_put_##how(&w_, &(job), &(moment_));                    \
	} while (0)

#define NAMES "{\"id\":\"job123\",\"name\":\"product-\\\"sync\","

static void a_job_in_short(void **state)
{
	struct tb_job job = make_active();

	(void)state;
	PUT(brief, job, moment);
	assert_text(NAMES "\"status\":\"active\",\"progress\":75,"
			  "\"startedAt\":\"2023-01-01T12:03:30Z\","
			  "\"estimatedCompletion\":\"2023-01-01T12:05:30Z\"}");
	job.streams = &streams[1];
	PUT(brief, job, moment);
	assert_text(NAMES "\"status\":\"active\",\"progress\":0,"
			  "\"startedAt\":\"2023-01-01T12:03:30Z\"}");
	job = make_job(TB_JOB_QUEUED);
	job.ahead = 1;
	PUT(brief, job, moment);
	assert_text(NAMES "\"status\":\"queued\",\"progress\":0,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"estimatedStart\":\"2023-01-01T12:06:00Z\"}");
	job = make_active();
	job.state = TB_JOB_PAUSED;
	job.paused_us = NOON_US + 240 * S_US;
	PUT(brief, job, moment);
	assert_text(NAMES "\"status\":\"paused\",\"progress\":75,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"pausedAt\":\"2023-01-01T12:04:00Z\"}");
}

static void a_job_that_was_queued(void **state)
{
	struct tb_job job = make_job(TB_JOB_QUEUED);

	(void)state;
	PUT(queued, job, moment);
	assert_text(NAMES "\"status\":\"queued\","
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"estimatedStart\":\"2023-01-01T12:05:00Z\"}");
	/* What is not known is left out. */
	PUT(queued, job, no_sums);
	assert_text(NAMES "\"status\":\"queued\","
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\"}");
	/* One that waits for its time. */
	job.is_waiting = true;
	job.due_us = NOON_US + 86400 * S_US;
	PUT(queued, job, moment);
	assert_text(NAMES "\"status\":\"queued\","
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"estimatedStart\":\"2023-01-02T12:00:00Z\"}");
}

static void a_job_that_was_paused_or_resumed(void **state)
{
	struct tb_job job = make_active();

	(void)state;
	job.state = TB_JOB_PAUSED;
	job.taken_us = 0;
	job.active_us = 90 * S_US;
	job.paused_us = NOON_US + 240 * S_US;
	PUT(paused, job, moment);
	assert_text(NAMES "\"status\":\"paused\",\"progress\":75,"
			  "\"pausedAt\":\"2023-01-01T12:04:00Z\"}");
	job.state = TB_JOB_ACTIVE;
	job.resumed_us = NOON_US + 290 * S_US;
	PUT(resumed, job, moment);
	assert_text(NAMES "\"status\":\"active\",\"progress\":75,"
			  "\"resumedAt\":\"2023-01-01T12:04:50Z\","
			  "\"estimatedCompletion\":\"2023-01-01T12:05:30Z\"}");
	job = make_job(TB_JOB_QUEUED);
	job.paused_us = job.resumed_us = NOON_US;
	PUT(resumed, job, moment);
	assert_text(NAMES "\"status\":\"queued\",\"progress\":0,"
			  "\"resumedAt\":\"2023-01-01T12:00:00Z\","
			  "\"estimatedStart\":\"2023-01-01T12:05:00Z\"}");
}

#define NO_RECORDS                                                             \
	"\"records\":{\"read\":0,\"written\":0,\"unchanged\":0,\"rejected\":"  \
	"0}"

static void a_job_in_a_list(void **state)
{
	struct tb_job job = make_job(TB_JOB_QUEUED);

	(void)state;
	PUT(listed, job, no_sums);
	assert_text(NAMES "\"type\":\"full\",\"status\":\"queued\","
			  "\"priority\":50,\"progress\":0,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"attempt\":0," NO_RECORDS "}");
	job = make_active();
	job.n_streams = 2;
	job.n_entities = 2;
	job.state = TB_JOB_FAILED;
	job.paused_us = NOON_US + 1 * S_US;
	job.resumed_us = NOON_US + 2 * S_US;
	job.ended_us = NOON_US + 250 * S_US;
	job.due_us = NOON_US;
	job.error = (struct tb_job_error) { TB_STR("timeout"),
					    TB_STR("it took too long") };
	PUT(listed, job, moment);
	assert_text(NAMES "\"type\":\"full\",\"status\":\"failed\","
			  "\"priority\":50,\"progress\":37,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"startedAt\":\"2023-01-01T12:03:30Z\","
			  "\"pausedAt\":\"2023-01-01T12:00:01Z\","
			  "\"resumedAt\":\"2023-01-01T12:00:02Z\","
			  "\"failedAt\":\"2023-01-01T12:04:10Z\","
			  "\"attempt\":2,\"records\":{\"read\":79,"
			  "\"written\":74,\"unchanged\":3,\"rejected\":2},"
			  "\"error\":{\"code\":\"timeout\","
			  "\"message\":\"it took too long\"}}");
	job = make_active();
	job.state = TB_JOB_COMPLETED;
	job.ended_us = NOON_US + 250 * S_US;
	job.n_streams = 0;
	PUT(listed, job, moment);
	assert_text(NAMES "\"type\":\"full\",\"status\":\"completed\","
			  "\"priority\":50,\"progress\":100,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"startedAt\":\"2023-01-01T12:03:30Z\","
			  "\"completedAt\":\"2023-01-01T12:04:10Z\","
			  "\"attempt\":2," NO_RECORDS "}");
}

/* Of a job between two runs, which are over: "it waits for its time". */
static void a_job_that_waits_for_its_next_run(void **state)
{
	struct tb_job job = make_job(TB_JOB_QUEUED);

	(void)state;
	job.is_waiting = true;
	job.due_us = NOON_US + 86400 * S_US;
	job.started_us = NOON_US + 1 * S_US;
	job.ended_us = NOON_US + 9 * S_US;
	job.attempts = 1;
	PUT(listed, job, moment);
	assert_text(NAMES "\"type\":\"full\",\"status\":\"queued\","
			  "\"priority\":50,\"progress\":0,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"startedAt\":\"2023-01-01T12:00:01Z\","
			  "\"nextRunAt\":\"2023-01-02T12:00:00Z\","
			  "\"estimatedStart\":\"2023-01-02T12:00:00Z\","
			  "\"attempt\":1," NO_RECORDS "}");
}

static void put_all(const struct tb_jobs_whole *whole)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	struct tb_json_writer w = tb_json_writer(&buf);

	assert_non_null(arena);
	assert_int_equal(tb_jobs_put_whole(&w, arena, whole, &no_sums), TB_OK);
	tb_arena_destroy(arena);
}

static void put_whole(const struct tb_job *job,
		      const struct tb_job_notes *notes)
{
	const struct tb_jobs_whole whole = { .job = *job, .notes = *notes };

	put_all(&whole);
}

static void a_whole_job(void **state)
{
	static const struct tb_job_run runs[] = {
		{ .started_us = NOON_US,
		  .ended_us = NOON_US + 5 * S_US,
		  .status = TB_STR_INIT("failed"),
		  .attempts = 3,
		  .read = 9,
		  .written = 1,
		  .unchanged = 2,
		  .rejected = 6,
		  .error = { TB_STR_INIT("a"), TB_STR_INIT("b") } },
	};
	static const struct tb_job_line log[] = {
		{ NOON_US, TB_STR_INIT("first") },
		{ NOON_US + S_US, TB_STR_INIT("second") },
	};
	static const struct tb_job_reject rejects[] = {
		{ .at_us = NOON_US,
		  .entity = TB_STR_INIT("products"),
		  .record = TB_STR_INIT("7"),
		  .code = TB_STR_INIT("field_type"),
		  .message = TB_STR_INIT("price is no number") },
	};
	struct tb_job_notes notes = { runs, 1, log, 2, rejects, 1 };
	struct tb_job job = make_active();

	(void)state;
	job.n_streams = 2;
	job.n_entities = 2;
	put_whole(&job, &notes);
	assert_text(NAMES "\"type\":\"full\",\"status\":\"active\","
			  "\"priority\":50,\"progress\":37,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"startedAt\":\"2023-01-01T12:03:30Z\","
			  "\"estimatedCompletion\":\"2023-01-01T12:07:30Z\","
			  "\"attempt\":2,\"records\":{\"read\":79,"
			  "\"written\":74,\"unchanged\":3,\"rejected\":2},"
			  /* As it was sent; null is as good as missing. */
			  "\"data\":{ \"source\":\"x\"},"
			  "\"entities\":[{\"entity\":\"products\",\"read\":75,"
			  "\"written\":70,\"unchanged\":3,\"rejected\":2,"
			  "\"total\":100,\"done\":false},"
			  "{\"entity\":\"orders\",\"read\":4,\"written\":4,"
			  "\"unchanged\":0,\"rejected\":0,\"total\":null,"
			  "\"done\":false}],"
			  "\"runs\":[{\"startedAt\":\"2023-01-01T12:03:30Z\","
			  "\"status\":\"active\",\"attempts\":2,"
			  "\"records\":{\"read\":79,\"written\":74,"
			  "\"unchanged\":3,\"rejected\":2}},"
			  "{\"startedAt\":\"2023-01-01T12:00:00Z\","
			  "\"endedAt\":\"2023-01-01T12:00:05Z\","
			  "\"status\":\"failed\",\"attempts\":3,"
			  "\"records\":{\"read\":9,\"written\":1,"
			  "\"unchanged\":2,\"rejected\":6},"
			  "\"error\":{\"code\":\"a\",\"message\":\"b\"}}],"
			  "\"log\":[{\"at\":\"2023-01-01T12:00:00Z\","
			  "\"message\":\"first\"},"
			  "{\"at\":\"2023-01-01T12:00:01Z\","
			  "\"message\":\"second\"}],"
			  "\"errors\":[{\"at\":\"2023-01-01T12:00:00Z\","
			  "\"entity\":\"products\",\"record\":\"7\","
			  "\"code\":\"field_type\","
			  "\"message\":\"price is no number\"}]}");
}

static void a_whole_job_that_never_ran(void **state)
{
	static const struct tb_job_notes none;
	struct tb_job job = make_job(TB_JOB_PAUSED);

	(void)state;
	job.paused_us = NOON_US;
	job.request =
		TB_STR("{\"schedule\":{\"repeat\":\"daily\"},\"options\":{}}");
	put_whole(&job, &none);
	assert_text(NAMES "\"type\":\"full\",\"status\":\"paused\","
			  "\"priority\":50,\"progress\":0,"
			  "\"queuedAt\":\"2023-01-01T12:00:00Z\","
			  "\"pausedAt\":\"2023-01-01T12:00:00Z\","
			  "\"attempt\":0," NO_RECORDS ",\"options\":{},"
			  "\"schedule\":{\"repeat\":\"daily\"},"
			  "\"entities\":[],\"runs\":[],\"log\":[],"
			  "\"errors\":[]}");
}

#define ENTITY(name, read, done)                                               \
	"{\"entity\":\"" name "\",\"read\":" read ",\"written\":" read         \
	",\"unchanged\":0,\"rejected\":0,\"total\":null,\"done\":" done "}"

/* Those that were not begun among them, in the source's order. */
static void all_entities_are_shown(void **state)
{
	static const struct tb_source_entity entities[] = {
		{ .name = TB_STR_INIT("customers") },
		{ .name = TB_STR_INIT("orders") },
	};
	struct tb_jobs_whole whole = { .job = make_active(),
				       .entities = entities,
				       .n_entities = 2 };
	struct tb_job_stream begun[] = {
		{ .entity = TB_STR("gone"),
		  .read = 3,
		  .written = 3,
		  .is_done = true },
		streams[1],
	};

	(void)state;
	whole.job.streams = begun;
	whole.job.n_streams = 2;
	whole.job.n_entities = 3;
	put_all(&whole);
	tb_buf_append_char(&buf, '\0');
	assert_non_null(strstr(
		buf.p,
		"\"entities\":[" ENTITY("customers", "0", "false") "," ENTITY(
			"orders", "4", "false") "," ENTITY("gone", "3",
							   "true") "],"));
}

/* "the last 20, newest first", the one that goes on among them. */
static void no_more_than_twenty_runs_are_shown(void **state)
{
	struct tb_job_run runs[TB_JOB_RUNS_MAX];
	struct tb_job_notes notes = { .runs = runs, .n_runs = TB_JOB_RUNS_MAX };
	struct tb_job job = make_active();
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < TB_JOB_RUNS_MAX; i++)
		runs[i] = (struct tb_job_run) { .started_us = NOON_US,
						.ended_us = NOON_US,
						.status = TB_STR("failed") };
	put_whole(&job, &notes);
	tb_buf_append_char(&buf, '\0');
	for (const char *at = buf.p; (at = strstr(at, "\"endedAt\"")); at++)
		n++;
	assert_int_equal(n, TB_JOB_RUNS_MAX - 1);
	tb_buf_reset(&buf);
	job.ended_us = NOON_US;
	put_whole(&job, &notes);
	tb_buf_append_char(&buf, '\0');
	n = 0;
	for (const char *at = buf.p; (at = strstr(at, "\"endedAt\"")); at++)
		n++;
	assert_int_equal(n, TB_JOB_RUNS_MAX);
}

static void an_id_has_one_form(void **state)
{
	static const char *const bad[] = {
		"",      "job",   "7",
		"Job7",  "job07", "job+7",
		"job7x", "job 7", "job99999999999999999999"
	};
	char text[TB_JOBS_ID_MAX_BYTES];
	uint64_t id = 0;

	(void)state;
	assert_int_equal(tb_jobs_id_parse(TB_STR("job7"), &id), TB_OK);
	assert_int_equal(id, 7);
	assert_true(tb_str_eq(tb_jobs_id_text(UINT64_MAX, text),
			      TB_STR("job18446744073709551615")));
	assert_int_equal(
		tb_jobs_id_parse(TB_STR("job18446744073709551615"), &id),
		TB_OK);
	assert_true(id == UINT64_MAX);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_int_equal(tb_jobs_id_parse(tb_str_z(bad[i]), &id),
				 TB_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_job_in_short),
		TEST(a_job_that_was_queued),
		TEST(a_job_that_was_paused_or_resumed),
		TEST(a_job_in_a_list),
		TEST(a_job_that_waits_for_its_next_run),
		TEST(a_whole_job),
		TEST(a_whole_job_that_never_ran),
		TEST(all_entities_are_shown),
		TEST(no_more_than_twenty_runs_are_shown),
		TEST(an_id_has_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
