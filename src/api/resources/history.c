/*
 * GET {collection}/{id}/history/: the versions before the present one, the
 * newest first, for those who may write whole records.
 */
#include "kernel/history.h"

#include "api/resources/errors.h"
#include "api/resources/handlers.h"
#include "api/resources/write.h"

#define PAGE_MAX 100
#define BODY_MAX_BYTES ((size_t)256 << 20)

struct page {
	struct tb_resources_write write;
	uint64_t before; /* 0: the newest */
	struct tb_version versions[PAGE_MAX];
	size_t n;
};

/* ---- the question ---- */

static bool read_query(struct page *page)
{
	const struct tb_resources_call *call = &page->write.call;
	struct tb_str text;
	enum tb_err err = tb_request_query(call->req, "before", &text);

	if (!err && text.n > 0)
		err = tb_str_to_u64(text, &page->before);
	if (err == TB_ERR_INVALID)
		tb_resources_fail_param(call->res, call->req, TB_STR("before"),
					TB_STR(TB_RESOURCES_BAD_CURSOR));
	else if (err)
		tb_resources_call_fail(call, err);
	return !err;
}

/* ---- the answer ---- */

/* A version as the record would be shown if it still were that one. What cannot
 * be shown so is null. */
static enum tb_err put_data(struct page *page, struct tb_tx *tx,
			    const struct tb_version *version,
			    struct tb_buf *body)
{
	struct tb_record then = *page->write.seen.record;
	size_t before = body->n;
	enum tb_err err = TB_ERR_CORRUPT;

	then.body = version->body;
	then.version = version->version;
	then.updated_us = version->updated_us;
	if (!version->deleted)
		err = tb_resources_render_one(&page->write.call, tx, &then,
					      body);
	if (err != TB_ERR_CORRUPT)
		return err;
	body->n = before;
	tb_buf_append_z(body, "null");
	return TB_OK;
}

static enum tb_err put_version(struct page *page, struct tb_tx *tx,
			       const struct tb_version *version,
			       struct tb_json_writer *w)
{
	enum tb_err err;

	tb_json_begin_object(w);
	tb_json_kv_uint(w, "version", version->version);
	tb_json_kv_time(w, "updated_at", version->updated_us);
	tb_json_kv_bool(w, "deleted", version->deleted);
	tb_json_key(w, TB_STR("data"));
	err = put_data(page, tx, version, w->buf);
	w->comma = true;
	tb_json_end_object(w);
	return err;
}

/* There may be more behind it. */
static bool is_full(const struct page *page)
{
	size_t bytes = 0;

	for (size_t i = 0; i < page->n; i++)
		bytes += page->versions[i].body.n;
	return page->n == PAGE_MAX || bytes >= TB_HISTORY_READ_BYTES;
}

static enum tb_err put_next(struct page *page)
{
	const struct tb_resources_call *call = &page->write.call;
	struct tb_str link;
	enum tb_err err;

	if (!is_full(page))
		return TB_OK;
	err = tb_arena_printf(
		call->req->arena, &link, "<%.*s?before=%llu>; rel=\"next\"",
		TB_STR_ARG(call->req->path),
		(unsigned long long)page->versions[page->n - 1].version);
	return err ? err : tb_response_header(call->res, "Link", link);
}

static enum tb_err put_page(struct page *page, struct tb_buf *body)
{
	const struct tb_resources_call *call = &page->write.call;
	struct tb_json_writer w = tb_json_writer(body);
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(call->resources->core, &tx);

	if (err)
		return err;
	err = tb_history_read(tx, call->req->arena,
			      page->write.seen.record->rid, page->before,
			      page->versions, PAGE_MAX, &page->n);
	tb_json_begin_array(&w);
	for (size_t i = 0; !err && i < page->n; i++)
		err = put_version(page, tx, &page->versions[i], &w);
	tb_json_end_array(&w);
	tb_core_read_end(tx);
	return err ? err : tb_buf_err(body);
}

static void answer(struct page *page)
{
	const struct tb_resources_call *call = &page->write.call;
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, BODY_MAX_BYTES);
	err = put_page(page, &body);
	if (!err)
		err = put_next(page);
	if (!err)
		err = tb_response_header(call->res, "Cache-Control",
					 TB_STR("private, no-cache"));
	if (!err) {
		tb_response_body(call->res, 200, TB_JSON_TYPE, &body);
		return;
	}
	tb_buf_fini(&body);
	tb_resources_call_fail(call, err);
}

/* Who may replace a record may see what it was. */
void tb_resources_get_history(void *state, const struct tb_request *req,
			      struct tb_response *res)
{
	struct page page = { .before = 0 };

	if (tb_resources_write_open(&page.write, state, req, res,
				    TB_RESOURCE_REPLACE) &&
	    read_query(&page))
		answer(&page);
}
