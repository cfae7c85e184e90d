/*
 * `tombolo job`: what people do to jobs, beside a server that runs them.
 */
#include "app/commands.h"

#include "api/jobs/errors.h"
#include "api/jobs/job_json.h"
#include "api/jobs/jobs.h"
#include "app/file.h"
#include "jobs/order.h"
#include "kernel/job_change.h"

#define REQUEST_MAX_BYTES (64 * 1024)
#define OUTPUT_MAX_BYTES (64 * 1024)

/* ---- queueing ---- */

static enum tb_exit read_request(struct tb_session *session, const char *path,
				 struct tb_str *ret)
{
	bool is_stdin = tb_str_eq(tb_str_z(path), TB_STR("-"));
	enum tb_err err =
		tb_file_read(session->arena, is_stdin ? "/dev/stdin" : path,
			     REQUEST_MAX_BYTES, ret);

	return err ? tb_fail(err, "job in `%s`", path) : TB_EXIT_OK;
}

static enum tb_exit read_order(struct tb_session *session,
			       const struct tb_org *org, const char *path,
			       struct tb_job_order *ret)
{
	const struct tb_jobs_options *options =
		tb_config_api(session->config, &tb_jobs_module);
	const struct tb_spec_context context = tb_jobs_spec_context(
		options, &session->config->sources, tb_str_z(org->name),
		tb_core_now_us(session->core));
	struct tb_str problem = TB_STR_NONE;
	struct tb_str request;
	enum tb_exit exit = read_request(session, path, &request);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_order_read(session->arena, request, &context, ret, &problem);
	if (err == TB_ERR_INVALID)
		return tb_fail(err, "job in `%s`: %.*s", path,
			       TB_STR_ARG(problem));
	if (err)
		return tb_fail(err, "job in `%s`", path);
	ret->org = org->id;
	ret->unfinished_max = options->unfinished_max;
	return TB_EXIT_OK;
}

static enum tb_exit print_queued(struct tb_session *session,
				 const struct tb_job *job,
				 const struct tb_job_sums *sums)
{
	const struct tb_jobs_options *options =
		tb_config_api(session->config, &tb_jobs_module);
	struct tb_jobs_moment moment = {
		.sums = sums,
		.workers = options->runner.workers,
		.now_us = tb_core_now_us(session->core),
	};
	struct tb_json_writer w;
	enum tb_exit exit;
	struct tb_buf out;

	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	w = tb_json_writer(&out);
	tb_jobs_put_queued(&w, job, &moment);
	tb_buf_append_char(&out, '\n');
	exit = tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}

enum tb_exit tb_cmd_job_queue(struct tb_session *session)
{
	const char *path = session->cli->args[0];
	struct tb_audit_note note;
	struct tb_job_order order;
	enum tb_job_queued outcome;
	struct tb_job_sums sums;
	struct tb_job job;
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	enum tb_err err;

	if (!exit)
		exit = read_order(session, &org, path, &order);
	if (exit)
		return exit;
	err = tb_session_note(session, "queue", &note);
	if (!err)
		err = tb_job_queue(session->core, session->arena, &note, &order,
				   &outcome, &job, &sums);
	if (err)
		return tb_fail(err, "job in `%s`", path);
	if (outcome == TB_JOB_NAME_IS_TAKEN)
		return tb_fail(TB_ERR_EXISTS, "job in `%s`: %s", path,
			       TB_JOBS_NAME_IS_TAKEN);
	if (outcome == TB_JOB_QUEUE_IS_FULL)
		return tb_fail(TB_ERR_BUSY, "job in `%s`: %s", path,
			       TB_JOBS_QUEUE_IS_FULL);
	return print_queued(session, &job, &sums);
}

/* ---- one job ---- */

typedef enum tb_err by_name_fn(struct tb_core *core, struct tb_arena *arena,
			       const struct tb_audit_note *note, uint32_t org,
			       struct tb_str name, struct tb_job *ret);
typedef enum tb_err by_id_fn(struct tb_core *core, struct tb_arena *arena,
			     const struct tb_audit_note *note, uint32_t org,
			     uint64_t id, struct tb_job *ret);

static enum tb_exit say(const char *which, const char *conflict,
			enum tb_err err)
{
	if (err == TB_ERR_CONFLICT)
		return tb_fail(err, "job `%s`: %s", which, conflict);
	if (err == TB_ERR_EXISTS)
		return tb_fail(err, "job `%s`: %s", which,
			       TB_JOBS_NAME_IS_TAKEN);
	return err ? tb_fail(err, "job `%s`", which) : TB_EXIT_OK;
}

/* `conflict` says why it cannot be done in the state that the job is in. */
static enum tb_exit change_by_name(struct tb_session *session,
				   const char *operation, const char *conflict,
				   by_name_fn *change)
{
	const char *name = session->cli->args[0];
	struct tb_audit_note note;
	struct tb_job job;
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_session_note(session, operation, &note);
	if (!err)
		err = change(session->core, session->arena, &note, org.id,
			     tb_str_z(name), &job);
	return say(name, conflict, err);
}

static enum tb_exit change_by_id(struct tb_session *session,
				 const char *operation, const char *conflict,
				 by_id_fn *change)
{
	const char *arg = session->cli->args[0];
	struct tb_audit_note note;
	struct tb_job job;
	struct tb_org org;
	enum tb_exit exit;
	enum tb_err err;
	uint64_t id;

	if (tb_jobs_id_parse(tb_str_z(arg), &id))
		return tb_fail_usage("job: `%s` is no job's id, as job7", arg);
	exit = tb_session_org(session, &org);
	if (exit)
		return exit;
	err = tb_session_note(session, operation, &note);
	if (!err)
		err = change(session->core, session->arena, &note, org.id, id,
			     &job);
	return say(arg, conflict, err);
}

enum tb_exit tb_cmd_job_pause(struct tb_session *session)
{
	return change_by_name(session, "pause", TB_JOBS_IS_PAUSED,
			      tb_job_pause);
}

enum tb_exit tb_cmd_job_resume(struct tb_session *session)
{
	return change_by_name(session, "resume", TB_JOBS_IS_NOT_PAUSED,
			      tb_job_resume);
}

enum tb_exit tb_cmd_job_cancel(struct tb_session *session)
{
	return change_by_id(session, "cancel", TB_JOBS_IS_FINISHED,
			    tb_job_cancel);
}

enum tb_exit tb_cmd_job_retry(struct tb_session *session)
{
	return change_by_id(session, "retry", TB_JOBS_HAS_NOT_FAILED,
			    tb_job_retry);
}

/* ---- all that are finished ---- */

enum tb_exit tb_cmd_job_purge(struct tb_session *session)
{
	struct tb_job_purged purged = { 0, 0 };
	struct tb_audit_note note;
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	struct tb_json_writer w;
	struct tb_buf out;
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_session_note(session, "purge", &note);
	if (!err)
		err = tb_job_purge(session->core, &note, org.id, &purged);
	if (err)
		return tb_fail(err, "finished jobs");
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	w = tb_json_writer(&out);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "completed", purged.completed);
	tb_json_kv_uint(&w, "failed", purged.failed);
	tb_json_end_object(&w);
	tb_buf_append_char(&out, '\n');
	exit = tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}
