/*
 * What is done to jobs that are there: pause, resume, purge, cancel, retry.
 */
#include "api/jobs/answer.h"
#include "api/jobs/errors.h"
#include "api/jobs/handlers.h"
#include "kernel/job_change.h"

/* ---- one job ---- */

/* What can be done to a job, and how that is told. */
struct action {
	const char *operation; /* of the audit trail */
	/* By name, or by number where the path has an id. */
	enum tb_err (*by_name)(struct tb_core *core, struct tb_arena *arena,
			       const struct tb_audit_note *note, uint32_t org,
			       struct tb_str name, struct tb_job *ret);
	enum tb_err (*by_id)(struct tb_core *core, struct tb_arena *arena,
			     const struct tb_audit_note *note, uint32_t org,
			     uint64_t id, struct tb_job *ret);
	const char *message;
	const char *conflict; /* it cannot be done in this state */
	tb_jobs_put_fn *put;
};

static void fail(const struct action *action, const struct tb_request *req,
		 struct tb_response *res, enum tb_err err)
{
	switch (err) {
	case TB_ERR_NOT_FOUND:
		tb_jobs_fail(res, req, 404, TB_STR(TB_JOBS_NOT_FOUND));
		break;
	case TB_ERR_CONFLICT:
		tb_jobs_fail(res, req, 409, tb_str_z(action->conflict));
		break;
	case TB_ERR_EXISTS:
		tb_jobs_fail(res, req, 409, TB_STR(TB_JOBS_NAME_IS_TAKEN));
		break;
	default:
		tb_response_fail(res, req, err);
		break;
	}
}

static enum tb_err act(const struct tb_jobs *jobs, const struct action *action,
		       const struct tb_request *req,
		       const struct tb_audit_note *note, struct tb_job *ret)
{
	uint32_t org = req->principal->org;
	uint64_t id;

	if (action->by_name)
		return action->by_name(jobs->core, req->arena, note, org,
				       req->params[0], ret);
	if (tb_jobs_id_parse(req->params[0], &id))
		return TB_ERR_NOT_FOUND;
	return action->by_id(jobs->core, req->arena, note, org, id, ret);
}

/* For the estimates. What was done is done, so without them it is answered all
 * the same. */
static const struct tb_job_sums *read_sums(const struct tb_jobs *jobs,
					   const struct tb_request *req,
					   struct tb_job_sums *sums)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(jobs->core, &tx);

	if (err)
		return NULL;
	err = tb_job_sums_read(tx, req->arena, req->principal->org, sums);
	tb_core_read_end(tx);
	return err ? NULL : sums;
}

static void control(const struct tb_jobs *jobs, const struct action *action,
		    const struct tb_request *req, struct tb_response *res)
{
	struct tb_jobs_moment moment;
	struct tb_audit_note note;
	struct tb_job_sums sums;
	struct tb_job job;
	enum tb_err err = tb_jobs_note(req, res, action->operation, &note);

	if (!err)
		err = act(jobs, action, req, &note, &job);
	if (err) {
		fail(action, req, res, err);
		return;
	}
	moment = tb_jobs_now(jobs, read_sums(jobs, req, &sums));
	tb_jobs_answer_job(req, res, action->message, action->put, &job,
			   &moment);
}

void tb_jobs_pause(void *state, const struct tb_request *req,
		   struct tb_response *res)
{
	static const struct action pause = {
		.operation = "pause",
		.by_name = tb_job_pause,
		.message = "Sync job paused successfully",
		.conflict = TB_JOBS_IS_PAUSED,
		.put = tb_jobs_put_paused,
	};

	control(state, &pause, req, res);
}

void tb_jobs_resume(void *state, const struct tb_request *req,
		    struct tb_response *res)
{
	static const struct action resume = {
		.operation = "resume",
		.by_name = tb_job_resume,
		.message = "Sync job resumed successfully",
		.conflict = TB_JOBS_IS_NOT_PAUSED,
		.put = tb_jobs_put_resumed,
	};

	control(state, &resume, req, res);
}

void tb_jobs_post_cancel(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	static const struct action cancel = {
		.operation = "cancel",
		.by_id = tb_job_cancel,
		.message = "Sync job cancelled successfully",
		.conflict = TB_JOBS_IS_FINISHED,
		.put = tb_jobs_put_listed,
	};

	control(state, &cancel, req, res);
}

void tb_jobs_post_retry(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	static const struct action retry = {
		.operation = "retry",
		.by_id = tb_job_retry,
		.message = "Sync job queued again successfully",
		.conflict = TB_JOBS_HAS_NOT_FAILED,
		.put = tb_jobs_put_listed,
	};

	control(state, &retry, req, res);
}

/* ---- all that are finished ---- */

static void answer_purged(const struct tb_request *req, struct tb_response *res,
			  const struct tb_job_purged *purged)
{
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, TB_JOBS_ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_bool(&w, "success", true);
	tb_json_kv_str(&w, "message", TB_STR("Sync jobs purged successfully"));
	tb_json_key(&w, TB_STR("purgedJobs"));
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "completed", purged->completed);
	tb_json_kv_uint(&w, "failed", purged->failed);
	tb_json_end_object(&w);
	tb_json_end_object(&w);
	tb_response_written(res, req, tb_jobs_status(req), TB_JSON_UTF8_TYPE,
			    &body);
}

void tb_jobs_purge(void *state, const struct tb_request *req,
		   struct tb_response *res)
{
	const struct tb_jobs *jobs = state;
	struct tb_job_purged purged;
	struct tb_audit_note note;
	enum tb_err err = tb_jobs_note(req, res, "purge", &note);

	if (!err)
		err = tb_job_purge(jobs->core, &note, req->principal->org,
				   &purged);
	if (err)
		tb_response_fail(res, req, err);
	else
		answer_purged(req, res, &purged);
}
