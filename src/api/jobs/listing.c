#include "api/jobs/listing.h"

#include "base/assert.h"
#include "base/buf.h"

struct tb_jobs_lists {
	struct {
		enum tb_job_list list;
		/* Only those of the state that is asked for are meant. */
		bool is_mixed;
	} lists[2];
	size_t n;
	enum tb_job_state state; /* of the mixed ones */
};

static const struct tb_jobs_lists all_lists = {
	.lists = { { TB_JOB_LIST_ALL, false } },
	.n = 1,
};

/* Among those that are ready are active ones that are to be taken over. */
static const struct tb_jobs_lists state_lists[TB_JOB_STATES] = {
	[TB_JOB_QUEUED] = { { { TB_JOB_LIST_READY, true },
			      { TB_JOB_LIST_DUE, false } },
			    2,
			    TB_JOB_QUEUED },
	[TB_JOB_ACTIVE] = { { { TB_JOB_LIST_ACTIVE, false },
			      { TB_JOB_LIST_READY, true } },
			    2,
			    TB_JOB_ACTIVE },
	[TB_JOB_PAUSED] = { { { TB_JOB_LIST_PAUSED, false } },
			    1,
			    TB_JOB_PAUSED },
	[TB_JOB_COMPLETED] = { { { TB_JOB_LIST_COMPLETED, false } },
			       1,
			       TB_JOB_COMPLETED },
	[TB_JOB_FAILED] = { { { TB_JOB_LIST_FAILED, false } },
			    1,
			    TB_JOB_FAILED },
};

/* ---- places ---- */

struct tb_str tb_jobs_place_text(const struct tb_jobs_place *place,
				 char buf[TB_JOBS_PLACE_MAX_BYTES])
{
	struct tb_buf text;

	tb_buf_init_fixed(&text, buf, TB_JOBS_PLACE_MAX_BYTES);
	tb_buf_append_u64(&text, place->list);
	tb_buf_append_char(&text, '-');
	tb_buf_append_u64(&text, place->after);
	TB_ASSERT(!tb_buf_err(&text));
	return tb_buf_str(&text);
}

void tb_jobs_listing_begin(struct tb_jobs_listing *listing, struct tb_tx *tx,
			   uint32_t org, const enum tb_job_state *state)
{
	*listing = (struct tb_jobs_listing) {
		.tx = tx,
		.org = org,
		.lists = state ? &state_lists[*state] : &all_lists,
	};
}

enum tb_err tb_jobs_listing_seek(struct tb_jobs_listing *listing,
				 struct tb_str place)
{
	const struct tb_jobs_lists *lists = listing->lists;
	uint64_t list;
	uint64_t after;
	enum tb_err err = tb_str_to_u64(tb_str_cut(&place, '-'), &list);

	if (!err)
		err = tb_str_to_u64(place, &after);
	if (err)
		return err;
	for (size_t i = 0; i < lists->n; i++) {
		if (lists->lists[i].list != list)
			continue;
		listing->at = i;
		listing->after = after;
		return TB_OK;
	}
	return TB_ERR_INVALID;
}

struct tb_jobs_place
tb_jobs_listing_place(const struct tb_jobs_listing *listing)
{
	return (struct tb_jobs_place) {
		.list = listing->lists->lists[listing->at].list,
		.after = listing->after,
	};
}

/* ---- jobs ---- */

/* Leaves those that are meant. Of a mixed list these are together: behind the
 * last active one none is active. */
static void leave_meant(const struct tb_jobs_listing *listing,
			struct tb_job_page *page)
{
	enum tb_job_state state = listing->lists->state;
	size_t n = 0;

	for (size_t i = 0; i < page->n; i++)
		if (page->jobs[i].state == state)
			page->jobs[n++] = page->jobs[i];
	if (state == TB_JOB_ACTIVE && n < page->n)
		page->has_more = false;
	page->n = n;
}

static void go_on(struct tb_jobs_listing *listing,
		  const struct tb_job_page *page)
{
	listing->after = page->next;
	if (page->has_more)
		return;
	listing->is_over = listing->at + 1 == listing->lists->n;
	if (listing->is_over)
		return;
	listing->at++;
	listing->after = 0;
}

enum tb_err tb_jobs_listing_next(struct tb_jobs_listing *listing,
				 struct tb_arena *arena, size_t max,
				 const struct tb_job **ret, size_t *ret_n)
{
	bool is_mixed = listing->lists->lists[listing->at].is_mixed;
	struct tb_job_query query = {
		.org = listing->org,
		.list = listing->lists->lists[listing->at].list,
		.after = listing->after,
		.limit = max < TB_JOBS_BATCH_MAX ? max : TB_JOBS_BATCH_MAX,
	};
	struct tb_job_page page;
	enum tb_err err = tb_job_list(listing->tx, arena, &query, &page);

	if (err)
		return err;
	if (is_mixed)
		leave_meant(listing, &page);
	go_on(listing, &page);
	*ret = page.jobs;
	*ret_n = page.n;
	return TB_OK;
}
