#include "kernel/feeds.h"

#include "base/assert.h"

/* The last row with a number above `after` and up to `until`. NOT_FOUND. */
static enum tb_err last_in(struct tb_tx *tx, uint64_t scope, uint64_t after,
			   uint64_t until, struct tb_feed_row *ret)
{
	const struct tb_store_ops *ops = tx->store->ops;
	const struct tb_feed_query query = {
		.scope = scope,
		.after = after,
		.until = until,
		.limit = 1,
		.backwards = true,
	};
	struct tb_cursor *cursor;
	enum tb_err err = ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	err = ops->feed_next(cursor, ret);
	ops->feed_close(cursor);
	return err;
}

enum tb_err tb_feed_last(struct tb_tx *tx, uint64_t scope,
			 struct tb_feed_row *ret)
{
	return last_in(tx, scope, 0, UINT64_MAX, ret);
}

/* A search for the first row of a later time. */
struct search {
	struct tb_tx *tx;
	uint64_t scope;
	int64_t after_us;
	uint64_t low;  /* no row up to this number is later */
	uint64_t high; /* the number of a row that is */
};

/* Narrows the search at a number between its ends. */
static enum tb_err probe(struct search *s, uint64_t num)
{
	struct tb_feed_row row;
	enum tb_err err = last_in(s->tx, s->scope, s->low, num, &row);

	TB_ASSERT(s->low < num && num < s->high);
	if (err == TB_OK && row.time_us > s->after_us)
		s->high = row.num;
	else if (err == TB_OK || err == TB_ERR_NOT_FOUND)
		s->low = num;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* Who asks mostly knows all but the end: the search goes back from there by
 * bits of the distance that grow as fast as it, so that little is lost on who
 * knows nothing. */
static enum tb_err gallop(struct search *s)
{
	static const unsigned steps_bits[] = { 5, 10, 20, 40 };
	enum tb_err err = TB_OK;

	for (size_t i = 0;
	     err == TB_OK && s->low == 0 && i < TB_ARRAY_LEN(steps_bits); i++) {
		uint64_t step = (uint64_t)1 << steps_bits[i];

		if (s->high <= step)
			break;
		err = probe(s, s->high - step);
	}
	return err;
}

enum tb_err tb_feed_find_time(struct tb_tx *tx, uint64_t scope,
			      int64_t after_us, uint64_t head,
			      uint64_t *ret_num)
{
	struct search s = { .tx = tx, .scope = scope, .after_us = after_us };
	struct tb_feed_row last;
	enum tb_err err = last_in(tx, scope, 0, head, &last);

	if (err == TB_ERR_NOT_FOUND ||
	    (err == TB_OK && last.time_us <= after_us)) {
		*ret_num = head;
		return TB_OK;
	}
	if (err != TB_OK)
		return err;
	s.high = last.num;
	err = gallop(&s);
	while (err == TB_OK && s.high - s.low > 1)
		err = probe(&s, s.low + (s.high - s.low) / 2);
	if (err == TB_OK)
		*ret_num = s.high - 1;
	return err;
}
