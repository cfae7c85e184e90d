/*
 * Jobs from a snapshot: one by its number or its name, and pages of a list.
 */
#include "base/assert.h"
#include "kernel/job_name.h"
#include "kernel/job_notes.h"
#include "kernel/job_record.h"
#include "kernel/job_sums.h"
#include "kernel/system.h"

/* ---- how many are ahead ---- */

/* The numbers of what is ready, up to TB_JOB_AHEAD_MAX of them. */
struct line {
	uint64_t *nums;
	size_t n;
};

static enum tb_err read_line(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, struct line *ret)
{
	const struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_JOBS_READY),
		.until = UINT64_MAX,
		.limit = TB_JOB_AHEAD_MAX,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err;

	ret->n = 0;
	ret->nums =
		tb_arena_calloc(arena, TB_JOB_AHEAD_MAX, sizeof(*ret->nums));
	if (ret->nums == NULL)
		return TB_ERR_NOMEM;
	err = tx->store->ops->feed_open(tx, &query, &cursor);
	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK)
		ret->nums[ret->n++] = row.num;
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* How many of the line are below a number. */
static size_t count_below(const struct line *line, uint64_t num)
{
	size_t low = 0;
	size_t high = line->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (line->nums[middle] < num)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum tb_err set_ahead(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, struct tb_job *jobs, size_t n)
{
	struct line line = { .nums = NULL };

	for (size_t i = 0; i < n; i++) {
		enum tb_err err = TB_OK;

		if (!tb_job_is_ready(&jobs[i]))
			continue;
		if (line.nums == NULL)
			err = read_line(tx, arena, org, &line);
		if (err != TB_OK)
			return err;
		jobs[i].ahead = count_below(&line, tb_job_place(&jobs[i]).num);
	}
	return TB_OK;
}

/* ---- one ---- */

/* The run that is over and still in the job's own record is the newest. */
static enum tb_err add_last_run(struct tb_arena *arena,
				const struct tb_job *job,
				struct tb_job_notes *notes)
{
	struct tb_job_run run;
	struct tb_job_run *runs;

	if (!tb_job_run_of(job, &run))
		return TB_OK;
	runs = tb_arena_calloc(arena, notes->n_runs + 1, sizeof(*runs));
	if (runs == NULL)
		return tb_arena_err(arena);
	runs[0] = run;
	for (size_t i = 0; i < notes->n_runs; i++)
		runs[i + 1] = notes->runs[i];
	notes->runs = runs;
	notes->n_runs++;
	return TB_OK;
}

enum tb_err tb_job_read(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			uint64_t id, struct tb_job *ret,
			struct tb_job_notes *ret_notes)
{
	struct tb_job_notes notes = { .n_runs = 0 };
	struct tb_record *records[2] = { NULL, NULL };
	struct tb_str name;
	struct tb_job job;
	enum tb_err err = tb_job_key(arena, id, &name);
	const struct tb_key keys[] = {
		{ .org = org, .coll = TB_COLL_JOB, .key = name },
		{ .org = org, .coll = TB_COLL_JOB_NOTES, .key = name },
	};

	if (err == TB_OK)
		err = tx->store->ops->find(tx, arena, keys,
					   ret_notes != NULL ? 2 : 1, records);
	if (err == TB_OK && records[0] == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = tb_job_decode(arena, records[0], &job);
	if (err == TB_OK)
		err = set_ahead(tx, arena, org, &job, 1);
	if (err == TB_OK && ret_notes != NULL)
		err = tb_job_notes_decode(arena, records[1], &notes);
	if (err == TB_OK && ret_notes != NULL)
		err = add_last_run(arena, &job, &notes);
	if (err != TB_OK)
		return err;
	*ret = job;
	if (ret_notes != NULL)
		*ret_notes = notes;
	return TB_OK;
}

enum tb_err tb_job_find(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			struct tb_str name, struct tb_job *ret)
{
	struct tb_job_name value;
	enum tb_err err = tb_job_name_read(tx, arena, org, name, &value);

	if (err == TB_OK && value.id == 0)
		err = TB_ERR_NOT_FOUND;
	if (err != TB_OK)
		return err;
	err = tb_job_read(tx, arena, org, value.id, ret, NULL);
	return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
}

/* ---- lists ---- */

static const enum tb_known_scope list_scopes[] = {
	[TB_JOB_LIST_ALL] = TB_SCOPE_JOBS,
	[TB_JOB_LIST_CHANGES] = TB_SCOPE_JOBS,
	[TB_JOB_LIST_READY] = TB_SCOPE_JOBS_READY,
	[TB_JOB_LIST_DUE] = TB_SCOPE_JOBS_DUE,
	[TB_JOB_LIST_ACTIVE] = TB_SCOPE_JOBS_ACTIVE,
	[TB_JOB_LIST_PAUSED] = TB_SCOPE_JOBS_PAUSED,
	[TB_JOB_LIST_COMPLETED] = TB_SCOPE_JOBS_COMPLETED,
	[TB_JOB_LIST_FAILED] = TB_SCOPE_JOBS_FAILED,
};

/* The rows of a page, and one more where there is one. */
struct rows {
	uint64_t *rids;
	uint64_t *nums;
	size_t n;
};

static enum tb_err read_rows(struct tb_tx *tx, const struct tb_job_query *query,
			     struct rows *rows)
{
	bool backwards = query->list == TB_JOB_LIST_ALL;
	const struct tb_feed_query feed = {
		.scope = tb_scope_known(query->org, list_scopes[query->list]),
		.after = backwards ? 0 : query->after,
		.until = backwards && query->after != 0 ? query->after - 1
							: UINT64_MAX,
		.limit = query->limit + 1,
		.backwards = backwards,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &feed, &cursor);

	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		rows->rids[rows->n] = row.rid;
		rows->nums[rows->n++] = row.num;
	}
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err read_jobs(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, const uint64_t *rids, size_t n,
			     struct tb_job *rets)
{
	struct tb_key *keys = tb_arena_calloc(arena, n + 1, sizeof(*keys));
	struct tb_record **records =
		tb_arena_calloc(arena, n + 1, sizeof(struct tb_record *));
	enum tb_err err;

	if (keys == NULL || records == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct tb_key) { .org = org, .rid = rids[i] };
	err = tx->store->ops->find(tx, arena, keys, n, records);
	for (size_t i = 0; err == TB_OK && i < n; i++)
		err = records[i] != NULL
			      ? tb_job_decode(arena, records[i], &rets[i])
			      : TB_ERR_CORRUPT;
	return err;
}

enum tb_err tb_job_list(struct tb_tx *tx, struct tb_arena *arena,
			const struct tb_job_query *query,
			struct tb_job_page *ret)
{
	size_t max = query->limit + 1;
	struct rows rows = {
		.rids = tb_arena_calloc(arena, max, sizeof(*rows.rids)),
		.nums = tb_arena_calloc(arena, max, sizeof(*rows.nums)),
	};
	struct tb_job_page page = { .next = query->after };
	enum tb_err err;

	TB_ASSERT(query->limit > 0 && query->limit < SIZE_MAX);
	if (rows.rids == NULL || rows.nums == NULL)
		return tb_arena_err(arena);
	err = read_rows(tx, query, &rows);
	page.has_more = rows.n == max;
	page.n = page.has_more ? query->limit : rows.n;
	if (page.n > 0)
		page.next = rows.nums[page.n - 1];
	page.jobs = tb_arena_calloc(arena, page.n + 1, sizeof(*page.jobs));
	if (page.jobs == NULL)
		return tb_arena_err(arena);
	if (err == TB_OK)
		err = read_jobs(tx, arena, query->org, rows.rids, page.n,
				page.jobs);
	if (err == TB_OK)
		err = set_ahead(tx, arena, query->org, page.jobs, page.n);
	if (err == TB_OK)
		*ret = page;
	return err;
}

uint64_t tb_job_changes_scope(uint32_t org)
{
	return tb_scope_known(org, TB_SCOPE_JOBS);
}
