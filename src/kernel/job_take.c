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

struct take_commit {
	struct tb_commit commit;
	struct tb_job_taking *taking;
};

/* While it walks along the feed. */
struct visit {
	struct tb_job_taking *taking;
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
	job->last_cursor = name.cursor;
	job->runs++;
	return err;
}

static enum tb_err take(void *ctx, struct tb_job_edit *edit, uint64_t rid)
{
	struct visit *visit = ctx;
	struct tb_job_taking *t = visit->taking;
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
		visit->walk.left = 0;
	return err;
}

enum tb_err tb_job_take_ready(struct tb_job_edit *edit,
			      struct tb_job_taking *taking)
{
	uint64_t scope =
		tb_scope_known(tb_view_org_id(edit->view), TB_SCOPE_JOBS_READY);
	struct visit visit = {
		.taking = taking,
		.walk = { .scope = TB_SCOPE_JOBS_READY,
			  .after = tb_view_walked(edit->view, scope),
			  .until = UINT64_MAX,
			  .before_us = INT64_MAX,
			  .left = SIZE_MAX },
	};
	enum tb_err err;

	taking->n = 0;
	err = tb_job_walk(edit, &visit.walk, take, &visit);
	if (err == TB_OK && visit.walk.last != 0)
		err = tb_view_set_walked(edit->view, scope, visit.walk.last);
	return err;
}

static enum tb_err take_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct take_commit *c = (struct take_commit *)commit;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	if (err == TB_OK)
		err = tb_job_take_ready(&edit, c->taking);
	return err == TB_OK ? tb_job_edit_end(&edit) : err;
}

void tb_job_taking_check(const struct tb_job_taking *taking)
{
	TB_ASSERT(taking->n_tokens > 0 && taking->n_tokens <= TB_JOB_TAKE_MAX);
	for (size_t i = 0; i < taking->n_tokens; i++)
		TB_ASSERT(taking->tokens[i] != 0);
}

enum tb_err tb_job_take(struct tb_core *core, uint32_t org,
			struct tb_job_taking *taking)
{
	static const struct tb_commit_kind kind = {
		.name = "jobs_take",
		.gather = tb_job_gather,
		.decide = take_decide,
	};
	struct take_commit c = {
		.commit = { .kind = &kind,
			    .org = org,
			    .weight = 2 * taking->n_tokens },
		.taking = taking,
	};
	enum tb_err err;

	tb_job_taking_check(taking);
	err = tb_core_commit(core, &c.commit);
	if (err != TB_OK)
		taking->n = 0;
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
