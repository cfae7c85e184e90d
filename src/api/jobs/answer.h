/*
 * What the answers of the jobs API have in common.
 */
#ifndef TB_API_JOBS_ANSWER_H
#define TB_API_JOBS_ANSWER_H

#include "api/audit.h"
#include "api/jobs/job_json.h"
#include "api/jobs/state.h"
#include "http/response.h"

/* The longest answer: a page of jobs, or one with all its errors. */
#define TB_JOBS_ANSWER_MAX_BYTES ((size_t)64 << 20)

typedef void tb_jobs_put_fn(struct tb_json_writer *w, const struct tb_job *job,
			    const struct tb_jobs_moment *moment);

/* Estimates from now on. */
struct tb_jobs_moment tb_jobs_now(const struct tb_jobs *jobs,
				  const struct tb_job_sums *sums);

/* The note of what the caller changes. */
enum tb_err tb_jobs_note(const struct tb_request *req, struct tb_response *res,
			 const char *operation,
			 struct tb_audit_note *ret) tb_must_check;

/* {"success":true,"message":...,"job":...}; `message` NULL: none. 201 to a
 * POST. */
void tb_jobs_answer_job(const struct tb_request *req, struct tb_response *res,
			const char *message, tb_jobs_put_fn *put,
			const struct tb_job *job,
			const struct tb_jobs_moment *moment);

/* 200 to GET, 201 to POST. */
unsigned tb_jobs_status(const struct tb_request *req);

#endif
