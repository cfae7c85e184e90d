#include "kernel/audit_base.h"

#include "codec/digest.h"
#include "codec/json.h"

#define BODY_MAX_BYTES 256

static const struct tb_str key = TB_STR_INIT("audit_base");

bool tb_audit_base_equal(const struct tb_audit_base *a,
			 const struct tb_audit_base *b)
{
	return a->n == b->n &&
	       tb_digest_equal(a->hash, b->hash, sizeof(a->hash));
}

static void put_members(struct tb_buf *buf, const struct tb_audit_base *base)
{
	tb_buf_append_z(buf, "\"up_to\":");
	tb_buf_append_u64(buf, base->n);
	tb_buf_append_z(buf, ",\"hash\":\"");
	tb_hex_put(buf, tb_str((const char *)base->hash, sizeof(base->hash)));
	tb_buf_append_char(buf, '"');
}

static enum tb_err take_members(struct tb_arena *arena, struct tb_str body,
				struct tb_audit_base *ret)
{
	struct tb_audit_base base;
	struct tb_json json;
	struct tb_json_value root;
	struct tb_str hash;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(&json);
	if (tb_json_u64(tb_json_get(root, TB_STR("up_to")), &base.n) ||
	    tb_json_string(arena, tb_json_get(root, TB_STR("hash")), &hash) ||
	    tb_hex_parse(hash, base.hash, sizeof(base.hash)))
		return TB_ERR_CORRUPT;
	*ret = base;
	return TB_OK;
}

/* Of the record that keeps it, NULL where there is none. */
static enum tb_err base_of(struct tb_arena *arena,
			   const struct tb_record *record,
			   struct tb_audit_base *ret)
{
	if (record != NULL)
		return take_members(arena, record->body, ret);
	*ret = (struct tb_audit_base) { .n = 0 };
	return TB_OK;
}

enum tb_err tb_audit_base_read(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org, struct tb_audit_base *ret)
{
	struct tb_key name = { .org = org,
			       .coll = TB_COLL_SETTING,
			       .key = key };
	struct tb_record *record;
	enum tb_err err = tx->store->ops->find(tx, arena, &name, 1, &record);

	return err == TB_OK ? base_of(arena, record, ret) : err;
}

enum tb_err tb_audit_base_get(struct tb_view *view, struct tb_audit_base *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_SETTING, key, &record);

	return err == TB_OK ? base_of(tb_view_arena(view), record, ret) : err;
}

enum tb_err tb_audit_base_put(struct tb_view *view,
			      const struct tb_audit_base *base)
{
	struct tb_buf buf;
	struct tb_str body;
	enum tb_err err;

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_buf_append_char(&buf, '{');
	put_members(&buf, base);
	tb_buf_append_char(&buf, '}');
	err = tb_buf_copy_out(&buf, tb_view_arena(view), &body);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_SETTING, key, body)
		       : err;
}

enum tb_err tb_audit_base_tell(struct tb_arena *arena,
			       const struct tb_audit_base *base,
			       struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, BODY_MAX_BYTES);
	put_members(&buf, base);
	return tb_buf_copy_out(&buf, arena, ret);
}

enum tb_err tb_audit_base_told(struct tb_arena *arena,
			       const struct tb_audit_row *row,
			       struct tb_audit_base *base)
{
	struct tb_audit_entry entry;
	enum tb_err err;

	if (!tb_audit_is_of_trail(row))
		return TB_OK;
	err = tb_audit_decode(arena, row, &entry);
	if (err != TB_OK || entry.detail.p == NULL ||
	    !tb_str_eq(entry.operation, TB_STR(TB_AUDIT_DROP)))
		return err;
	return take_members(arena, entry.detail, base);
}
