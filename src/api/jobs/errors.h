/*
 * The errors of the jobs API: `{"statusCode","message","error"}`, and its
 * words. What is wrong with a job's request is worded by src/jobs.
 */
#ifndef TB_API_JOBS_ERRORS_H
#define TB_API_JOBS_ERRORS_H

#include "http/route.h"

#define TB_JOBS_UNAUTHORIZED "Unauthorized"
#define TB_JOBS_FORBIDDEN "Forbidden resource"
#define TB_JOBS_LIMITED "Too many failed logins, try again later"
#define TB_JOBS_NO_ORG "orgid is required"
#define TB_JOBS_NOT_FOUND "Sync job not found"
#define TB_JOBS_NAME_IS_TAKEN "A job of this name is not finished"
#define TB_JOBS_IS_PAUSED "Sync job is paused already"
#define TB_JOBS_IS_NOT_PAUSED "Sync job is not paused"
#define TB_JOBS_IS_FINISHED "Sync job is finished"
#define TB_JOBS_HAS_NOT_FAILED "Sync job has not failed"
#define TB_JOBS_BAD_KEY "Idempotency-Key must be 1 to 200 bytes"
#define TB_JOBS_KEY_IS_USED "Idempotency-Key was used for another request"
#define TB_JOBS_IS_GONE "The job of this Idempotency-Key was purged"
#define TB_JOBS_QUEUE_IS_FULL "There are too many unfinished jobs"
#define TB_JOBS_BAD_LIMIT "limit must be a whole number from 1 to 1000"
#define TB_JOBS_BAD_STATUS                                                     \
	"status must be one of queued, active, paused, completed, failed"
#define TB_JOBS_BAD_AFTER "after is not valid"

/* The parts of struct tb_api that speak of errors. */
void tb_jobs_put_error(struct tb_buf *buf, const struct tb_request *req,
		       const struct tb_http_error *error);
void tb_jobs_refuse(const struct tb_request *req, struct tb_response *res,
		    const struct tb_auth_result *result);
void tb_jobs_forbid(const struct tb_request *req, struct tb_response *res,
		    unsigned who);

/* An error in this shape; the text is copied. */
void tb_jobs_fail(struct tb_response *res, const struct tb_request *req,
		  unsigned status, struct tb_str message);

#endif
