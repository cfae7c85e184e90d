/*
 * The commit that queues a job.
 */
#include "base/assert.h"
#include "kernel/job_change.h"
#include "kernel/job_codec.h"
#include "kernel/job_edit.h"
#include "kernel/job_name.h"
#include "kernel/job_record.h"
#include "kernel/job_sums.h"
#include "kernel/system.h"

struct queueing {
	struct tb_commit commit;
	struct tb_arena *arena;
	const struct tb_job_order *order;
	/* What comes of it, once the commit is there. */
	enum tb_job_queued outcome;
	struct tb_job job;
	struct tb_job_sums sums;
};

static enum tb_err gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct tb_job_order *order = ((struct queueing *)commit)->order;
	enum tb_err err = tb_job_sums_want(view);

	if (err == TB_OK)
		err = tb_job_name_want(view, order->name);
	return err == TB_OK && order->named != NULL
		       ? tb_view_want(view, TB_COLL_REQUEST, order->named->key)
		       : err;
}

static enum tb_err answer(struct queueing *q, struct tb_job_edit *edit,
			  const struct tb_record *record)
{
	enum tb_err err = tb_job_copy(q->arena, record, &q->job);

	if (err == TB_OK)
		q->job.ahead = tb_job_sums_ahead(&edit->sums, &q->job);
	return err;
}

/* NOT_FOUND: the request is new. */
static enum tb_err find_named(struct queueing *q, struct tb_job_edit *edit)
{
	const struct tb_named_request *named = q->order->named;
	struct tb_request_result result;
	struct tb_open_job job;
	enum tb_err err = TB_ERR_NOT_FOUND;

	if (named != NULL)
		err = tb_requests_find(edit->view, named, &result);
	if (err == TB_ERR_CONFLICT) {
		q->outcome = TB_JOB_KEY_IS_USED;
		return TB_OK;
	}
	if (err != TB_OK)
		return err;
	err = tb_job_open_rid(edit, result.rid, &job);
	if (err == TB_ERR_NOT_FOUND) {
		q->outcome = TB_JOB_IS_GONE;
		return TB_OK;
	}
	q->outcome = TB_JOB_IS_REPEATED;
	return err == TB_OK ? answer(q, edit, job.record) : err;
}

static bool is_full(const struct queueing *q, const struct tb_job_sums *sums)
{
	return sums->counts[TB_JOB_QUEUED] + sums->counts[TB_JOB_ACTIVE] +
		       sums->counts[TB_JOB_PAUSED] >=
	       q->order->unfinished_max;
}

static enum tb_err keep_request(const struct queueing *q,
				struct tb_job_edit *edit,
				const struct tb_open_job *job)
{
	const struct tb_request_result result = {
		.rid = job->record->rid,
		.version = job->record->version,
	};

	return q->order->named != NULL
		       ? tb_requests_keep(edit->view, q->order->named, &result)
		       : TB_OK;
}

static enum tb_err make(struct queueing *q, struct tb_job_edit *edit,
			struct tb_job_name *name)
{
	const struct tb_job_order *order = q->order;
	struct tb_open_job job = {
		.job = { .name = order->name,
			 .type = order->type,
			 .request = order->request,
			 .priority = order->priority,
			 .retries_max = order->retries_max,
			 .queued_us = edit->now_us },
	};
	enum tb_err err;

	tb_job_wait_until(&job.job, order->due_us, edit->now_us);
	err = tb_job_make(edit, &job);
	name->id = job.job.id;
	if (err == TB_OK)
		err = tb_job_name_put(edit->view, order->name, name);
	if (err == TB_OK)
		err = keep_request(q, edit, &job);
	if (err == TB_OK)
		err = tb_job_note(&q->commit, edit->view, "queue", &job.job);
	if (err == TB_OK)
		err = tb_job_edit_end(edit);
	q->outcome = TB_JOB_IS_NEW;
	return err == TB_OK ? answer(q, edit, job.record) : err;
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	struct queueing *q = (struct queueing *)commit;
	struct tb_job_edit edit;
	struct tb_job_name name = { .id = 0 };
	enum tb_err err = tb_job_edit_begin(&edit, view);

	if (err == TB_OK)
		err = find_named(q, &edit);
	if (err != TB_ERR_NOT_FOUND) {
		q->sums = edit.sums;
		return err;
	}
	err = tb_job_name_get(view, q->order->name, &name);
	if (err == TB_OK && name.id != 0)
		q->outcome = TB_JOB_NAME_IS_TAKEN;
	else if (err == TB_OK && is_full(q, &edit.sums))
		q->outcome = TB_JOB_QUEUE_IS_FULL;
	else if (err == TB_OK)
		err = make(q, &edit, &name);
	q->sums = edit.sums;
	return err;
}

static bool is_possible(const struct tb_job_order *order)
{
	return order->name.n > 0 &&
	       tb_job_is_text(order->name, TB_JOB_NAME_MAX_BYTES) &&
	       tb_job_is_text(order->type, TB_JOB_NAME_MAX_BYTES) &&
	       order->priority <= TB_JOB_PRIORITY_MAX;
}

enum tb_err tb_job_queue(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note,
			 const struct tb_job_order *order,
			 enum tb_job_queued *ret_outcome, struct tb_job *ret,
			 struct tb_job_sums *ret_sums)
{
	static const struct tb_commit_kind kind = {
		.name = "queue",
		.gather = gather,
		.decide = decide,
	};
	struct queueing queueing = {
		.commit = { .kind = &kind,
			    .org = order->org,
			    .note = *note,
			    .weight = 4 },
		.arena = arena,
		.order = order,
	};
	enum tb_err err;

	if (!is_possible(order))
		return TB_ERR_INVALID;
	err = tb_core_commit(core, &queueing.commit);
	if (err != TB_OK)
		return err;
	*ret_outcome = queueing.outcome;
	*ret = queueing.job;
	*ret_sums = queueing.sums;
	return TB_OK;
}
