/*
 * The connector of the org's own collections, for what is sent to targets. They
 * are written by checkpoints alone (kernel/job_run.h), so nothing is sent to
 * it.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/time.h"
#include "jobs/connectors/failure.h"
#include "kernel/collection_read.h"

/* What is looked at in one snapshot, which is so held for much less than a
 * second. */
#define LOOKS_MAX 10000

struct local {
	struct tb_connection connection; /* first, so that one is the other */
	struct tb_connector_task task;
	struct tb_collection_place place;
	uint64_t read; /* records, where nobody knows how many there are */
	int64_t after_us;
};

static void local_close(struct tb_connection *connection)
{
	tb_free(connection);
}

/* ---- the cursor ---- */

/* "scope after scopes read" */
static enum tb_err parse_cursor(struct tb_str cursor, struct local *local)
{
	uint64_t *const numbers[] = { &local->place.scope, &local->place.after,
				      &local->place.scopes, &local->read };
	struct tb_str rest = cursor;
	enum tb_err err = TB_OK;

	if (cursor.n == 0)
		return TB_OK;
	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(numbers); i++)
		err = tb_str_to_u64(tb_str_cut(&rest, ' '), numbers[i]);
	return err == TB_OK && rest.p != NULL ? TB_ERR_INVALID : err;
}

static enum tb_err put_cursor(struct tb_arena *arena,
			      const struct tb_collection_place *place,
			      uint64_t read, struct tb_str *ret)
{
	return tb_arena_printf(arena, ret,
			       "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
			       place->scope, place->after, place->scopes, read);
}

/* ---- opening ---- */

static enum tb_err parse_since(struct tb_str since, int64_t *ret_after_us)
{
	int64_t us;
	enum tb_err err;

	*ret_after_us = INT64_MIN;
	if (since.n == 0)
		return TB_OK;
	err = tb_time_parse(since, 0, &us);
	if (err == TB_OK)
		*ret_after_us = us - 1;
	return err;
}

static enum tb_err local_open(const struct tb_connector_task *task,
			      struct tb_arena *arena, struct tb_str cursor,
			      struct tb_connection **ret,
			      struct tb_connector_failure *ret_failure)
{
	struct local *local = tb_calloc(1, sizeof(*local));
	enum tb_err err;

	if (local == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	local->connection.connector = &tb_connector_local;
	local->task = *task;
	err = parse_cursor(cursor, local);
	if (err == TB_OK)
		err = parse_since(task->since, &local->after_us);
	if (err != TB_OK) {
		tb_free(local);
		return tb_failure_set(ret_failure, arena, err, "cursor_invalid",
				      false, "the place to go on is none");
	}
	*ret = &local->connection;
	return TB_OK;
}

/* ---- a page ---- */

struct page {
	struct tb_arena *arena;
	struct tb_connector_record *records;
	size_t n;
	size_t max;
	size_t bytes;
	size_t bytes_max;
	enum tb_err err;
};

static bool take(void *ctx, const struct tb_record *from)
{
	struct page *page = ctx;
	struct tb_connector_record *to = &page->records[page->n];

	if (page->n == page->max ||
	    (page->n > 0 && page->bytes + from->body.n > page->bytes_max))
		return false;
	*to = (struct tb_connector_record) { .deleted = from->deleted };
	page->err = tb_arena_strdup(page->arena, from->key, &to->key);
	if (page->err == TB_OK)
		page->err = tb_arena_strdup(page->arena, from->body, &to->body);
	if (page->err != TB_OK)
		return false;
	page->bytes += from->body.n;
	page->n++;
	return true;
}

/* The store's errors pass, as far as anybody knows. */
static enum tb_err fail(const struct local *local, struct tb_arena *arena,
			enum tb_err err,
			struct tb_connector_failure *ret_failure)
{
	if (err == TB_ERR_NOMEM || err == TB_ERR_TOO_LARGE)
		return tb_failure_of(ret_failure, err);
	if (err == TB_ERR_NOT_FOUND)
		return tb_failure_set(
			ret_failure, arena, err, "collection_unknown", false,
			"there is no collection %.*s",
			TB_STR_ARG(local->task.entity->collection));
	return tb_failure_set(ret_failure, arena, err, "store", true, "%s",
			      tb_err_text(err));
}

static enum tb_err read_page(struct local *local, struct page *page,
			     struct tb_connector_page *ret)
{
	struct tb_collection_reader reader = {
		.core = local->task.core,
		.org = local->task.org,
		.name = local->task.entity->collection,
		.after_us = local->after_us,
		.looks_max = LOOKS_MAX,
		.take = take,
		.ctx = page,
	};
	struct tb_collection_place place = local->place;
	struct tb_collection_piece piece;
	struct tb_str cursor;
	enum tb_err err =
		tb_collection_read(&reader, page->arena, &place, &piece);

	if (err == TB_OK)
		err = page->err;
	if (err == TB_OK)
		err = put_cursor(page->arena, &place, local->read + page->n,
				 &cursor);
	if (err != TB_OK)
		return err;
	local->place = place;
	local->read += page->n;
	*ret = (struct tb_connector_page) {
		.records = page->records,
		.n = page->n,
		.cursor = cursor,
		.position = piece.end > 0 ? place.after : local->read,
		.total = piece.end,
		.is_last = piece.is_last,
	};
	return TB_OK;
}

static enum tb_err local_next(struct tb_connection *connection,
			      struct tb_arena *arena,
			      struct tb_connector_page *ret,
			      struct tb_connector_failure *ret_failure)
{
	struct local *local = (struct local *)connection;
	const struct tb_source *target = local->task.source;
	struct page page = { .arena = arena,
			     .max = target->page_size,
			     .bytes_max = (size_t)target->page_max_bytes };
	enum tb_err err;

	page.records = tb_arena_calloc(arena, page.max, sizeof(*page.records));
	err = page.records != NULL ? read_page(local, &page, ret)
				   : tb_arena_err(arena);
	return err == TB_OK ? err : fail(local, arena, err, ret_failure);
}

const struct tb_connector tb_connector_local = {
	.type = TB_SOURCE_LOCAL,
	.open = local_open,
	.next = local_next,
	.close = local_close,
};
