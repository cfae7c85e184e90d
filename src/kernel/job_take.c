/*
 * The commits by which a worker comes to its jobs and keeps them.
 */
#include "base/assert.h"
#include "kernel/job_edit.h"
#include "kernel/job_name.h"
#include "kernel/job_record.h"
#include "kernel/job_run.h"
#include "kernel/system.h"

/* ---- taking ---- */

struct taking {
	struct tb_commit commit;
	struct tb_arena *arena;
	const uint64_t *tokens;
	size_t n_tokens;
	int64_t lease_us;
	struct tb_job *rets;
	size_t n;
	struct tb_job_walk walk;
};

static enum tb_err begin_run(struct tb_job_edit *edit, struct tb_job *job)
{
	struct tb_job_name name;
	enum tb_err err = tb_job_name_get(edit->view, job->name, &name);

	if (err == TB_OK && name.id != job->id)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		err = tb_job_shelve_run(edit, job);
	job->has_begun = true;
	job->started_us = edit->now_us;
	job->since_us = name.began_us;
	job->runs++;
	return err;
}

static enum tb_err take(void *ctx, struct tb_job_edit *edit, uint64_t rid)
{
	struct taking *t = ctx;
	struct tb_open_job job;
	enum tb_err err = tb_job_open_rid(edit, rid, &job);

	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err != TB_OK || !tb_job_is_ready(&job.job))
		return err;
	if (!job.job.has_begun)
		err = begin_run(edit, &job.job);
	if (err != TB_OK)
		return err;
	job.job.attempts += !job.job.in_attempt;
	job.job.in_attempt = true;
	job.job.token = t->tokens[t->n];
	job.job.taken_us = edit->now_us;
	job.job.lease_until_us = edit->now_us + t->lease_us;
	err = tb_job_move(edit, &job, TB_JOB_TAKE);
	if (err == TB_OK)
		err = tb_job_copy(t->arena, job.record, &t->rets[t->n]);
	t->n++;
	if (t->n == t->n_tokens)
		t->walk.left = 0;
	return err;
}

static enum tb_err take_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct taking *t = (struct taking *)commit;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	t->n = 0;
	t->walk = (struct tb_job_walk) { .scope = TB_SCOPE_JOBS_READY,
					 .until = UINT64_MAX,
					 .before_us = INT64_MAX,
					 .left = SIZE_MAX };
	if (err == TB_OK)
		err = tb_job_walk(&edit, &t->walk, take, t);
	return err == TB_OK ? tb_job_edit_end(&edit) : err;
}

enum tb_err tb_job_take(struct tb_core *core, struct tb_arena *arena,
			uint32_t org, const uint64_t *tokens, size_t n,
			int64_t lease_us, struct tb_job *rets, size_t *ret_n)
{
	static const struct tb_commit_kind kind = {
		.name = "jobs_take",
		.gather = tb_job_gather,
		.decide = take_decide,
	};
	struct taking taking = {
		.commit = { .kind = &kind, .org = org, .weight = 2 * n },
		.arena = arena,
		.tokens = tokens,
		.n_tokens = n,
		.lease_us = lease_us,
		.rets = rets,
	};
	enum tb_err err;

	TB_ASSERT(n > 0 && n <= TB_JOB_TAKE_MAX);
	for (size_t i = 0; i < n; i++)
		TB_ASSERT(tokens[i] != 0);
	err = tb_core_commit(core, &taking.commit);
	if (err == TB_OK)
		*ret_n = taking.n;
	return err;
}

/* ---- keeping ---- */

struct renewing {
	struct tb_commit commit;
	const struct tb_job_lease *leases;
	size_t n;
	int64_t lease_us;
	bool *rets_lost;
};

static enum tb_err renew_gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct renewing *r = (const struct renewing *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < r->n; i++)
		err = tb_job_want(view, r->leases[i].id);
	return err;
}

static enum tb_err renew_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct renewing *r = (const struct renewing *)commit;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	for (size_t i = 0; err == TB_OK && i < r->n; i++) {
		struct tb_open_job job;

		err = tb_job_open_leased(&edit, r->leases[i].id,
					 r->leases[i].token, &job);
		r->rets_lost[i] = err == TB_ERR_CONFLICT;
		if (err == TB_ERR_CONFLICT) {
			err = TB_OK;
			continue;
		}
		job.job.lease_until_us = edit.now_us + r->lease_us;
		if (err == TB_OK)
			err = tb_job_save_silently(&edit, &job);
	}
	return err;
}

enum tb_err tb_job_renew(struct tb_core *core, uint32_t org,
			 const struct tb_job_lease *leases, size_t n,
			 int64_t lease_us, bool *rets_lost)
{
	static const struct tb_commit_kind kind = {
		.name = "jobs_renew",
		.gather = renew_gather,
		.decide = renew_decide,
	};
	struct renewing renewing = {
		.commit = { .kind = &kind, .org = org, .weight = n },
		.leases = leases,
		.n = n,
		.lease_us = lease_us,
		.rets_lost = rets_lost,
	};

	for (size_t i = 0; i < n; i++)
		TB_ASSERT(leases[i].org == org);
	return n > 0 ? tb_core_commit(core, &renewing.commit) : TB_OK;
}
