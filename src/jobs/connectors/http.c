/*
 * Sources of type `http`: JSON arrays, page by page; and targets, which take
 * arrays of records by POST and deletions by DELETE, at the path of their own
 * entity of the same name. A record that is refused by its source is sent to no
 * target, and neither is a deletion where on_delete is `ignore`.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "jobs/connectors/failure.h"
#include "jobs/connectors/paging.h"
#include "jobs/connectors/place.h"
#include "jobs/fetch/fetch.h"

#define TARGET_MAX_BYTES 8192

struct http {
	struct tb_connection base;
	struct tb_connector_task task;
	struct tb_fetch *fetch;
	struct tb_place place;
};

static void http_close(struct tb_connection *connection)
{
	struct http *http = (struct http *)connection;

	if (http == NULL)
		return;
	tb_fetch_destroy(http->fetch);
	tb_free(http);
}

/* ---- the place ---- */

static enum tb_err read_cursor(struct tb_arena *arena, struct tb_str cursor,
			       struct tb_place *ret,
			       struct tb_connector_failure *ret_failure)
{
	struct tb_json json;
	enum tb_err err;

	if (cursor.n == 0)
		return TB_OK;
	err = tb_json_parse(arena, cursor, NULL, &json, NULL);
	if (err == TB_OK)
		err = tb_place_read(arena, tb_json_root(&json), ret);
	return err == TB_OK ? err
			    : tb_paging_cursor_fail(err, arena, ret_failure);
}

static enum tb_err put_cursor(struct tb_arena *arena,
			      const struct tb_place *place, struct tb_str *ret,
			      struct tb_connector_failure *ret_failure)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_paging_cursor_begin(&buf);
	tb_json_begin_object(&w);
	tb_place_put(&w, place);
	tb_json_end_object(&w);
	return tb_paging_cursor_end(&buf, arena, ret, ret_failure);
}

static enum tb_err http_open(const struct tb_connector_task *task,
			     struct tb_arena *arena, struct tb_str cursor,
			     struct tb_connection **ret,
			     struct tb_connector_failure *ret_failure)
{
	struct http *http = tb_calloc(1, sizeof(*http));
	enum tb_err err;

	if (http == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	http->base.connector = &tb_connector_http;
	http->task = *task;
	err = read_cursor(arena, cursor, &http->place, ret_failure);
	if (err == TB_OK)
		err = tb_fetch_create(task->source, arena, task->is_stopped,
				      &http->fetch, ret_failure);
	if (err != TB_OK) {
		http_close(&http->base);
		return err;
	}
	*ret = &http->base;
	return TB_OK;
}

/* ---- reading ---- */

static void put_target(struct tb_buf *target, const struct http *http)
{
	const struct tb_source *source = http->task.source;
	struct tb_str next = tb_place_next(&http->place);

	/* Whoever sends a link puts everything into it. */
	if (source->paging == TB_PAGING_LINK && next.n > 0) {
		tb_buf_append_str(target, next);
		return;
	}
	tb_paging_put_path(target, http->task.entity->path);
	if (source->size_param.n > 0)
		tb_fetch_put_number(target, source->size_param,
				    source->page_size);
	if (source->since_param.n > 0 && http->task.since.n > 0)
		tb_fetch_put_param(target, source->since_param,
				   http->task.since);
	if (source->paging == TB_PAGING_PAGE)
		tb_fetch_put_param(target, source->page_param,
				   next.n > 0 ? next : TB_STR("1"));
	if (source->paging == TB_PAGING_CURSOR && next.n > 0)
		tb_fetch_put_param(target, source->page_param, next);
}

static enum tb_err ask(struct http *http, struct tb_arena *arena,
		       struct tb_fetch_answer *ret,
		       struct tb_connector_failure *ret_failure)
{
	struct tb_fetch_request request = { 0 };
	struct tb_buf target;
	enum tb_err err;

	tb_buf_init(&target, TARGET_MAX_BYTES);
	put_target(&target, http);
	err = tb_buf_copy_out(&target, arena, &request.target);
	if (err != TB_OK)
		return tb_failure_of(ret_failure, err);
	return tb_fetch_send(http->fetch, arena, &request, ret, ret_failure);
}

/* The number behind this page's. */
static enum tb_err next_number(const struct http *http, struct tb_arena *arena,
			       struct tb_str *ret,
			       struct tb_connector_failure *ret_failure)
{
	struct tb_str here = tb_place_next(&http->place);
	uint64_t number = 1;
	enum tb_err err = TB_OK;

	if (here.n > 0)
		err = tb_str_to_u64(here, &number);
	if (err == TB_OK)
		err = tb_arena_printf(arena, ret, "%llu",
				      (unsigned long long)number + 1);
	return err == TB_OK ? err
			    : tb_paging_cursor_fail(err, arena, ret_failure);
}

/* What names the next page; empty: this was the last one. */
static enum tb_err find_next(struct http *http, struct tb_arena *arena,
			     const struct tb_fetch_answer *answer,
			     const struct tb_envelope *envelope, size_t n,
			     struct tb_str *ret,
			     struct tb_connector_failure *ret_failure)
{
	*ret = TB_STR_NONE;
	switch (http->task.source->paging) {
	case TB_PAGING_NONE:
		return TB_OK;
	case TB_PAGING_LINK:
		return tb_fetch_next_link(http->fetch, arena, answer, ret,
					  ret_failure);
	case TB_PAGING_CURSOR:
		*ret = envelope->cursor;
		return TB_OK;
	case TB_PAGING_PAGE:
		return n > 0 ? next_number(http, arena, ret, ret_failure)
			     : TB_OK;
	}
	return TB_OK;
}

static enum tb_err go_on(struct http *http, struct tb_arena *arena,
			 const struct tb_fetch_answer *answer,
			 const struct tb_envelope *envelope, size_t n,
			 struct tb_place *place,
			 struct tb_connector_failure *ret_failure)
{
	struct tb_str next;
	enum tb_err err =
		find_next(http, arena, answer, envelope, n, &next, ret_failure);

	if (err != TB_OK)
		return err;
	if (next.n == 0) {
		tb_place_end(place, n);
		return TB_OK;
	}
	/* Numbers never come again, but a server that does not know the
	 * parameter sends the same page for each of them. */
	return tb_place_go_on(place, arena, n, next,
			      http->task.source->paging == TB_PAGING_PAGE
				      ? envelope->items
				      : next,
			      ret_failure);
}

static enum tb_err read_page(struct http *http, struct tb_arena *arena,
			     struct tb_place *place,
			     struct tb_connector_page *page,
			     struct tb_connector_failure *ret_failure)
{
	const struct tb_source_entity *entity = http->task.entity;
	const struct tb_source *source = http->task.source;
	struct tb_envelope_form form = {
		.items = entity->items,
		.total = entity->total,
		.cursor = source->paging == TB_PAGING_CURSOR
				  ? source->cursor_field
				  : TB_STR_NONE,
	};
	struct tb_records records;
	struct tb_envelope envelope;
	struct tb_fetch_answer answer;
	enum tb_err err = ask(http, arena, &answer, ret_failure);

	if (err == TB_OK)
		err = tb_paging_cut(arena, entity, answer.body, &form, &records,
				    &envelope, ret_failure);
	if (err == TB_OK)
		err = go_on(http, arena, &answer, &envelope, records.n, place,
			    ret_failure);
	if (err != TB_OK)
		return err;
	page->records = records.list;
	page->n = records.n;
	page->total = envelope.total;
	return TB_OK;
}

static enum tb_err http_next(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_page *ret,
			     struct tb_connector_failure *ret_failure)
{
	struct http *http = (struct http *)connection;
	struct tb_connector_page page = { 0 };
	struct tb_place place = http->place;
	enum tb_err err = TB_OK;

	if (!place.is_done)
		err = read_page(http, arena, &place, &page, ret_failure);
	if (err == TB_OK)
		err = put_cursor(arena, &place, &page.cursor, ret_failure);
	if (err != TB_OK)
		return err;
	page.position = place.read;
	page.is_last = place.is_done;
	http->place = place;
	*ret = page;
	return TB_OK;
}

/* ---- sending ---- */

struct sending {
	struct http *http;
	struct tb_arena *arena;
	struct tb_str cursor;
	const struct tb_source_entity *entity; /* the target's */
	struct tb_connector_failure *ret_failure;
};

/* One request that changes something. Sent again after an answer that was lost
 * it has the same name, and any other one has another. */
static enum tb_err send_one(struct sending *sending, struct tb_str method,
			    struct tb_str target, struct tb_str body)
{
	struct tb_str parts[] = { sending->http->task.job, sending->cursor,
				  method, target, body };
	struct tb_fetch_header name = { .name = TB_STR("Idempotency-Key") };
	struct tb_fetch_request request = {
		.method = method,
		.target = target,
		.headers = &name,
		.n_headers = 1,
		.body = body,
		.content_type = TB_STR("application/json"),
		/* What is not there need not be deleted. */
		.may_miss = body.p == NULL,
	};
	struct tb_fetch_answer answer;
	enum tb_err err = tb_sha256_name(sending->arena, parts,
					 TB_ARRAY_LEN(parts), &name.value);

	if (err != TB_OK)
		return tb_failure_of(sending->ret_failure, err);
	return tb_fetch_send(sending->http->fetch, sending->arena, &request,
			     &answer, sending->ret_failure);
}

static bool is_sent(const struct tb_connector_record *record)
{
	return record->refused == NULL && !record->deleted;
}

/* `*ret_n`: how many records are in it. */
static enum tb_err put_body(struct tb_arena *arena,
			    const struct tb_connector_record *records, size_t n,
			    struct tb_str *ret, size_t *ret_n)
{
	size_t bytes = 2;
	struct tb_json_writer w;
	struct tb_buf buf;

	for (size_t i = 0; i < n; i++)
		bytes += is_sent(&records[i]) ? records[i].body.n + 1 : 0;
	tb_buf_init(&buf, bytes);
	w = tb_json_writer(&buf);
	tb_json_begin_array(&w);
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_sent(&records[i]))
			continue;
		tb_json_rawval(&w, records[i].body);
		++*ret_n;
	}
	tb_json_end_array(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err send_bodies(struct sending *sending,
			       const struct tb_connector_record *records,
			       size_t n)
{
	struct tb_str body, target;
	struct tb_buf path;
	size_t n_sent;
	enum tb_err err = put_body(sending->arena, records, n, &body, &n_sent);

	if (err != TB_OK)
		return tb_failure_of(sending->ret_failure, err);
	if (n_sent == 0)
		return TB_OK;
	tb_buf_init(&path, TARGET_MAX_BYTES);
	tb_paging_put_path(&path, sending->entity->path);
	err = tb_buf_copy_out(&path, sending->arena, &target);
	if (err != TB_OK)
		return tb_failure_of(sending->ret_failure, err);
	return send_one(sending, TB_STR("POST"), target, body);
}

/* Dots are steps in a path, however they are encoded. */
static bool is_segment(struct tb_str key)
{
	return !tb_str_eq(key, TB_STR(".")) && !tb_str_eq(key, TB_STR(".."));
}

/* DELETE {path}/{key}, in front of the path's query. */
static enum tb_err send_deletion(struct sending *sending, struct tb_str key)
{
	struct tb_str query = sending->entity->path;
	struct tb_str path = tb_str_cut(&query, '?');
	struct tb_str target;
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, TARGET_MAX_BYTES);
	tb_paging_put_path(&buf, path);
	tb_buf_append_char(&buf, '/');
	tb_fetch_put_segment(&buf, key);
	if (query.p != NULL) {
		tb_buf_append_char(&buf, '?');
		tb_buf_append_str(&buf, query);
	}
	err = tb_buf_copy_out(&buf, sending->arena, &target);
	if (err != TB_OK)
		return tb_failure_of(sending->ret_failure, err);
	return send_one(sending, TB_STR("DELETE"), target, TB_STR_NONE);
}

/* By key, and of the same key in the order of the page, which both are of. */
static int compare_records(const void *a, const void *b)
{
	const struct tb_connector_record *x =
		*(const struct tb_connector_record *const *)a;
	const struct tb_connector_record *y =
		*(const struct tb_connector_record *const *)b;
	int order = tb_str_cmp(x->key, y->key);

	return order != 0 ? order : (x > y) - (x < y);
}

/* Of which records the page says more further on: what it says last of a key
 * counts, and that is sent. NULL: no memory. */
static bool *find_outdated(struct tb_arena *arena,
			   const struct tb_connector_record *records, size_t n)
{
	const struct tb_connector_record **sorted =
		tb_arena_calloc(arena, n + 1, sizeof(*sorted));
	bool *is_outdated = tb_arena_calloc(arena, n + 1, sizeof(*is_outdated));
	size_t n_sorted = 0;

	if (sorted == NULL || is_outdated == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (records[i].refused == NULL)
			sorted[n_sorted++] = &records[i];
	qsort(sorted, n_sorted, sizeof(*sorted), compare_records);
	for (size_t i = 1; i < n_sorted; i++)
		is_outdated[sorted[i - 1] - records] =
			tb_str_eq(sorted[i - 1]->key, sorted[i]->key);
	return is_outdated;
}

static enum tb_err send_deletions(struct sending *sending,
				  struct tb_connector_record *records, size_t n)
{
	enum tb_err err = TB_OK;
	bool *is_outdated;

	if (sending->entity->on_delete != TB_ON_DELETE_DELETE)
		return TB_OK;
	is_outdated = find_outdated(sending->arena, records, n);
	if (is_outdated == NULL)
		return tb_failure_of(sending->ret_failure,
				     tb_arena_err(sending->arena));
	for (size_t i = 0; err == TB_OK && i < n; i++) {
		struct tb_connector_record *record = &records[i];

		if (record->refused != NULL || !record->deleted ||
		    is_outdated[i])
			continue;
		if (is_segment(record->key)) {
			err = send_deletion(sending, record->key);
			continue;
		}
		record->refused = "record_id_invalid";
		record->message = TB_STR("cannot be in a path");
	}
	return err;
}

/* The name of the entity that a record is of. */
static struct tb_str entity_of(const struct http *http,
			       const struct tb_connector_record *record)
{
	return record->entity != NULL ? record->entity->name
				      : http->task.entity->name;
}

/* Records of one entity. */
static enum tb_err send_run(struct sending *sending, struct tb_str entity,
			    struct tb_connector_record *records, size_t n)
{
	enum tb_err err;

	sending->entity =
		tb_source_entity_find(sending->http->task.source, entity);
	if (sending->entity == NULL)
		return tb_failure_set(sending->ret_failure, sending->arena,
				      TB_ERR_NOT_FOUND, "entity_unknown", false,
				      "the target has no entity %.*s",
				      TB_STR_ARG(entity));
	err = send_bodies(sending, records, n);
	return err == TB_OK ? send_deletions(sending, records, n) : err;
}

static enum tb_err http_send(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_record *records, size_t n,
			     struct tb_str cursor,
			     struct tb_connector_failure *ret_failure)
{
	struct http *http = (struct http *)connection;
	struct sending sending = {
		.http = http,
		.arena = arena,
		.cursor = cursor,
		.ret_failure = ret_failure,
	};
	enum tb_err err = TB_OK;
	size_t end;

	for (size_t i = 0; err == TB_OK && i < n; i = end) {
		struct tb_str entity = entity_of(http, &records[i]);

		for (end = i + 1; end < n; end++)
			if (!tb_str_eq(entity_of(http, &records[end]), entity))
				break;
		err = send_run(&sending, entity, &records[i], end - i);
	}
	return err;
}

const struct tb_connector tb_connector_http = {
	.type = "http",
	.can_send = true,
	.open = http_open,
	.next = http_next,
	.send = http_send,
	.close = http_close,
};
