/*
 * GET jobs/{id}: one job, with its runs, log and errors.
 */
#include "api/jobs/answer.h"
#include "api/jobs/errors.h"
#include "api/jobs/handlers.h"

static enum tb_err put(struct tb_buf *buf, const struct tb_jobs *jobs,
		       const struct tb_request *req, struct tb_tx *tx)
{
	const struct tb_spec_context context = tb_jobs_spec_context(
		jobs->options, jobs->sources, req->principal->org_name,
		tb_core_now_us(jobs->core));
	struct tb_json_writer w = tb_json_writer(buf);
	uint32_t org = req->principal->org;
	struct tb_jobs_moment moment;
	struct tb_jobs_whole whole;
	struct tb_job_sums sums;
	uint64_t id;
	enum tb_err err;

	if (tb_jobs_id_parse(req->params[0], &id))
		return TB_ERR_NOT_FOUND;
	err = tb_jobs_whole_read(tx, req->arena, org, id, &context, &whole);
	if (!err)
		err = tb_job_sums_read(tx, req->arena, org, &sums);
	if (err)
		return err;
	moment = tb_jobs_now(jobs, &sums);
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("job"));
	err = tb_jobs_put_whole(&w, req->arena, &whole, &moment);
	tb_json_end_object(&w);
	return err ? err : tb_buf_err(buf);
}

void tb_jobs_get_one(void *state, const struct tb_request *req,
		     struct tb_response *res)
{
	const struct tb_jobs *jobs = state;
	struct tb_buf body;
	struct tb_tx *tx;
	enum tb_err err;

	tb_buf_init(&body, TB_JOBS_ANSWER_MAX_BYTES);
	err = tb_core_read(jobs->core, &tx);
	if (!err) {
		err = put(&body, jobs, req, tx);
		tb_core_read_end(tx);
	}
	if (err == TB_ERR_NOT_FOUND)
		tb_jobs_fail(res, req, 404, TB_STR(TB_JOBS_NOT_FOUND));
	else if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_body(res, 200, TB_JSON_UTF8_TYPE, &body);
	tb_buf_fini(&body);
}
