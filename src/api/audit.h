/*
 * Who does what, for the audit trail: the note of a change, the same for every
 * API.
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

/* Who changes something, where that may be somebody without a token, or no
 * HTTP request. Slices are borrowed as the note's are. */
struct tb_audit_author {
	const struct tb_principal *principal; /* NULL: "nobody" */
	/* That is acted for. */
	struct tb_str device;
	struct tb_str request_id;
	struct tb_str address;
	bool *is_written; /* as the note's */
};
/* The same of such an author; strings live in the arena. */
enum tb_err tb_api_audit_by(struct tb_arena *arena,
			    const struct tb_audit_author *author,
			    const char *event_type, const char *operation,
			    struct tb_audit_note *ret) tb_must_check;

#endif
