#include "jobs/connectors/file_ledger.h"

#include "codec/digest.h"
#include "codec/json.h"

#define TEXT_MAX_BYTES 4096

static void put_mark(struct tb_json_writer *w, const char *key,
		     const struct tb_file_mark *mark)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "cursor", mark->cursor);
	tb_json_kv_uint(w, "length", mark->length);
	tb_json_end_object(w);
}

enum tb_err tb_file_ledger_put(struct tb_arena *arena,
			       const struct tb_file_ledger *ledger,
			       struct tb_str *ret)
{
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "job", ledger->job);
	put_mark(&w, "last", &ledger->last);
	put_mark(&w, "before", &ledger->before);
	tb_json_kv_bool(&w, "finished", ledger->is_finished);
	tb_json_end_object(&w);
	tb_buf_append_char(&buf, '\n');
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err read_mark(struct tb_arena *arena, struct tb_json_value value,
			     struct tb_file_mark *ret)
{
	enum tb_err err = tb_json_string(
		arena, tb_json_get(value, TB_STR("cursor")), &ret->cursor);

	return err == TB_OK ? tb_json_u64(tb_json_get(value, TB_STR("length")),
					  &ret->length)
			    : err;
}

enum tb_err tb_file_ledger_parse(struct tb_arena *arena, struct tb_str text,
				 struct tb_file_ledger *ret)
{
	struct tb_file_ledger ledger;
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, text, NULL, &json, NULL);

	if (err != TB_OK)
		return err;
	root = tb_json_root(&json);
	err = tb_json_string(arena, tb_json_get(root, TB_STR("job")),
			     &ledger.job);
	if (err == TB_OK)
		err = read_mark(arena, tb_json_get(root, TB_STR("last")),
				&ledger.last);
	if (err == TB_OK)
		err = read_mark(arena, tb_json_get(root, TB_STR("before")),
				&ledger.before);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(root, TB_STR("finished")),
				   &ledger.is_finished);
	if (err == TB_OK)
		*ret = ledger;
	return err;
}

enum tb_err tb_file_ledger_name(struct tb_arena *arena, struct tb_str cursor,
				struct tb_str *ret)
{
	if (cursor.n == 0) {
		*ret = TB_STR("");
		return TB_OK;
	}
	return tb_sha256_name(arena, &cursor, 1, ret);
}

const struct tb_file_mark *
tb_file_ledger_find(const struct tb_file_ledger *ledger, struct tb_str job,
		    struct tb_str name)
{
	if (!tb_str_eq(ledger->job, job))
		return NULL;
	if (tb_str_eq(ledger->last.cursor, name))
		return &ledger->last;
	if (tb_str_eq(ledger->before.cursor, name))
		return &ledger->before;
	return NULL;
}
