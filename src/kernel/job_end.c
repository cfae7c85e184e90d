/*
 * The commit by which a worker gives a job back: how its attempt or its run
 * ended, and what comes then.
 */
#include "base/assert.h"
#include "kernel/job_codec.h"
#include "kernel/job_edit.h"
#include "kernel/job_name.h"
#include "kernel/job_notes.h"
#include "kernel/job_run.h"
#include "kernel/job_sums.h"
#include "kernel/system.h"

struct ending {
	struct tb_commit commit;
	const struct tb_job_end *end;
};

static enum tb_err gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct tb_job_end *end = ((const struct ending *)commit)->end;
	enum tb_err err = tb_job_sums_want(view);

	return err == TB_OK ? tb_job_want(view, end->lease.id) : err;
}

static enum tb_err set_error(struct tb_job_edit *edit,
			     const struct tb_job_end *end, struct tb_job *job)
{
	struct tb_arena *arena = tb_view_arena(edit->view);
	enum tb_err err = tb_job_text(arena, end->error.code, &job->error.code);

	return err == TB_OK ? tb_job_text(arena, end->error.message,
					  &job->error.message)
			    : err;
}

/* "attempt 2 failed: timeout: no answer". */
static enum tb_err log_failure(struct tb_job_edit *edit,
			       const struct tb_job *job)
{
	const struct tb_job_error *error = &job->error;
	struct tb_str line;
	enum tb_err err = tb_arena_printf(
		tb_view_arena(edit->view), &line,
		"attempt %u failed: %.*s%s%.*s", job->attempts,
		TB_STR_ARG(error->code), error->code.n > 0 ? ": " : "",
		TB_STR_ARG(error->message));

	return err == TB_OK ? tb_job_log(edit->view, job->id, line) : err;
}

/* The run is over; another one begins at due_us, or the job ends. */
static enum tb_err end_run(struct tb_job_edit *edit, struct tb_open_job *job,
			   struct tb_str outcome, int64_t due_us,
			   enum tb_job_event last)
{
	enum tb_err err;

	job->job.outcome = outcome;
	job->job.ended_us = edit->now_us;
	job->job.in_attempt = false;
	if (due_us != 0) {
		job->job.has_begun = false;
		tb_job_wait_until(&job->job, due_us, edit->now_us);
		return tb_job_move(edit, job, TB_JOB_WAIT);
	}
	err = tb_job_move(edit, job, last);
	return err == TB_OK ? tb_job_free_name(edit, &job->job) : err;
}

static enum tb_err note_success(struct tb_job_edit *edit,
				const struct tb_job *job,
				struct tb_str keeps_cursor_of)
{
	const struct tb_job_stream *stream =
		tb_job_stream_find(job, keeps_cursor_of);
	struct tb_job_name name;
	enum tb_err err = tb_job_name_get(edit->view, job->name, &name);

	if (err == TB_OK && name.id != job->id)
		err = TB_ERR_CORRUPT;
	name.began_us = job->started_us;
	name.completed_us = edit->now_us;
	name.cursor = stream != NULL ? stream->cursor : TB_STR_NONE;
	return err == TB_OK ? tb_job_name_put(edit->view, job->name, &name)
			    : err;
}

static enum tb_err complete(struct tb_job_edit *edit, struct tb_open_job *job,
			    const struct tb_job_end *end)
{
	enum tb_err err = note_success(edit, &job->job, end->keeps_cursor_of);

	tb_job_sums_complete(&edit->sums, edit->now_us, job->job.active_us);
	return err == TB_OK ? end_run(edit, job, TB_STR("completed"),
				      end->due_us, TB_JOB_COMPLETE)
			    : err;
}

static enum tb_err fail(struct tb_job_edit *edit, struct tb_open_job *job,
			const struct tb_job_end *end)
{
	enum tb_err err = set_error(edit, end, &job->job);

	if (err == TB_OK)
		err = log_failure(edit, &job->job);
	return err == TB_OK ? end_run(edit, job, TB_STR("failed"), end->due_us,
				      TB_JOB_FAIL)
			    : err;
}

static enum tb_err retry(struct tb_job_edit *edit, struct tb_open_job *job,
			 const struct tb_job_end *end)
{
	enum tb_err err = set_error(edit, end, &job->job);

	job->job.in_attempt = false;
	tb_job_wait_until(&job->job, end->due_us, edit->now_us);
	if (err == TB_OK)
		err = log_failure(edit, &job->job);
	return err == TB_OK ? tb_job_move(edit, job, TB_JOB_WAIT) : err;
}

static enum tb_err skip(struct tb_job_edit *edit, struct tb_open_job *job,
			const struct tb_job_end *end)
{
	enum tb_err err = tb_job_shelve_run(edit, &job->job);

	job->job.runs--;
	tb_job_wait_until(&job->job, end->due_us, edit->now_us);
	return err == TB_OK ? tb_job_move(edit, job, TB_JOB_WAIT) : err;
}

static enum tb_err give_back(struct tb_job_edit *edit, struct tb_open_job *job,
			     const struct tb_job_end *end)
{
	tb_job_stop(&job->job, edit->now_us);
	switch (end->kind) {
	case TB_JOB_END_COMPLETED:
		return complete(edit, job, end);
	case TB_JOB_END_RETRY:
		return retry(edit, job, end);
	case TB_JOB_END_FAILED:
		return fail(edit, job, end);
	case TB_JOB_END_RELEASED:
		return tb_job_move(edit, job, TB_JOB_LOSE);
	case TB_JOB_END_SKIPPED:
		return skip(edit, job, end);
	}
	TB_UNREACHABLE();
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct tb_job_end *end = ((const struct ending *)commit)->end;
	struct tb_open_job job;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	if (err == TB_OK)
		err = tb_job_open_leased(&edit, end->lease.id, end->lease.token,
					 &job);
	if (err == TB_OK)
		err = give_back(&edit, &job, end);
	if (err == TB_OK && end->next != NULL)
		err = tb_job_take_ready(&edit, end->next);
	if (err == TB_OK)
		err = tb_job_edit_end(&edit);
	return err == TB_OK && end->note != NULL &&
			       end->kind == TB_JOB_END_FAILED
		       ? tb_job_note(commit, view, "fail", &job.job)
		       : err;
}

enum tb_err tb_job_end(struct tb_core *core, const struct tb_job_end *end)
{
	static const struct tb_commit_kind kind = {
		.name = "job_end",
		.gather = gather,
		.decide = decide,
	};
	struct ending ending = {
		.commit = { .kind = &kind, .org = end->lease.org, .weight = 4 },
		.end = end,
	};
	enum tb_err err;

	if (end->note != NULL)
		ending.commit.note = *end->note;
	if (end->next != NULL) {
		tb_job_taking_check(end->next);
		ending.commit.weight += 2 * end->next->n_tokens;
	}
	err = tb_core_commit(core, &ending.commit);
	if (err != TB_OK && end->next != NULL)
		end->next->n = 0;
	return err;
}
