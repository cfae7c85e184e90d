/*
 * The feed `central` as sites and administrators follow it live. A cursor is a
 * sequence of the feed, as in GET central_records. Nothing is kept for who
 * follows: deletions stay for those who pull, and who has missed one that is
 * gone is told to start over.
 *
 * Who began at 0 did so behind the deletions that were gone then. As long as
 * its cursors are lower than those they say so: "<sequence>-<floor>".
 */
#include "api/caller.h"
#include "api/follow_page.h"
#include "api/sites/handlers.h"
#include "api/sites/page.h"
#include "api/sites/reader.h"

#define CURSOR_MAX_BYTES 48

struct cursor {
	uint64_t num;
	uint64_t floor; /* as it was when the reader began at 0; or 0 */
};

/* A page while it is filled. */
struct page {
	struct tb_follow_filling filling;
	struct tb_page row; /* for one row at a time */
	uint64_t floor;     /* the reader's own */
	bool is_full;
	enum tb_err err;
};

/* ---- cursors ---- */

static enum tb_err parse_cursor(struct tb_str text, struct cursor *ret)
{
	struct cursor cursor = { .floor = 0 };
	enum tb_err err = tb_str_to_u64(tb_str_cut(&text, '-'), &cursor.num);

	if (!err && text.p)
		err = tb_str_to_u64(text, &cursor.floor);
	if (!err)
		*ret = cursor;
	return err;
}

static struct tb_str cursor_text(uint64_t num, uint64_t floor,
				 char buf[CURSOR_MAX_BYTES])
{
	struct tb_buf text;

	tb_buf_init_fixed(&text, buf, CURSOR_MAX_BYTES);
	tb_buf_append_u64(&text, num);
	if (num < floor) {
		tb_buf_append_char(&text, '-');
		tb_buf_append_u64(&text, floor);
	}
	return tb_buf_str(&text);
}

/* ---- the question ---- */

static bool is_asked(const struct tb_follow_query *follow)
{
	return !follow->is_collection &&
	       tb_str_eq(follow->name, TB_STR("central"));
}

/* What of the deletions that are gone the reader need not have seen. */
static enum tb_err find_floor(struct tb_sites *sites,
			      const struct tb_principal *caller,
			      const struct tb_follow_query *follow,
			      const struct cursor *after, uint64_t *ret)
{
	struct tb_heads heads;
	enum tb_err err = tb_core_heads(sites->core, caller->org, &heads);
	uint64_t floor;

	if (err)
		return err;
	floor = heads.floor[TB_DENSE_CENTRAL];
	*ret = after->num == 0 ? floor : after->floor;
	if (after->num >= floor || *ret >= floor ||
	    caller->kind != TB_PRINCIPAL_SITE)
		return TB_OK;
	return tb_sites_reader_look(sites, follow->arena, caller, after->num,
				    floor, ret);
}

/* ---- a page ---- */

/* A row as in a page of its own, without the brackets. */
static struct tb_str row_text(struct page *page, const struct tb_delivery *row)
{
	struct tb_buf *buf = &page->row.buf;

	tb_buf_reset(buf);
	page->row.n = 0;
	if (!tb_page_take(&page->row, row)) {
		page->err = tb_buf_err(buf);
		return TB_STR_NONE;
	}
	return tb_str(buf->p + 1, buf->n - 1);
}

static bool take(void *ctx, const struct tb_delivery *row)
{
	struct page *page = ctx;
	char cursor[CURSOR_MAX_BYTES];
	struct tb_follow_change change = {
		.lead = TB_STR("\"change\":"),
		.text = row_text(page, row),
		.cursor = cursor_text(row->sequence, page->floor, cursor),
	};
	bool fits = false;

	if (!page->err)
		page->err = tb_follow_add(&page->filling, &change, &fits);
	page->is_full = !fits;
	return fits;
}

static enum tb_err read_rows(struct tb_sites *sites, uint32_t org,
			     struct page *page, const struct cursor *after,
			     struct tb_central_page *ret)
{
	const struct tb_follow_query *follow = page->filling.query;
	struct tb_delivery_reader reader = {
		.core = sites->core,
		.arena = follow->arena,
		.org = org,
		.take = take,
		.ctx = page,
		.central_floor = page->floor,
	};
	enum tb_err err = tb_core_read(reader.core, &reader.tx);

	if (err)
		return err;
	err = tb_delivery_central(&reader, after->num, follow->limit, true,
				  ret);
	tb_core_read_end(reader.tx);
	return err ? err : page->err;
}

static enum tb_err read_page(struct tb_sites *sites, uint32_t org,
			     struct page *page, const struct cursor *after,
			     struct tb_follow_page *ret)
{
	const struct tb_follow_query *follow = page->filling.query;
	struct tb_central_page central;
	char cursor[CURSOR_MAX_BYTES];
	bool has_more;
	enum tb_err err = read_rows(sites, org, page, after, &central);

	if (err)
		return err;
	has_more = follow->limit > 0 && central.last < central.head &&
		   (page->is_full || central.n == follow->limit);
	return tb_follow_finish(
		&page->filling,
		cursor_text(has_more ? central.last : central.head, page->floor,
			    cursor),
		has_more, ret);
}

static enum tb_err go_on(struct tb_sites *sites,
			 const struct tb_principal *caller,
			 const struct tb_follow_query *follow,
			 struct tb_follow_page *ret)
{
	const struct tb_page_options form = {
		.form = TB_PAGE_PLAIN,
		.central_site_id = sites->options->central_site_id,
	};
	struct page page = { .filling = { .query = follow } };
	struct cursor after;
	enum tb_err err = parse_cursor(follow->after, &after);

	if (!err)
		err = find_floor(sites, caller, follow, &after, &page.floor);
	if (err)
		return err;
	tb_page_init(&page.row, &form);
	err = read_page(sites, caller->org, &page, &after, ret);
	tb_page_fini(&page.row);
	return err;
}

static enum tb_err stand(struct tb_sites *sites,
			 const struct tb_follow_query *follow,
			 struct tb_follow_page *ret)
{
	char cursor[CURSOR_MAX_BYTES];
	struct tb_heads heads;
	enum tb_err err =
		tb_core_heads(sites->core, follow->principal->org, &heads);

	return err ? err
		   : tb_follow_stand(follow,
				     cursor_text(heads.dense[TB_DENSE_CENTRAL],
						 0, cursor),
				     ret);
}

enum tb_err tb_sites_follow(void *state, const struct tb_follow_query *follow,
			    struct tb_follow_page *ret)
{
	struct tb_sites *sites = state;
	const struct tb_principal *caller = follow->principal;
	const struct tb_principal *renewed;
	enum tb_err err;

	if (!is_asked(follow))
		return TB_ERR_NOT_FOUND;
	err = tb_api_renew_caller(sites->core, sites->auth, caller, &renewed);
	if (err)
		return err;
	if (renewed)
		caller = renewed;
	if (!tb_principal_is(caller, TB_WHO_SITE | TB_WHO_ADMIN))
		err = TB_ERR_NOT_FOUND;

	else if (follow->after.n == 0)
		err = stand(sites, follow, ret);
	else
		err = go_on(sites, caller, follow, ret);
	tb_principal_unref(renewed);
	return err;
}

/* ---- from memory ---- */

bool tb_sites_follow_peek(void *state, const struct tb_follow_query *follow)
{
	struct tb_sites *sites = state;
	struct tb_heads heads;
	struct cursor after;

	if (!is_asked(follow))
		return false;
	return parse_cursor(follow->after, &after) ||
	       tb_core_heads(sites->core, follow->principal->org, &heads) ||
	       after.num != heads.dense[TB_DENSE_CENTRAL];
}
