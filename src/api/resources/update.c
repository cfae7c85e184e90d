/*
 * PUT {collection}/{id}/sync_update/: a partial edit over the state that the
 * client knows, refused when somebody else changed it later.
 */
#include "api/resources/edit_value.h"
#include "api/resources/errors.h"
#include "api/resources/handlers.h"
#include "api/resources/query.h"
#include "api/resources/write.h"
#include "http/fail.h"
#include "http/prefer.h"

#define BODY_MAX_BYTES ((size_t)256 << 20)
#define MESSAGE                                                                \
	"Record has been modified since your last sync. Your changes may "     \
	"conflict."

/* ---- the base ---- */

/* "A base with at most three decimals is compared to the millisecond." */
static bool is_ms(struct tb_str text)
{
	struct tb_str rest = text;
	size_t n = 0;

	tb_str_cut(&rest, '.');
	while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
		n++;
	return n <= 3;
}

/* A base of another type is told as a text that is no time. */
static enum tb_err base_text(struct tb_resources_write *write,
			     struct tb_json_value value, struct tb_str *ret)
{
	if (tb_json_is(value, TB_JSON_STRING))
		return tb_json_string(write->form.arena, value, ret);
	*ret = tb_edit_value_excerpt(tb_json_raw(value));
	return TB_OK;
}

static enum tb_err read_base(struct tb_resources_write *write,
			     struct tb_json_value value,
			     struct tb_str *ret_message)
{
	const struct tb_request *req = write->call.req;
	struct tb_resource_base base = { .is_given = true };
	struct tb_heads heads;
	struct tb_str text;
	enum tb_err err = tb_core_heads(write->call.resources->core,
					req->principal->org, &heads);

	if (!err)
		err = base_text(write, value, &text);
	if (!err)
		err = tb_resources_time_read(
			req->arena, text,
			tb_resources_latest_us(req->now_us, heads.last_us),
			&base.us, ret_message);
	if (err)
		return err;
	base.is_ms = is_ms(text);
	base.as_sent = tb_json_raw(value);
	write->resource.base = base;
	return TB_OK;
}

/* "Absent `client_last_synced_at`: 400, unless the collection's declaration
 * waives it." */
static bool is_waived(struct tb_resources_write *write,
		      struct tb_json_value value)
{
	bool waives = write->call.collection->base_optional;

	write->resource.base.as_sent = TB_STR("null");
	if (tb_json_is_absent(value) && !waives)
		tb_resources_form_error(&write->form, TB_EDIT_BASE,
					TB_FORM_REQUIRED);
	else if (tb_json_is(value, TB_JSON_NULL) && !waives)
		tb_resources_form_error(&write->form, TB_EDIT_BASE,
					TB_FORM_NULL);
	return tb_json_is_absent(value) || tb_json_is(value, TB_JSON_NULL);
}

static bool take_base(struct tb_resources_write *write)
{
	struct tb_json_value value =
		tb_json_get(write->form.object, TB_EDIT_BASE);
	struct tb_str message = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (!is_waived(write, value))
		err = read_base(write, value, &message);
	if (err == TB_ERR_INVALID)
		tb_resources_fail_param(write->call.res, write->call.req,
					TB_EDIT_BASE, message);
	else if (err)
		tb_resources_call_fail(&write->call, err);
	return !err;
}

/* ---- 409 ---- */

static enum tb_err put_current(struct tb_resources_write *write,
			       struct tb_json_writer *w)
{
	enum tb_err err;

	tb_json_key(w, TB_STR("current"));
	err = tb_resources_write_put(write, w->buf);
	w->comma = true;
	return err ? err
		   : tb_response_header(write->call.res, "Preference-Applied",
					TB_STR("return=representation"));
}

static enum tb_err put_stale(struct tb_resources_write *write,
			     struct tb_buf *body)
{
	const struct tb_resource *resource = &write->resource;
	struct tb_json_writer w = tb_json_writer(body);
	enum tb_err err = TB_OK;

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error_code", TB_STR("STALE_UPDATE"));
	tb_json_kv_str(&w, "message", TB_STR(MESSAGE));
	tb_json_kv_str(&w, "conflict_type", TB_STR("VERSION_MISMATCH"));
	tb_json_kv_time(&w, "server_version", resource->record.updated_us);
	tb_json_kv_raw(&w, "client_version", resource->base.as_sent);
	tb_json_kv_str(&w, "suggested_action", TB_STR("REFRESH"));
	if (tb_request_prefers(write->call.req) & TB_PREFER_REPRESENTATION)
		err = put_current(write, &w);
	tb_json_end_object(&w);
	return err ? err : tb_buf_err(body);
}

static void answer_stale(struct tb_resources_write *write)
{
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, BODY_MAX_BYTES);
	err = put_stale(write, &body);
	if (err) {
		tb_buf_fini(&body);
		tb_resources_call_fail(&write->call, err);
		return;
	}
	tb_response_body(write->call.res, 409, TB_JSON_TYPE, &body);
	write->call.res->error_code = tb_fail_status_code(409);
}

/* ---- the handler ---- */

void tb_resources_put_sync_update(void *state, const struct tb_request *req,
				  struct tb_response *res)
{
	struct tb_resources_write write;

	if (!tb_resources_write_open(&write, state, req, res,
				     TB_RESOURCE_SYNC) ||
	    !tb_resources_write_read(&write) || !take_base(&write) ||
	    !tb_resources_write_decode(&write))
		return;
	write.resource.request = req->body;
	if (!tb_resources_write_commit(&write))
		return;
	if (write.resource.outcome == TB_RESOURCE_STALE)
		answer_stale(&write);
	else
		tb_resources_write_answer(&write, 200);
}
