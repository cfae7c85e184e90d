/*
 * POST queue: a job is read, checked and put into the queue, in one commit.
 */
#include "api/jobs/answer.h"
#include "api/jobs/errors.h"
#include "api/jobs/handlers.h"
#include "codec/digest.h"
#include "http/fail.h"
#include "jobs/order.h"

#define KEY_MAX_BYTES 200
/* Jobs end in their own time. */
#define FULL_RETRY_AFTER_S 60

/* One request on its way; on the handler's stack. */
struct queueing {
	const struct tb_jobs *jobs;
	const struct tb_request *req;
	struct tb_response *res;
	struct tb_job_order order;
	struct tb_named_request named;
};

static void refuse(const struct queueing *q, unsigned status,
		   const char *message)
{
	tb_jobs_fail(q->res, q->req, status, tb_str_z(message));
}

/* ---- what was sent ---- */

/* False: it is answered. */
static bool take_spec(struct queueing *q)
{
	const struct tb_spec_context context = tb_jobs_spec_context(
		q->jobs->options, q->jobs->sources, q->req->principal->org_name,
		tb_core_now_us(q->jobs->core));
	struct tb_str problem = TB_STR_NONE;
	enum tb_err err = tb_order_read(q->req->arena, q->req->body, &context,
					&q->order, &problem);

	if (err == TB_ERR_INVALID)
		tb_jobs_fail(q->res, q->req, 400, problem);
	else if (err)
		tb_response_fail(q->res, q->req, err);
	return !err;
}

/* "the same request of the same user is one job, for a day". False: it is
 * answered. */
static bool take_key(struct queueing *q)
{
	const struct tb_request *req = q->req;
	struct tb_str key = tb_request_header(req, "Idempotency-Key");
	struct tb_str who[] = { req->principal->key, TB_STR("/sync/queue"),
				key };
	enum tb_err err;

	if (!key.p)
		return true;
	if (key.n == 0 || key.n > KEY_MAX_BYTES) {
		refuse(q, 400, TB_JOBS_BAD_KEY);
		return false;
	}
	err = tb_sha256_name(req->arena, who, 3, &q->named.key);
	if (!err)
		err = tb_sha256_name(req->arena, &req->body, 1, &q->named.body);
	if (err)
		tb_response_fail(q->res, req, err);
	q->order.named = &q->named;
	return !err;
}

/* ---- the commit ---- */

static void answer(const struct queueing *q, enum tb_job_queued outcome,
		   const struct tb_job *job, const struct tb_job_sums *sums)
{
	struct tb_jobs_moment moment = tb_jobs_now(q->jobs, sums);

	switch (outcome) {
	case TB_JOB_IS_NEW:
	case TB_JOB_IS_REPEATED:
		tb_jobs_answer_job(q->req, q->res, NULL, tb_jobs_put_queued,
				   job, &moment);
		break;
	case TB_JOB_NAME_IS_TAKEN:
		refuse(q, 409, TB_JOBS_NAME_IS_TAKEN);
		break;
	case TB_JOB_KEY_IS_USED:
		refuse(q, 409, TB_JOBS_KEY_IS_USED);
		break;
	case TB_JOB_IS_GONE:
		refuse(q, 409, TB_JOBS_IS_GONE);
		break;
	case TB_JOB_QUEUE_IS_FULL:
		refuse(q, 503, TB_JOBS_QUEUE_IS_FULL);
		tb_fail_put_retry_after(q->res, FULL_RETRY_AFTER_S);
		break;
	}
}

static void commit(struct queueing *q)
{
	struct tb_audit_note note;
	enum tb_job_queued outcome;
	struct tb_job_sums sums;
	struct tb_job job;
	enum tb_err err = tb_jobs_note(q->req, q->res, "queue", &note);

	q->order.org = q->req->principal->org;
	q->order.unfinished_max = q->jobs->options->unfinished_max;
	if (!err)
		err = tb_job_queue(q->jobs->core, q->req->arena, &note,
				   &q->order, &outcome, &job, &sums);
	if (err)
		tb_response_fail(q->res, q->req, err);
	else
		answer(q, outcome, &job, &sums);
}

void tb_jobs_post_queue(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	struct queueing q = { .jobs = state, .req = req, .res = res };

	if (take_spec(&q) && take_key(&q))
		commit(&q);
}
