/*
 * POST queued_records: what a site pushes.
 */
#include "api/sites/call.h"
#include "api/sites/decode_push.h"
#include "api/sites/errors.h"
#include "api/sites/handlers.h"

/* A rejected record is named in the answer: twice the largest body, since
 * each of its characters could come back as an escape. */
#define ANSWER_MAX_BYTES ((size_t)8 << 30)

static enum tb_err commit(const struct tb_sites_call *call,
			  struct tb_push *push)
{
	struct tb_core *core = call->sites->core;
	enum tb_err err = tb_sites_call_audit(call, "push", &push->commit.note);

	if (!err)
		err = tb_push_prepare(push, tb_core_declaration(core),
				      call->site->org);
	if (!err)
		err = tb_core_commit(core, &push->commit);
	return err;
}

static void put_rejected(struct tb_json_writer *w,
			 const struct tb_push_item *item)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "recordID", item->id);
	tb_json_kv_str(w, "table", item->table);
	tb_json_kv_str(w, "code", tb_str_z(item->code));
	tb_json_kv_str(w, "message", item->message);
	tb_json_end_object(w);
}

/* {"accepted":N,"rejected":[{"recordID","table","code","message"}]} */
static void put_plain(struct tb_buf *buf, const struct tb_push *push)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "accepted", push->n_accepted);
	tb_json_key(&w, TB_STR("rejected"));
	tb_json_begin_array(&w);
	for (size_t i = 0; push->n_rejected > 0 && i < push->n_items; i++)
		if (push->items[i].outcome == TB_PUSH_REJECTED)
			put_rejected(&w, &push->items[i]);
	tb_json_end_array(&w);
	tb_json_end_object(&w);
}

static void answer(const struct tb_sites_call *call,
		   const struct tb_push_body *body, const struct tb_push *push)
{
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	if (call->dialect == TB_SITES_PLAIN) {
		put_plain(&buf, push);
	} else {
		/* What a client has sent is integrated by now; it is told so
		 * when it has nothing left to send. */
		w = tb_json_writer(&buf);
		tb_json_begin_object(&w);
		tb_json_kv_bool(&w, "integrationStarted",
				body->queue_length == 0);
		tb_json_end_object(&w);
	}
	tb_sites_call_answer(call, &buf);
}

/* Fewer records at once are more likely to go through. */
static void fail_commit(const struct tb_sites_call *call, enum tb_err err,
			size_t n)
{
	tb_sites_call_fail(call, err);
	if (call->res->status == 503)
		tb_sites_call_hint(call, n > 1 ? n / 2 : 1);
}

static void push_body(const struct tb_sites_call *call,
		      const struct tb_push_body *body)
{
	struct tb_push push = {
		.site_id = call->site->site_id,
		.may_edit_central = call->site->may_edit_central,
		.items = body->items,
		.n_items = body->n,
		.arena = call->req->arena,
	};
	enum tb_err err = TB_OK;

	if (push.n_items > 0)
		err = commit(call, &push);
	if (err) {
		fail_commit(call, err, push.n_items);
		return;
	}
	tb_sites_call_note(call, (struct tb_site_activity) {
					 .last_push_us = call->req->now_us });
	answer(call, body, &push);
}

void tb_sites_post_queue(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	struct tb_json_error error;
	struct tb_push_body body;
	struct tb_sites_call call;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	err = tb_sites_decode_push(req->arena, req->body, call.dialect,
				   call.sites->options->push_max, &body,
				   &error);
	if (err) {
		tb_sites_call_fail_body(&call, err, &error);
		if (err == TB_ERR_TOO_LARGE)
			tb_sites_call_hint(&call,
					   call.sites->options->push_max);
	} else if (call.dialect == TB_SITES_VERSIONED && body.n > 0 &&
		   !tb_sites_call_has_store(&call)) {
		/* The client's last batch is empty, and is for everyone. */
		tb_sites_answer_401(res, req, TB_SITES_CODE_NO_STORE,
				    TB_STR("no store is active on this site"));
	} else {
		push_body(&call, &body);
	}
}
