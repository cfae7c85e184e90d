#include "kernel/conflict.h"

#include <stdio.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/fields.h"

bool tb_conflict_is(const struct tb_writer *writer,
		    const struct tb_record *stored)
{
	if (stored->origin == writer->site_id)
		return false;
	for (size_t i = 0; i < stored->n_entries; i++) {
		const struct tb_entry *entry = &stored->entries[i];
		const struct tb_subscription *sub = tb_consumer_subscription(
			writer->consumer, entry->scope);

		if (sub != NULL && entry->origin != writer->site_id &&
		    !tb_subscription_is_acked(sub, entry->num))
			return true;
	}
	return false;
}

/* Names a conflict by site, record, what was sent and the version that came
 * of it, so that a repeated push finds it and a later conflict does not. */
static enum tb_err ledger_key(struct tb_arena *arena, uint32_t site_id,
			      const struct tb_conflict *conflict,
			      uint64_t version, struct tb_str *ret)
{
	uint8_t digest[TB_SHA256_BYTES];
	char number[64];
	int n = snprintf(number, sizeof(number), "%u/%zu/%llu/%d/", site_id,
			 conflict->table.n, (unsigned long long)version,
			 conflict->deleted);
	struct tb_str parts[] = {
		tb_str(number, (size_t)n), conflict->table, TB_STR("/"),
		conflict->stored->key,     TB_STR("/"),     conflict->body
	};
	struct tb_buf hex;
	enum tb_err err;

	tb_sha256_parts(parts, TB_ARRAY_LEN(parts), digest);
	tb_buf_init(&hex, 2 * sizeof(digest));
	tb_hex_put(&hex, tb_str((const char *)digest, sizeof(digest)));
	err = tb_buf_err(&hex);
	if (err == TB_OK)
		err = tb_arena_strdup(arena, tb_buf_str(&hex), ret);
	tb_buf_fini(&hex);
	return err;
}

static void put_version(struct tb_json_writer *w, const char *key,
			struct tb_str body, bool deleted)
{
	if (deleted)
		tb_json_kv_null(w, key);
	else
		tb_json_kv_raw(w, key, body);
}

static const char *outcome(const struct tb_conflict *conflict,
			   const struct tb_conflict_result *result)
{
	if (result->site_wins)
		return "site";
	return conflict->collection->centre_wins ? "centre" : "merged";
}

static enum tb_err ledger_body(struct tb_view *view, uint32_t site_id,
			       const struct tb_conflict *c, const char *winner,
			       struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);
	enum tb_err err;

	tb_buf_init(&buf, c->body.n + c->stored->body.n + 8192);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "table", c->table);
	tb_json_kv_str(&w, "recordID", c->stored->key);
	tb_json_kv_uint(&w, "site_id", site_id);
	tb_json_kv_uint(&w, "base", c->stored->version);
	tb_json_key(&w, TB_STR("detected_at"));
	tb_buf_append_char(&buf, '"');
	tb_time_put(&buf, tb_view_now_us(view));
	tb_buf_append_char(&buf, '"');
	tb_json_kv_str(&w, "resolution", tb_str_z(winner));
	put_version(&w, "centre", c->stored->body, c->stored->deleted);
	put_version(&w, "site", c->body, c->deleted);
	tb_json_end_object(&w);
	err = tb_buf_err(&buf);
	if (err == TB_OK)
		err = tb_arena_strdup(tb_view_arena(view), tb_buf_str(&buf),
				      ret);
	tb_buf_fini(&buf);
	return err;
}

static enum tb_err decide_body(struct tb_view *view,
			       const struct tb_conflict *c,
			       struct tb_conflict_result *result)
{
	result->body = c->body;
	result->deleted = c->deleted;
	result->site_wins = true;
	if (c->collection == NULL)
		return TB_OK;
	if (c->collection->centre_wins) {
		result->body = c->stored->body;
		result->deleted = c->stored->deleted;
		result->site_wins = false;
		return TB_OK;
	}
	if (c->deleted || c->stored->deleted)
		return TB_OK;
	return tb_fields_keep_centre(tb_view_arena(view), c->collection,
				     c->body, c->stored->body, &result->body,
				     &result->site_wins);
}

enum tb_err tb_conflict_settle(struct tb_view *view,
			       const struct tb_writer *writer,
			       const struct tb_conflict *conflict,
			       struct tb_conflict_result *ret)
{
	struct tb_conflict_result result = { .known = false };
	const struct tb_record *known;
	struct tb_str key;
	enum tb_err err = ledger_key(tb_view_arena(view), writer->site_id,
				     conflict, conflict->stored->version, &key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_CONFLICT, key, &known);
	if (err == TB_OK)
		err = decide_body(view, conflict, &result);
	if (err != TB_OK)
		return err;
	result.known = known != NULL;
	*ret = result;
	return TB_OK;
}

enum tb_err tb_conflict_record(struct tb_view *view,
			       const struct tb_writer *writer,
			       const struct tb_conflict *conflict,
			       const struct tb_conflict_result *result,
			       uint64_t version)
{
	struct tb_target target = {
		.scope = tb_scope_known(tb_view_org_id(view),
					TB_SCOPE_CONFLICTS),
	};
	struct tb_put put = { .coll = TB_COLL_CONFLICT,
			      .origin = writer->site_id,
			      .targets = &target,
			      .n_targets = 1 };
	enum tb_err err = ledger_key(tb_view_arena(view), writer->site_id,
				     conflict, version, &put.key);

	if (err == TB_OK)
		err = ledger_body(view, writer->site_id, conflict,
				  outcome(conflict, result), &put.body);
	return err == TB_OK ? tb_view_put(view, &put, NULL) : err;
}
