#include "kernel/restart.h"

#include "codec/json.h"

static enum tb_err key_of(struct tb_arena *arena, enum tb_restart_reason reason,
			  struct tb_str collection, struct tb_str *ret)
{
	static const char *const names[] = {
		[TB_RESTART_DROPPED] = "dropped",
		[TB_RESTART_SIGHT] = "resighted",
	};

	return tb_arena_printf(arena, ret, "%s/%.*s", names[reason],
			       TB_STR_ARG(collection));
}

/* Of the record, NULL where there is none. */
static enum tb_err decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_restart *ret)
{
	struct tb_restart restart = { .us = INT64_MIN };
	struct tb_json json;
	enum tb_err err;

	if (record == NULL) {
		*ret = restart;
		return TB_OK;
	}
	err = tb_json_parse(arena, record->body, NULL, &json, NULL);
	if (err == TB_OK)
		err = tb_json_i64(
			tb_json_get(tb_json_root(&json), TB_STR("us")),
			&restart.us);
	if (err == TB_OK)
		err = tb_json_u64(
			tb_json_get(tb_json_root(&json), TB_STR("num")),
			&restart.num);
	if (err == TB_OK)
		*ret = restart;
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

enum tb_err tb_restart_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, enum tb_restart_reason reason,
			    struct tb_str collection, struct tb_restart *ret)
{
	struct tb_key key = { .org = org, .coll = TB_COLL_SETTING };
	struct tb_record *record = NULL;
	enum tb_err err = key_of(arena, reason, collection, &key.key);

	if (err == TB_OK)
		err = tx->store->ops->find(tx, arena, &key, 1, &record);
	return err == TB_OK ? decode(arena, record, ret) : err;
}

enum tb_err tb_restart_raise(struct tb_view *view,
			     enum tb_restart_reason reason,
			     struct tb_str collection,
			     const struct tb_restart *restart)
{
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *record = NULL;
	struct tb_restart now;
	struct tb_str key, body;
	enum tb_err err = key_of(arena, reason, collection, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_SETTING, key, &record);
	if (err == TB_OK)
		err = decode(arena, record, &now);
	if (err != TB_OK)
		return err;
	if (restart->us > now.us)
		now.us = restart->us;
	if (restart->num > now.num)
		now.num = restart->num;
	err = tb_arena_printf(arena, &body, "{\"us\":%lld,\"num\":%llu}",
			      (long long)now.us, (unsigned long long)now.num);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_SETTING, key, body)
		       : err;
}
