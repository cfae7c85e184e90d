#include "api/follow_page.h"

#define CHANGES_MIN 16

static enum tb_err grow(struct tb_follow_filling *filling)
{
	struct tb_follow_page *page = &filling->page;
	struct tb_arena *arena = filling->query->arena;
	size_t old = filling->cap * sizeof(struct tb_str);
	size_t cap = filling->cap ? 2 * filling->cap : CHANGES_MIN;
	size_t new = cap * sizeof(struct tb_str);
	struct tb_str *changes =
		tb_arena_resize(arena, page->changes, old, new);
	struct tb_str *cursors =
		tb_arena_resize(arena, page->cursors, old, new);

	if (changes)
		page->changes = changes;
	if (cursors)
		page->cursors = cursors;
	if (!changes || !cursors)
		return tb_arena_err(arena);
	filling->cap = cap;
	return TB_OK;
}

static bool fits(const struct tb_follow_filling *filling, size_t bytes)
{
	const struct tb_follow_query *query = filling->query;
	size_t n = filling->page.n;

	return n < query->limit &&
	       (n == 0 || (bytes <= query->max_bytes &&
			   filling->bytes <= query->max_bytes - bytes));
}

static char *put(char *to, struct tb_str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static enum tb_err join(struct tb_arena *arena, struct tb_str lead,
			struct tb_str text, struct tb_str *ret)
{
	char *to = tb_arena_alloc(arena, lead.n + text.n);

	if (!to)
		return tb_arena_err(arena);
	put(put(to, lead), text);
	*ret = tb_str(to, lead.n + text.n);

	return TB_OK;
}

enum tb_err tb_follow_add(struct tb_follow_filling *filling,
			  const struct tb_follow_change *change, bool *ret_fits)
{
	struct tb_follow_page *page = &filling->page;
	struct tb_arena *arena = filling->query->arena;
	size_t bytes = change->lead.n + change->text.n + change->cursor.n;
	enum tb_err err = TB_OK;

	*ret_fits = fits(filling, bytes);
	if (!*ret_fits)
		return TB_OK;
	if (page->n == filling->cap)
		err = grow(filling);
	if (!err)
		err = join(arena, change->lead, change->text,
			   &page->changes[page->n]);
	if (!err)
		err = tb_arena_strdup(arena, change->cursor,
				      &page->cursors[page->n]);
	if (err)
		return err;
	page->n++;
	filling->bytes += bytes;
	return TB_OK;
}

enum tb_err tb_follow_finish(struct tb_follow_filling *filling,
			     struct tb_str cursor, bool has_more,
			     struct tb_follow_page *ret)
{
	enum tb_err err = tb_arena_strdup(filling->query->arena, cursor,
					  &filling->page.cursor);

	if (err)
		return err;
	filling->page.has_more = has_more;
	*ret = filling->page;
	return TB_OK;
}

enum tb_err tb_follow_stand(const struct tb_follow_query *query,
			    struct tb_str cursor, struct tb_follow_page *ret)
{
	struct tb_follow_filling filling = { .query = query };

	return tb_follow_finish(&filling, cursor, false, ret);
}
