/*
 * Who calls the jobs API, and for which org: what comes behind the token, which
 * was looked at before the request reached its handler.
 */
#ifndef TB_API_JOBS_CALLER_H
#define TB_API_JOBS_CALLER_H

#include "api/jobs/roles.h"
#include "http/response.h"

/* `orgid` is the header's value, p NULL: there is none. INVALID: it is missing.
 * DENIED: it is not the caller's org, or the caller has not this permission.
 * Pure. */
enum tb_err
tb_jobs_caller_check(const struct tb_principal *caller, struct tb_str orgid,
		     enum tb_jobs_permission permission) tb_must_check;

/* The same for a request's caller. False: it is answered. */
bool tb_jobs_caller_open(const struct tb_request *req, struct tb_response *res,
			 enum tb_jobs_permission permission);

#endif
