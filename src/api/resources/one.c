/*
 * GET of one record.
 */
#include "api/resources/one.h"
#include "api/resources/call.h"
#include "api/resources/errors.h"
#include "api/resources/etag.h"
#include "api/resources/handlers.h"
#include "http/etag.h"

#define BODY_MAX_BYTES ((size_t)256 << 20)

/* ---- finding ---- */

enum tb_err tb_resources_find_seen(const struct tb_resources_call *call,
				   struct tb_tx *tx, struct tb_str id,
				   struct tb_resources_seen *ret)
{
	const struct tb_request *req = call->req;
	struct tb_core *core = call->resources->core;
	struct tb_viewer viewer = tb_sights_viewer(req->principal);
	struct tb_resources_seen found = { .record = NULL };
	enum tb_err err = tx->store->ops->org_get(tx, viewer.org, &found.org);

	if (!err)
		err = tb_sight_resolve(core, tx, req->arena, call->collection,
				       &viewer, &found.sight);
	if (!err)
		err = tb_sight_find(core, tx, req->arena, viewer.org,
				    call->collection, id, &found.record);
	if (!err && (found.record->deleted ||
		     !tb_sight_of(&found.sight, found.record, &found.seen) ||
		     !found.seen.is_present))
		err = TB_ERR_NOT_FOUND;
	if (!err)
		*ret = found;
	return err;
}

/* ---- writing ---- */

static enum tb_err render(struct tb_peers *peers,
			  const struct tb_layout *layout,
			  const struct tb_record *record, struct tb_buf *buf)
{
	const struct tb_render_options options = { .layout = layout,
						   .lookup = tb_peers_find,
						   .lookup_ctx = peers };
	const struct tb_render_record shown = {
		.id = tb_record_id(record),
		.key = record->key,
		.body = record->body,
		.created_us = record->created_us,
		.updated_us = record->updated_us,
		.synced_us = record->synced_us,
	};
	struct tb_render *tool = tb_render_create(&options);
	enum tb_err err;

	if (!tool)
		return TB_ERR_NOMEM;
	err = tb_render_put(tool, &shown, buf);
	tb_render_destroy(tool);
	return err;
}

enum tb_err tb_resources_render_one(const struct tb_resources_call *call,
				    struct tb_tx *tx,
				    const struct tb_record *record,
				    struct tb_buf *buf)
{
	struct tb_peers *peers = NULL;
	enum tb_err err;

	if (call->layout->has_peers) {
		peers = tb_peers_create(call->resources->core,
					call->req->principal->org);
		if (!peers)
			return TB_ERR_NOMEM;
		tb_peers_use(peers, tx);
	}
	err = render(peers, call->layout, record, buf);
	tb_peers_destroy(peers);
	return err;
}

struct tb_str tb_resources_etag_of(const struct tb_resources_call *call,
				   const struct tb_resources_seen *seen,
				   char buf[TB_RESOURCES_ETAG_BYTES])
{
	return tb_resources_record_etag(seen->org.epoch, call->layout->hash,
					seen->record->rid, seen->seen.num, buf);
}

/* ---- the handler ---- */

static enum tb_err answer(const struct tb_resources_call *call,
			  struct tb_tx *tx, struct tb_buf *body)
{
	char tag[TB_RESOURCES_ETAG_BYTES];
	struct tb_resources_seen seen;
	struct tb_str etag;
	enum tb_err err =
		tb_resources_find_seen(call, tx, call->req->params[1], &seen);

	if (err)
		return err;
	etag = tb_resources_etag_of(call, &seen, tag);
	err = tb_resources_put_headers(call, etag);
	if (!err)
		err = tb_resources_put_last_sync(call, seen.org.last_us);
	if (err || tb_request_is_fresh(call->req, etag))
		return err;
	return tb_resources_render_one(call, tx, seen.record, body);
}

void tb_resources_get_one(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	struct tb_resources_call call;
	struct tb_buf body;
	struct tb_tx *tx;
	enum tb_err err;

	if (!tb_resources_call_open(&call, state, req, res))
		return;
	err = tb_core_read(call.resources->core, &tx);
	if (err) {
		tb_resources_call_fail(&call, err);
		return;
	}
	tb_buf_init(&body, BODY_MAX_BYTES);
	err = answer(&call, tx, &body);
	tb_core_read_end(tx);
	if (err) {
		tb_buf_fini(&body);
		tb_resources_call_fail(&call, err);
	} else if (body.n == 0) {
		tb_response_empty(res, 304);
	} else {
		tb_response_body(res, 200, TB_JSON_TYPE, &body);
	}
}
