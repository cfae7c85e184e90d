#include "kernel/edit.h"

#include "kernel/placing.h"

/* The scope of what belongs nowhere else. What is a site's own stays so: what
 * it pushed to a table that is not declared, or before its parent is there. */
static enum tb_err own_scope(struct tb_view *view, const struct tb_edit *edit,
			     uint64_t *ret)
{
	const struct tb_record *old = edit->old;

	for (size_t i = 0; old != NULL && i < old->n_entries; i++) {
		const struct tb_entry *entry = &old->entries[i];

		if ((entry->flags & TB_ENTRY_HOME) &&
		    (edit->collection == NULL ||
		     (entry->flags & TB_ENTRY_WAITING))) {
			*ret = entry->scope;
			return TB_OK;
		}
	}
	return tb_view_scope(view, TB_SCOPE_SITE_PREFIX, TB_STR("0"), ret);
}

static enum tb_err plan(struct tb_view *view, struct tb_placement *placement)
{
	enum tb_err err =
		tb_routing_extract(tb_view_arena(view), placement->collection,
				   placement->body, &placement->words);

	if (err == TB_OK)
		err = tb_place_plan(view, placement);
	if (err == TB_OK && placement->plan.home == 0)
		err = tb_place_keep(view, placement);
	return err;
}

enum tb_err tb_edit_write(struct tb_view *view, const struct tb_edit *edit,
			  const struct tb_record **ret)
{
	struct tb_placement placement = {
		.collection = edit->collection,
		.coll = edit->coll,
		.key = edit->key,
		.old = edit->old,
		.body = edit->body,
		.deleted = edit->deleted,
		.origin = TB_ORIGIN_CENTRE,
		.makes_stores = true,
		.is_synced = edit->is_synced,
		.id = edit->id,
	};
	enum tb_err err = own_scope(view, edit, &placement.site_scope);

	if (err == TB_OK && !edit->deleted)
		err = plan(view, &placement);
	if (err == TB_OK)
		err = tb_place_write(view, &placement, ret);
	/* Names may have been made by now, so that nothing is a refusal. */
	return err == TB_ERR_EXISTS || err == TB_ERR_INVALID ? TB_ERR_CORRUPT
							     : err;
}
