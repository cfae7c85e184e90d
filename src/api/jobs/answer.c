#include "api/jobs/answer.h"

struct tb_jobs_moment tb_jobs_now(const struct tb_jobs *jobs,
				  const struct tb_job_sums *sums)
{
	return (struct tb_jobs_moment) {
		.sums = sums,
		.workers = jobs->options->runner.workers,
		.now_us = tb_core_now_us(jobs->core),
	};
}

enum tb_err tb_jobs_note(const struct tb_request *req, struct tb_response *res,
			 const char *operation, struct tb_audit_note *ret)
{
	return tb_api_audit(req, res, "jobs", operation, ret);
}

unsigned tb_jobs_status(const struct tb_request *req)
{
	return req->method == TB_POST ? 201 : 200;
}

void tb_jobs_answer_job(const struct tb_request *req, struct tb_response *res,
			const char *message, tb_jobs_put_fn *put,
			const struct tb_job *job,
			const struct tb_jobs_moment *moment)
{
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, TB_JOBS_ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_bool(&w, "success", true);
	if (message)
		tb_json_kv_str(&w, "message", tb_str_z(message));
	tb_json_key(&w, TB_STR("job"));
	put(&w, job, moment);
	tb_json_end_object(&w);
	tb_response_written(res, req, tb_jobs_status(req), TB_JSON_UTF8_TYPE,
			    &body);
}
