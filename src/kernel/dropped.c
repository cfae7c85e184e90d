#include "kernel/dropped.h"

#include "codec/json.h"

static enum tb_err key_of(struct tb_arena *arena, struct tb_str collection,
			  struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "dropped/%.*s",
			       TB_STR_ARG(collection));
}

/* Of the record, NULL where there is none. */
static enum tb_err decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_dropped *ret)
{
	struct tb_dropped dropped = { .us = INT64_MIN };
	struct tb_json json;
	enum tb_err err;

	if (record == NULL) {
		*ret = dropped;
		return TB_OK;
	}
	err = tb_json_parse(arena, record->body, NULL, &json, NULL);
	if (err == TB_OK)
		err = tb_json_i64(
			tb_json_get(tb_json_root(&json), TB_STR("us")),
			&dropped.us);
	if (err == TB_OK)
		err = tb_json_u64(
			tb_json_get(tb_json_root(&json), TB_STR("num")),
			&dropped.num);
	if (err == TB_OK)
		*ret = dropped;
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

enum tb_err tb_dropped_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, struct tb_str collection,
			    struct tb_dropped *ret)
{
	struct tb_key key = { .org = org, .coll = TB_COLL_SETTING };
	struct tb_record *record = NULL;
	enum tb_err err = key_of(arena, collection, &key.key);

	if (err == TB_OK)
		err = tx->store->ops->find(tx, arena, &key, 1, &record);
	return err == TB_OK ? decode(arena, record, ret) : err;
}

enum tb_err tb_dropped_raise(struct tb_view *view, struct tb_str collection,
			     const struct tb_dropped *dropped)
{
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *record = NULL;
	struct tb_dropped now;
	struct tb_str key, body;
	enum tb_err err = key_of(arena, collection, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_SETTING, key, &record);
	if (err == TB_OK)
		err = decode(arena, record, &now);
	if (err != TB_OK)
		return err;
	if (dropped->us > now.us)
		now.us = dropped->us;
	if (dropped->num > now.num)
		now.num = dropped->num;
	err = tb_arena_printf(arena, &body, "{\"us\":%lld,\"num\":%llu}",
			      (long long)now.us, (unsigned long long)now.num);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_SETTING, key, body)
		       : err;
}
