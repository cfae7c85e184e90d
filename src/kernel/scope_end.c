#include "kernel/scope_end.h"

#include "codec/json.h"
#include "kernel/feeds.h"

static enum tb_err last_num(struct tb_tx *tx, uint64_t scope, uint64_t *ret)
{
	struct tb_feed_row last = { .num = 0 };
	enum tb_err err = tb_feed_last(tx, scope, &last);

	*ret = last.num;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* The number in a scope's body, 0 where there is none. */
static enum tb_err read_noted(struct tb_arena *arena, struct tb_str body,
			      uint64_t *ret)
{
	struct tb_json json;
	struct tb_json_value last;
	enum tb_err err;

	*ret = 0;
	if (tb_str_eq(body, TB_STR("{}")))
		return TB_OK;
	err = tb_json_parse(arena, body, NULL, &json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
	last = tb_json_get(tb_json_root(&json), TB_STR("last"));
	if (tb_json_is_absent(last))
		return TB_OK;
	err = tb_json_u64(last, ret);
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

enum tb_err tb_scope_end(struct tb_tx *tx, struct tb_arena *arena,
			 uint64_t scope, uint64_t *ret)
{
	struct tb_key key = { .org = tb_rid_org(scope), .rid = scope };
	struct tb_record *record = NULL;
	uint64_t noted = 0;
	uint64_t last;
	enum tb_err err = last_num(tx, scope, &last);

	if (err == TB_OK)
		err = tx->store->ops->find(tx, arena, &key, 1, &record);
	if (err == TB_OK && record != NULL)
		err = read_noted(arena, record->body, &noted);
	if (err == TB_OK)
		*ret = last > noted ? last : noted;
	return err;
}

enum tb_err tb_scope_keep_end(struct tb_view *view,
			      const struct tb_entry *entry)
{
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *scope;
	struct tb_str body;
	uint64_t last, noted;
	enum tb_err err = last_num(tb_view_tx(view), entry->scope, &last);

	if (err == TB_OK)
		err = tb_view_get_rid(view, entry->scope, &scope);
	if (err != TB_OK || last > entry->num || scope == NULL)
		return err;
	err = read_noted(arena, scope->body, &noted);
	if (err != TB_OK || noted >= entry->num)
		return err;
	err = tb_arena_printf(arena, &body, "{\"last\":%llu}",
			      (unsigned long long)entry->num);
	return err == TB_OK ? tb_view_put_silent(view, TB_COLL_SCOPE,
						 scope->key, body)
			    : err;
}
