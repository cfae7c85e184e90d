/*
 * The commits by which people change one job.
 */
#include "kernel/job_change.h"

#include "base/assert.h"
#include "kernel/job_edit.h"
#include "kernel/job_name.h"
#include "kernel/job_notes.h"
#include "kernel/job_record.h"
#include "kernel/job_sums.h"
#include "kernel/system.h"

struct changing {
	struct tb_commit commit;
	const char *operation;
	/* CONFLICT, EXISTS: nothing was changed. */
	enum tb_err (*act)(struct tb_job_edit *edit, struct tb_open_job *job);
	struct tb_str name; /* of the job; or, if it is empty: */
	uint64_t id;
	struct tb_arena *arena;
	struct tb_job result; /* once the commit is there */
};

static enum tb_err gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct changing *c = (const struct changing *)commit;
	enum tb_err err = tb_job_sums_want(view);

	if (err != TB_OK)
		return err;
	return c->name.n > 0 ? tb_job_name_want(view, c->name)
			     : tb_job_want(view, c->id);
}

static enum tb_err open_job(const struct changing *c, struct tb_job_edit *edit,
			    struct tb_open_job *ret)
{
	struct tb_job_name name;
	enum tb_err err;

	if (c->name.n == 0)
		return tb_job_open(edit, c->id, ret);
	err = tb_job_name_get(edit->view, c->name, &name);
	if (err == TB_OK && name.id == 0)
		err = TB_ERR_NOT_FOUND;
	if (err != TB_OK)
		return err;
	err = tb_job_open(edit, name.id, ret);
	return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	struct changing *c = (struct changing *)commit;
	struct tb_job_edit edit;
	struct tb_open_job job;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	if (err == TB_OK)
		err = open_job(c, &edit, &job);
	if (err == TB_OK)
		err = c->act(&edit, &job);
	if (err == TB_OK)
		err = tb_job_edit_end(&edit);
	if (err == TB_OK)
		err = tb_job_note(commit, view, c->operation, &job.job);
	if (err == TB_OK)
		err = tb_job_copy(c->arena, job.record, &c->result);
	if (err == TB_OK)
		c->result.ahead = tb_job_sums_ahead(&edit.sums, &c->result);
	return err;
}

/* ---- pausing ---- */

static enum tb_err pause_job(struct tb_job_edit *edit, struct tb_open_job *job)
{
	enum tb_err err;

	tb_job_stop(&job->job, edit->now_us);
	job->job.is_waiting = false;
	job->job.paused_us = edit->now_us;
	err = tb_job_move(edit, job, TB_JOB_PAUSE);
	return err == TB_OK
		       ? tb_job_log(edit->view, job->job.id, TB_STR("paused"))
		       : err;
}

static enum tb_err resume_job(struct tb_job_edit *edit, struct tb_open_job *job)
{
	enum tb_err err;

	job->job.resumed_us = edit->now_us;
	if (!job->job.has_begun)
		tb_job_wait_until(&job->job, job->job.due_us, edit->now_us);
	err = tb_job_move(edit, job,
			  job->job.has_begun ? TB_JOB_GO_ON : TB_JOB_RESUME);
	return err == TB_OK
		       ? tb_job_log(edit->view, job->job.id, TB_STR("resumed"))
		       : err;
}

/* ---- ending ---- */

/* A run that goes on is over; else the job had none, or it is history. */
static enum tb_err end_run(struct tb_job_edit *edit, struct tb_job *job)
{
	if (!job->has_begun)
		return tb_job_shelve_run(edit, job);
	job->outcome = TB_STR(TB_JOB_CODE_CANCELLED);
	job->in_attempt = false;
	return TB_OK;
}

static enum tb_err cancel_job(struct tb_job_edit *edit, struct tb_open_job *job)
{
	enum tb_err err;

	if (tb_job_state_is_finished(job->job.state))
		return TB_ERR_CONFLICT;
	err = end_run(edit, &job->job);
	if (err != TB_OK)
		return err;
	tb_job_stop(&job->job, edit->now_us);
	job->job.is_waiting = false;
	job->job.ended_us = edit->now_us;
	job->job.error = (struct tb_job_error) {
		.code = TB_STR(TB_JOB_CODE_CANCELLED),
		.message = TB_STR("the job was cancelled"),
	};
	err = tb_job_move(edit, job, TB_JOB_CANCEL);
	if (err == TB_OK)
		err = tb_job_free_name(edit, &job->job);
	return err == TB_OK ? tb_job_log(edit->view, job->job.id,
					 TB_STR("cancelled"))
			    : err;
}

/* When a job that is queued again is due: what had begun goes on at once, also
 * if it waited for its next attempt; anything else waits for its time. */
static int64_t retry_due(const struct tb_job *job, int64_t now_us)
{
	return job->has_begun && job->due_us > now_us ? now_us : job->due_us;
}

/* The run goes on, with all its attempts to come. */
static enum tb_err retry_job(struct tb_job_edit *edit, struct tb_open_job *job)
{
	struct tb_job_name name;
	enum tb_err err = TB_OK;

	if (job->job.state != TB_JOB_FAILED)
		return TB_ERR_CONFLICT;
	err = tb_job_name_get(edit->view, job->job.name, &name);
	if (err == TB_OK && name.id != 0)
		err = TB_ERR_EXISTS;
	if (err != TB_OK)
		return err;
	if (tb_str_eq(job->job.error.code, TB_STR(TB_JOB_CODE_CANCELLED)))
		job->job.error = (struct tb_job_error) { .code = TB_STR_NONE };
	job->job.outcome = TB_STR_NONE;
	job->job.ended_us = 0;
	job->job.attempts = 0;
	tb_job_wait_until(&job->job, retry_due(&job->job, edit->now_us),
			  edit->now_us);
	err = tb_job_move(edit, job, TB_JOB_RETRY);
	name.id = job->job.id;
	if (err == TB_OK)
		err = tb_job_name_put(edit->view, job->job.name, &name);
	return err == TB_OK ? tb_job_log(edit->view, job->job.id,
					 TB_STR("queued again"))
			    : err;
}

/* ---- the calls ---- */

static enum tb_err run(struct tb_core *core, const struct tb_audit_note *note,
		       uint32_t org, struct changing *c, struct tb_job *ret)
{
	static const struct tb_commit_kind kind = {
		.name = "job_change",
		.gather = gather,
		.decide = decide,
	};
	enum tb_err err;

	c->commit = (struct tb_commit) {
		.kind = &kind, .org = org, .note = *note, .weight = 4
	};
	err = tb_core_commit(core, &c->commit);
	if (err == TB_OK)
		*ret = c->result;
	return err;
}

enum tb_err tb_job_pause(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note, uint32_t org,
			 struct tb_str name, struct tb_job *ret)
{
	struct changing c = { .operation = "pause",
			      .act = pause_job,
			      .name = name,
			      .arena = arena };

	return name.n > 0 && name.n <= TB_KEY_MAX
		       ? run(core, note, org, &c, ret)
		       : TB_ERR_NOT_FOUND;
}

enum tb_err tb_job_resume(struct tb_core *core, struct tb_arena *arena,
			  const struct tb_audit_note *note, uint32_t org,
			  struct tb_str name, struct tb_job *ret)
{
	struct changing c = { .operation = "resume",
			      .act = resume_job,
			      .name = name,
			      .arena = arena };

	return name.n > 0 && name.n <= TB_KEY_MAX
		       ? run(core, note, org, &c, ret)
		       : TB_ERR_NOT_FOUND;
}

enum tb_err tb_job_cancel(struct tb_core *core, struct tb_arena *arena,
			  const struct tb_audit_note *note, uint32_t org,
			  uint64_t id, struct tb_job *ret)
{
	struct changing c = { .operation = "cancel",
			      .act = cancel_job,
			      .id = id,
			      .arena = arena };

	return run(core, note, org, &c, ret);
}

enum tb_err tb_job_retry(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note, uint32_t org,
			 uint64_t id, struct tb_job *ret)
{
	struct changing c = {
		.operation = "retry", .act = retry_job, .id = id, .arena = arena
	};

	return run(core, note, org, &c, ret);
}
