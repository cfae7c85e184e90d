#include "jobs/connectors/file_line.h"

#include "codec/json.h"

static const struct tb_json_limits limits = {
	.max_depth = 64,
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

static void put_deletion(struct tb_buf *buf,
			 const struct tb_source_entity *entity,
			 struct tb_str key)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_key(&w, entity->key);
	tb_json_str(&w, key);
	tb_json_key(&w, entity->deleted_field);
	if (entity->deleted_value.n > 0)
		tb_json_str(&w, entity->deleted_value);
	else
		tb_json_boolean(&w, true);
	tb_json_end_object(&w);
	tb_buf_append_char(buf, '\n');
}

/* Line ends stand between values only: in a string they are escaped. */
static void put_in_one_line(struct tb_buf *buf, struct tb_str text)
{
	size_t begin = buf->n;

	tb_buf_append_str(buf, text);
	if (tb_buf_err(buf) != TB_OK)
		return;
	for (size_t i = begin; i < buf->n; i++)
		if (buf->p[i] == '\n' || buf->p[i] == '\r')
			buf->p[i] = ' ';
}

/* The body with the key as its first member. */
static void put_with_key(struct tb_buf *buf,
			 const struct tb_source_entity *entity,
			 const struct tb_connector_record *record,
			 struct tb_json_value root)
{
	struct tb_str raw = tb_json_raw(root);

	tb_buf_append_char(buf, '{');
	tb_json_put_string(buf, entity->key);
	tb_buf_append_char(buf, ':');
	tb_json_put_string(buf, record->key);
	if (tb_json_count(root) > 0)
		tb_buf_append_char(buf, ',');
	put_in_one_line(buf, tb_str(raw.p + 1, raw.n - 1));
}

enum tb_err tb_file_line_put(struct tb_buf *buf, struct tb_arena *scratch,
			     const struct tb_source_entity *entity,
			     const struct tb_connector_record *record)
{
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err;

	if (record->deleted) {
		if (entity->deleted_field.n > 0 &&
		    entity->on_delete == TB_ON_DELETE_DELETE)
			put_deletion(buf, entity, record->key);
		return TB_OK;
	}
	tb_arena_reset(scratch);
	err = tb_json_parse(scratch, record->body, &limits, &json, NULL);
	if (err != TB_OK)
		return err;
	root = tb_json_root(&json);
	if (!tb_json_is(root, TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	if (tb_json_is_absent(tb_json_get(root, entity->key)))
		put_with_key(buf, entity, record, root);
	else
		put_in_one_line(buf, tb_json_raw(root));
	tb_buf_append_char(buf, '\n');
	return TB_OK;
}
