/*
 * What follows from a job and the sums: how far it is, and when it will begin
 * and end.
 */
#include "base/assert.h"
#include "kernel/job.h"
#include "kernel/job_record.h"

const struct tb_job_stream *tb_job_stream_find(const struct tb_job *job,
					       struct tb_str entity)
{
	for (size_t i = 0; i < job->n_streams; i++)
		if (tb_str_eq(job->streams[i].entity, entity))
			return &job->streams[i];
	return NULL;
}

/* Parts of a whole. */
#define WHOLE 1000000u

static uint32_t stream_part(const struct tb_job_stream *stream)
{
	double part;

	if (stream->is_done)
		return WHOLE;
	if (stream->total == 0)
		return 0;
	part = (double)stream->position / (double)stream->total;
	return part < 1 ? (uint32_t)(part * WHOLE) : WHOLE;
}

/* Each entity has the same share of it. */
static uint32_t job_part(const struct tb_job *job)
{
	size_t n = job->n_streams > job->n_entities ? job->n_streams
						    : job->n_entities;
	uint64_t sum = 0;

	if (n == 0 || !job->has_begun)
		return 0;
	for (size_t i = 0; i < job->n_streams; i++)
		sum += stream_part(&job->streams[i]);
	return (uint32_t)(sum / n);
}

uint32_t tb_job_progress(const struct tb_job *job)
{
	uint32_t percent = job_part(job) / (WHOLE / 100);

	if (job->state == TB_JOB_COMPLETED)
		return 100;
	return percent < 99 ? percent : 99;
}

static bool has_measure(const struct tb_job *job)
{
	for (size_t i = 0; i < job->n_streams; i++)
		if (job->streams[i].total > 0 && job->streams[i].position > 0)
			return true;
	return false;
}

int64_t tb_job_estimate_end(const struct tb_job *job, int64_t now_us)
{
	uint32_t part = job_part(job);
	int64_t worked_us = job->active_us;
	double left_us;

	if (job->state != TB_JOB_ACTIVE || part == 0 || !has_measure(job))
		return 0;
	if (job->taken_us != 0 && now_us > job->taken_us)
		worked_us += now_us - job->taken_us;
	left_us = (double)worked_us * (double)(WHOLE - part) / (double)part;
	if (left_us >= (double)(INT64_MAX - now_us))
		return 0;
	return now_us + (int64_t)left_us;
}

/* Beyond what was counted, those of a higher priority are known. */
static uint64_t count_ahead(const struct tb_job *job,
			    const struct tb_job_sums *sums)
{
	uint64_t n = sums->take_over;

	if (job->ahead < TB_JOB_AHEAD_MAX)
		return job->ahead;
	for (uint32_t p = job->priority + 1; p <= TB_JOB_PRIORITY_MAX; p++)
		n += sums->ready[p];
	return n > job->ahead ? n : job->ahead;
}

int64_t tb_job_estimate_start(const struct tb_job *job,
			      const struct tb_job_sums *sums, size_t workers,
			      int64_t now_us)
{
	uint64_t before;
	double wait_us;

	if (job->state != TB_JOB_QUEUED)
		return 0;
	if (job->is_waiting)
		return job->due_us;
	/* Those that run, and those that will before it. */
	before = count_ahead(job, sums) + sums->counts[TB_JOB_ACTIVE] -
		 sums->take_over;
	if (before < workers)
		return now_us;
	if (workers == 0 || sums->average_us == 0)
		return 0;
	wait_us = (double)sums->average_us * (double)(before - workers + 1) /
		  (double)workers;
	if (wait_us >= (double)(INT64_MAX - now_us))
		return 0;
	return now_us + (int64_t)wait_us;
}
