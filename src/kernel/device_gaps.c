#include "kernel/device_gaps.h"

#include "kernel/device_record.h"
#include "kernel/device_tally.h"
#include "kernel/system.h"

/* Events looked at for one gap. */
#define LOOK_MAX 1000

/* A walk along a feed's numbers. */
struct walk {
	struct tb_tx *tx;
	struct tb_cursor *cursor; /* NULL: there is no such feed */
	uint64_t num;             /* where it stands; UINT64_MAX: behind all */
};

static enum tb_err walk_next(struct walk *walk)
{
	struct tb_feed_row row;
	enum tb_err err = walk->tx->store->ops->feed_next(walk->cursor, &row);

	if (err == TB_OK)
		walk->num = row.num;
	else if (err == TB_ERR_NOT_FOUND)
		walk->num = UINT64_MAX;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* Goes on to the first number at or above this one. */
static enum tb_err walk_to(struct walk *walk, uint64_t num)
{
	enum tb_err err = TB_OK;

	while (err == TB_OK && walk->num < num)
		err = walk_next(walk);
	return err;
}

static void walk_end(struct walk *walk)
{
	if (walk->cursor != NULL)
		walk->tx->store->ops->feed_close(walk->cursor);
}

static enum tb_err walk_begin(struct walk *walk, struct tb_tx *tx,
			      uint64_t scope, uint64_t after, uint64_t until)
{
	const struct tb_feed_query query = { .scope = scope,
					     .after = after,
					     .until = until,
					     .limit = UINT64_MAX };
	enum tb_err err;

	*walk = (struct walk) { .tx = tx, .num = UINT64_MAX };
	if (scope == 0)
		return TB_OK;
	err = tx->store->ops->feed_open(tx, &query, &walk->cursor);
	if (err != TB_OK) {
		walk->cursor = NULL;
		return err;
	}
	err = walk_next(walk);
	if (err != TB_OK)
		walk_end(walk);
	return err;
}

/* The critical events and the device's own of a gap. */
struct gap {
	struct walk critical;
	struct walk own;
	uint64_t until;
};

/* Up to where all critical events of the gap are its own. */
static enum tb_err end_of_critical(struct gap *gap, uint64_t *ret)
{
	enum tb_err err = TB_OK;

	for (int i = 0; i < LOOK_MAX; i++) {
		uint64_t num = gap->critical.num;

		if (num > gap->until) {
			*ret = gap->until;
			return TB_OK;
		}
		err = walk_to(&gap->own, num);
		if (err != TB_OK || gap->own.num != num) {
			*ret = num - 1;
			return err;
		}
		err = walk_next(&gap->critical);
		if (err != TB_OK)
			return err;
		*ret = num;
	}
	return TB_OK;
}

/* Up to where all events of the gap are critical, or its own. */
static enum tb_err end_of_others(struct gap *gap, uint64_t after, uint64_t *ret)
{
	enum tb_err err = TB_OK;

	*ret = after;
	for (int i = 0; err == TB_OK && i < LOOK_MAX && *ret < gap->until;
	     i++) {
		uint64_t num = *ret + 1;

		err = walk_to(&gap->critical, num);
		if (err == TB_OK)
			err = walk_to(&gap->own, num);
		if (gap->critical.num != num && gap->own.num != num)
			return err;
		*ret = num;
	}
	return err;
}

static enum tb_err gap_begin(struct gap *gap, const struct tb_device_gaps *gaps,
			     uint64_t after, uint64_t until)
{
	struct tb_tx *tx = tb_view_tx(gaps->view);
	uint64_t critical = tb_scope_known(tb_view_org_id(gaps->view),
					   TB_SCOPE_CRITICAL_EVENTS);
	enum tb_err err;

	gap->until = until;
	err = walk_begin(&gap->critical, tx, critical, after, until);
	if (err != TB_OK)
		return err;
	err = walk_begin(&gap->own, tx, gaps->own, after, until);
	if (err != TB_OK)
		walk_end(&gap->critical);
	return err;
}

/* Lets what is done up to `from` go on as far as it can. */
static enum tb_err go_on(struct tb_device_gaps *gaps, bool is_critical,
			 uint64_t from)
{
	struct tb_marks *marks = tb_device_marks_of(gaps->marks, is_critical);
	uint64_t until = tb_marks_next_done(marks, from + 1) - 1;
	uint64_t end = from;
	struct gap gap;
	enum tb_err err;

	if (until > gaps->stored)
		until = gaps->stored;
	if (until <= from)
		return TB_OK;
	err = gap_begin(&gap, gaps, from, until);
	if (err != TB_OK)
		return err;
	err = is_critical ? end_of_critical(&gap, &end)
			  : end_of_others(&gap, from, &end);
	walk_end(&gap.own);
	walk_end(&gap.critical);
	if (err != TB_OK || end <= from)
		return err;
	return tb_marks_add(marks, tb_view_arena(gaps->view), from + 1, end,
			    SIZE_MAX);
}

enum tb_err tb_device_gaps_init(struct tb_device_gaps *gaps,
				struct tb_view *view, struct tb_str device,
				struct tb_device_marks *marks)
{
	enum tb_err err;

	*gaps = (struct tb_device_gaps) { .view = view, .marks = marks };
	err = tb_device_head_stored(view, &gaps->stored);
	return err == TB_OK ? tb_device_tally_find_rid(view, device,
						       TB_STR_NONE, &gaps->own)
			    : err;
}

enum tb_err tb_device_gaps_close_first(struct tb_device_gaps *gaps,
				       bool is_critical)
{
	const struct tb_marks *marks =
		tb_device_marks_of(gaps->marks, is_critical);

	return go_on(gaps, is_critical, marks->done);
}

enum tb_err tb_device_gaps_close_around(struct tb_device_gaps *gaps,
					bool is_critical, uint64_t first,
					uint64_t last)
{
	const struct tb_marks *marks =
		tb_device_marks_of(gaps->marks, is_critical);
	uint64_t begin = tb_marks_begin_of(marks, first);
	enum tb_err err =
		go_on(gaps, is_critical, tb_marks_last_done(marks, begin));

	return err == TB_OK ? go_on(gaps, is_critical,
				    tb_marks_next(marks, last) - 1)
			    : err;
}
