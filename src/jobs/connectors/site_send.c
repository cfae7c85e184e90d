#include "jobs/connectors/site_send.h"

#include "base/buf.h"
#include "codec/json.h"

#define BODY_MAX_BYTES (SIZE_MAX / 2)
/* What an element has beside its table, id and data, and the escapes in these.
 */
#define ELEMENT_BYTES 128

/* The answer's members, the list's elements, and their members. */
static const struct tb_json_limits answer_limits = {
	.max_depth = 64,
	.max_nodes = 1u << 20,
	.tape_depth = 3,
};

static bool is_pushed(const struct tb_source_entity *entity,
		      const struct tb_connector_record *record)
{
	return record->refused == NULL &&
	       !(record->deleted && entity->on_delete == TB_ON_DELETE_IGNORE);
}

static void put_record(struct tb_json_writer *w,
		       const struct tb_source_entity *entity,
		       const struct tb_connector_record *record)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "table", entity->path);
	tb_json_kv_str(w, "recordID", record->key);
	tb_json_kv_str(w, "action",
		       record->deleted ? TB_STR("delete") : TB_STR("update"));
	tb_json_kv_raw(w, "data",
		       record->deleted ? TB_STR("{}") : record->body);
	tb_json_end_object(w);
}

enum tb_err tb_site_batch_make(struct tb_arena *arena,
			       const struct tb_source_entity *entity,
			       const struct tb_connector_record *records,
			       size_t n, size_t max_bytes,
			       struct tb_site_batch *ret)
{
	struct tb_json_writer w;
	struct tb_buf buf;
	size_t n_pushed = 0;
	size_t i;
	enum tb_err err;

	tb_buf_init(&buf, BODY_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_array(&w);
	for (i = 0; i < n; i++) {
		if (!is_pushed(entity, &records[i]))
			continue;
		if (n_pushed > 0 &&
		    buf.n + records[i].body.n + ELEMENT_BYTES > max_bytes)
			break;
		put_record(&w, entity, &records[i]);
		n_pushed++;
	}
	tb_json_end_array(&w);
	ret->n = i;
	if (n_pushed > 0)
		return tb_buf_copy_out(&buf, arena, &ret->body);
	ret->body = TB_STR_NONE;
	err = tb_buf_err(&buf);
	tb_buf_fini(&buf);
	return err;
}

/* ---- what became of them ---- */

/* A member's text; empty where there is none. */
static enum tb_err get_text(struct tb_arena *arena, struct tb_json_value object,
			    const char *name, struct tb_str *ret)
{
	struct tb_str text = TB_STR("");
	enum tb_err err = tb_json_string(
		arena, tb_json_get(object, tb_str_z(name)), &text);

	if (err != TB_OK && err != TB_ERR_INVALID)
		return err;
	*ret = text;
	return TB_OK;
}

static enum tb_err mark_refused(struct tb_arena *arena,
				struct tb_json_value rejected,
				struct tb_connector_record *records, size_t n)
{
	struct tb_str id, code, text, message;
	enum tb_err err = get_text(arena, rejected, "recordID", &id);

	if (err == TB_OK)
		err = get_text(arena, rejected, "code", &code);
	if (err == TB_OK)
		err = get_text(arena, rejected, "message", &text);
	if (err == TB_OK)
		err = tb_arena_printf(arena, &message, "%.*s: %.*s",
				      TB_STR_ARG(code), TB_STR_ARG(text));
	for (size_t i = 0; err == TB_OK && i < n; i++) {
		if (records[i].refused != NULL ||
		    !tb_str_eq(records[i].key, id))
			continue;
		records[i].refused = TB_SITE_REFUSED;
		records[i].message = message;
	}
	return err;
}

enum tb_err tb_site_batch_judge(struct tb_arena *arena, struct tb_str answer,
				struct tb_connector_record *records, size_t n)
{
	struct tb_json json;
	struct tb_json_iter it;
	struct tb_json_value list;
	enum tb_err err =
		tb_json_parse(arena, answer, &answer_limits, &json, NULL);

	if (err == TB_ERR_NOMEM)
		return err;
	if (err != TB_OK)
		return TB_OK;
	list = tb_json_get(tb_json_root(&json), TB_STR("rejected"));
	if (!tb_json_is(list, TB_JSON_ARRAY))
		return TB_OK;
	it = tb_json_iter(list);
	while (err == TB_OK && tb_json_next(&it))
		err = mark_refused(arena, it.value, records, n);
	return err;
}
