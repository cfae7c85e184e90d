#include "api/audit.h"

#include <sys/random.h>

static enum tb_err name(struct tb_arena *arena,
			const struct tb_audit_author *author,
			struct tb_str *ret)
{
	const struct tb_principal *principal = author->principal;

	/* What device it says it is stands elsewhere: nobody has verified it.
	 */
	if (!principal) {
		*ret = TB_STR("nobody");
		return TB_OK;
	}
	return tb_arena_printf(arena, ret, "%s/%.*s",
			       tb_principal_kind_name(principal->kind),
			       TB_STR_ARG(principal->key));
}

enum tb_err tb_api_audit_by(struct tb_arena *arena,
			    const struct tb_audit_author *author,
			    const char *event_type, const char *operation,
			    struct tb_audit_note *ret)
{
	struct tb_audit_note note = {
		.event_type = event_type,
		.operation = operation,
		.status = "ok",
		.device = author->device,
		.request_id = author->request_id,
		.address = author->address,
		.is_written = author->is_written,
	};
	enum tb_err err = name(arena, author, &note.principal);

	if (err)
		return err;
	if (getrandom(note.salt, sizeof(note.salt), 0) !=
	    (ssize_t)sizeof(note.salt))
		return TB_ERR_IO;
	*ret = note;
	return TB_OK;
}

enum tb_err tb_api_audit(const struct tb_request *req, struct tb_response *res,
			 const char *event_type, const char *operation,
			 struct tb_audit_note *ret)
{
	struct tb_audit_author author = {
		.principal = req->principal,
		.device = req->principal->hardware,
		.request_id = req->id,
		.address = req->address,
		.is_written = &res->is_audited,
	};

	return tb_api_audit_by(req->arena, &author, event_type, operation, ret);
}
