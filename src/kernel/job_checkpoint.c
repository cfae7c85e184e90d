/*
 * The commit of a page: the records that it holds, and where its stream is
 * then. The lease is looked at first, so that who has lost it writes nothing.
 */
#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job_codec.h"
#include "kernel/job_edit.h"
#include "kernel/job_notes.h"
#include "kernel/job_run.h"
#include "kernel/job_sums.h"

#define DETAIL_MAX_BYTES (6 * TB_JOB_TEXT_MAX_BYTES + 256)

struct checkpointing {
	struct tb_commit commit;
	struct tb_arena *arena; /* of the request */
	struct tb_job_checkpoint *page;
};

static enum tb_err gather(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_job_checkpoint *page = ((struct checkpointing *)commit)->page;
	enum tb_err err = tb_job_sums_want(view);

	if (err == TB_OK)
		err = tb_job_want(view, page->lease.id);
	return err == TB_OK && page->push != NULL
		       ? tb_push_gather(page->push, view)
		       : err;
}

/* ---- the stream ---- */

/* The streams of a job with room for one more, and the page's among them. */
static enum tb_err open_stream(struct tb_arena *arena, struct tb_job *job,
			       struct tb_str entity, struct tb_job_stream **ret)
{
	struct tb_job_stream *streams =
		tb_arena_calloc(arena, job->n_streams + 1, sizeof(*streams));
	size_t at = 0;

	if (streams == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < job->n_streams; i++)
		streams[i] = job->streams[i];
	while (at < job->n_streams && !tb_str_eq(streams[at].entity, entity))
		at++;
	if (at == TB_JOB_STREAMS_MAX)
		return TB_ERR_INVALID;
	if (at == job->n_streams)
		streams[job->n_streams++].entity = entity;
	job->streams = streams;
	*ret = &streams[at];
	return TB_OK;
}

static void count_items(const struct tb_push *push,
			struct tb_job_stream *stream)
{
	for (size_t i = 0; i < push->n_items; i++)
		switch (push->items[i].outcome) {
		case TB_PUSH_ACCEPTED:
			stream->written++;
			break;
		case TB_PUSH_UNCHANGED:
			stream->unchanged++;
			break;
		case TB_PUSH_REJECTED:
			stream->rejected++;
			break;
		}
}

static void advance(const struct tb_job_checkpoint *page,
		    struct tb_job_stream *stream)
{
	stream->cursor = page->cursor;
	stream->position = page->position;
	stream->total = page->total;
	stream->is_done = page->is_done;
	stream->read += page->n_read;
	stream->unchanged += page->n_passed;
	stream->rejected += page->n_rejects;
	if (page->push != NULL)
		count_items(page->push, stream);
	else
		stream->written += page->n_sent;
}

/* ---- the notes ---- */

static struct tb_str entity_of(const struct tb_job_checkpoint *page,
			       size_t item)
{
	return page->item_entities != NULL ? page->item_entities[item]
					   : page->entity;
}

/* What was rejected, the page's own first. */
static enum tb_err add_rejects(struct tb_arena *arena, int64_t now_us,
			       const struct tb_job_checkpoint *page,
			       struct tb_job_notes *notes)
{
	size_t n_items = page->push != NULL ? page->push->n_items : 0;
	enum tb_err err = tb_job_notes_add_errors(arena, notes, page->rejects,
						  page->n_rejects);
	struct tb_job_reject *rejects =
		tb_arena_calloc(arena, n_items + 1, sizeof(*rejects));
	size_t n = 0;

	if (rejects == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n_items; i++) {
		const struct tb_push_item *item = &page->push->items[i];

		if (item->outcome == TB_PUSH_REJECTED)
			rejects[n++] = (struct tb_job_reject) {
				.at_us = now_us,
				.entity = entity_of(page, i),
				.record = item->id,
				.code = tb_str_z(item->code),
				.message = item->message,
			};
	}
	return err == TB_OK ? tb_job_notes_add_errors(arena, notes, rejects, n)
			    : err;
}

static enum tb_err write_notes(struct tb_job_edit *edit,
			       const struct tb_job_checkpoint *page)
{
	struct tb_arena *arena = tb_view_arena(edit->view);
	const struct tb_job_line line = { edit->now_us, page->log };
	bool has_rejects = page->n_rejects > 0 ||
			   (page->push != NULL && page->push->n_rejected > 0);
	struct tb_job_notes notes;
	size_t n_before;
	enum tb_err err;

	if (!has_rejects && page->log.n == 0)
		return TB_OK;
	err = tb_job_notes_get(edit->view, page->lease.id, &notes);
	n_before = notes.n_errors;
	if (err == TB_OK && has_rejects)
		err = add_rejects(arena, edit->now_us, page, &notes);
	if (err == TB_OK && page->log.n > 0)
		err = tb_job_notes_add_line(arena, &notes, &line);
	/* Of more errors than are kept there is nothing to be written. */
	if (err != TB_OK || (page->log.n == 0 && notes.n_errors == n_before))
		return err;
	return tb_job_notes_put(edit->view, page->lease.id, &notes);
}

/* ---- the commit ---- */

/* The records are noted as an import's are, if any of them changed anything. */
static enum tb_err note_import(struct checkpointing *c, bool has_changed)
{
	const struct tb_job_checkpoint *page = c->page;
	struct tb_buf buf;

	c->commit.note.operation = NULL;
	if (!has_changed)
		return TB_OK;
	c->commit.note.operation = "import";
	c->commit.note.status = page->push->n_rejected > 0 ? "partial" : "ok";
	tb_buf_init(&buf, DETAIL_MAX_BYTES);
	tb_buf_printf(&buf, "\"job\":\"job%llu\",\"entity\":",
		      (unsigned long long)page->lease.id);
	tb_json_put_string(&buf, page->entity);
	tb_buf_printf(&buf, ",\"accepted\":%zu,\"rejected\":%zu",
		      page->push->n_accepted, page->push->n_rejected);
	return tb_buf_copy_out(&buf, c->arena, &c->commit.note.detail);
}

static enum tb_err push_page(struct checkpointing *c, struct tb_view *view)
{
	uint64_t before = tb_view_changes(view);
	enum tb_err err;

	if (c->page->push == NULL)
		return note_import(c, false);
	err = tb_push_decide(c->page->push, view);
	return err == TB_OK ? note_import(c, tb_view_changes(view) != before)
			    : err;
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	struct checkpointing *c = (struct checkpointing *)commit;
	const struct tb_job_checkpoint *page = c->page;
	struct tb_job_stream *stream = NULL;
	struct tb_open_job job;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	if (err == TB_OK)
		err = tb_job_open_leased(&edit, page->lease.id,
					 page->lease.token, &job);
	if (err == TB_OK)
		err = open_stream(tb_view_arena(view), &job.job, page->entity,
				  &stream);
	if (err == TB_OK)
		err = push_page(c, view);
	if (err != TB_OK)
		return err;
	advance(page, stream);
	job.job.n_entities = page->n_entities;
	err = tb_job_save(&edit, &job);
	if (err == TB_OK)
		err = write_notes(&edit, page);
	return err == TB_OK ? tb_job_edit_end(&edit) : err;
}

static bool is_possible(const struct tb_job_checkpoint *page)
{
	return page->entity.n > 0 &&
	       tb_job_is_text(page->entity, TB_JOB_TEXT_MAX_BYTES) &&
	       tb_job_is_text(page->cursor, TB_JOB_CURSOR_MAX_BYTES);
}

enum tb_err tb_job_checkpoint(struct tb_core *core, struct tb_arena *arena,
			      struct tb_job_checkpoint *checkpoint)
{
	static const struct tb_commit_kind kind = {
		.name = "job_checkpoint",
		.gather = gather,
		.decide = decide,
	};
	const struct tb_push *push = checkpoint->push;
	struct checkpointing c = {
		.commit = { .kind = &kind,
			    .org = checkpoint->lease.org,
			    .weight = 3 + (push != NULL ? push->n_items : 0) },
		.arena = arena,
		.page = checkpoint,
	};

	if (!is_possible(checkpoint))
		return TB_ERR_INVALID;
	if (push != NULL)
		c.commit.note = push->commit.note;
	c.commit.note.event_type = "jobs";
	return tb_core_commit(core, &c.commit);
}
