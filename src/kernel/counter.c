#include "kernel/counter.h"

/* Of the record that keeps it, NULL where there is none. */
static enum tb_err value_of(const struct tb_record *record, uint64_t *ret)
{
	if (record == NULL) {
		*ret = 0;
		return TB_OK;
	}
	return tb_str_to_u64(record->body, ret) == TB_OK ? TB_OK
							 : TB_ERR_CORRUPT;
}

enum tb_err tb_counter_get(struct tb_view *view, struct tb_str name,
			   uint64_t *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_SETTING, name, &record);

	return err == TB_OK ? value_of(record, ret) : err;
}

enum tb_err tb_counter_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, struct tb_str name, uint64_t *ret)
{
	struct tb_key key = { .org = org,
			      .coll = TB_COLL_SETTING,
			      .key = name };
	struct tb_record *record;
	enum tb_err err = tx->store->ops->find(tx, arena, &key, 1, &record);

	return err == TB_OK ? value_of(record, ret) : err;
}

enum tb_err tb_counter_put(struct tb_view *view, struct tb_str name,
			   uint64_t value)
{
	struct tb_str body;
	enum tb_err err = tb_arena_printf(tb_view_arena(view), &body, "%llu",
					  (unsigned long long)value);

	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_SETTING, name, body)
		       : err;
}
