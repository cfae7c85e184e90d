#include "api/sites/call.h"

#include <stdio.h>

#include "api/audit.h"
#include "api/sites/date.h"
#include "api/sites/errors.h"

bool tb_sites_call_begin_quick(void *state, const struct tb_request *req,
			       struct tb_response *res,
			       struct tb_sites_call *call)
{
	*call = (struct tb_sites_call) {
		.sites = state,
		.req = req,
		.res = res,
		.site = req->principal,
	};
	return !tb_sites_dialect_of(req, &call->dialect);
}

bool tb_sites_call_begin(void *state, const struct tb_request *req,
			 struct tb_response *res, struct tb_sites_call *call)
{
	if (!tb_sites_call_begin_quick(state, req, res, call)) {
		tb_sites_answer_version(res, req);
		return false;
	}
	/* The real client's POSTs have no Content-Type. */
	if (req->body.n > 0 && !tb_request_is_json(req)) {
		tb_response_error(res, req, 415, NULL,
				  TB_STR("the body must be application/json"));
		return false;
	}
	return true;
}

/* How far the site's clock is from this one, if it says what it shows. */
static void read_clock(const struct tb_request *req,
		       struct tb_site_activity *seen)
{
	struct tb_str date = tb_request_header(req, "Date");
	int64_t shown_us;

	if (!date.p || tb_sites_date_parse(date, &shown_us))
		return;
	seen->has_skew = true;
	seen->clock_skew_us = shown_us - req->now_us;
}

void tb_sites_call_note(const struct tb_sites_call *call,
			struct tb_site_activity seen)
{
	seen.site_id = call->site->site_id;
	seen.seen_us = call->req->now_us;
	read_clock(call->req, &seen);
	tb_activity_note(call->sites->activity, call->site->org, &seen);
}

enum tb_err tb_sites_call_audit(const struct tb_sites_call *call,
				const char *operation,
				struct tb_audit_note *ret)
{
	return tb_api_audit(call->req, call->res, "sites", operation, ret);
}

bool tb_sites_call_has_store(const struct tb_sites_call *call)
{
	return call->site->n_stores > 0 || call->site->may_edit_central;
}

void tb_sites_call_answer(const struct tb_sites_call *call, struct tb_buf *buf)
{
	tb_response_written(call->res, call->req, 200, TB_JSON_TYPE, buf);
}

void tb_sites_call_fail(const struct tb_sites_call *call, enum tb_err err)
{
	tb_response_fail(call->res, call->req, err);
}

void tb_sites_call_fail_body(const struct tb_sites_call *call, enum tb_err err,
			     const struct tb_json_error *error)
{
	struct tb_str message;

	if (err != TB_ERR_INVALID && err != TB_ERR_TOO_DEEP &&
	    err != TB_ERR_TOO_LARGE) {
		tb_sites_call_fail(call, err);
		return;
	}
	if (tb_arena_printf(call->req->arena, &message, "%s, at byte %zu",
			    error->what, error->offset))
		message = tb_str_z(error->what);
	tb_response_error(call->res, call->req,
			  err == TB_ERR_TOO_LARGE ? 413 : 400, NULL, message);
}

void tb_sites_call_hint(const struct tb_sites_call *call, size_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%zu", n);

	/* A hint is all it is: without memory the answer goes without. */
	if (tb_response_header(call->res, "X-Sync-Batch-Hint",
			       tb_str(text, (size_t)len)))
		return;
}
