#include "kernel/job_notes.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job_codec.h"
#include "kernel/job_record.h"
#include "kernel/system.h"

/* Each byte of a text may be escaped. */
#define BODY_MAX_BYTES ((size_t)32 << 20)
/* The run that is over and still in the job's own record is one of them. */
#define RUNS_KEPT (TB_JOB_RUNS_MAX - 1)

/* ---- bodies ---- */

#define MEMBER(name, member, kind)                                             \
	{                                                                      \
		name, offsetof(struct tb_job_run, member), kind                \
	}
static const struct tb_job_member run_members[] = {
	MEMBER("started", started_us, TB_JOB_I64),
	MEMBER("ended", ended_us, TB_JOB_I64),
	MEMBER("status", status, TB_JOB_TEXT),
	MEMBER("attempts", attempts, TB_JOB_U32),
	MEMBER("read", read, TB_JOB_U64),
	MEMBER("written", written, TB_JOB_U64),
	MEMBER("unchanged", unchanged, TB_JOB_U64),
	MEMBER("rejected", rejected, TB_JOB_U64),
	MEMBER("code", error.code, TB_JOB_TEXT),
	MEMBER("message", error.message, TB_JOB_TEXT),
};
#undef MEMBER
static const struct tb_job_array run_array = {
	.members = run_members,
	.n_members = TB_ARRAY_LEN(run_members),
	.size = sizeof(struct tb_job_run),
	.max = RUNS_KEPT,
};

static const struct tb_job_member line_members[] = {
	{ "at", offsetof(struct tb_job_line, at_us), TB_JOB_I64 },
	{ "message", offsetof(struct tb_job_line, message), TB_JOB_TEXT },
};
static const struct tb_job_array line_array = {
	.members = line_members,
	.n_members = TB_ARRAY_LEN(line_members),
	.size = sizeof(struct tb_job_line),
	.max = TB_JOB_LOG_MAX,
};

static const struct tb_job_member error_members[] = {
	{ "at", offsetof(struct tb_job_reject, at_us), TB_JOB_I64 },
	{ "entity", offsetof(struct tb_job_reject, entity), TB_JOB_TEXT },
	{ "record", offsetof(struct tb_job_reject, record), TB_JOB_TEXT },
	{ "code", offsetof(struct tb_job_reject, code), TB_JOB_TEXT },
	{ "message", offsetof(struct tb_job_reject, message), TB_JOB_TEXT },
};
static const struct tb_job_array error_array = {
	.members = error_members,
	.n_members = TB_ARRAY_LEN(error_members),
	.size = sizeof(struct tb_job_reject),
	.max = TB_JOB_ERRORS_MAX,
};

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_job_notes *notes, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("runs"));
	tb_job_array_put(&w, &run_array, notes->runs, notes->n_runs);
	tb_json_key(&w, TB_STR("log"));
	tb_job_array_put(&w, &line_array, notes->log, notes->n_log);
	tb_json_key(&w, TB_STR("errors"));
	tb_job_array_put(&w, &error_array, notes->errors, notes->n_errors);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err take_lists(struct tb_arena *arena, struct tb_json_value root,
			      struct tb_job_notes *notes)
{
	void *runs = NULL;
	void *log = NULL;
	void *errors = NULL;
	enum tb_err err =
		tb_job_array_take(arena, tb_json_get(root, TB_STR("runs")),
				  &run_array, &runs, &notes->n_runs);

	if (err == TB_OK)
		err = tb_job_array_take(arena, tb_json_get(root, TB_STR("log")),
					&line_array, &log, &notes->n_log);
	if (err == TB_OK)
		err = tb_job_array_take(
			arena, tb_json_get(root, TB_STR("errors")),
			&error_array, &errors, &notes->n_errors);
	notes->runs = runs;
	notes->log = log;
	notes->errors = errors;
	return err;
}

enum tb_err tb_job_notes_decode(struct tb_arena *arena,
				const struct tb_record *record,
				struct tb_job_notes *ret)
{
	struct tb_job_notes notes = { .n_runs = 0 };
	struct tb_json json;
	enum tb_err err = TB_OK;

	if (record != NULL)
		err = tb_json_parse(arena, record->body, &tb_job_json_limits,
				    &json, NULL);
	if (err == TB_OK && record != NULL)
		err = take_lists(arena, tb_json_root(&json), &notes);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	*ret = notes;
	return TB_OK;
}

/* ---- in a commit ---- */

enum tb_err tb_job_notes_get(struct tb_view *view, uint64_t id,
			     struct tb_job_notes *ret)
{
	const struct tb_record *record = NULL;
	struct tb_str key;
	enum tb_err err = tb_job_key(tb_view_arena(view), id, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_JOB_NOTES, key, &record);
	return err == TB_OK
		       ? tb_job_notes_decode(tb_view_arena(view), record, ret)
		       : err;
}

enum tb_err tb_job_notes_put(struct tb_view *view, uint64_t id,
			     const struct tb_job_notes *notes)
{
	struct tb_str body;
	struct tb_str key;
	enum tb_err err = tb_job_key(tb_view_arena(view), id, &key);

	if (err != TB_OK)
		return err;
	if (notes->n_runs + notes->n_log + notes->n_errors == 0)
		return tb_view_remove(view, TB_COLL_JOB_NOTES, key);
	err = encode(tb_view_arena(view), notes, &body);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_JOB_NOTES, key, body)
		       : err;
}

/* ---- adding ---- */

static enum tb_err cut(struct tb_arena *arena, struct tb_str *text)
{
	return tb_job_text(arena, *text, text);
}

static enum tb_err cut_error(struct tb_arena *arena, struct tb_job_error *error)
{
	enum tb_err err = cut(arena, &error->code);

	return err == TB_OK ? cut(arena, &error->message) : err;
}

enum tb_err tb_job_notes_add_run(struct tb_arena *arena,
				 struct tb_job_notes *notes,
				 const struct tb_job_run *run)
{
	size_t n = notes->n_runs < RUNS_KEPT ? notes->n_runs : RUNS_KEPT - 1;
	struct tb_job_run *runs =
		tb_arena_calloc(arena, n + 1, sizeof(*notes->runs));

	if (runs == NULL)
		return tb_arena_err(arena);
	runs[0] = *run;
	for (size_t i = 0; i < n; i++)
		runs[i + 1] = notes->runs[i];
	notes->runs = runs;
	notes->n_runs = n + 1;
	return cut_error(arena, &runs[0].error);
}

enum tb_err tb_job_notes_add_line(struct tb_arena *arena,
				  struct tb_job_notes *notes,
				  const struct tb_job_line *line)
{
	size_t n = notes->n_log < TB_JOB_LOG_MAX ? notes->n_log
						 : TB_JOB_LOG_MAX - 1;
	size_t first = notes->n_log - n;
	struct tb_job_line *log =
		tb_arena_calloc(arena, n + 1, sizeof(*notes->log));

	if (log == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n; i++)
		log[i] = notes->log[first + i];
	log[n] = *line;
	notes->log = log;
	notes->n_log = n + 1;
	return cut(arena, &log[n].message);
}

static enum tb_err cut_reject(struct tb_arena *arena,
			      struct tb_job_reject *reject)
{
	struct tb_str *const texts[] = { &reject->entity, &reject->record,
					 &reject->code, &reject->message };
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(texts); i++)
		err = cut(arena, texts[i]);
	return err;
}

enum tb_err tb_job_notes_add_errors(struct tb_arena *arena,
				    struct tb_job_notes *notes,
				    const struct tb_job_reject *errors,
				    size_t n)
{
	size_t room = TB_JOB_ERRORS_MAX - notes->n_errors;
	size_t n_before = notes->n_errors;
	struct tb_job_reject *all;
	enum tb_err err = TB_OK;

	if (n > room)
		n = room;
	all = tb_arena_calloc(arena, n_before + n + 1, sizeof(*all));
	if (all == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n_before; i++)
		all[i] = notes->errors[i];
	for (size_t i = 0; err == TB_OK && i < n; i++) {
		all[n_before + i] = errors[i];
		err = cut_reject(arena, &all[n_before + i]);
	}
	notes->errors = all;
	notes->n_errors = n_before + n;
	return err;
}

bool tb_job_run_of(const struct tb_job *job, struct tb_job_run *ret)
{
	struct tb_job_run run = {
		.started_us = job->started_us,
		.ended_us = job->ended_us,
		.status = job->outcome,
		.attempts = job->attempts,
		.error = job->error,
	};

	if (job->outcome.n == 0)
		return false;
	for (size_t i = 0; i < job->n_streams; i++) {
		run.read += job->streams[i].read;
		run.written += job->streams[i].written;
		run.unchanged += job->streams[i].unchanged;
		run.rejected += job->streams[i].rejected;
	}
	*ret = run;
	return true;
}

enum tb_err tb_job_log(struct tb_view *view, uint64_t id, struct tb_str message)
{
	const struct tb_job_line line = { tb_view_now_us(view), message };
	struct tb_job_notes notes;
	enum tb_err err = tb_job_notes_get(view, id, &notes);

	if (err == TB_OK)
		err = tb_job_notes_add_line(tb_view_arena(view), &notes, &line);
	return err == TB_OK ? tb_job_notes_put(view, id, &notes) : err;
}
