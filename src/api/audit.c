#include "api/audit.h"

#include <sys/random.h>

enum tb_err tb_api_audit(const struct tb_request *req, struct tb_response *res,
			 const char *event_type, const char *operation,
			 struct tb_audit_note *ret)
{
	const struct tb_principal *caller = req->principal;
	struct tb_audit_note note = {
		.event_type = event_type,
		.operation = operation,
		.status = "ok",
		.device = caller->hardware,
		.request_id = req->id,
		.address = req->address,
		.is_written = &res->is_audited,
	};
	enum tb_err err = tb_arena_printf(
		req->arena, &note.principal, "%s/%.*s",
		tb_principal_kind_name(caller->kind), TB_STR_ARG(caller->key));

	if (err)
		return err;
	if (getrandom(note.salt, sizeof(note.salt), 0) !=
	    (ssize_t)sizeof(note.salt))
		return TB_ERR_IO;
	*ret = note;
	return TB_OK;
}
