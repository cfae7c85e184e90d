/*
 * GET sync/conflicts/: the ledger, for administrators, in pages.
 */
#include "api/resources/conflict_json.h"
#include "api/resources/errors.h"
#include "api/resources/handlers.h"
#include "api/resources/state.h"

/* A page ends with the entry that makes it larger than this. */
#define PAGE_BYTES ((size_t)8 << 20)
#define BODY_MAX_BYTES ((size_t)1 << 30)
#define ARENA_MAX_BYTES ((size_t)1 << 30)
#define CHUNK 8 /* read at a time */

struct page {
	struct tb_resources *resources;
	const struct tb_request *req;
	struct tb_response *res;
	uint64_t limit;
	uint64_t after; /* the last one that is on it, or before it */
	struct tb_arena *arena;
	struct tb_buf body;
	struct tb_json_writer w;
};

/* ---- the question ---- */

/* A number of 63 bits; absent and empty: `*ret` as it was. */
static enum tb_err read_number(const struct page *page, const char *name,
			       uint64_t *ret)
{
	struct tb_str text;
	uint64_t number;
	enum tb_err err = tb_request_query(page->req, name, &text);

	if (err || text.n == 0)
		return err;
	err = tb_str_to_u64(text, &number);
	if (!err && number > INT64_MAX)
		err = TB_ERR_INVALID;
	if (!err)
		*ret = number;
	return err;
}

static void fail_query(struct page *page, enum tb_err err, const char *name,
		       const char *message)
{
	if (err == TB_ERR_INVALID)
		tb_resources_fail_param(page->res, page->req, tb_str_z(name),
					tb_str_z(message));
	else
		tb_response_fail(page->res, page->req, err);
}

/* False: it is answered. */
static bool read_query(struct page *page)
{
	uint64_t max = page->resources->options->page_max;
	enum tb_err err;

	page->limit = max;
	err = read_number(page, "limit", &page->limit);
	if (!err && page->limit == 0)
		err = TB_ERR_INVALID;
	if (page->limit > max)
		page->limit = max;
	if (err) {
		fail_query(page, err, "limit", TB_RESOURCES_BAD_INTEGER);
		return false;
	}
	err = read_number(page, "after", &page->after);
	if (err)
		fail_query(page, err, "after", TB_RESOURCES_BAD_CURSOR);
	return !err;
}

/* ---- the answer ---- */

static enum tb_err read_chunk(struct page *page, struct tb_ledger_entry *rets,
			      size_t max, size_t *ret_n)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(page->resources->core, &tx);

	if (err)
		return err;
	tb_arena_reset(page->arena);
	err = tb_ledger_list(tx, page->arena, page->req->principal->org,
			     page->after, rets, max, ret_n);
	tb_core_read_end(tx);
	return err;
}

/* `*ret_full`: the page ended before the ledger did, perhaps. */
static enum tb_err put_entries(struct page *page, bool *ret_full)
{
	struct tb_ledger_entry entries[CHUNK];
	uint64_t left = page->limit;
	enum tb_err err = TB_OK;
	size_t n = CHUNK;

	*ret_full = false;
	tb_json_begin_array(&page->w);
	while (!err && n > 0 && !*ret_full) {
		err = read_chunk(page, entries, left < CHUNK ? left : CHUNK,
				 &n);
		for (size_t i = 0; !err && i < n && !*ret_full; i++) {
			tb_conflict_json_put(&page->w, &entries[i]);
			page->after = entries[i].id;
			*ret_full = --left == 0 || page->body.n > PAGE_BYTES;
		}
	}
	tb_json_end_array(&page->w);
	return err ? err : tb_buf_err(&page->body);
}

static enum tb_err put_next(struct page *page)
{
	struct tb_ledger_entry next;
	struct tb_str link;
	size_t n;
	enum tb_err err = read_chunk(page, &next, 1, &n);

	if (err || n == 0)
		return err;
	err = tb_arena_printf(page->req->arena, &link,
			      "<%.*s?after=%llu&limit=%llu>; rel=\"next\"",
			      TB_STR_ARG(page->req->path),
			      (unsigned long long)page->after,
			      (unsigned long long)page->limit);
	return err ? err : tb_response_header(page->res, "Link", link);
}

static enum tb_err put_page(struct page *page)
{
	bool is_full;
	enum tb_err err = put_entries(page, &is_full);

	if (!err && is_full)
		err = put_next(page);
	return err ? err
		   : tb_response_header(page->res, "Cache-Control",
					TB_STR("private, no-cache"));
}

void tb_resources_get_conflicts(void *state, const struct tb_request *req,
				struct tb_response *res)
{
	struct page page = { .resources = state, .req = req, .res = res };
	enum tb_err err = TB_ERR_NOMEM;

	if (!read_query(&page))
		return;
	tb_buf_init(&page.body, BODY_MAX_BYTES);
	page.w = tb_json_writer(&page.body);
	page.arena = tb_arena_create(ARENA_MAX_BYTES);
	if (page.arena)
		err = put_page(&page);
	tb_arena_destroy(page.arena);
	if (!err) {
		tb_response_body(res, 200, TB_JSON_TYPE, &page.body);
		return;
	}
	tb_buf_fini(&page.body);
	tb_response_fail(res, req, err);
}
