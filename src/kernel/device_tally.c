#include "kernel/device_tally.h"

#include "codec/json.h"
#include "kernel/system.h"

#define BODY_MAX_BYTES 128

enum tb_err tb_device_tally_key(struct tb_arena *arena, struct tb_str device,
				struct tb_str user, struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TB_KEY_MAX);
	if (user.n == 0) {
		tb_buf_append_z(&buf, "device/");
	} else if (device.n == 0) {
		tb_buf_append_z(&buf, "user/");
	} else {
		/* Its length says where the device ends. */
		tb_buf_append_z(&buf, "both/");
		tb_buf_append_u64(&buf, device.n);
		tb_buf_append_char(&buf, '/');
	}
	tb_buf_append_str(&buf, device);
	tb_buf_append_str(&buf, user);
	return tb_buf_copy_out(&buf, arena, ret);
}

/* ---- bodies ---- */

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_device_tally *tally,
			  struct tb_str *ret)
{
	char text[BODY_MAX_BYTES];
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "pending", tally->pending);
	tb_json_kv_uint(&w, "synced", tally->synced);
	tb_json_kv_uint(&w, "failed", tally->failed);
	tb_json_end_object(&w);
	return tb_arena_strdup(arena, tb_buf_str(&buf), ret);
}

static enum tb_err decode(struct tb_arena *arena, struct tb_str body,
			  struct tb_device_tally *ret)
{
	struct tb_device_tally tally = { .pending = 0 };
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(&json);
	err = tb_json_u64(tb_json_get(root, TB_STR("pending")), &tally.pending);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(root, TB_STR("synced")),
				  &tally.synced);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(root, TB_STR("failed")),
				  &tally.failed);
	if (err != TB_OK)
		return TB_ERR_CORRUPT;
	*ret = tally;
	return TB_OK;
}

/* ---- reading ---- */

enum tb_err tb_device_tally_find(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, struct tb_str device,
				 struct tb_str user, struct tb_record **ret)
{
	struct tb_key key = { .org = org, .coll = TB_COLL_TALLY };
	enum tb_err err = tb_device_tally_key(arena, device, user, &key.key);

	return err == TB_OK ? tx->store->ops->find(tx, arena, &key, 1, ret)
			    : err;
}

enum tb_err tb_device_tally_read(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, struct tb_str device,
				 struct tb_str user,
				 struct tb_device_tally *ret)
{
	struct tb_record *record = NULL;
	enum tb_err err =
		tb_device_tally_find(tx, arena, org, device, user, &record);

	if (err != TB_OK)
		return err;
	if (record != NULL)
		return decode(arena, record->body, ret);
	*ret = (struct tb_device_tally) { .pending = 0 };
	return TB_OK;
}

/* ---- in a commit ---- */

enum tb_err tb_device_tally_find_rid(struct tb_view *view, struct tb_str device,
				     struct tb_str user, uint64_t *ret)
{
	const struct tb_record *record;
	struct tb_str key;
	enum tb_err err =
		tb_device_tally_key(tb_view_arena(view), device, user, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_TALLY, key, &record);
	if (err == TB_OK)
		*ret = record != NULL ? record->rid : 0;
	return err;
}

enum tb_err tb_device_tally_open(struct tb_view *view, struct tb_str device,
				 struct tb_str user, uint64_t *ret_rid)
{
	const struct tb_device_tally none = { .pending = 0 };
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_str body;
	struct tb_str key;
	uint64_t rid = 0;
	enum tb_err err = tb_device_tally_find_rid(view, device, user, &rid);

	if (err == TB_OK && rid != 0)
		*ret_rid = rid;
	if (err != TB_OK || rid != 0)
		return err;
	err = tb_device_tally_key(arena, device, user, &key);
	if (err == TB_OK)
		err = encode(arena, &none, &body);
	if (err == TB_OK)
		err = tb_view_put_silent(view, TB_COLL_TALLY, key, body);
	return err == TB_OK
		       ? tb_device_tally_find_rid(view, device, user, ret_rid)
		       : err;
}

struct tb_device_tally_change
tb_device_tally_of(enum tb_device_event_status status, int by)
{
	struct tb_device_tally_change change = { .pending = 0 };

	if (status == TB_DEVICE_EVENT_PENDING)
		change.pending = by;
	else if (status == TB_DEVICE_EVENT_SYNCED)
		change.synced = by;
	else
		change.failed = by;
	return change;
}

/* False: there are not as many. */
static bool add(uint64_t *n, int by)
{
	if (by < 0 && *n < (uint64_t) - (int64_t)by)
		return false;
	*n += (uint64_t)(int64_t)by;
	return true;
}

enum tb_err tb_device_tally_change(struct tb_view *view, uint64_t rid,
				   struct tb_device_tally_change change)
{
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *record;
	struct tb_device_tally tally;
	struct tb_str body;
	enum tb_err err = tb_view_get_rid(view, rid, &record);

	if (err == TB_OK && (record == NULL || record->coll != TB_COLL_TALLY))
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		err = decode(arena, record->body, &tally);
	if (err == TB_OK && (!add(&tally.pending, change.pending) ||
			     !add(&tally.synced, change.synced) ||
			     !add(&tally.failed, change.failed)))
		err = TB_ERR_CORRUPT;
	if (err != TB_OK)
		return err;
	if (tally.pending + tally.synced + tally.failed == 0)
		return tb_view_remove(view, TB_COLL_TALLY, record->key);
	err = encode(arena, &tally, &body);
	return err == TB_OK ? tb_view_put_silent(view, TB_COLL_TALLY,
						 record->key, body)
			    : err;
}
