#include "kernel/event_same.h"

#include <stdlib.h>

#include "codec/json.h"

struct named {
	struct tb_str name;
	struct tb_json_value value;
};

static int compare_names(const void *a, const void *b)
{
	const struct named *x = a;
	const struct named *y = b;

	return tb_str_cmp(x->name, y->name);
}

static size_t count_children(struct tb_json_value container)
{
	struct tb_json_iter it = tb_json_iter(container);
	size_t n = 0;

	while (tb_json_next(&it))
		n++;
	return n;
}

/* The `n` members of an object in the order of their names. */
static enum tb_err sort_members(struct tb_arena *arena,
				struct tb_json_value object, size_t n,
				struct named **ret)
{
	struct named *list = tb_arena_calloc(arena, n, sizeof(*list));
	struct tb_json_iter it = tb_json_iter(object);
	enum tb_err err = TB_OK;

	if (list == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; err == TB_OK && tb_json_next(&it); i++) {
		list[i].value = it.value;
		err = tb_json_string(arena, it.key, &list[i].name);
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), compare_names);
	*ret = list;
	return err;
}

static enum tb_err same_value(struct tb_arena *arena, struct tb_json_value a,
			      struct tb_json_value b, bool *ret);

static enum tb_err same_object(struct tb_arena *arena, struct tb_json_value a,
			       struct tb_json_value b, bool *ret)
{
	size_t n = count_children(a);
	struct named *x;
	struct named *y;
	enum tb_err err;

	*ret = n == count_children(b);
	if (!*ret)
		return TB_OK;
	err = sort_members(arena, a, n, &x);
	if (err == TB_OK)
		err = sort_members(arena, b, n, &y);
	for (size_t i = 0; err == TB_OK && *ret && i < n; i++) {
		*ret = tb_str_eq(x[i].name, y[i].name);
		if (*ret)
			err = same_value(arena, x[i].value, y[i].value, ret);
	}
	return err;
}

static enum tb_err same_array(struct tb_arena *arena, struct tb_json_value a,
			      struct tb_json_value b, bool *ret)
{
	struct tb_json_iter x = tb_json_iter(a);
	struct tb_json_iter y = tb_json_iter(b);
	enum tb_err err = TB_OK;

	*ret = count_children(a) == count_children(b);
	while (err == TB_OK && *ret && tb_json_next(&x) && tb_json_next(&y))
		err = same_value(arena, x.value, y.value, ret);
	return err;
}

static enum tb_err same_string(struct tb_arena *arena, struct tb_json_value a,
			       struct tb_json_value b, bool *ret)
{
	struct tb_str decoded;
	enum tb_err err = tb_json_string(arena, a, &decoded);

	if (err == TB_OK)
		*ret = tb_json_string_is(b, decoded);
	return err;
}

/* Recursion ends where the reader's limit of depth does. */
static enum tb_err same_value(struct tb_arena *arena, struct tb_json_value a,
			      struct tb_json_value b, bool *ret)
{
	*ret = tb_json_kind(a) == tb_json_kind(b);
	if (!*ret)
		return TB_OK;
	switch (tb_json_kind(a)) {
	case TB_JSON_OBJECT:
		return same_object(arena, a, b, ret);
	case TB_JSON_ARRAY:
		return same_array(arena, a, b, ret);
	case TB_JSON_STRING:
		return same_string(arena, a, b, ret);
	default:
		*ret = tb_str_eq(tb_json_raw(a), tb_json_raw(b));
		return TB_OK;
	}
}

enum tb_err tb_event_same(struct tb_arena *arena, struct tb_str a,
			  struct tb_str b, bool *ret)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json x;
	struct tb_json y;
	enum tb_err err = TB_OK;

	limits.allow_nul = true;
	*ret = tb_str_eq(a, b);
	if (*ret)
		return TB_OK;
	err = tb_json_parse(arena, a, &limits, &x, NULL);
	if (err == TB_OK)
		err = tb_json_parse(arena, b, &limits, &y, NULL);
	if (err == TB_OK)
		err = same_value(arena, tb_json_root(&x), tb_json_root(&y),
				 ret);
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}
