#include "api/resources/walk_spool.h"

#include "base/assert.h"

/* Behind `{"id":"`. */
#define TEXT_ID_AT 7

/* The id's text as it stands in an item. */
static struct tb_str text_id(struct tb_str item)
{
	size_t end = TEXT_ID_AT;

	while (item.p[end] != '"')
		end += item.p[end] == '\\' ? 2 : 1;
	return tb_str(item.p + TEXT_ID_AT, end - TEXT_ID_AT);
}

static void mark(struct tb_walk_spool *to, const struct tb_walk_item *item)
{
	switch (to->form) {
	case TB_SPOOL_BY_TEXT:
		tb_spool_mark_text(to->spool, text_id(item->text), TEXT_ID_AT);
		break;
	case TB_SPOOL_BY_NUMBER:
		tb_spool_mark(to->spool, item->id);
		break;
	case TB_SPOOL_LATEST:
		tb_spool_mark(to->spool, item->rid);
		break;
	case TB_SPOOL_LIST:
	case TB_SPOOL_BYTES:
		TB_UNREACHABLE();
	}
}

static enum tb_err put(struct tb_walk_sink *sink,
		       const struct tb_walk_item *item, bool *ret_fits)
{
	struct tb_walk_spool *to = (struct tb_walk_spool *)sink;

	(void)ret_fits;
	mark(to, item);
	tb_spool_append(to->spool, item->text);
	if (item->is_void)
		tb_spool_void(to->spool);
	return tb_spool_err(to->spool);
}

static void revise(struct tb_walk_sink *sink)
{
	tb_spool_revise(((struct tb_walk_spool *)sink)->spool);
}

void tb_walk_spool_init(struct tb_walk_spool *to, struct tb_spool *spool,
			enum tb_spool_form form)
{
	*to = (struct tb_walk_spool) {
		.sink = { .revise = revise, .put = put },
		.spool = spool,
		.form = form,
	};
}
