/*
 * Writing a device off: what is pending and waits for it waits no longer. It
 * goes along the pending events from the oldest, and how far it has come is
 * kept in the registration.
 */
#include "kernel/device_tally.h"
#include "kernel/device_wait.h"
#include "kernel/registration.h"
#include "kernel/system.h"

struct leaving {
	struct tb_view *view;
	struct tb_registration *reg;
	struct tb_device_marks marks;
	uint64_t own; /* rid of what its own events are counted by; 0: none */
	size_t *left;
};

/* Looks at one event, which may be of any status or none. */
static enum tb_err write_off(struct leaving *l, uint64_t id)
{
	struct tb_device_wait wait;
	enum tb_err err = tb_device_wait_get(l->view, id, &wait);

	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	(*l->left)--;
	l->reg->written_off = id;
	if (err == TB_ERR_NOT_FOUND || wait.status != TB_DEVICE_EVENT_PENDING ||
	    (wait.n_tallies > 0 && wait.tallies[0] == l->own) ||
	    tb_device_marks_have(&l->marks, wait.is_critical, id))
		return TB_OK;
	return tb_device_wait_less(l->view, id, &wait);
}

/* Those that were there before this group of commits, up to `until`. */
static enum tb_err walk_stored(struct leaving *l, uint64_t until)
{
	struct tb_tx *tx = tb_view_tx(l->view);
	const struct tb_feed_query query = {
		.scope = tb_scope_known(tb_view_org_id(l->view),
					TB_SCOPE_PENDING),
		.after = l->reg->written_off,
		.until = until,
		.limit = UINT64_MAX,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (err == TB_OK && *l->left > 0) {
		err = tx->store->ops->feed_next(cursor, &row);
		if (err == TB_OK)
			err = write_off(l, row.num);
	}
	tx->store->ops->feed_close(cursor);
	if (err != TB_ERR_NOT_FOUND)
		return err;
	l->reg->written_off = until;
	return TB_OK;
}

static enum tb_err walk(struct leaving *l)
{
	struct tb_registration *reg = l->reg;
	uint64_t stored;
	enum tb_err err = tb_device_head_stored(l->view, &stored);

	if (stored > reg->counts_to)
		stored = reg->counts_to;
	if (err == TB_OK && reg->written_off < stored)
		err = walk_stored(l, stored);
	/* Feeds do not show what its own group has made. */
	while (err == TB_OK && *l->left > 0 && reg->written_off >= stored &&
	       reg->written_off < reg->counts_to)
		err = write_off(l, reg->written_off + 1);
	return err;
}

enum tb_err tb_registration_write_off(struct tb_view *view,
				      struct tb_registration *reg, size_t *left)
{
	struct leaving l = { .view = view, .reg = reg, .left = left };
	struct tb_registration same;
	enum tb_err err =
		tb_registration_get(view, reg->device, &same, &l.marks);

	if (err == TB_OK)
		err = tb_device_tally_find_rid(view, reg->device, TB_STR_NONE,
					       &l.own);
	if (err == TB_OK)
		err = walk(&l);
	return err == TB_OK && reg->is_back &&
			       tb_registration_is_written_off(reg)
		       ? tb_registration_return(view, reg)
		       : err;
}
