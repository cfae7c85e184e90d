/*
 * Who calls the jobs API, and for which org: what comes behind the token, which
 * was looked at before the request reached its handler.
 */
#ifndef TB_API_JOBS_CALLER_H
#define TB_API_JOBS_CALLER_H

#include "api/jobs/roles.h"
#include "http/response.h"

/* `orgid` is the header's value, p NULL: there is none; `needs` a mask of
 * permissions. INVALID: it is missing. DENIED: it is not the caller's org, or
 * the caller has not all of them. Pure. */
enum tb_err tb_jobs_caller_check(const struct tb_principal *caller,
				 struct tb_str orgid,
				 unsigned needs) tb_must_check;

/* The part of struct tb_api that does the same for a request's caller. */
bool tb_jobs_admit(const struct tb_request *req, struct tb_response *res,
		   unsigned needs);

#endif
