#include "kernel/job_edit.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job_codec.h"
#include "kernel/job_name.h"
#include "kernel/job_notes.h"
#include "kernel/job_record.h"
#include "kernel/job_sums.h"
#include "kernel/system.h"

#define DETAIL_MAX_BYTES (6 * TB_JOB_NAME_MAX_BYTES + 128)

/* ---- the sums ---- */

enum tb_err tb_job_edit_begin(struct tb_job_edit *edit, struct tb_view *view)
{
	*edit = (struct tb_job_edit) { .view = view,
				       .now_us = tb_view_now_us(view) };
	return tb_job_sums_get(view, &edit->sums);
}

enum tb_err tb_job_edit_end(struct tb_job_edit *edit)
{
	return edit->is_changed ? tb_job_sums_put(edit->view, &edit->sums)
				: TB_OK;
}

enum tb_err tb_job_gather(struct tb_commit *commit, struct tb_view *view)
{
	(void)commit;
	return tb_job_sums_want(view);
}

/* ---- opening ---- */

enum tb_err tb_job_want(struct tb_view *view, uint64_t id)
{
	struct tb_str key;
	enum tb_err err = tb_job_key(tb_view_arena(view), id, &key);

	return err == TB_OK ? tb_view_want(view, TB_COLL_JOB, key) : err;
}

static enum tb_err open_record(struct tb_job_edit *edit,
			       const struct tb_record *record,
			       struct tb_open_job *ret)
{
	enum tb_err err;

	if (record == NULL || record->coll != TB_COLL_JOB)
		return TB_ERR_NOT_FOUND;
	err = tb_job_decode(tb_view_arena(edit->view), record, &ret->before);
	if (err != TB_OK)
		return err;
	ret->job = ret->before;
	ret->record = record;
	return TB_OK;
}

enum tb_err tb_job_open(struct tb_job_edit *edit, uint64_t id,
			struct tb_open_job *ret)
{
	const struct tb_record *record = NULL;
	struct tb_str key;
	enum tb_err err = tb_job_key(tb_view_arena(edit->view), id, &key);

	if (err == TB_OK)
		err = tb_view_get(edit->view, TB_COLL_JOB, key, &record);
	return err == TB_OK ? open_record(edit, record, ret) : err;
}

enum tb_err tb_job_open_rid(struct tb_job_edit *edit, uint64_t rid,
			    struct tb_open_job *ret)
{
	const struct tb_record *record = NULL;
	enum tb_err err = tb_view_get_rid(edit->view, rid, &record);

	return err == TB_OK ? open_record(edit, record, ret) : err;
}

enum tb_err tb_job_open_leased(struct tb_job_edit *edit, uint64_t id,
			       uint64_t token, struct tb_open_job *ret)
{
	enum tb_err err = tb_job_open(edit, id, ret);

	if (err == TB_ERR_NOT_FOUND)
		return TB_ERR_CONFLICT;
	if (err == TB_OK && (ret->job.state != TB_JOB_ACTIVE || token == 0 ||
			     ret->job.token != token))
		return TB_ERR_CONFLICT;
	return err;
}

/* ---- writing ---- */

static struct tb_target target_of(uint32_t org, struct tb_job_place place)
{
	return (struct tb_target) {
		.scope = tb_scope_known(org, place.scope),
		.flags = TB_ENTRY_FIXED,
		.num = place.num,
	};
}

/* Takes a job out of the place that it is in, if it is to be in another. */
static enum tb_err leave_place(struct tb_job_edit *edit,
			       const struct tb_open_job *job, bool *ret_enters)
{
	struct tb_job_place from = tb_job_place(&job->before);
	struct tb_job_place to = tb_job_place(&job->job);
	const uint64_t scope =
		tb_scope_known(tb_view_org_id(edit->view), from.scope);

	*ret_enters = job->record == NULL || from.scope != to.scope ||
		      from.num != to.num;
	if (job->record == NULL || !*ret_enters)
		return TB_OK;
	return tb_view_forget_places(edit->view, job->record->rid, &scope, 1);
}

static enum tb_err put(struct tb_job_edit *edit, struct tb_open_job *job)
{
	uint32_t org = tb_view_org_id(edit->view);
	struct tb_arena *arena = tb_view_arena(edit->view);
	struct tb_target targets[] = {
		{ .scope = tb_scope_known(org, TB_SCOPE_JOBS) },
		target_of(org, tb_job_place(&job->job)),
	};
	struct tb_put put = { .coll = TB_COLL_JOB,
			      .origin = TB_ORIGIN_CENTRE,
			      .targets = targets };
	bool enters = true;
	enum tb_err err = tb_job_encode(arena, &job->job, &put.body);

	if (err == TB_OK)
		err = tb_job_key(arena, job->job.id, &put.key);
	if (err == TB_OK)
		err = leave_place(edit, job, &enters);
	put.n_targets = enters ? 2 : 1;
	if (err == TB_OK)
		err = tb_view_put(edit->view, &put, &job->record);
	if (err == TB_OK)
		job->job.version = job->record->version;
	return err;
}

/* A job that is ready again may lie where takers of this group have been. */
static enum tb_err note_ready(struct tb_job_edit *edit,
			      const struct tb_open_job *job)
{
	if (job->record == NULL || tb_job_is_ready(&job->before) ||
	    !tb_job_is_ready(&job->job))
		return TB_OK;
	return tb_view_set_walked(
		edit->view,
		tb_scope_known(tb_view_org_id(edit->view), TB_SCOPE_JOBS_READY),
		0);
}

/* The one way in which a job changes: its place and its count follow from what
 * it was and what it is. */
static enum tb_err change(struct tb_job_edit *edit, struct tb_open_job *job)
{
	const struct tb_job *before = job->record != NULL ? &job->before : NULL;
	enum tb_err err = tb_job_sums_count(&edit->sums, before, &job->job);

	edit->is_changed = true;
	if (err == TB_OK)
		err = note_ready(edit, job);
	if (err == TB_OK)
		err = put(edit, job);
	if (err == TB_OK)
		job->before = job->job;
	return err;
}

enum tb_err tb_job_make(struct tb_job_edit *edit, struct tb_open_job *job)
{
	if (edit->sums.last_id >= TB_JOB_ID_MAX)
		return TB_ERR_FULL;
	job->job.id = ++edit->sums.last_id;
	job->job.state = TB_JOB_QUEUED;
	job->record = NULL;
	return change(edit, job);
}

enum tb_err tb_job_move(struct tb_job_edit *edit, struct tb_open_job *job,
			enum tb_job_event event)
{
	TB_ASSERT(job->job.state == job->before.state);
	if (!tb_job_state_next(job->before.state, event, &job->job.state))
		return TB_ERR_CONFLICT;
	return change(edit, job);
}

enum tb_err tb_job_save(struct tb_job_edit *edit, struct tb_open_job *job)
{
	TB_ASSERT(job->job.state == job->before.state);
	return change(edit, job);
}

enum tb_err tb_job_save_silently(struct tb_job_edit *edit,
				 const struct tb_open_job *job)
{
	struct tb_job_place from = tb_job_place(&job->before);
	struct tb_job_place to = tb_job_place(&job->job);
	struct tb_str body;
	enum tb_err err =
		tb_job_encode(tb_view_arena(edit->view), &job->job, &body);

	TB_ASSERT(from.scope == to.scope && from.num == to.num);
	return err == TB_OK ? tb_view_put_silent(edit->view, TB_COLL_JOB,
						 job->record->key, body)
			    : err;
}

enum tb_err tb_job_drop(struct tb_job_edit *edit, const struct tb_open_job *job,
			size_t *bytes)
{
	const struct tb_record *notes;
	struct tb_str key = job->record->key;
	enum tb_err err =
		tb_view_get(edit->view, TB_COLL_JOB_NOTES, key, &notes);

	if (err == TB_OK)
		err = tb_job_sums_count(&edit->sums, &job->before, NULL);
	if (err != TB_OK)
		return err;
	*bytes += job->record->body.n + (notes != NULL ? notes->body.n : 0);
	edit->is_changed = true;
	err = tb_view_remove(edit->view, TB_COLL_JOB_NOTES, key);
	return err == TB_OK ? tb_view_remove(edit->view, TB_COLL_JOB, key)
			    : err;
}

/* ---- what several events have in common ---- */

void tb_job_stop(struct tb_job *job, int64_t at_us)
{
	if (job->taken_us != 0 && at_us > job->taken_us)
		job->active_us += at_us - job->taken_us;
	job->taken_us = 0;
	job->token = 0;
	job->lease_until_us = 0;
}

void tb_job_wait_until(struct tb_job *job, int64_t due_us, int64_t now_us)
{
	job->due_us = due_us;
	job->is_waiting = due_us > now_us;
}

enum tb_err tb_job_free_name(struct tb_job_edit *edit, const struct tb_job *job)
{
	struct tb_job_name name;
	enum tb_err err = tb_job_name_get(edit->view, job->name, &name);

	if (err == TB_OK && name.id != job->id)
		err = TB_ERR_CORRUPT;
	name.id = 0;
	return err == TB_OK ? tb_job_name_put(edit->view, job->name, &name)
			    : err;
}

enum tb_err tb_job_shelve_run(struct tb_job_edit *edit, struct tb_job *job)
{
	struct tb_arena *arena = tb_view_arena(edit->view);
	struct tb_job_notes notes;
	struct tb_job_run run;
	enum tb_err err = TB_OK;

	if (tb_job_run_of(job, &run)) {
		err = tb_job_notes_get(edit->view, job->id, &notes);
		notes.n_errors = 0;
		if (err == TB_OK)
			err = tb_job_notes_add_run(arena, &notes, &run);
		if (err == TB_OK)
			err = tb_job_notes_put(edit->view, job->id, &notes);
	}
	job->started_us = 0;
	job->since_us = 0;
	job->last_cursor = TB_STR_NONE;
	job->active_us = 0;
	job->attempts = 0;
	job->in_attempt = false;
	job->has_begun = false;
	job->outcome = TB_STR_NONE;
	job->streams = NULL;
	job->n_streams = 0;
	job->n_entities = 0;
	job->ended_us = 0;
	job->error = (struct tb_job_error) { .code = TB_STR_NONE };
	return err;
}

enum tb_err tb_job_note(struct tb_commit *commit, struct tb_view *view,
			const char *operation, const struct tb_job *job)
{
	struct tb_buf buf;

	tb_buf_init(&buf, DETAIL_MAX_BYTES);
	tb_buf_printf(&buf, "\"job\":\"job%llu\",\"name\":",
		      (unsigned long long)job->id);
	tb_json_put_string(&buf, job->name);
	commit->note.operation = operation;
	return tb_buf_copy_out(&buf, tb_view_arena(view), &commit->note.detail);
}

/* ---- along the feeds ---- */

static struct tb_feed_query query_of(uint32_t org,
				     const struct tb_job_walk *walk)
{
	return (struct tb_feed_query) {
		.scope = tb_scope_known(org, walk->scope),
		.after = walk->after,
		.until = walk->until,
		.limit = UINT64_MAX,
	};
}

enum tb_err tb_job_walk(struct tb_job_edit *edit, struct tb_job_walk *walk,
			tb_job_visit_fn *visit, void *ctx)
{
	struct tb_tx *tx = tb_view_tx(edit->view);
	const struct tb_feed_query query =
		query_of(tb_view_org_id(edit->view), walk);
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		if (row.time_us > walk->before_us)
			break;
		walk->is_more = walk->left == 0;
		if (walk->is_more)
			break;
		walk->left--;
		walk->last = row.num;
		err = visit(ctx, edit, row.rid);
		TB_ASSERT(err != TB_ERR_NOT_FOUND);
		if (err != TB_OK)
			break;
	}
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

enum tb_err tb_job_walk_would(struct tb_tx *tx, uint32_t org,
			      const struct tb_job_walk *walk, bool *ret)
{
	const struct tb_feed_query query = query_of(org, walk);
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->feed_next(cursor, &row);
	tx->store->ops->feed_close(cursor);
	*ret = err == TB_OK && row.time_us <= walk->before_us;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}
