/*
 * A site's queue: GET queued_records.
 */
#include "api/sites/call.h"
#include "api/sites/errors.h"
#include "api/sites/handlers.h"
#include "api/sites/page.h"
#include "api/sites/query.h"

/* A page of the queue while it is read. */
struct reading {
	const struct tb_sites_call *call;
	struct tb_page page;
	struct tb_queue_page queue;
	struct tb_consumer consumer; /* the marks that it was read with */
	size_t length;               /* of the whole queue; versioned only */
};

static enum tb_err read_rows(struct reading *reading, struct tb_tx *tx,
			     uint32_t limit)
{
	const struct tb_sites_call *call = reading->call;
	struct tb_delivery_reader reader = {
		.core = call->sites->core,
		.tx = tx,
		.arena = call->req->arena,
		.org = call->site->org,
		.take = tb_page_take,
		.ctx = &reading->page,
	};
	struct tb_queue_length length = { .n = 0 };
	enum tb_err err =
		tb_consumer_read(tx, reader.arena, reader.org,
				 call->site->site_id, &reading->consumer);

	if (!err && call->dialect == TB_SITES_VERSIONED)
		err = tb_delivery_queue_length(tx, &reading->consumer,
					       TB_SITES_COUNT_PAGE, &length);
	if (!err)
		err = tb_delivery_queue(&reader, &reading->consumer, limit,
					&reading->queue);
	reading->length = length.n;
	return err;
}

/* Contract: an entry's action is `insert` "if this site was never sent it";
 * so what is sent is noted, durably, before it leaves. */
static enum tb_err read_page(struct reading *reading, uint32_t limit)
{
	const struct tb_sites_call *call = reading->call;
	struct tb_core *core = call->sites->core;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err)
		return err;
	err = read_rows(reading, tx, limit);
	tb_core_read_end(tx);
	if (!err)
		err = tb_page_finish(&reading->page,
				     reading->length > reading->page.n
					     ? reading->length
					     : reading->page.n);
	if (!err && reading->queue.must_mark)
		err = tb_delivery_mark(core, call->site->org,
				       &reading->consumer, &reading->queue);
	return err;
}

static void answer_page(const struct tb_sites_call *call, uint32_t limit)
{
	const struct tb_sites_options *options = call->sites->options;
	struct tb_page_options form = {
		.form = call->dialect == TB_SITES_PLAIN ? TB_PAGE_PLAIN
							: TB_PAGE_QUEUE,
		.central_site_id = options->central_site_id,
		.max_bytes = options->page_max_bytes,
	};
	struct reading reading = { .call = call };
	enum tb_err err;

	tb_page_init(&reading.page, &form);
	err = read_page(&reading, limit);
	if (err) {
		tb_sites_call_fail(call, err);
	} else {
		tb_sites_call_note(call,
				   (struct tb_site_activity) {
					   .last_pull_us = call->req->now_us });
		if (reading.page.is_cut)
			tb_sites_call_hint(call, reading.page.n);
		tb_sites_call_answer(call, &reading.page.buf);
	}
	tb_page_fini(&reading.page);
}

void tb_sites_get_queue(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	struct tb_sites_query query;
	struct tb_sites_call call;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	err = tb_sites_query_read(req, call.sites->options, &query);
	if (err)
		tb_sites_call_fail(&call, err);
	else if (call.dialect == TB_SITES_VERSIONED &&
		 !tb_sites_call_has_store(&call))
		tb_sites_answer_401(res, req, TB_SITES_CODE_NO_STORE,
				    TB_STR("no store is active on this site"));
	else
		answer_page(&call, query.limit);
}
