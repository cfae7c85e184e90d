/*
 * GET /sync: how the queue is; GET info: the org's counts and its unfinished
 * jobs.
 */
#include "api/jobs/answer.h"
#include "api/jobs/handlers.h"
#include "api/jobs/listing.h"
#include "base/assert.h"
#include "base/clock.h"
#include "codec/time.h"
#include "kernel/directory.h"

/* Of this API. */
#define VERSION "1.0.0"
/* "up to 100 unfinished jobs" */
#define SHOWN_MAX 100
#define TEXT_MAX_BYTES 64

/* ---- counts ---- */

static void put_counts(struct tb_json_writer *w, const struct tb_job_sums *sums)
{
	const uint64_t *counts = sums->counts;

	tb_json_kv_uint(w, "activeJobs",
			counts[TB_JOB_QUEUED] + counts[TB_JOB_ACTIVE] +
				counts[TB_JOB_PAUSED]);
	tb_json_kv_uint(w, "completedJobs", counts[TB_JOB_COMPLETED]);
	tb_json_kv_uint(w, "failedJobs", counts[TB_JOB_FAILED]);
}

/* "The counts are of the org `jobs.public_org`; when that is empty, of the only
 * org there is. They are 0 where there are several, or none of that name." */
static enum tb_err read_public_sums(const struct tb_jobs *jobs,
				    struct tb_arena *arena,
				    struct tb_job_sums *ret)
{
	struct tb_org org;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(jobs->core, &tx);

	if (err)
		return err;
	*ret = (struct tb_job_sums) { .last_id = 0 };
	err = tb_directory_find_set_org(tx, tb_str_z(jobs->options->public_org),
					&org);
	if (!err)
		err = tb_job_sums_read(tx, arena, org.id, ret);
	tb_core_read_end(tx);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* "5d 12h 30m" */
static void put_uptime(struct tb_json_writer *w, const struct tb_jobs *jobs)
{
	int64_t minutes =
		(tb_clock_monotonic_us() - jobs->started_us) / 60000000;
	char text[TEXT_MAX_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_buf_printf(&buf, "%lldd %lldh %lldm", (long long)(minutes / 1440),
		      (long long)(minutes / 60 % 24),
		      (long long)(minutes % 60));
	TB_ASSERT(!tb_buf_err(&buf));
	tb_json_kv_str(w, "uptime", tb_buf_str(&buf));
}

void tb_jobs_get_state(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	const struct tb_jobs *jobs = state;
	bool is_writable = tb_core_is_writable(jobs->core);
	struct tb_job_sums sums;
	struct tb_json_writer w;
	struct tb_buf body;
	enum tb_err err = read_public_sums(jobs, req->arena, &sums);

	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_buf_init(&body, TB_JOBS_ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "version", TB_STR(VERSION));
	tb_json_kv_str(&w, "status",
		       tb_str_z(is_writable ? "active" : "stopped"));
	put_counts(&w, &sums);
	put_uptime(&w, jobs);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_UTF8_TYPE, &body);
}

/* ---- the org's ---- */

/* What is read in the snapshot. */
struct info {
	const struct tb_jobs *jobs;
	struct tb_tx *tx;
	struct tb_org org;
	struct tb_job_sums sums;
	struct tb_arena *batch; /* for some jobs at a time */
	size_t left;            /* of those that are shown */
};

static void put_org(struct tb_json_writer *w, const struct tb_org *org)
{
	tb_json_key(w, TB_STR("organization"));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "id", tb_str_z(org->name));
	tb_json_kv_str(w, "name", tb_str_z(org->title));
	tb_json_end_object(w);
}

/* "when a job or a scheduled run was last completed, `null` before the first"
 */
static void put_last(struct tb_json_writer *w, int64_t us)
{
	char text[TEXT_MAX_BYTES];
	struct tb_buf buf;

	if (us == 0) {
		tb_json_kv_null(w, "lastSync");
		return;
	}
	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_time_put_seconds(&buf, us);
	TB_ASSERT(!tb_buf_err(&buf));
	tb_json_kv_str(w, "lastSync", tb_buf_str(&buf));
}

static void put_status(struct tb_json_writer *w, const struct tb_job_sums *sums)
{
	tb_json_key(w, TB_STR("syncStatus"));
	tb_json_begin_object(w);
	put_last(w, sums->last_completed_us);
	put_counts(w, sums);
	tb_json_end_object(w);
}

static enum tb_err put_jobs_of(struct tb_json_writer *w, struct info *info,
			       enum tb_job_state state)
{
	struct tb_jobs_moment moment = tb_jobs_now(info->jobs, &info->sums);
	struct tb_jobs_listing listing;
	const struct tb_job *jobs;
	size_t n;

	tb_jobs_listing_begin(&listing, info->tx, info->org.id, &state);
	while (info->left > 0 && !listing.is_over) {
		enum tb_err err;

		tb_arena_reset(info->batch);
		err = tb_jobs_listing_next(&listing, info->batch, info->left,
					   &jobs, &n);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			tb_jobs_put_brief(w, &jobs[i], &moment);
		info->left -= n;
	}
	return TB_OK;
}

/* "those that are active, then those that are queued in the order in which they
 * will run, then those that wait for their time, then those that are paused" */
static enum tb_err put_jobs(struct tb_json_writer *w, struct info *info)
{
	static const enum tb_job_state states[] = { TB_JOB_ACTIVE,
						    TB_JOB_QUEUED,
						    TB_JOB_PAUSED };
	enum tb_err err = TB_OK;

	tb_json_key(w, TB_STR("syncJobs"));
	tb_json_begin_array(w);
	for (size_t i = 0; !err && i < TB_ARRAY_LEN(states); i++)
		err = put_jobs_of(w, info, states[i]);
	tb_json_end_array(w);
	return err;
}

static enum tb_err put_info(struct tb_buf *buf, struct info *info, uint32_t org)
{
	struct tb_json_writer w = tb_json_writer(buf);
	enum tb_err err =
		info->tx->store->ops->org_get(info->tx, org, &info->org);

	if (!err)
		err = tb_job_sums_read(info->tx, info->batch, org, &info->sums);
	if (err)
		return err;
	tb_json_begin_object(&w);
	put_org(&w, &info->org);
	put_status(&w, &info->sums);
	err = put_jobs(&w, info);
	tb_json_end_object(&w);
	return err ? err : tb_buf_err(buf);
}

static enum tb_err answer_info(const struct tb_jobs *jobs, uint32_t org,
			       struct tb_buf *buf)
{
	struct info info = { .jobs = jobs, .left = SHOWN_MAX };
	enum tb_err err;

	info.batch = tb_arena_create(TB_JOBS_BATCH_BYTES);
	if (!info.batch)
		return TB_ERR_NOMEM;
	err = tb_core_read(jobs->core, &info.tx);
	if (!err) {
		err = put_info(buf, &info, org);
		tb_core_read_end(info.tx);
	}
	tb_arena_destroy(info.batch);
	return err;
}

void tb_jobs_get_info(void *state, const struct tb_request *req,
		      struct tb_response *res)
{
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, TB_JOBS_ANSWER_MAX_BYTES);
	err = answer_info(state, req->principal->org, &body);
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_body(res, 200, TB_JSON_UTF8_TYPE, &body);
	tb_buf_fini(&body);
}
