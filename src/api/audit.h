/*
 * Who does what, for the audit trail: the note of a change that a request
 * makes, the same for every API.
 */
#ifndef TB_API_AUDIT_H
#define TB_API_AUDIT_H

#include "http/response.h"
#include "kernel/audit.h"

/* The note of the caller's change; strings live in the request's arena, and
 * the response learns if its row was written. `event_type` and `operation` are
 * static. IO: no random bytes. NOMEM. */
enum tb_err tb_api_audit(const struct tb_request *req, struct tb_response *res,
			 const char *event_type, const char *operation,
			 struct tb_audit_note *ret) tb_must_check;

#endif
