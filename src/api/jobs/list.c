/*
 * GET jobs: a page of them.
 */
#include "api/jobs/answer.h"
#include "api/jobs/errors.h"
#include "api/jobs/handlers.h"
#include "api/jobs/listing.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

/* What is asked for. */
struct query {
	bool has_state;
	enum tb_job_state state;
	uint64_t limit;
	struct tb_str after; /* empty: from the beginning */
};

static enum tb_err refuse(struct tb_str *ret_flaw, struct tb_str flaw)
{
	*ret_flaw = flaw;
	return TB_ERR_INVALID;
}

/* A parameter that is empty is as good as missing. INVALID: it is no text. */
static enum tb_err take_query(const struct tb_request *req, struct query *ret,
			      struct tb_str *ret_flaw)
{
	struct tb_str text = TB_STR_NONE;
	enum tb_err err = tb_request_query(req, "status", &text);

	*ret = (struct query) { .limit = LIMIT_DEFAULT };
	if (!err && text.n > 0) {
		ret->has_state = true;
		if (!tb_job_state_parse(text, &ret->state))
			err = TB_ERR_INVALID;
	}
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_JOBS_BAD_STATUS));
	if (!err)
		err = tb_request_query(req, "limit", &text);
	if (!err && text.n > 0)
		err = tb_str_to_u64(text, &ret->limit);
	if (err == TB_ERR_INVALID ||
	    (!err && (ret->limit == 0 || ret->limit > LIMIT_MAX)))
		return refuse(ret_flaw, TB_STR(TB_JOBS_BAD_LIMIT));
	if (!err)
		err = tb_request_query(req, "after", &ret->after);
	if (err == TB_ERR_INVALID)
		return refuse(ret_flaw, TB_STR(TB_JOBS_BAD_AFTER));
	return err;
}

/* ---- the answer ---- */

static enum tb_err put_jobs(struct tb_json_writer *w,
			    struct tb_jobs_listing *listing,
			    struct tb_arena *batch, size_t left,
			    const struct tb_jobs_moment *moment)
{
	const struct tb_job *jobs;
	size_t n;

	while (left > 0 && !listing->is_over) {
		enum tb_err err;

		tb_arena_reset(batch);
		err = tb_jobs_listing_next(listing, batch, left, &jobs, &n);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			tb_jobs_put_listed(w, &jobs[i], moment);
		left -= n;
	}
	return TB_OK;
}

/* Where the next page begins, if there is anything on it. */
static enum tb_err put_next(struct tb_json_writer *w,
			    const struct tb_jobs_listing *listing,
			    struct tb_arena *batch)
{
	struct tb_jobs_place place = tb_jobs_listing_place(listing);
	struct tb_jobs_listing ahead = *listing;
	char text[TB_JOBS_PLACE_MAX_BYTES];
	const struct tb_job *job;
	size_t n = 0;

	while (n == 0 && !ahead.is_over) {
		enum tb_err err;

		tb_arena_reset(batch);
		err = tb_jobs_listing_next(&ahead, batch, TB_JOBS_BATCH_MAX,
					   &job, &n);
		if (err)
			return err;
	}
	if (n > 0)
		tb_json_kv_str(w, "next", tb_jobs_place_text(&place, text));
	else
		tb_json_kv_null(w, "next");
	return TB_OK;
}

static enum tb_err put_page(struct tb_buf *buf, const struct tb_jobs *jobs,
			    struct tb_jobs_listing *listing, size_t limit,
			    struct tb_arena *batch)
{
	struct tb_json_writer w = tb_json_writer(buf);
	struct tb_job_sums sums;
	struct tb_jobs_moment moment;
	enum tb_err err =
		tb_job_sums_read(listing->tx, batch, listing->org, &sums);

	if (err)
		return err;
	moment = tb_jobs_now(jobs, &sums);
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("jobs"));
	tb_json_begin_array(&w);
	err = put_jobs(&w, listing, batch, limit, &moment);
	tb_json_end_array(&w);
	if (!err)
		err = put_next(&w, listing, batch);
	tb_json_end_object(&w);
	return err ? err : tb_buf_err(buf);
}

static enum tb_err read_page(struct tb_buf *buf, const struct tb_jobs *jobs,
			     uint32_t org, const struct query *query,
			     struct tb_str *ret_flaw)
{
	struct tb_arena *batch = tb_arena_create(TB_JOBS_BATCH_BYTES);
	struct tb_jobs_listing listing;
	struct tb_tx *tx = NULL;
	enum tb_err err = batch ? tb_core_read(jobs->core, &tx) : TB_ERR_NOMEM;

	tb_jobs_listing_begin(&listing, tx, org,
			      query->has_state ? &query->state : NULL);
	if (!err && query->after.n > 0 &&
	    tb_jobs_listing_seek(&listing, query->after))
		err = refuse(ret_flaw, TB_STR(TB_JOBS_BAD_AFTER));
	if (!err)
		err = put_page(buf, jobs, &listing, (size_t)query->limit,
			       batch);
	tb_core_read_end(tx);
	tb_arena_destroy(batch);
	return err;
}

void tb_jobs_get_list(void *state, const struct tb_request *req,
		      struct tb_response *res)
{
	struct tb_str flaw = TB_STR_NONE;
	struct query query;
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, TB_JOBS_ANSWER_MAX_BYTES);
	err = take_query(req, &query, &flaw);
	if (!err)
		err = read_page(&body, state, req->principal->org, &query,
				&flaw);
	if (flaw.p)
		tb_jobs_fail(res, req, 400, flaw);
	else if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_body(res, 200, TB_JSON_UTF8_TYPE, &body);
	tb_buf_fini(&body);
}
