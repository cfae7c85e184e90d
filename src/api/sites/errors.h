/*
 * The errors of the sites API: the shape of their body, what refused
 * credentials answer, and the codes that its clients know.
 */
#ifndef TB_API_SITES_ERRORS_H
#define TB_API_SITES_ERRORS_H

#include "http/route.h"

#define TB_SITES_CODE_UNKNOWN "site_name_not_found"
#define TB_SITES_CODE_PASSWORD "site_incorrect_password"
#define TB_SITES_CODE_HARDWARE "site_incorrect_hardware_id"
#define TB_SITES_CODE_NO_STORE "site_has_no_store"
#define TB_SITES_CODE_TIMEOUT "site_auth_timeout"
#define TB_SITES_CODE_DISABLED "site_disabled"
#define TB_SITES_CODE_VERSION "api_version_incompatible"
#define TB_SITES_CODE_INTEGRATION "integration_error"

/* {"error":{"code","message","data"}} */
void tb_sites_put_error(struct tb_buf *buf, const struct tb_request *req,
			const struct tb_http_error *error);
void tb_sites_refuse(const struct tb_request *req, struct tb_response *res,
		     const struct tb_auth_result *result);

/* 401 with the header that belongs to it. `code` NULL: the status's own. */
void tb_sites_answer_401(struct tb_response *res, const struct tb_request *req,
			 const char *code, struct tb_str message);
/* 409 with the version that is spoken here as its data. */
void tb_sites_answer_version(struct tb_response *res,
			     const struct tb_request *req);

#endif
