/*
 * GET audit-logs: rows of the audit trail, the newest first. Which they are is
 * found first; they are read while they are sent, a piece in each snapshot, so
 * that long details cost a piece and nothing else.
 */
#include "api/audit_json.h"
#include "api/devices/call.h"
#include "api/devices/errors.h"
#include "api/devices/handlers.h"
#include "api/devices/query.h"
#include "http/source.h"
#include "kernel/audit_read.h"

#define LIMIT_DEFAULT 100
/* A piece ends behind the row that makes it so long. */
#define PIECE_BYTES ((size_t)128 << 10)
#define PIECE_MAX_BYTES ((size_t)1 << 30)
#define ARENA_MAX_BYTES ((size_t)256 << 20)

struct rows {
	struct tb_source source;
	struct tb_core *core;
	uint32_t org;
	struct tb_audit_page *page;
	size_t sent; /* rows of it */
	bool has_rows;
	bool has_begun;
	bool has_ended;
	struct tb_blob *ready; /* the first piece; NULL: it has been taken */
};

static struct rows *rows_of(struct tb_source *source)
{
	return (struct rows *)source;
}

/* ---- a piece ---- */

static enum tb_err put_row(struct tb_buf *buf, struct rows *rows,
			   struct tb_tx *tx, struct tb_arena *arena, uint64_t n)
{
	struct tb_audit_entry entry;
	struct tb_json_writer w = tb_json_writer(buf);
	enum tb_err err;

	tb_arena_reset(arena);
	err = tb_audit_find(tx, arena, rows->org, n, &entry);
	if (err)
		/* It was dropped since it was found. */
		return err == TB_ERR_NOT_FOUND ? TB_OK : err;
	w.comma = rows->has_rows;
	tb_json_begin_object(&w);
	tb_audit_json_put(&w, &entry);
	tb_json_end_object(&w);
	rows->has_rows = true;
	return tb_buf_err(buf);
}

static enum tb_err put_rows(struct tb_buf *buf, struct rows *rows,
			    struct tb_tx *tx, struct tb_arena *arena)
{
	const struct tb_audit_page *page = rows->page;
	enum tb_err err = TB_OK;

	while (!err && rows->sent < page->n && buf->n < PIECE_BYTES)
		err = put_row(buf, rows, tx, arena, page->rows[rows->sent++]);
	return err;
}

static void put_end(struct tb_buf *buf, const struct tb_audit_page *page)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_buf_append_char(buf, ']');
	w.comma = true;
	tb_json_kv_uint(&w, "total", page->total);
	if (!page->is_complete)
		tb_json_kv_bool(&w, "complete", false);
	tb_json_end_object(&w);
}

static enum tb_err make_piece(struct rows *rows, struct tb_buf *buf)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_tx *tx;
	enum tb_err err = arena ? tb_core_read(rows->core, &tx) : TB_ERR_NOMEM;

	if (!rows->has_begun)
		tb_buf_append_z(buf, "{\"logs\":[");
	rows->has_begun = true;
	if (!err) {
		err = put_rows(buf, rows, tx, arena);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	rows->has_ended = rows->sent == rows->page->n;
	if (rows->has_ended)
		put_end(buf, rows->page);
	return err ? err : tb_buf_err(buf);
}

/* ---- the source ---- */

static bool find(struct tb_source *source, struct tb_piece *ret)
{
	struct rows *rows = rows_of(source);

	if (!rows->ready && !rows->has_ended)
		return false;
	*ret = (struct tb_piece) { .plain = rows->ready };
	rows->ready = NULL;
	return true;
}

static enum tb_err make(struct tb_source *source, struct tb_piece *ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, PIECE_MAX_BYTES);
	err = make_piece(rows_of(source), &buf);
	if (!err)
		err = tb_piece_take(&buf, ret);
	tb_buf_fini(&buf);
	return err;
}

static void destroy(struct tb_source *source)
{
	tb_blob_unref(rows_of(source)->ready);
}

/* ---- the answer ---- */

static enum tb_err answer(struct rows *rows, struct tb_response *res)
{
	struct tb_buf first;
	enum tb_err err;

	tb_buf_init(&first, PIECE_MAX_BYTES);
	err = make_piece(rows, &first);
	if (!err && rows->has_ended) {
		tb_response_body(res, 200, TB_JSON_TYPE, &first);
	} else if (!err) {
		rows->ready = tb_blob_create(&first);
		err = rows->ready ? TB_OK : TB_ERR_NOMEM;
	}
	if (!err && rows->ready)
		tb_response_source(res, 200, TB_JSON_TYPE, &rows->source,
				   TB_LENGTH_UNKNOWN);
	tb_buf_fini(&first);
	return err;
}

static enum tb_err find_rows(const struct tb_devices *devices,
			     const struct tb_request *req,
			     const struct tb_devices_audit_query *asked,
			     struct rows **ret)
{
	static const struct tb_source_ops ops = {
		.find = find,
		.make = make,
		.destroy = destroy,
	};
	struct rows *rows = tb_arena_calloc(req->arena, 1, sizeof(*rows));
	struct tb_audit_page *page = tb_arena_alloc(req->arena, sizeof(*page));
	enum tb_err err;

	if (!rows || !page)
		return TB_ERR_NOMEM;
	err = tb_audit_page_read(devices->core, &asked->query, asked->offset,
				 (size_t)asked->limit,
				 devices->options->audit_scan_max, page);
	*rows = (struct rows) { .source.ops = &ops,
				.core = devices->core,
				.org = asked->query.org,
				.page = page };
	if (!err)
		*ret = rows;
	return err;
}

void tb_devices_get_audit(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	/* "`limit` is 100 when absent, at most 1,000" */
	static const struct tb_devices_limit_rule rule = {
		.absent = LIMIT_DEFAULT,
		.max = TB_AUDIT_PAGE_MAX,
	};
	struct tb_devices_audit_query asked = {
		.query.org = req->principal->org,
	};
	struct tb_str flaw = TB_STR_NONE;
	struct rows *rows = NULL;
	enum tb_err err = tb_devices_query_audit(req, &rule, &asked, &flaw);

	if (!err)
		err = find_rows(state, req, &asked, &rows);
	if (!err)
		err = answer(rows, res);
	if (err)
		tb_devices_answer_flaw(req, res, err, flaw);
}
