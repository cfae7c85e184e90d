/*
 * What a runner looks at while its workers work: what is due becomes ready, and
 * what nobody works on any more is to be taken over.
 */
#include "base/assert.h"
#include "kernel/job_edit.h"
#include "kernel/job_notes.h"
#include "kernel/job_record.h"
#include "kernel/job_run.h"
#include "kernel/system.h"

/* Jobs in one commit. */
#define PROMOTE_MAX 500
#define RECLAIM_MAX 100
/* For the jobs that workers have, all of them. */
#define LOOK_ARENA_MAX_BYTES ((size_t)256 << 20)

/* ---- what a runner has to know ---- */

/* The jobs that workers have: there are no more than there are workers. */
static enum tb_err find_next_loss(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org, int64_t *ret)
{
	const struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_JOBS_ACTIVE),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_job job;
	int64_t first_us = INT64_MAX;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		err = tb_job_decode(arena, &row.record, &job);
		if (err != TB_OK)
			break;
		if (job.lease_until_us < first_us)
			first_us = job.lease_until_us;
	}
	tx->store->ops->feed_close(cursor);
	*ret = first_us;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err find_next_due(struct tb_tx *tx, uint32_t org, int64_t *ret)
{
	const struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_JOBS_DUE),
		.until = UINT64_MAX,
		.limit = 1,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->feed_next(cursor, &row);
	*ret = err == TB_OK ? tb_job_due_of(row.num) : INT64_MAX;
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

enum tb_err tb_job_look(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			struct tb_job_outlook *ret)
{
	struct tb_job_outlook outlook = { .ready = 0 };
	struct tb_job_sums sums;
	enum tb_err err = tb_job_sums_read(tx, arena, org, &sums);

	if (err == TB_OK)
		err = find_next_due(tx, org, &outlook.next_due_us);
	if (err == TB_OK)
		err = find_next_loss(tx, arena, org, &outlook.next_loss_us);
	if (err != TB_OK)
		return err;
	outlook.ready = sums.take_over;
	for (size_t i = 0; i < TB_ARRAY_LEN(sums.ready); i++)
		outlook.ready += sums.ready[i];
	*ret = outlook;
	return TB_OK;
}

/* ---- what is due ---- */

/* True if a walk would visit anything, so that a commit is worth its while. */
static enum tb_err is_any(struct tb_core *core, uint32_t org,
			  const struct tb_job_walk *walk, bool *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = tb_job_walk_would(tx, org, walk, ret);
	tb_core_read_end(tx);
	return err;
}

struct promoting {
	struct tb_commit commit;
	struct tb_job_walk walk;
	bool is_more;
};

static enum tb_err promote(void *ctx, struct tb_job_edit *edit, uint64_t rid)
{
	struct tb_open_job job;
	enum tb_err err = tb_job_open_rid(edit, rid, &job);

	(void)ctx;
	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err != TB_OK || job.job.state != TB_JOB_QUEUED ||
	    !job.job.is_waiting || job.job.due_us > edit->now_us)
		return err;
	job.job.is_waiting = false;
	return tb_job_save(edit, &job);
}

static enum tb_err promote_decide(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct promoting *p = (struct promoting *)commit;
	struct tb_job_walk walk = p->walk;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	if (err == TB_OK)
		err = tb_job_walk(&edit, &walk, promote, NULL);
	p->is_more = walk.is_more;
	return err == TB_OK ? tb_job_edit_end(&edit) : err;
}

enum tb_err tb_job_promote(struct tb_core *core, uint32_t org, bool *ret_more)
{
	static const struct tb_commit_kind kind = {
		.name = "jobs_promote",
		.gather = tb_job_gather,
		.decide = promote_decide,
	};
	struct promoting promoting = {
		.commit = { .kind = &kind, .org = org, .weight = PROMOTE_MAX },
		.walk = { .scope = TB_SCOPE_JOBS_DUE,
			  .until = tb_job_due_until(tb_core_now_us(core)),
			  .before_us = INT64_MAX,
			  .left = PROMOTE_MAX },
	};
	bool any;
	enum tb_err err = is_any(core, org, &promoting.walk, &any);

	if (err == TB_OK && any)
		err = tb_core_commit(core, &promoting.commit);
	if (err == TB_OK)
		*ret_more = any && promoting.is_more;
	return err;
}

/* ---- what is lost ---- */

struct reclaiming {
	struct tb_commit commit;
	struct tb_job_walk walk;
	bool all;
	size_t left;  /* jobs to be reclaimed in one commit */
	bool is_more; /* the result */
};

static bool is_lost(const struct tb_job *job, int64_t now_us, bool all)
{
	return job->state == TB_JOB_ACTIVE && job->token != 0 &&
	       (all || job->lease_until_us <= now_us);
}

static enum tb_err reclaim(void *ctx, struct tb_job_edit *edit, uint64_t rid)
{
	struct reclaiming *r = ctx;
	struct tb_open_job job;
	int64_t at_us = edit->now_us;
	enum tb_err err = tb_job_open_rid(edit, rid, &job);

	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err != TB_OK || !is_lost(&job.job, edit->now_us, r->all))
		return err;
	r->is_more = r->left == 0;
	if (r->is_more)
		return TB_OK;
	r->left--;
	if (at_us > job.job.lease_until_us)
		at_us = job.job.lease_until_us;
	tb_job_stop(&job.job, at_us);
	err = tb_job_move(edit, &job, TB_JOB_LOSE);
	return err == TB_OK ? tb_job_log(edit->view, job.job.id,
					 TB_STR("worker lost"))
			    : err;
}

static enum tb_err reclaim_decide(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct reclaiming *r = (struct reclaiming *)commit;
	struct tb_job_walk walk = r->walk;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	r->left = RECLAIM_MAX;
	r->is_more = false;
	if (err == TB_OK)
		err = tb_job_walk(&edit, &walk, reclaim, r);
	return err == TB_OK ? tb_job_edit_end(&edit) : err;
}

/* Whether it is worth a commit. */
static enum tb_err has_lost(struct tb_core *core, uint32_t org, bool all,
			    bool *ret)
{
	struct tb_arena *arena = tb_arena_create(LOOK_ARENA_MAX_BYTES);
	int64_t first_us = INT64_MAX;
	struct tb_tx *tx;
	enum tb_err err =
		arena != NULL ? tb_core_read(core, &tx) : TB_ERR_NOMEM;

	if (err == TB_OK) {
		err = find_next_loss(tx, arena, org, &first_us);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	*ret = all ? first_us < INT64_MAX : first_us <= tb_core_now_us(core);
	return err;
}

enum tb_err tb_job_reclaim(struct tb_core *core, uint32_t org, bool all,
			   bool *ret_more)
{
	static const struct tb_commit_kind kind = {
		.name = "jobs_reclaim",
		.gather = tb_job_gather,
		.decide = reclaim_decide,
	};
	struct reclaiming reclaiming = {
		.commit = { .kind = &kind,
			    .org = org,
			    .weight = 2 * RECLAIM_MAX },
		.walk = { .scope = TB_SCOPE_JOBS_ACTIVE,
			  .until = UINT64_MAX,
			  .before_us = INT64_MAX,
			  .left = SIZE_MAX },
		.all = all,
	};
	bool any;
	enum tb_err err = has_lost(core, org, all, &any);

	if (err == TB_OK && any)
		err = tb_core_commit(core, &reclaiming.commit);
	if (err == TB_OK)
		*ret_more = any && reclaiming.is_more;
	return err;
}
