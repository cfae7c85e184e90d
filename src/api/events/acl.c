/*
 * The access rules: GET acl, PUT acl.
 */
#include "kernel/acl.h"
#include "api/audit.h"
#include "api/events/errors.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "kernel/acl_store.h"

/* The list as it was put; none was put: one without rules. */
static enum tb_err read_list(const struct tb_events *events,
			     const struct tb_request *req, struct tb_str *ret)
{
	struct tb_str text = TB_STR("{\"rules\":[]}");
	uint64_t version;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(events->core, &tx);

	if (err)
		return err;
	err = tb_acl_read(tx, req->arena, req->principal->org, false, &version,
			  &text);
	tb_core_read_end(tx);
	if (err && err != TB_ERR_NOT_FOUND)
		return err;
	*ret = text;
	return TB_OK;
}

void tb_events_get_acl(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	struct tb_str text;
	struct tb_buf body;
	enum tb_err err = read_list(state, req, &text);

	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_buf_init(&body, text.n);
	tb_buf_append_str(&body, text);
	tb_response_written(res, req, 200, TB_JSON_UTF8_TYPE, &body);
}

/* "Invalid ACL: rule 3: unknown field": people count from 1. */
static void answer_flaw(const struct tb_request *req, struct tb_response *res,
			const struct tb_acl_flaw *flaw)
{
	struct tb_str message;
	enum tb_err err;

	if (flaw->rule == SIZE_MAX)
		err = tb_arena_printf(req->arena, &message, "Invalid ACL: %s",
				      flaw->what);
	else
		err = tb_arena_printf(req->arena, &message,
				      "Invalid ACL: rule %zu: %s",
				      flaw->rule + 1, flaw->what);
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_error(res, req, 400, NULL, message);
}

void tb_events_put_acl(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	const struct tb_events *events = state;
	const struct tb_acl_rule *rules;
	struct tb_audit_note note;
	struct tb_acl_flaw flaw;
	size_t n;
	enum tb_err err =
		tb_acl_parse(req->arena, req->body, &rules, &n, &flaw);

	if (err == TB_ERR_INVALID) {
		answer_flaw(req, res, &flaw);
		return;
	}
	if (!err)
		err = tb_api_audit(req, res, "acl", "put", &note);
	if (!err)
		err = tb_acl_put_as(events->core, &note, req->principal->org,
				    req->principal->key, req->body);
	if (err == TB_ERR_DENIED)
		tb_events_fail_401(res, req, TB_EVENTS_NOT_ADMIN);
	else if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_empty(res, 204);
}
