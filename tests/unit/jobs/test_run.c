/* An attempt of a job that was taken: which occurrences are run, and what is
 * taken while one is given back. */
#include "../kernel/job_world.h"

#include <stdlib.h>
#include <unistd.h>

#include "codec/digest.h"
#include "jobs/run.h"

#define FOLDER_BYTES 64
#define DAILY                                                                  \
	"{\"name\":\"a\",\"type\":\"scheduled\",\"schedule\":{"                \
	"\"startAt\":\"2023-01-01T00:00:00Z\",\"repeat\":\"daily\","           \
	"\"missed\":\"skip\"},\"data\":{\"source\":\"nothing\"}}"

struct run_world {
	struct world *w;
	char folder[FOLDER_BYTES];
	char path[FOLDER_BYTES + 32];
	struct tb_source_entity entity;
	struct tb_source source;
	struct tb_sources sources;
	struct tb_runner_options options;
	struct tb_stop stop;
	struct tb_job job;
	struct tb_job_taking *next; /* what is taken when it is asked for */
	unsigned asked;
};

static struct tb_job_taking *next_job(void *ctx)
{
	struct run_world *r = ctx;

	r->asked++;
	return r->next;
}

static void no_log(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* A source of one empty file. */
static void begin(struct run_world *r, struct world *w)
{
	FILE *file;

	MUST(tb_digest_init());
	*r = (struct run_world) {
		.w = w,
		.folder = "/tmp/tb-run-XXXXXX",
		.entity = { .name = TB_STR("things"),
			    .collection = TB_STR("thing"),
			    .key = TB_STR("id"),
			    .path = TB_STR("things.ndjson") },
		.source = { .name = TB_STR("nothing"),
			    .type = "file",
			    .page_max_bytes = 1000,
			    .page_size = 10,
			    .n_entities = 1 },
		.options = { .page_tries = 1,
			     .backoff_max_s = 1,
			     .timezone = "UTC" },
	};
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->path, sizeof(r->path), "%s/things.ndjson", r->folder);
	file = fopen(r->path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	r->source.path = r->folder;
	r->source.entities = &r->entity;
	r->sources = (struct tb_sources) { &r->source, 1 };
	tb_stop_init(&r->stop);
}

static void end(struct run_world *r)
{
	tb_stop_fini(&r->stop);
	assert_int_equal(unlink(r->path), 0);
	assert_int_equal(rmdir(r->folder), 0);
	check_jobs(r->w);
}

/* The job is due in a second. */
static void queue_daily(struct world *w)
{
	struct tb_job_order order = order_of(w, "a");

	order.type = TB_STR("scheduled");
	order.request = TB_STR(DAILY);
	order.due_us = w->ic.now_us + SECOND_US;
	queue_new(w, &order);
}

static void take(struct run_world *r, uint64_t token)
{
	struct tb_job_taking taking = take_under(r->w, &token, 1, &r->job);

	MUST(tb_job_take(r->w->ic.core, r->w->org, &taking));
	assert_int_equal(taking.n, 1);
}

/* The daily job, taken that long after it was queued. */
static void begin_daily(struct run_world *r, struct world *w, int64_t us)
{
	begin(r, w);
	queue_daily(w);
	w->ic.now_us += us;
	promote(w);
	take(r, 1);
}

static void run(struct run_world *r)
{
	const struct tb_run run = {
		.core = r->w->ic.core,
		.sources = &r->sources,
		.options = &r->options,
		.log = no_log,
		.org = r->w->org,
		.job = &r->job,
		.arena = r->w->ic.arena,
		.stop = &r->stop,
		.next = next_job,
		.next_ctx = r,
	};

	MUST(tb_run_job(&run));
}

static void what_was_missed_is_left_out_on(struct world *w)
{
	struct run_world r;
	struct tb_job job;

	begin_daily(&r, w, 2 * MINUTE_US);
	run(&r);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	assert_true(job.is_waiting && job.due_us > w->ic.now_us);
	assert_int_equal(job.runs, 0);
	end(&r);
}
JOB_TEST(what_was_missed_is_left_out)

/* It was begun at its time, though nothing came of it so far. */
static void what_was_begun_is_not_left_out_on(struct world *w)
{
	struct run_world r;
	struct tb_job job;

	begin_daily(&r, w, 2 * SECOND_US);
	w->ic.now_us += 2 * MINUTE_US;
	reclaim(w, true);
	take(&r, 2);
	run(&r);
	job = read_job(w, 1, NULL);
	assert_int_equal(job.state, TB_JOB_QUEUED);
	assert_int_equal(job.runs, 1);
	expect_str(job.outcome, "completed");
	end(&r);
}
JOB_TEST(what_was_begun_is_not_left_out)

static void the_next_is_taken_while_one_is_given_back_on(struct world *w)
{
	struct tb_job_order order = order_of(w, "b");
	uint64_t token = 2;
	struct run_world r;
	struct tb_job next;
	struct tb_job_taking taking = take_under(w, &token, 1, &next);

	begin(&r, w);
	order.request = TB_STR("{\"name\":\"b\",\"type\":\"full\","
			       "\"data\":{\"source\":\"nothing\"}}");
	queue_new(w, &order);
	queue_named(w, "c");
	take(&r, 1);
	r.next = &taking;
	run(&r);
	assert_int_equal(r.asked, 1);
	assert_int_equal(taking.n, 1);
	assert_int_equal(next.id, 2);
	assert_int_equal(read_job(w, 1, NULL).state, TB_JOB_COMPLETED);
	assert_int_equal(read_job(w, 2, NULL).token, token);
	end(&r);
}
JOB_TEST(the_next_is_taken_while_one_is_given_back)

/* Whoever stops takes nothing any more. */
static void who_stops_takes_nothing_on(struct world *w)
{
	struct run_world r;

	begin_daily(&r, w, 2 * SECOND_US);
	tb_stop_set(&r.stop);
	run(&r);
	assert_int_equal(r.asked, 0);
	assert_int_equal(read_job(w, 1, NULL).state, TB_JOB_ACTIVE);
	assert_int_equal(read_job(w, 1, NULL).token, 0);
	end(&r);
}
JOB_TEST(who_stops_takes_nothing)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_missed_is_left_out),
		cmocka_unit_test(what_was_begun_is_not_left_out),
		cmocka_unit_test(the_next_is_taken_while_one_is_given_back),
		cmocka_unit_test(who_stops_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
