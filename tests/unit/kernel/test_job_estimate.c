/*
 * What follows from a job and the sums: progress, and when it begins and ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/job.h"

#define SECOND_US ((int64_t)1000000)
#define NOW_US (1700000000 * SECOND_US)

static void test_progress(void **unused)
{
	struct tb_job_stream streams[] = {
		{ .position = 1, .total = 4 },
		{ .position = 5 },
		{ .is_done = true },
	};
	struct tb_job job = { .state = TB_JOB_ACTIVE,
			      .has_begun = true,
			      .streams = streams };

	(void)unused;
	assert_int_equal(tb_job_progress(&job), 0);
	job.n_streams = 1;
	assert_int_equal(tb_job_progress(&job), 25);
	/* There are to be four of them. */
	job.n_entities = 4;
	assert_int_equal(tb_job_progress(&job), 6);
	job.n_streams = 2;
	assert_int_equal(tb_job_progress(&job), 6);
	job.n_streams = 3;
	assert_int_equal(tb_job_progress(&job), 31);
	job.n_entities = 2;
	assert_int_equal(tb_job_progress(&job), 41);
	/* A source may say too little. */
	streams[0].position = UINT64_MAX;
	streams[0].total = 1;
	assert_int_equal(tb_job_progress(&job), 66);
	/* Through it is when it is completed. */
	streams[1].is_done = true;
	assert_int_equal(tb_job_progress(&job), 99);
	job.state = TB_JOB_COMPLETED;
	assert_int_equal(tb_job_progress(&job), 100);
	job.n_streams = 0;
	assert_int_equal(tb_job_progress(&job), 100);
}

static void test_progress_of_a_run_that_has_not_begun(void **unused)
{
	const struct tb_job_stream stream = { .is_done = true };
	struct tb_job job = { .state = TB_JOB_QUEUED,
			      .streams = &stream,
			      .n_streams = 1 };

	(void)unused;
	assert_int_equal(tb_job_progress(&job), 0);
	job.state = TB_JOB_PAUSED;
	assert_int_equal(tb_job_progress(&job), 0);
	job.has_begun = true;
	assert_int_equal(tb_job_progress(&job), 99);
}

static void test_end(void **unused)
{
	struct tb_job_stream stream = { .position = 25, .total = 100 };
	struct tb_job job = { .state = TB_JOB_ACTIVE,
			      .has_begun = true,
			      .active_us = 10 * SECOND_US,
			      .taken_us = NOW_US - 20 * SECOND_US,
			      .streams = &stream,
			      .n_streams = 1 };

	(void)unused;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US),
			 NOW_US + 90 * SECOND_US);
	job.taken_us = 0;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US),
			 NOW_US + 30 * SECOND_US);
	job.state = TB_JOB_PAUSED;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US), 0);
	job.state = TB_JOB_ACTIVE;
	stream.position = 0;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US), 0);
	stream.position = 25;
	stream.total = 0;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US), 0);
	/* So slow that nobody can say. */
	stream.total = 1000000 * stream.position;
	job.active_us = INT64_MAX / 1000;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US), 0);
	/* A clock that was set back. */
	stream.total = 100;
	job.active_us = 10 * SECOND_US;
	job.taken_us = NOW_US + 20 * SECOND_US;
	assert_int_equal(tb_job_estimate_end(&job, NOW_US),
			 NOW_US + 30 * SECOND_US);
}

static void test_start(void **unused)
{
	struct tb_job_sums sums = { .counts = { [TB_JOB_ACTIVE] = 3 },
				    .take_over = 1,
				    .average_us = 6 * SECOND_US };
	struct tb_job job = { .state = TB_JOB_QUEUED };

	(void)unused;
	/* Two run. */
	assert_int_equal(tb_job_estimate_start(&job, &sums, 3, NOW_US), NOW_US);
	assert_int_equal(tb_job_estimate_start(&job, &sums, 2, NOW_US),
			 NOW_US + 3 * SECOND_US);
	job.ahead = 3;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 6, NOW_US), NOW_US);
	assert_int_equal(tb_job_estimate_start(&job, &sums, 2, NOW_US),
			 NOW_US + 12 * SECOND_US);
	assert_int_equal(tb_job_estimate_start(&job, &sums, 0, NOW_US), 0);
	sums.average_us = 0;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 2, NOW_US), 0);
	assert_int_equal(tb_job_estimate_start(&job, &sums, 6, NOW_US), NOW_US);
	sums.average_us = INT64_MAX / 2;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 2, NOW_US), 0);
	job.is_waiting = true;
	job.due_us = NOW_US + 5;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 2, NOW_US),
			 NOW_US + 5);
	job.state = TB_JOB_ACTIVE;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 2, NOW_US), 0);
}

/* Beyond what was counted, those of higher priorities count. */
static void test_start_behind_many(void **unused)
{
	struct tb_job_sums sums = { .average_us = SECOND_US,
				    .ready = { [60] = 5000, [50] = 7 } };
	struct tb_job job = { .state = TB_JOB_QUEUED,
			      .priority = 50,
			      .ahead = TB_JOB_AHEAD_MAX };

	(void)unused;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 1, NOW_US),
			 NOW_US + 5000 * SECOND_US);
	job.priority = 60;
	assert_int_equal(tb_job_estimate_start(&job, &sums, 1, NOW_US),
			 NOW_US + TB_JOB_AHEAD_MAX * SECOND_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_of_a_run_that_has_not_begun),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_start_behind_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
