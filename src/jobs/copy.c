#include "jobs/copy.h"

#include "jobs/connectors/failure.h"
#include "jobs/import.h"
#include "jobs/pages.h"

#define ARENA_MIN_BYTES ((size_t)256 << 20)
#define ARENA_BYTES_PER_BYTE 8
/* Of a commit that failed because somebody else writes for long. */
#define COMMIT_TRIES 5
#define COMMIT_WAIT_US 500000

struct copying {
	const struct tb_copy *copy;
	struct tb_arena *arena; /* of one page */
	struct tb_pages *pages;
	const struct tb_connector *sender; /* NULL: local */
	struct tb_connection *out;
	struct tb_connector_failure *failure;
	bool has_trace; /* something of it was stored before */
};

static size_t arena_bytes(const struct tb_source *source)
{
	size_t bytes = source->page_max_bytes * ARENA_BYTES_PER_BYTE;

	return bytes > ARENA_MIN_BYTES ? bytes : ARENA_MIN_BYTES;
}

/* ---- to a target ---- */

static enum tb_err open_target(struct copying *c, struct tb_arena *arena)
{
	const struct tb_job_stream *from = c->copy->from;
	struct tb_connector_task task = c->copy->task;

	if (!c->sender || c->out)
		return TB_OK;
	task.source = c->copy->target;
	return c->sender->open(&task, arena, from ? from->cursor : TB_STR_NONE,
			       &c->out, c->failure);
}

static enum tb_err send_once(struct copying *c, struct tb_arena *arena,
			     const struct tb_connector_page *page)
{
	enum tb_err err = open_target(c, arena);

	if (!err)
		err = c->sender->send(c->out, c->arena, page->records, page->n,
				      page->cursor, c->failure);
	if (!err && page->is_last && c->sender->finish)
		err = c->sender->finish(c->out, c->arena, c->failure);
	return err;
}

/* The target's tries are as many as the source's. */
static enum tb_err send(struct copying *c, struct tb_arena *arena,
			const struct tb_connector_page *page)
{
	enum tb_err err;

	for (uint32_t n = 1;; n++) {
		*c->failure = (struct tb_connector_failure) { 0 };
		err = send_once(c, arena, page);
		if (!err || !c->failure->may_pass || n >= c->copy->tries ||
		    !tb_pages_wait(c->copy->stop, n, c->failure->retry_after_s))
			return err;
	}
}

static enum tb_err set_sent(struct copying *c,
			    const struct tb_connector_page *page,
			    struct tb_job_checkpoint *checkpoint)
{
	struct tb_job_reject *rejects =
		tb_arena_calloc(c->arena, page->n + 1, sizeof(*rejects));

	if (!rejects)
		return tb_arena_err(c->arena);
	checkpoint->rejects = rejects;
	for (size_t i = 0; i < page->n; i++) {
		const struct tb_connector_record *record = &page->records[i];

		if (!record->refused) {
			checkpoint->n_sent++;
			continue;
		}
		rejects[checkpoint->n_rejects++] =
			tb_import_reject(c->copy->core, &c->copy->task, record);
	}
	return TB_OK;
}

/* ---- one page ---- */

static enum tb_err commit(struct copying *c,
			  struct tb_job_checkpoint *checkpoint)
{
	enum tb_err err;

	for (int n = 1;; n++) {
		err = tb_job_checkpoint(c->copy->core, c->arena, checkpoint);
		if (err != TB_ERR_BUSY || n >= COMMIT_TRIES ||
		    tb_stop_wait(c->copy->stop, COMMIT_WAIT_US))
			return err;
	}
}

static enum tb_err fill(struct copying *c, struct tb_arena *arena,
			const struct tb_connector_page *page,
			struct tb_job_checkpoint *checkpoint)
{
	enum tb_err err;

	if (!c->sender)
		return tb_import_prepare(c->copy->core, c->arena,
					 &c->copy->task, page->records, page->n,
					 checkpoint);
	err = send(c, arena, page);
	return err ? err : set_sent(c, page, checkpoint);
}

/* An entity of which there is nothing leaves no trace: nothing is to be gone on
 * from, and the end of the run says that it is through. */
static bool is_trace(const struct copying *c,
		     const struct tb_connector_page *page)
{
	return c->has_trace || page->n > 0 || !page->is_last;
}

/* Stores a page and where it ends. */
static enum tb_err store(struct copying *c, struct tb_arena *arena,
			 const struct tb_connector_page *page)
{
	struct tb_job_checkpoint checkpoint = {
		.lease = c->copy->lease,
		.entity = c->copy->task.entity->name,
		.cursor = page->cursor,
		.position = page->position,
		.total = page->total,
		.is_done = page->is_last,
		.n_entities = c->copy->n_entities,
		.n_read = page->n,
	};
	enum tb_err err;

	tb_arena_reset(c->arena);
	err = fill(c, arena, page, &checkpoint);
	if (!err && is_trace(c, page)) {
		err = commit(c, &checkpoint);
		c->has_trace = true;
	}
	return err ? err : tb_pages_confirm(c->pages, c->failure);
}

static enum tb_err copy_pages(struct copying *c, struct tb_arena *arena)
{
	struct tb_connector_page page = { .is_last = false };
	enum tb_err err = TB_OK;

	while (!err && !page.is_last) {
		if (atomic_load(&c->copy->stop->is_set))
			return TB_ERR_CLOSED;
		err = tb_pages_next(c->pages, &page, c->failure);
		if (!err)
			err = store(c, arena, &page);
	}
	return err;
}

/* ---- the whole ---- */

static enum tb_err begin(struct copying *c)
{
	const struct tb_copy *copy = c->copy;
	const struct tb_pages_options options = {
		.connector = copy->connector,
		.task = &copy->task,
		.cursor = copy->from ? copy->from->cursor : TB_STR_NONE,
		.stop = copy->stop,
		.tries = copy->tries,
	};

	c->arena = tb_arena_create(arena_bytes(copy->task.source));
	if (!c->arena)
		return TB_ERR_NOMEM;
	if (copy->target)
		c->sender = tb_connector_find(copy->target->type);
	return tb_pages_create(&options, &c->pages);
}

static void end(struct copying *c)
{
	tb_pages_destroy(c->pages);
	if (c->out)
		c->sender->close(c->out);
	tb_arena_destroy(c->arena);
}

/* What no connector said: this side has no room for a page, or its store does
 * not take it. As far as anybody knows it passes. */
static void blame_store(struct tb_connector_failure *failure, enum tb_err err)
{
	tb_failure_fill(failure, err);
	if (err != TB_ERR_NOMEM && err != TB_ERR_TOO_LARGE)
		failure->code = "store";
	failure->may_pass = true;
}

/* A failure's text outlives the page that it came with. */
static void keep_message(struct tb_connector_failure *failure,
			 struct tb_arena *arena)
{
	if (tb_arena_strdup(arena, failure->message, &failure->message))
		failure->message = TB_STR("out of memory");
}

enum tb_copy_outcome tb_copy_run(const struct tb_copy *copy,
				 struct tb_arena *arena,
				 struct tb_connector_failure *ret_failure)
{
	struct tb_connector_failure failure = { 0 };
	struct copying c = {
		.copy = copy,
		.failure = &failure,
		.has_trace = copy->from != NULL,
	};
	enum tb_copy_outcome outcome = TB_COPY_FAILED;
	enum tb_err err = begin(&c);

	if (!err)
		err = copy_pages(&c, arena);
	if (!err)
		outcome = TB_COPY_DONE;
	else if (err == TB_ERR_CONFLICT && !failure.code)
		outcome = TB_COPY_LOST;
	else if (atomic_load(&copy->stop->is_set))
		outcome = TB_COPY_STOPPED;
	if (outcome == TB_COPY_FAILED) {
		if (!failure.code)
			blame_store(&failure, err);
		keep_message(&failure, arena);
		*ret_failure = failure;
	}
	/* Whoever reads ahead gives up. */
	if (outcome != TB_COPY_DONE)
		tb_stop_set(copy->stop);
	end(&c);
	return outcome;
}
