/*
 * POST acknowledge_records, also as acknowledged_records.
 */
#include "api/sites/call.h"
#include "api/sites/decode_ack.h"
#include "api/sites/handlers.h"

#define ANSWER_MAX_BYTES 64

static enum tb_err acknowledge(const struct tb_sites_call *call,
			       const struct tb_ack_body *body, size_t *ret_n)
{
	struct tb_audit_note audit;
	enum tb_err err = tb_sites_call_audit(call, "acknowledge", &audit);

	if (err)
		return err;
	return tb_delivery_acknowledge(
		call->sites->core, call->req->arena, &audit, call->site->org,
		call->site->site_id, body->items, body->n, ret_n);
}

static void answer(const struct tb_sites_call *call, size_t n)
{
	struct tb_buf buf;

	if (call->dialect == TB_SITES_VERSIONED) {
		tb_response_empty(call->res, 204);
		return;
	}
	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	tb_buf_printf(&buf, "{\"acknowledged\":%zu}", n);
	tb_sites_call_answer(call, &buf);
}

void tb_sites_post_acknowledge(void *state, const struct tb_request *req,
			       struct tb_response *res)
{
	struct tb_json_error error;
	struct tb_ack_body body;
	struct tb_sites_call call;
	size_t n;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	err = tb_sites_decode_ack(req->arena, req->body,
				  call.sites->options->acknowledge_max, &body,
				  &error);
	if (err) {
		tb_sites_call_fail_body(&call, err, &error);
		return;
	}
	err = acknowledge(&call, &body, &n);
	if (err) {
		tb_sites_call_fail(&call, err);
		return;
	}
	tb_sites_call_note(&call, TB_SITES_SEEN);
	answer(&call, n);
}
