#include "api/resources/write.h"

#include "api/audit.h"
#include "api/resources/errors.h"
#include "http/etag.h"

#define BODY_MAX_BYTES ((size_t)256 << 20)

#define CHANGED "The record has changed."
#define TAKEN "This id is taken."
#define KEY_USED "This Idempotency-Key was used for another request."
#define OVERLOADED "The record would be in too many places."

static void fail(const struct tb_resources_write *write, enum tb_err err)
{
	tb_resources_call_fail(&write->call, err);
}

/* Answers an error in words. */
static void refuse(const struct tb_resources_write *write, unsigned status,
		   const char *message)
{
	tb_resources_fail(write->call.res, write->call.req, status,
			  tb_str_z(message));
}

/* ---- who, and of what ---- */

static enum tb_err resolve_sight(struct tb_resources_write *write,
				 struct tb_sight *ret)
{
	const struct tb_resources_call *call = &write->call;
	struct tb_viewer viewer = tb_sights_viewer(call->req->principal);

	return tb_sight_resolve(call->resources->core, write->tx,
				call->req->arena, call->collection, &viewer,
				ret);
}

static enum tb_err begin_reading(struct tb_resources_write *write)
{
	return tb_core_read(write->call.resources->core, &write->tx);
}

static void end_reading(struct tb_resources_write *write)
{
	tb_core_read_end(write->tx);
	write->tx = NULL;
}

static enum tb_err find(struct tb_resources_write *write)
{
	enum tb_err err = begin_reading(write);

	if (err)
		return err;
	if (write->rules.action == TB_RESOURCE_CREATE)
		err = resolve_sight(write, &write->seen.sight);
	else
		err = tb_resources_find_seen(&write->call, write->tx,
					     write->call.req->params[1],
					     &write->seen);
	end_reading(write);
	return err;
}

static enum tb_err find_reference(void *ctx, const struct tb_collection *target,
				  struct tb_str id, struct tb_str *ret_key)
{
	struct tb_resources_write *write = ctx;
	const struct tb_request *req = write->call.req;
	struct tb_record *record;
	enum tb_err err = tb_sight_find(write->call.resources->core, write->tx,
					req->arena, req->principal->org, target,
					id, &record);

	if (!err && record->deleted)
		err = TB_ERR_NOT_FOUND;
	if (!err)
		*ret_key = record->key;
	return err;
}

bool tb_resources_write_open(struct tb_resources_write *write, void *state,
			     const struct tb_request *req,
			     struct tb_response *res,
			     enum tb_resource_action action)
{
	enum tb_err err;

	*write = (struct tb_resources_write) { .tx = NULL };
	if (!tb_resources_call_open(&write->call, state, req, res))
		return false;
	write->rules = (struct tb_edit_rules) {
		.declaration = tb_core_declaration(write->call.resources->core),
		.collection = write->call.collection,
		.action = action,
		.roles = req->principal->roles,
		.n_roles = req->principal->n_roles,
		.is_admin = req->principal->is_admin,
		.find = find_reference,
		.find_ctx = write,
	};
	err = find(write);
	if (err)
		fail(write, err);
	else if (!tb_edit_may(&write->rules))
		refuse(write, 403, TB_RESOURCES_DENIED);
	else
		return true;
	return false;
}

/* ---- what was sent ---- */

bool tb_resources_write_read(struct tb_resources_write *write)
{
	return tb_resources_form_open(&write->form, write->call.req,
				      write->call.res);
}

bool tb_resources_write_decode(struct tb_resources_write *write)
{
	enum tb_err err = begin_reading(write);

	if (!err) {
		err = tb_edit_read(&write->rules, &write->form,
				   &write->changes);
		end_reading(write);
	}
	if (err) {
		fail(write, err);
		return false;
	}
	return !tb_resources_form_refuse(&write->form, write->call.req,
					 write->call.res);
}

bool tb_resources_write_match(struct tb_resources_write *write)
{
	const struct tb_request *req = write->call.req;
	struct tb_str asked = tb_request_header(req, "If-Match");
	char buf[TB_RESOURCES_ETAG_BYTES];
	struct tb_str etag =
		tb_resources_etag_of(&write->call, &write->seen, buf);
	bool has;

	if (!tb_request_matches(req, etag, &has)) {
		refuse(write, 412, CHANGED);
		return false;
	}
	if (has && !tb_str_eq(tb_str_trim(asked), TB_STR("*")))
		write->resource.expected = write->seen.seen.num;
	return true;
}

/* ---- the commit ---- */

static enum tb_err commit(struct tb_resources_write *write)
{
	struct tb_resource *resource = &write->resource;
	const struct tb_request *req = write->call.req;
	enum tb_err err = tb_api_audit(req, write->call.res, "resources", NULL,
				       &resource->commit.note);

	if (err)
		return err;
	resource->action = write->rules.action;
	resource->collection = write->call.collection;
	resource->sight = &write->seen.sight;
	if (write->seen.record)
		resource->key = write->seen.record->key;
	resource->changes = write->changes.changes;
	resource->by = resource->commit.note.principal;
	resource->arena = req->arena;
	tb_resource_init(resource, req->principal->org);
	return tb_core_commit(write->call.resources->core, &resource->commit);
}

static void answer_err(const struct tb_resources_write *write, enum tb_err err)
{
	if (err == TB_ERR_EXISTS)
		tb_resources_fail_field(write->call.res, write->call.req, 409,
					TB_EDIT_ID, TB_STR(TAKEN));
	else
		fail(write, err);
}

bool tb_resources_write_commit(struct tb_resources_write *write)
{
	enum tb_err err = commit(write);

	if (err) {
		answer_err(write, err);
		return false;
	}
	switch (write->resource.outcome) {
	case TB_RESOURCE_DONE:
	case TB_RESOURCE_REPEATED:
	case TB_RESOURCE_STALE:
		return true;
	case TB_RESOURCE_NO_MATCH:
		refuse(write, 412, CHANGED);
		break;
	case TB_RESOURCE_USED:
		refuse(write, 409, KEY_USED);
		break;
	case TB_RESOURCE_OVERLOADED:
		tb_resources_fail_field(write->call.res, write->call.req, 400,
					TB_STR("non_field_errors"),
					TB_STR(OVERLOADED));
		break;
	}
	return false;
}

/* ---- the answer ---- */

enum tb_err tb_resources_write_put(struct tb_resources_write *write,
				   struct tb_buf *buf)
{
	enum tb_err err = begin_reading(write);

	if (err)
		return err;
	err = tb_resources_render_one(&write->call, write->tx,
				      &write->resource.record, buf);
	end_reading(write);
	return err;
}

/* The state that the caller knows now. One who does not see the record any more
 * gets no ETag, because nothing has it. */
static enum tb_err put_etag(struct tb_resources_write *write)
{
	char buf[TB_RESOURCES_ETAG_BYTES];
	struct tb_resources_seen now = { .record = &write->resource.record };
	const struct tb_request *req = write->call.req;
	enum tb_err err = begin_reading(write);

	if (err)
		return err;
	err = write->tx->store->ops->org_get(write->tx, req->principal->org,
					     &now.org);
	if (!err)
		err = resolve_sight(write, &now.sight);
	end_reading(write);
	if (err || !tb_sight_of(&now.sight, now.record, &now.seen))
		return err;
	return tb_resources_put_headers(
		&write->call, tb_resources_etag_of(&write->call, &now, buf));
}

static enum tb_err put_headers(struct tb_resources_write *write)
{
	struct tb_str ignored = write->changes.ignored;
	enum tb_err err = put_etag(write);

	if (!err && ignored.n > 0)
		err = tb_response_header(write->call.res, "X-Ignored-Fields",
					 ignored);
	return err;
}

void tb_resources_write_answer(struct tb_resources_write *write,
			       unsigned status)
{
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, BODY_MAX_BYTES);
	err = tb_resources_write_put(write, &body);
	if (!err)
		err = tb_buf_err(&body);
	if (!err)
		err = put_headers(write);
	if (!err) {
		tb_response_body(write->call.res, status, TB_JSON_TYPE, &body);
		return;
	}
	tb_buf_fini(&body);
	fail(write, err);
}
