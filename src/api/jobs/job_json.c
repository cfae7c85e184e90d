#include "api/jobs/job_json.h"

#include "base/assert.h"
#include "codec/time.h"

#define ID_PREFIX TB_STR("job")
#define TIME_MAX_BYTES 48

/* ---- ids ---- */

struct tb_str tb_jobs_id_text(uint64_t id, char buf[TB_JOBS_ID_MAX_BYTES])
{
	struct tb_buf text;

	tb_buf_init_fixed(&text, buf, TB_JOBS_ID_MAX_BYTES);
	tb_buf_append_str(&text, ID_PREFIX);
	tb_buf_append_u64(&text, id);
	TB_ASSERT(!tb_buf_err(&text));
	return tb_buf_str(&text);
}

enum tb_err tb_jobs_id_parse(struct tb_str text, uint64_t *ret)
{
	char buf[TB_JOBS_ID_MAX_BYTES];
	struct tb_str digits;
	uint64_t id;
	enum tb_err err;

	if (!tb_str_starts(text, ID_PREFIX))
		return TB_ERR_INVALID;
	digits = tb_str(text.p + ID_PREFIX.n, text.n - ID_PREFIX.n);
	err = tb_str_to_u64(digits, &id);
	/* "job07" is none. */
	if (!err && !tb_str_eq(text, tb_jobs_id_text(id, buf)))
		err = TB_ERR_INVALID;
	if (!err)
		*ret = id;
	return err;
}

/* ---- members ---- */

/* "Times are in UTC, in whole seconds." 0 is none. */
static void put_time(struct tb_json_writer *w, const char *key, int64_t us)
{
	char text[TIME_MAX_BYTES];
	struct tb_buf buf;

	if (us == 0)
		return;
	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_time_put_seconds(&buf, us);
	TB_ASSERT(!tb_buf_err(&buf));
	tb_json_kv_str(w, key, tb_buf_str(&buf));
}

static void put_names(struct tb_json_writer *w, const struct tb_job *job)
{
	char id[TB_JOBS_ID_MAX_BYTES];

	tb_json_kv_str(w, "id", tb_jobs_id_text(job->id, id));
	tb_json_kv_str(w, "name", job->name);
}

static void put_status(struct tb_json_writer *w, const struct tb_job *job)
{
	tb_json_kv_str(w, "status", tb_str_z(tb_job_state_name(job->state)));
}

static void put_progress(struct tb_json_writer *w, const struct tb_job *job)
{
	tb_json_kv_uint(w, "progress", tb_job_progress(job));
}

static void put_start(struct tb_json_writer *w, const struct tb_job *job,
		      const struct tb_jobs_moment *moment)
{
	if (job->state == TB_JOB_QUEUED && moment->sums)
		put_time(w, "estimatedStart",
			 tb_job_estimate_start(job, moment->sums,
					       moment->workers,
					       moment->now_us));
}

static void put_completion(struct tb_json_writer *w, const struct tb_job *job,
			   const struct tb_jobs_moment *moment)
{
	if (job->state == TB_JOB_ACTIVE)
		put_time(w, "estimatedCompletion",
			 tb_job_estimate_end(job, moment->now_us));
}

static void put_error(struct tb_json_writer *w,
		      const struct tb_job_error *error)
{
	if (error->code.n == 0)
		return;
	tb_json_key(w, TB_STR("error"));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "code", error->code);
	tb_json_kv_str(w, "message", error->message);
	tb_json_end_object(w);
}

struct counts {
	uint64_t read;
	uint64_t written;
	uint64_t unchanged;
	uint64_t rejected;
};

static void put_counts(struct tb_json_writer *w, const struct counts *counts)
{
	tb_json_kv_uint(w, "read", counts->read);
	tb_json_kv_uint(w, "written", counts->written);
	tb_json_kv_uint(w, "unchanged", counts->unchanged);
	tb_json_kv_uint(w, "rejected", counts->rejected);
}

static void put_records(struct tb_json_writer *w, const struct counts *counts)
{
	tb_json_key(w, TB_STR("records"));
	tb_json_begin_object(w);
	put_counts(w, counts);
	tb_json_end_object(w);
}

static struct counts counts_of_stream(const struct tb_job_stream *stream)
{
	return (struct counts) { stream->read, stream->written,
				 stream->unchanged, stream->rejected };
}

static struct counts counts_of_job(const struct tb_job *job)
{
	struct counts all = { .read = 0 };

	for (size_t i = 0; i < job->n_streams; i++) {
		all.read += job->streams[i].read;
		all.written += job->streams[i].written;
		all.unchanged += job->streams[i].unchanged;
		all.rejected += job->streams[i].rejected;
	}
	return all;
}

/* ---- in short ---- */

void tb_jobs_put_brief(struct tb_json_writer *w, const struct tb_job *job,
		       const struct tb_jobs_moment *moment)
{
	tb_json_begin_object(w);
	put_names(w, job);
	put_status(w, job);
	put_progress(w, job);
	if (job->state == TB_JOB_ACTIVE)
		put_time(w, "startedAt", job->started_us);
	else
		put_time(w, "queuedAt", job->queued_us);
	if (job->state == TB_JOB_PAUSED)
		put_time(w, "pausedAt", job->paused_us);
	put_start(w, job, moment);
	put_completion(w, job, moment);
	tb_json_end_object(w);
}

void tb_jobs_put_queued(struct tb_json_writer *w, const struct tb_job *job,
			const struct tb_jobs_moment *moment)
{
	tb_json_begin_object(w);
	put_names(w, job);
	put_status(w, job);
	put_time(w, "queuedAt", job->queued_us);
	put_start(w, job, moment);
	tb_json_end_object(w);
}

void tb_jobs_put_paused(struct tb_json_writer *w, const struct tb_job *job,
			const struct tb_jobs_moment *moment)
{
	(void)moment;
	tb_json_begin_object(w);
	put_names(w, job);
	put_status(w, job);
	put_progress(w, job);
	put_time(w, "pausedAt", job->paused_us);
	tb_json_end_object(w);
}

void tb_jobs_put_resumed(struct tb_json_writer *w, const struct tb_job *job,
			 const struct tb_jobs_moment *moment)
{
	tb_json_begin_object(w);
	put_names(w, job);
	put_status(w, job);
	put_progress(w, job);
	put_time(w, "resumedAt", job->resumed_us);
	put_start(w, job, moment);
	put_completion(w, job, moment);
	tb_json_end_object(w);
}

/* ---- as it is listed ---- */

static void put_times(struct tb_json_writer *w, const struct tb_job *job)
{
	put_time(w, "queuedAt", job->queued_us);
	put_time(w, "startedAt", job->started_us);
	put_time(w, "pausedAt", job->paused_us);
	put_time(w, "resumedAt", job->resumed_us);
	if (job->state == TB_JOB_COMPLETED)
		put_time(w, "completedAt", job->ended_us);
	if (job->state == TB_JOB_FAILED)
		put_time(w, "failedAt", job->ended_us);
	if (job->state == TB_JOB_QUEUED && job->is_waiting)
		put_time(w, "nextRunAt", job->due_us);
}

void tb_jobs_put_members(struct tb_json_writer *w, const struct tb_job *job,
			 const struct tb_jobs_moment *moment)
{
	struct counts counts = counts_of_job(job);

	put_names(w, job);
	tb_json_kv_str(w, "type", job->type);
	put_status(w, job);
	tb_json_kv_uint(w, "priority", job->priority);
	put_progress(w, job);
	put_times(w, job);
	put_start(w, job, moment);
	put_completion(w, job, moment);
	tb_json_kv_uint(w, "attempt", job->attempts);
	put_records(w, &counts);
	put_error(w, &job->error);
}

void tb_jobs_put_listed(struct tb_json_writer *w, const struct tb_job *job,
			const struct tb_jobs_moment *moment)
{
	tb_json_begin_object(w);
	tb_jobs_put_members(w, job, moment);
	tb_json_end_object(w);
}

/* ---- the whole ---- */

/* "as they were sent" */
static enum tb_err put_request(struct tb_json_writer *w, struct tb_arena *arena,
			       struct tb_str request)
{
	static const char *const members[] = { "data", "options", "schedule" };
	static const struct tb_json_limits limits = {
		.max_depth = 64,
		.max_nodes = 64u << 10,
		.tape_depth = 1,
		.allow_nul = true, /* in what is of no effect */
	};
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, request, &limits, &json, NULL);

	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP)
		return TB_ERR_CORRUPT;
	for (size_t i = 0; !err && i < TB_ARRAY_LEN(members); i++) {
		struct tb_json_value value =
			tb_json_get(tb_json_root(&json), tb_str_z(members[i]));

		/* "`null` is as good as missing" */
		if (!tb_json_is_absent(value) &&
		    !tb_json_is(value, TB_JSON_NULL))
			tb_json_kv_raw(w, members[i], tb_json_raw(value));
	}
	return err;
}

static void put_stream(struct tb_json_writer *w,
		       const struct tb_job_stream *stream)
{
	struct counts counts = counts_of_stream(stream);

	tb_json_begin_object(w);
	tb_json_kv_str(w, "entity", stream->entity);
	put_counts(w, &counts);
	if (stream->total > 0)
		tb_json_kv_uint(w, "total", stream->total);
	else
		tb_json_kv_null(w, "total");
	tb_json_kv_bool(w, "done", stream->is_done);
	tb_json_end_object(w);
}

static bool is_among(const struct tb_jobs_whole *whole, struct tb_str entity)
{
	for (size_t i = 0; i < whole->n_entities; i++)
		if (tb_str_eq(whole->entities[i].name, entity))
			return true;
	return false;
}

/* What it reads in the source's order, then what it has read and does not
 * any more. */
static void put_entities(struct tb_json_writer *w,
			 const struct tb_jobs_whole *whole)
{
	const struct tb_job *job = &whole->job;

	tb_json_key(w, TB_STR("entities"));
	tb_json_begin_array(w);
	for (size_t i = 0; i < whole->n_entities; i++) {
		struct tb_str name = whole->entities[i].name;
		/* Of what was empty, nothing is kept. */
		const struct tb_job_stream none = {
			.entity = name,
			.is_done = tb_str_eq(job->outcome, TB_STR("completed")),
		};
		const struct tb_job_stream *stream =
			tb_job_stream_find(job, name);

		put_stream(w, stream ? stream : &none);
	}
	for (size_t i = 0; i < job->n_streams; i++)
		if (!is_among(whole, job->streams[i].entity))
			put_stream(w, &job->streams[i]);
	tb_json_end_array(w);
}

static void put_run(struct tb_json_writer *w, const struct tb_job_run *run)
{
	struct counts counts = { run->read, run->written, run->unchanged,
				 run->rejected };

	tb_json_begin_object(w);
	put_time(w, "startedAt", run->started_us);
	put_time(w, "endedAt", run->ended_us);
	tb_json_kv_str(w, "status", run->status);
	tb_json_kv_uint(w, "attempts", run->attempts);
	put_records(w, &counts);
	put_error(w, &run->error);
	tb_json_end_object(w);
}

/* The one that goes on; false: there is none. */
static bool find_present_run(const struct tb_job *job, struct tb_job_run *ret)
{
	struct counts counts = counts_of_job(job);

	if (job->started_us == 0 || job->ended_us != 0)
		return false;
	*ret = (struct tb_job_run) {
		.started_us = job->started_us,
		.status = TB_STR("active"),
		.attempts = job->attempts,
		.read = counts.read,
		.written = counts.written,
		.unchanged = counts.unchanged,
		.rejected = counts.rejected,
		.error = job->error,
	};
	return true;
}

/* "the last 20, newest first" */
static void put_runs(struct tb_json_writer *w, const struct tb_job *job,
		     const struct tb_job_notes *notes)
{
	struct tb_job_run present;
	size_t left = TB_JOB_RUNS_MAX;

	tb_json_key(w, TB_STR("runs"));
	tb_json_begin_array(w);
	if (find_present_run(job, &present)) {
		put_run(w, &present);
		left--;
	}
	for (size_t i = 0; i < notes->n_runs && i < left; i++)
		put_run(w, &notes->runs[i]);
	tb_json_end_array(w);
}

static void put_log(struct tb_json_writer *w, const struct tb_job_notes *notes)
{
	tb_json_key(w, TB_STR("log"));
	tb_json_begin_array(w);
	for (size_t i = 0; i < notes->n_log; i++) {
		tb_json_begin_object(w);
		put_time(w, "at", notes->log[i].at_us);
		tb_json_kv_str(w, "message", notes->log[i].message);
		tb_json_end_object(w);
	}
	tb_json_end_array(w);
}

static void put_errors(struct tb_json_writer *w,
		       const struct tb_job_notes *notes)
{
	tb_json_key(w, TB_STR("errors"));
	tb_json_begin_array(w);
	for (size_t i = 0; i < notes->n_errors; i++) {
		const struct tb_job_reject *error = &notes->errors[i];

		tb_json_begin_object(w);
		put_time(w, "at", error->at_us);
		tb_json_kv_str(w, "entity", error->entity);
		tb_json_kv_str(w, "record", error->record);
		tb_json_kv_str(w, "code", error->code);
		tb_json_kv_str(w, "message", error->message);
		tb_json_end_object(w);
	}
	tb_json_end_array(w);
}

enum tb_err tb_jobs_put_whole(struct tb_json_writer *w, struct tb_arena *arena,
			      const struct tb_jobs_whole *whole,
			      const struct tb_jobs_moment *moment)
{
	const struct tb_job *job = &whole->job;
	enum tb_err err;

	tb_json_begin_object(w);
	tb_jobs_put_members(w, job, moment);
	err = put_request(w, arena, job->request);
	if (err)
		return err;
	put_entities(w, whole);
	put_runs(w, job, &whole->notes);
	put_log(w, &whole->notes);
	put_errors(w, &whole->notes);
	tb_json_end_object(w);
	return TB_OK;
}
