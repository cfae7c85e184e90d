#include "kernel/waiting.h"

#include "kernel/system.h"

static enum tb_err copy_row(struct tb_core *core, struct tb_tx *tx,
			    struct tb_arena *arena,
			    const struct tb_feed_row *row,
			    struct tb_waiting *ret)
{
	struct tb_waiting waiting = { .since_us = row->time_us };
	enum tb_err err = tb_core_rid_name(core, tx, arena, row->record.coll,
					   &waiting.table);

	if (err == TB_OK)
		err = tb_arena_strdup(arena, row->record.key, &waiting.id);
	if (err == TB_OK)
		*ret = waiting;
	return err;
}

enum tb_err tb_waiting_list(struct tb_core *core, struct tb_tx *tx,
			    struct tb_arena *arena, uint32_t org,
			    uint32_t site_id, struct tb_waiting *rets,
			    size_t max, size_t *ret_n)
{
	struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_WAITING),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (n < max &&
	       (err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		if (row.origin != site_id)
			continue;
		err = copy_row(core, tx, arena, &row, &rets[n]);
		if (err != TB_OK)
			break;
		n++;
	}
	tx->store->ops->feed_close(cursor);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	return TB_OK;
}
