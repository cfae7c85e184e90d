/*
 * Collections as clients follow them live: what the changes of a collection
 * show to the caller, as a download shows it. The cursors are those of pages,
 * so that a client may go on here from there, and there from here.
 */
#include "api/caller.h"
#include "api/follow_page.h"
#include "api/resources/call.h"
#include "api/resources/handlers.h"
#include "api/resources/reader.h"
#include "api/resources/walk.h"

/* Who has not been given anything for so many changes of the org gets a new
 * cursor, lest the old one be told to start over for traces that were dropped
 * meanwhile. */
#define CURSOR_NUMS_MAX 65536
/* In front of a record: its id twice as long as a key, each byte an escape. */
#define LEAD_MAX_BYTES ((size_t)64 << 10)

/* What is asked. */
struct asked {
	struct tb_resources *resources;
	const struct tb_follow_query *follow;
	struct tb_resources_query query;
	struct tb_reader_options options;
};

/* A page that is a walk's sink. */
struct page {
	struct tb_walk_sink sink; /* first */
	struct tb_follow_filling filling;
	struct tb_resources_cursor cursor; /* of the last change */
	struct tb_buf lead;
};

/* ---- the question ---- */

/* A cursor, or the X-Last-Sync of a download. */
static enum tb_err read_after(struct asked *asked)
{
	const struct tb_follow_query *follow = asked->follow;
	struct tb_core *core = asked->resources->core;
	struct tb_resources_query *query = &asked->query;
	struct tb_str message;
	struct tb_heads heads;
	enum tb_err err;

	query->with_deleted = true;
	if (follow->after.n == 0)
		return TB_OK;
	query->has_after =
		!tb_resources_cursor_parse(follow->after, &query->after);
	if (query->has_after)
		return TB_OK;
	query->has_since = true;
	err = tb_core_heads(core, follow->principal->org, &heads);
	return err ? err
		   : tb_resources_time_read(
			     follow->arena, follow->after,
			     tb_resources_latest_us(tb_core_now_us(core),
						    heads.last_us),
			     &query->since_us, &message);
}

static enum tb_err open_asked(struct asked *asked, void *state,
			      const struct tb_follow_query *follow)
{
	struct tb_resources *resources = state;
	const struct tb_principal *caller = follow->principal;
	const struct tb_layout *layout = NULL;

	*asked = (struct asked) { .resources = resources, .follow = follow };
	if (follow->is_collection && caller->kind == TB_PRINCIPAL_USER)
		layout = tb_resources_find_layout(resources, follow->name);
	if (!layout)
		return TB_ERR_NOT_FOUND;
	if (!tb_resources_is_token_young(layout->collection, caller,
					 tb_core_now_us(resources->core)))
		return TB_ERR_UNAUTHENTICATED;
	asked->options = (struct tb_reader_options) {
		.core = resources->core,
		.sights = resources->sights,
		.arena = follow->arena,
		.principal = caller,
		.layout = layout,
		.query = &asked->query,
	};
	return read_after(asked);
}

/* ---- a page ---- */

/* The same as in a download, behind the id by which it is known here. */
static enum tb_err change_of(struct page *page, const struct tb_walk_item *item,
			     struct tb_follow_change *ret)
{
	struct tb_buf *lead = &page->lead;
	struct tb_str text = item->text;

	tb_buf_reset(lead);
	if (item->is_gone) {
		text = tb_str(text.p + 1, text.n - 2);
	} else {
		tb_buf_append_z(lead, "\"id\":");
		tb_buf_append_str(lead, tb_render_id(text));
		tb_buf_append_z(lead, ",\"data\":");
	}
	*ret = (struct tb_follow_change) { .lead = tb_buf_str(lead),
					   .text = text };
	return tb_buf_err(lead);
}

static enum tb_err put(struct tb_walk_sink *sink,
		       const struct tb_walk_item *item, bool *ret_fits)
{
	struct page *page = (struct page *)sink;
	struct tb_resources_cursor cursor = page->cursor;
	char text[TB_RESOURCES_CURSOR_MAX_BYTES];
	struct tb_follow_change change;
	enum tb_err err = change_of(page, item, &change);

	if (err)
		return err;
	cursor.num = item->num;
	change.cursor = tb_resources_cursor_text(&cursor, text);
	err = tb_follow_add(&page->filling, &change, ret_fits);
	if (!err && *ret_fits)
		page->cursor = cursor;
	return err;
}

/* How far the walk has come. A page that is full ends with its last change, a
 * slice that is over where it is, and else nothing is left. */
static bool has_more(const struct tb_walk *walk, struct page *page)
{
	if (!walk->is_over)
		page->cursor.num = walk->at;
	else if (!walk->has_next)
		page->cursor.num = walk->reader->org.head;
	return !walk->is_over || walk->has_next;
}

/* One slice, in the snapshot that is open. */
static enum tb_err fill(struct tb_reader *reader, struct page *page,
			bool *ret_has_more)
{
	struct tb_walk *walk = NULL;
	enum tb_err err = tb_walk_create(reader, &page->sink, &walk);

	if (!err)
		err = tb_walk_begin(walk);
	if (!err)
		err = tb_walk_feeds(walk);
	if (!err)
		*ret_has_more = has_more(walk, page);
	tb_walk_destroy(walk);
	return err;
}

static enum tb_err read_page(struct tb_reader *reader,
			     const struct tb_follow_query *follow,
			     struct tb_follow_page *ret)
{
	struct page page = {
		.sink = { .put = put },
		.filling = { .query = follow },
		.cursor = { .epoch = reader->org.epoch,
			    .num = reader->org.head,
			    .began = reader->query.after.began },
	};
	char text[TB_RESOURCES_CURSOR_MAX_BYTES];
	bool has_more = false;
	enum tb_err err = TB_OK;

	tb_buf_init(&page.lead, LEAD_MAX_BYTES);
	if (follow->limit > 0)
		err = fill(reader, &page, &has_more);
	if (!err)
		err = tb_follow_finish(
			&page.filling,
			tb_resources_cursor_text(&page.cursor, text), has_more,
			ret);
	tb_buf_fini(&page.lead);
	return err;
}

/* What the HTTP API answers with 410 is RESYNC here. */
static enum tb_err go_on(const struct asked *asked, struct tb_follow_page *ret)
{
	struct tb_reader reader = { .tx = NULL };
	enum tb_err err = tb_reader_open(&reader, &asked->options);

	if (!err)
		err = tb_reader_judge(&reader);
	if (!err)
		err = read_page(&reader, asked->follow, ret);
	tb_reader_close(&reader);
	if (!err)
		tb_reader_remember(&reader);
	return err;
}

/* ---- from now on ---- */

static enum tb_err stand(const struct asked *asked, struct tb_follow_page *ret)
{
	char text[TB_RESOURCES_CURSOR_MAX_BYTES];
	struct tb_resources_cursor cursor;
	struct tb_heads heads;
	enum tb_err err = tb_core_heads(asked->resources->core,
					asked->options.principal->org, &heads);

	if (err)
		return err;
	cursor = (struct tb_resources_cursor) { .epoch = heads.epoch,
						.num = heads.head };
	return tb_follow_stand(asked->follow,
			       tb_resources_cursor_text(&cursor, text), ret);
}

enum tb_err tb_resources_follow(void *state,
				const struct tb_follow_query *follow,
				struct tb_follow_page *ret)
{
	const struct tb_principal *renewed;
	struct asked asked;
	enum tb_err err = open_asked(&asked, state, follow);

	if (!err)
		err = tb_api_renew_caller(asked.resources->core,
					  asked.resources->auth,
					  follow->principal, &renewed);
	if (err)
		return err;
	if (renewed)
		asked.options.principal = renewed;
	err = follow->after.n > 0 ? go_on(&asked, ret) : stand(&asked, ret);
	tb_principal_unref(renewed);
	return err;
}

/* ---- from memory ---- */

/* Nothing of what the caller sees has a number above the cursor's. */
static bool is_at_end(const struct tb_resources_cursor *after,
		      const struct tb_reader_ends *ends)
{
	const struct tb_heads *heads = &ends->heads;

	if (after->epoch != heads->epoch || after->num > heads->head ||
	    heads->head - after->num > CURSOR_NUMS_MAX)
		return false;
	for (size_t i = 0; i < ends->sight.n; i++)
		if (ends->nums[i] > after->num)
			return false;
	return true;
}

bool tb_resources_follow_peek(void *state, const struct tb_follow_query *follow)
{
	struct tb_reader_ends ends;
	struct asked asked;
	enum tb_err err = open_asked(&asked, state, follow);

	if (err == TB_ERR_NOT_FOUND)
		return false;
	return err || !asked.query.has_after ||
	       !tb_reader_find_ends(&asked.options, &ends) ||
	       !is_at_end(&asked.query.after, &ends);
}
