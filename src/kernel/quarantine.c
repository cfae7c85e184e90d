#include "kernel/quarantine.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/time.h"

#define BODY_MAX ((size_t)512 << 20)

/* Of what was pushed no more is looked at than where it is: it may have more
 * nodes than anybody reads. */
static const struct tb_json_limits member_limits = {
	.max_depth = 64,
	.max_nodes = 64,
	.tape_depth = 1,
};

/* Site, table and id with their lengths told apart; what is too long for a
 * key is named by its digest. */
static enum tb_err entry_key(struct tb_arena *arena, uint32_t site_id,
			     struct tb_str table, struct tb_str id,
			     struct tb_str *ret)
{
	uint8_t digest[TB_SHA256_BYTES];
	struct tb_str parts[] = { table, TB_STR("/"), id };
	struct tb_buf buf;

	tb_buf_init(&buf, TB_KEY_MAX);
	tb_buf_printf(&buf, "%u/%zu/", site_id, table.n);
	if (table.n + id.n < TB_KEY_MAX / 2) {
		tb_buf_append_str(&buf, table);
		tb_buf_append_char(&buf, '/');
		tb_buf_append_str(&buf, id);
	} else {
		tb_sha256_parts(parts, TB_ARRAY_LEN(parts), digest);
		tb_hex_put(&buf, tb_str((const char *)digest, sizeof(digest)));
	}
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_quarantine *entry, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, BODY_MAX);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "site_id", entry->site_id);
	tb_json_kv_str(&w, "table", entry->table);
	tb_json_kv_str(&w, "recordID", entry->id);
	tb_json_kv_str(&w, "code", entry->code);
	tb_json_kv_str(&w, "message", entry->message);
	tb_json_kv_raw(&w, "record", entry->record);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_quarantine *ret)
{
	struct tb_json *json = tb_arena_alloc(arena, sizeof(*json));
	struct tb_quarantine entry = { .time_us = record->updated_us };
	struct tb_json_value root;
	uint64_t site_id;
	enum tb_err err;

	if (json == NULL)
		return TB_ERR_NOMEM;
	err = tb_json_parse(arena, record->body, &member_limits, json, NULL);
	if (err != TB_OK)
		return err;
	root = tb_json_root(json);
	err = tb_json_u64(tb_json_get(root, TB_STR("site_id")), &site_id);
	if (err == TB_OK)
		err = tb_json_string(arena, tb_json_get(root, TB_STR("table")),
				     &entry.table);
	if (err == TB_OK)
		err = tb_json_string(arena,
				     tb_json_get(root, TB_STR("recordID")),
				     &entry.id);
	if (err == TB_OK)
		err = tb_json_string(arena, tb_json_get(root, TB_STR("code")),
				     &entry.code);
	if (err == TB_OK)
		err = tb_json_string(arena,
				     tb_json_get(root, TB_STR("message")),
				     &entry.message);
	if (err != TB_OK)
		return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
	entry.site_id = (uint32_t)site_id;
	entry.record = tb_json_raw(tb_json_get(root, TB_STR("record")));
	*ret = entry;
	return TB_OK;
}

/* True if the site's quarantine has room for `bytes` more in place of
 * `replaced` (an entry's bytes, or 0 when it is a new one). */
static bool has_room(const struct tb_consumer *consumer, size_t bytes,
		     size_t replaced)
{
	if (replaced == 0 && consumer->quarantined >= TB_QUARANTINE_ENTRIES_MAX)
		return false;
	return consumer->quarantined_bytes - replaced + bytes <=
	       TB_QUARANTINE_BYTES_MAX;
}

enum tb_err tb_quarantine_put(struct tb_view *view,
			      struct tb_consumer *consumer,
			      const struct tb_quarantine *entry, bool *ret_kept)
{
	struct tb_target target = {
		.scope = tb_scope_known(tb_view_org_id(view),
					TB_SCOPE_QUARANTINE),
	};
	struct tb_put put = { .coll = TB_COLL_QUARANTINE,
			      .origin = entry->site_id,
			      .targets = &target,
			      .n_targets = 1 };
	const struct tb_record *old;
	size_t replaced;
	enum tb_err err = entry_key(tb_view_arena(view), entry->site_id,
				    entry->table, entry->id, &put.key);

	if (err == TB_OK)
		err = encode(tb_view_arena(view), entry, &put.body);
	if (err == TB_OK)
		err = tb_view_get(view, put.coll, put.key, &old);
	if (err != TB_OK)
		return err;
	*ret_kept = true;
	if (old != NULL && tb_str_eq(old->body, put.body))
		return TB_OK;
	replaced = old != NULL ? old->body.n : 0;
	if (!has_room(consumer, put.body.n, replaced)) {
		*ret_kept = false;
		return TB_OK;
	}
	consumer->quarantined += old == NULL;
	consumer->quarantined_bytes += put.body.n - replaced;
	return tb_view_put(view, &put, NULL);
}

enum tb_err tb_quarantine_close(struct tb_view *view,
				struct tb_consumer *consumer,
				struct tb_str table, struct tb_str id)
{
	const struct tb_record *record;
	struct tb_str key;
	enum tb_err err = entry_key(tb_view_arena(view), consumer->site_id,
				    table, id, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_QUARANTINE, key, &record);
	if (err != TB_OK || record == NULL)
		return err;
	TB_ASSERT(consumer->quarantined > 0);
	consumer->quarantined--;
	consumer->quarantined_bytes -= record->body.n;
	return tb_view_remove(view, TB_COLL_QUARANTINE, key);
}

enum tb_err tb_quarantine_list(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org, uint32_t site_id, uint64_t after,
			       struct tb_quarantine *rets, size_t max,
			       size_t *ret_n)
{
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_QUARANTINE),
		.after = after,
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;
	enum tb_err err = ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (n < max && (err = ops->feed_next(cursor, &row)) == TB_OK) {
		struct tb_record record = row.record;

		if (site_id != 0 && record.origin != site_id)
			continue;
		err = tb_arena_strdup(arena, row.record.body, &record.body);
		if (err == TB_OK)
			err = decode(arena, &record, &rets[n]);
		if (err != TB_OK)
			break;
		rets[n++].num = row.num;
	}
	ops->feed_close(cursor);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	return TB_OK;
}

/* An operator's drop. */
struct drop {
	struct tb_commit commit;
	uint32_t site_id;
	struct tb_str table;
	struct tb_str id;
};

static enum tb_err drop_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct drop *drop = (struct drop *)commit;
	const struct tb_record *record;
	struct tb_consumer consumer;
	struct tb_str key;
	enum tb_err err = entry_key(tb_view_arena(view), drop->site_id,
				    drop->table, drop->id, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_QUARANTINE, key, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = tb_consumer_load(view, drop->site_id, &consumer);
	if (err == TB_OK)
		err = tb_quarantine_close(view, &consumer, drop->table,
					  drop->id);
	return err == TB_OK ? tb_consumer_save(view, &consumer) : err;
}

enum tb_err tb_quarantine_drop(struct tb_core *core,
			       const struct tb_audit_note *note, uint32_t org,
			       uint32_t site_id, struct tb_str table,
			       struct tb_str id)
{
	static const struct tb_commit_kind kind = {
		.name = "quarantine_drop",
		.decide = drop_decide,
	};
	struct drop drop = {
		.commit = { .kind = &kind, .org = org, .note = *note },
		.site_id = site_id,
		.table = table,
		.id = id,
	};

	return tb_core_commit(core, &drop.commit);
}
