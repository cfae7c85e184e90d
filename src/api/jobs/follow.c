/*
 * The feed "jobs" as clients follow it: each change of a job of the org, the
 * last of several between two looks. A cursor is the store's epoch and the
 * number of a change in the org's order.
 */
#include "api/caller.h"
#include "api/follow_cursor.h"
#include "api/follow_page.h"
#include "api/jobs/answer.h"
#include "api/jobs/handlers.h"
#include "api/jobs/listing.h"
#include "api/jobs/roles.h"

/* Of one job as it is listed. */
#define CHANGE_MAX_BYTES ((size_t)64 << 10)

static bool is_asked(const struct tb_follow_query *query)
{
	return !query->is_collection && tb_str_eq(query->name, TB_STR("jobs"));
}

/* Somebody who may not read jobs does not learn that they can be followed. */
static bool may_follow(const struct tb_principal *caller)
{
	return tb_jobs_permissions(caller) & TB_JOBS_READ;
}

/* ---- a page ---- */

/* One while it is filled, from a snapshot. */
struct page {
	struct tb_follow_filling filling;
	struct tb_tx *tx;
	struct tb_arena *batch; /* for some jobs at a time */
	struct tb_buf text;     /* for one job */
	struct tb_job_sums sums;
	struct tb_jobs_moment moment;
	struct tb_follow_cursor cursor; /* behind what was added */
	bool has_more;
};

static enum tb_err add(struct page *page, const struct tb_job *job,
		       bool *ret_fits)
{
	struct tb_json_writer w = tb_json_writer(&page->text);
	struct tb_follow_cursor behind = { page->cursor.epoch, job->version };
	struct tb_follow_change change = { .lead = TB_STR("\"job\":") };
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	enum tb_err err;

	tb_buf_reset(&page->text);
	tb_jobs_put_listed(&w, job, &page->moment);
	err = tb_buf_err(&page->text);
	change.text = tb_buf_str(&page->text);
	change.cursor = tb_follow_cursor_put(&behind, text);
	if (!err)
		err = tb_follow_add(&page->filling, &change, ret_fits);
	if (!err && *ret_fits)
		page->cursor = behind;
	return err;
}

/* Up to `max` more jobs; `*ret_n` is how many were there. */
static enum tb_err add_batch(struct page *page, size_t max, size_t *ret_n)
{
	const struct tb_follow_query *query = page->filling.query;
	struct tb_job_query ask = {
		.org = query->principal->org,
		.list = TB_JOB_LIST_CHANGES,
		.after = page->cursor.num,
		.limit = max < TB_JOBS_BATCH_MAX ? max : TB_JOBS_BATCH_MAX,
	};
	struct tb_job_page found;
	bool fits = true;
	enum tb_err err;

	tb_arena_reset(page->batch);
	err = tb_job_list(page->tx, page->batch, &ask, &found);
	for (size_t i = 0; !err && fits && i < found.n; i++)
		err = add(page, &found.jobs[i], &fits);
	if (err)
		return err;
	page->has_more = found.has_more || !fits;
	*ret_n = fits ? found.n : 0;
	return TB_OK;
}

static enum tb_err fill(struct page *page)
{
	uint32_t org = page->filling.query->principal->org;
	size_t left = page->filling.query->limit;
	size_t n = 1;
	enum tb_err err =
		tb_job_sums_read(page->tx, page->batch, org, &page->sums);

	page->has_more = true;
	while (!err && left > 0 && n > 0 && page->has_more) {
		err = add_batch(page, left, &n);
		left -= n;
	}
	return err;
}

static enum tb_err read_page(const struct tb_jobs *jobs, struct tb_tx *tx,
			     const struct tb_follow_query *query,
			     const struct tb_follow_cursor *after,
			     struct tb_follow_cursor end,
			     struct tb_follow_page *ret)
{
	struct page page = { .filling = { .query = query },
			     .tx = tx,
			     .cursor = *after };
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	enum tb_err err;

	page.batch = tb_arena_create(TB_JOBS_BATCH_BYTES);
	if (!page.batch)
		return TB_ERR_NOMEM;
	page.moment = tb_jobs_now(jobs, &page.sums);
	tb_buf_init(&page.text, CHANGE_MAX_BYTES);
	err = fill(&page);
	if (!err)
		err = tb_follow_finish(
			&page.filling,
			tb_follow_cursor_put(
				page.has_more ? &page.cursor : &end, text),
			page.has_more, ret);
	tb_buf_fini(&page.text);
	tb_arena_destroy(page.batch);
	return err;
}

/* ---- where it begins ---- */

/* A peek asks memory, which from now on has the answer. */
static enum tb_err remember(const struct tb_jobs *jobs, uint32_t org)
{
	uint64_t scope = tb_job_changes_scope(org);
	struct tb_heads heads;
	uint64_t end;

	if (tb_core_find_scopes(jobs->core, org, &scope, 1, &heads, &end))
		return TB_OK;
	return tb_core_load_scopes(jobs->core, org, &scope, 1, &heads, &end);
}

static enum tb_err answer(const struct tb_jobs *jobs, struct tb_tx *tx,
			  const struct tb_follow_query *query,
			  struct tb_follow_page *ret)
{
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	struct tb_follow_cursor after;
	struct tb_follow_cursor end;
	struct tb_org org;
	enum tb_err err =
		tx->store->ops->org_get(tx, query->principal->org, &org);

	if (err)
		return err;
	end = (struct tb_follow_cursor) { org.epoch, org.head };
	if (query->after.n == 0)
		return tb_follow_stand(query, tb_follow_cursor_put(&end, text),
				       ret);
	err = tb_follow_cursor_parse(query->after, &after);
	/* It is of another store, or ahead of one that was restored. */
	if (!err && (after.epoch != end.epoch || after.num > end.num))
		err = TB_ERR_RESYNC;
	if (err)
		return err;
	if (query->limit == 0)
		return tb_follow_stand(query, tb_follow_cursor_put(&end, text),
				       ret);
	return read_page(jobs, tx, query, &after, end, ret);
}

static enum tb_err answer_caller(const struct tb_jobs *jobs,
				 const struct tb_principal *caller,
				 const struct tb_follow_query *query,
				 struct tb_follow_page *ret)
{
	struct tb_tx *tx;
	enum tb_err err;

	if (!may_follow(caller))
		return TB_ERR_NOT_FOUND;
	err = remember(jobs, caller->org);
	if (!err)
		err = tb_core_read(jobs->core, &tx);
	if (err)
		return err;
	err = answer(jobs, tx, query, ret);
	tb_core_read_end(tx);
	return err;
}

enum tb_err tb_jobs_follow(void *state, const struct tb_follow_query *query,
			   struct tb_follow_page *ret)
{
	const struct tb_jobs *jobs = state;
	const struct tb_principal *renewed;
	enum tb_err err;

	if (!is_asked(query))
		return TB_ERR_NOT_FOUND;
	err = tb_api_renew_caller(jobs->core, jobs->auth, query->principal,
				  &renewed);
	if (err)
		return err;
	err = answer_caller(jobs, renewed ? renewed : query->principal, query,
			    ret);
	tb_principal_unref(renewed);
	return err;
}

/* ---- from memory ---- */

bool tb_jobs_follow_peek(void *state, const struct tb_follow_query *query)
{
	const struct tb_jobs *jobs = state;
	uint32_t org = query->principal->org;
	uint64_t scope = tb_job_changes_scope(org);
	struct tb_heads heads;
	struct tb_follow_cursor cursor;
	uint64_t end;

	if (!is_asked(query))
		return false;
	return tb_follow_cursor_parse(query->after, &cursor) ||
	       !tb_core_find_scopes(jobs->core, org, &scope, 1, &heads, &end) ||
	       cursor.epoch != heads.epoch || cursor.num > heads.head ||
	       cursor.num < end;
}
