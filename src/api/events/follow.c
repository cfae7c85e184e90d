/*
 * The feed `events`: the history as clients follow it live, as far as the
 * caller may view it. The cursors are those of the history, so that a client
 * may go on here from there, and there from here.
 */
#include "api/caller.h"
#include "api/events/handlers.h"
#include "api/events/query.h"
#include "api/events/reader.h"
#include "api/events/stand.h"
#include "api/events/state.h"
#include "api/follow_page.h"

/* For one page, where most are left out. */
#define LOOKED_AT_MAX ((uint64_t)16 * TB_SEGMENT_EVENTS)

/* A page while it is filled. */
struct page {
	struct tb_follow_filling filling;
	const struct tb_events_stand *stand;
};

/* Who may ask, and where to go on: `ret_after` has no cursor and is not given
 * where it is from now on. */
static enum tb_err read_asked(const struct tb_follow_query *follow,
			      struct tb_events_query *ret_after)
{
	struct tb_str after = follow->after.n ? follow->after : TB_STR_NONE;

	*ret_after = (struct tb_events_query) { .limit = 0 };
	if (follow->is_collection ||
	    !tb_str_eq(follow->name, TB_STR("events")) ||
	    follow->principal->kind != TB_PRINCIPAL_USER)
		return TB_ERR_NOT_FOUND;
	return tb_events_query_read_after(after, ret_after);
}

/* ---- a page ---- */

static enum tb_err take(void *ctx, uint64_t num, struct tb_str body,
			bool *ret_fits)
{
	struct page *page = ctx;
	struct tb_events_cursor cursor =
		tb_events_stand_cursor(page->stand, num);
	char text[TB_EVENTS_CURSOR_MAX_BYTES];
	struct tb_follow_change change = {
		.lead = TB_STR("\"event\":"),
		.text = body,
		.cursor = tb_events_cursor_text(&cursor, text),
	};

	return tb_follow_add(&page->filling, &change, ret_fits);
}

static enum tb_err read_page(const struct tb_events *events,
			     const struct tb_events_stand *stand,
			     const struct tb_follow_query *follow, uint64_t at,
			     struct tb_follow_page *ret)
{
	struct page page = { .filling = { .query = follow }, .stand = stand };
	struct tb_events_reader reader = {
		.core = events->core,
		.index = tb_segments_index(events->segments),
		.history = stand->history,
		.filter = { .acl = stand->view.acl, .user = stand->view.user },
	};
	struct tb_events_batch batch = {
		.take = take,
		.ctx = &page,
		.max_events = follow->limit,
		.max_looked_at = LOOKED_AT_MAX,
	};
	char text[TB_EVENTS_CURSOR_MAX_BYTES];
	struct tb_events_cursor cursor;
	enum tb_err err;

	tb_events_reader_seek(&reader, at, stand->head);
	err = tb_events_read(&reader, &batch);
	if (err)
		return err;
	cursor = tb_events_stand_cursor(stand, reader.at);
	return tb_follow_finish(&page.filling,
				tb_events_cursor_text(&cursor, text),
				reader.at < reader.head, ret);
}

/* Where the history API starts over, the client has to here. */
static enum tb_err judge(const struct tb_events *events,
			 const struct tb_events_stand *stand,
			 const struct tb_events_query *after)
{
	enum tb_events_verdict verdict = TB_EVENTS_GOES_ON;
	enum tb_err err = TB_OK;

	if (after->has_cursor)
		err = tb_events_stand_resolve(stand, events->rules,
					      &after->after, &verdict);
	if (!err && verdict == TB_EVENTS_STARTS_OVER)
		err = TB_ERR_RESYNC;
	return err;
}

static enum tb_err answer(const struct tb_events *events,
			  const struct tb_events_stand *stand,
			  const struct tb_follow_query *follow,
			  const struct tb_events_query *after,
			  struct tb_follow_page *ret)
{
	struct tb_events_cursor end =
		tb_events_stand_cursor(stand, stand->head);
	char text[TB_EVENTS_CURSOR_MAX_BYTES];
	enum tb_err err = judge(events, stand, after);

	if (err)
		return err;
	if (follow->limit == 0 || !after->is_given)
		return tb_follow_stand(follow,
				       tb_events_cursor_text(&end, text), ret);
	return read_page(events, stand, follow, after->after.num, ret);
}

/* By the rules of now, for the caller as the account is now. */
static enum tb_err answer_caller(const struct tb_events *events,
				 const struct tb_principal *caller,
				 const struct tb_follow_query *follow,
				 const struct tb_events_query *after,
				 struct tb_follow_page *ret)
{
	struct tb_events_stand stand;
	struct tb_rules rules;
	enum tb_err err = tb_rules_get(events->rules, caller->org, &rules);

	if (err)
		return err;
	err = tb_events_stand_open(&stand, events->core, caller, &rules);
	if (!err) {
		err = answer(events, &stand, follow, after, ret);
		tb_events_stand_close(&stand);
	}
	tb_rules_release(&rules);
	return err;
}

enum tb_err tb_events_follow(void *state, const struct tb_follow_query *follow,
			     struct tb_follow_page *ret)
{
	const struct tb_events *events = state;
	const struct tb_principal *renewed;
	struct tb_events_query after;
	enum tb_err err = read_asked(follow, &after);

	if (!err)
		err = tb_api_renew_caller(events->core, events->auth,
					  follow->principal, &renewed);
	if (err)
		return err;
	err = answer_caller(events, renewed ? renewed : follow->principal,
			    follow, &after, ret);
	tb_principal_unref(renewed);
	return err;
}

/* ---- from memory ---- */

/* The cursor is at the end, and says all that the view shows up to there. */
static bool is_at_end(const struct tb_events_stand *stand,
		      const struct tb_events_query *after)
{
	return after->after.num == stand->head &&
	       (!after->has_cursor ||
		tb_events_stand_judge(stand, &after->after) ==
			TB_EVENTS_GOES_ON);
}

bool tb_events_follow_peek(void *state, const struct tb_follow_query *follow)
{
	const struct tb_events *events = state;
	const struct tb_principal *caller = follow->principal;
	struct tb_events_stand stand;
	struct tb_events_query after;
	struct tb_rules rules;
	enum tb_err err = read_asked(follow, &after);
	bool is_done = false;

	if (err == TB_ERR_NOT_FOUND)
		return false;
	if (err || !after.is_given ||
	    !tb_rules_find(events->rules, caller->org, &rules))
		return true;
	if (rules.generation == caller->generation &&
	    !tb_events_stand_open(&stand, events->core, caller, &rules)) {
		is_done = is_at_end(&stand, &after);
		tb_events_stand_close(&stand);
	}
	tb_rules_release(&rules);
	return !is_done;
}
