#include "api/jobs/caller.h"

#include "api/jobs/errors.h"

enum tb_err tb_jobs_caller_check(const struct tb_principal *caller,
				 struct tb_str orgid, unsigned needs)
{
	if (orgid.n == 0)
		return TB_ERR_INVALID;
	/* "an org that is not the caller's, whether there is one of that name
	 * or not; or no permission" */
	if (!tb_str_eq(orgid, caller->org_name) ||
	    (needs & ~tb_jobs_permissions(caller)) != 0)
		return TB_ERR_DENIED;
	return TB_OK;
}

bool tb_jobs_admit(const struct tb_request *req, struct tb_response *res,
		   unsigned needs)
{
	enum tb_err err = tb_jobs_caller_check(
		req->principal, tb_request_header(req, "orgid"), needs);

	if (err == TB_ERR_INVALID)
		tb_jobs_fail(res, req, 400, TB_STR(TB_JOBS_NO_ORG));
	else if (err)
		tb_jobs_fail(res, req, 403, TB_STR(TB_JOBS_FORBIDDEN));
	return !err;
}
