#include "kernel/conflict.h"

#include <stdio.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "kernel/fields.h"
#include "kernel/ledger.h"
#include "kernel/sight.h"

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
	char number[64];
	int n = snprintf(number, sizeof(number), "site/%u/%llu/%d", site_id,
			 (unsigned long long)version, conflict->deleted);
	struct tb_str parts[] = { tb_str(number, (size_t)n), conflict->table,
				  conflict->stored->key, conflict->body };

	return tb_sha256_name(arena, parts, TB_ARRAY_LEN(parts), ret);
}

static const char *outcome(const struct tb_conflict *conflict,
			   const struct tb_conflict_result *result)
{
	if (result->site_wins)
		return "site";
	return conflict->collection->centre_wins ? "centre" : "merged";
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
	struct tb_str key;
	enum tb_err err = ledger_key(tb_view_arena(view), writer->site_id,
				     conflict, conflict->stored->version, &key);

	if (err == TB_OK)
		err = tb_ledger_knows(view, key, &result.known);
	if (err == TB_OK)
		err = decide_body(view, conflict, &result);
	if (err == TB_OK)
		*ret = result;
	return err;
}

static struct tb_str version_of(struct tb_str body, bool deleted)
{
	return deleted ? TB_STR_NONE : body;
}

enum tb_err tb_conflict_record(struct tb_view *view,
			       const struct tb_writer *writer,
			       const struct tb_conflict *c,
			       const struct tb_conflict_result *result,
			       uint64_t version)
{
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_ledger_entry entry = {
		.table = c->table,
		.record = c->stored->key,
		.number = tb_record_id(c->stored),
		.resolution = tb_str_z(outcome(c, result)),
		.server = version_of(c->stored->body, c->stored->deleted),
		.client = version_of(c->body, c->deleted),
	};
	bool known = false;
	enum tb_err err =
		ledger_key(arena, writer->site_id, c, version, &entry.key);

	if (err == TB_OK)
		err = tb_arena_printf(arena, &entry.by, "site/%u",
				      writer->site_id);
	if (err == TB_OK)
		err = tb_arena_printf(arena, &entry.base, "%llu",
				      (unsigned long long)c->stored->version);
	if (err == TB_OK)
		err = tb_ledger_knows(view, entry.key, &known);
	return err == TB_OK && !known
		       ? tb_ledger_add(view, &entry, writer->site_id)
		       : err;
}
