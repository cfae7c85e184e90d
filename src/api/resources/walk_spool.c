#include "api/resources/walk_spool.h"

#include "base/assert.h"

/* By its id between the quotes. */
static void mark_text(struct tb_spool *spool, struct tb_str text)
{
	struct tb_str id = tb_render_id(text);
	const char *begin = id.p + 1;

	tb_spool_mark_text(spool, tb_str(begin, id.n - 2),
			   (size_t)(begin - text.p));
}

static void mark(struct tb_walk_spool *to, const struct tb_walk_item *item)
{
	switch (to->form) {
	case TB_SPOOL_BY_TEXT:
		mark_text(to->spool, item->text);
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
