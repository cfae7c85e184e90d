/*
 * POST initialise: a site starts over.
 */
#include "api/sites/call.h"
#include "api/sites/handlers.h"
#include "api/sites/reader.h"

#define ANSWER_MAX_BYTES 64

static enum tb_err initialise(const struct tb_sites_call *call)
{
	struct tb_audit_note audit;
	enum tb_err err = tb_sites_call_audit(call, "initialise", &audit);

	if (err)
		return err;
	return tb_delivery_initialise(call->sites->core, &audit,
				      call->site->org, call->site->site_id,
				      false);
}

static enum tb_err count(const struct tb_sites_call *call, size_t *ret)
{
	struct tb_queue_length length = { .n = 0 };
	struct tb_consumer consumer;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(call->sites->core, &tx);

	if (err)
		return err;
	err = tb_consumer_read(tx, call->req->arena, call->site->org,
			       call->site->site_id, &consumer);
	if (!err)
		err = tb_delivery_queue_length(tx, &consumer,
					       TB_SITES_COUNT_ASKED, &length);
	tb_core_read_end(tx);
	if (!err)
		*ret = length.n;
	return err;
}

void tb_sites_post_initialise(void *state, const struct tb_request *req,
			      struct tb_response *res)
{
	struct tb_sites_call call;
	struct tb_buf buf;
	size_t n = 0;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	tb_sites_reader_forget(&call);
	err = initialise(&call);
	if (!err)
		err = count(&call, &n);
	if (err) {
		tb_sites_call_fail(&call, err);
		return;
	}
	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	tb_buf_printf(&buf, "{\"queueLength\":%zu}", n);
	tb_sites_call_answer(&call, &buf);
}
