/*
 * Reading values off the tape.
 */
#include "codec/json.h"

#include "base/assert.h"
#include "codec/json_text.h"

static const struct tb_json_node *node_of(struct tb_json_value v)
{
	TB_ASSERT(v.json != NULL && v.node < v.json->n_nodes);
	return &v.json->nodes[v.node];
}

struct tb_json_value tb_json_root(const struct tb_json *json)
{
	return (struct tb_json_value) { json, 0 };
}

enum tb_json_kind tb_json_kind(struct tb_json_value v)
{
	return (enum tb_json_kind)node_of(v)->kind;
}

bool tb_json_is(struct tb_json_value v, enum tb_json_kind kind)
{
	return v.json != NULL && node_of(v)->kind == kind;
}

struct tb_str tb_json_raw(struct tb_json_value v)
{
	const struct tb_json_node *node = node_of(v);

	return tb_str(v.json->text + node->start, node->len);
}

/* What is between the quotes, as written. */
static struct tb_str inside_of(struct tb_json_value string)
{
	struct tb_str raw = tb_json_raw(string);

	return tb_str(raw.p + 1, raw.n - 2);
}

struct tb_json_iter tb_json_iter(struct tb_json_value container)
{
	struct tb_json_iter it = { 0 };

	if (!tb_json_is(container, TB_JSON_ARRAY) &&
	    !tb_json_is(container, TB_JSON_OBJECT))
		return it;
	it.json = container.json;
	it.at = container.node + 1;
	it.end = node_of(container)->next;
	it.is_object = tb_json_is(container, TB_JSON_OBJECT);
	return it;
}

bool tb_json_next(struct tb_json_iter *it)
{
	if (it->at >= it->end)
		return false;
	if (it->is_object) {
		it->key = (struct tb_json_value) { it->json, it->at };
		it->at++;
	}
	it->value = (struct tb_json_value) { it->json, it->at };
	it->at = node_of(it->value)->next;
	return true;
}

size_t tb_json_count(struct tb_json_value container)
{
	struct tb_json_iter it = tb_json_iter(container);
	size_t n = 0;

	while (tb_json_next(&it))
		n++;
	return n;
}

struct tb_json_value tb_json_get(struct tb_json_value object,
				 struct tb_str name)
{
	struct tb_json_iter it = tb_json_iter(object);

	while (it.is_object && tb_json_next(&it)) {
		if (tb_json_string_is(it.key, name))
			return it.value;
	}
	return TB_JSON_ABSENT;
}

enum tb_err tb_json_string(struct tb_arena *arena, struct tb_json_value v,
			   struct tb_str *ret)
{
	if (!tb_json_is(v, TB_JSON_STRING))
		return TB_ERR_INVALID;
	struct tb_str inside = inside_of(v);
	if (!node_of(v)->escaped) {
		*ret = inside;
		return TB_OK;
	}
	char *p = tb_arena_alloc(arena, inside.n);
	if (p == NULL)
		return tb_arena_err(arena);
	*ret = tb_str(p, tb_json_decode(inside, p));
	return TB_OK;
}

bool tb_json_string_is(struct tb_json_value v, struct tb_str s)
{
	if (!tb_json_is(v, TB_JSON_STRING))
		return false;
	if (!node_of(v)->escaped)
		return tb_str_eq(inside_of(v), s);
	return tb_json_decoded_is(inside_of(v), s);
}

enum tb_err tb_json_i64(struct tb_json_value v, int64_t *ret)
{
	if (!tb_json_is(v, TB_JSON_NUMBER))
		return TB_ERR_INVALID;
	return tb_str_to_i64(tb_json_raw(v), ret);
}

enum tb_err tb_json_u64(struct tb_json_value v, uint64_t *ret)
{
	if (!tb_json_is(v, TB_JSON_NUMBER))
		return TB_ERR_INVALID;
	return tb_str_to_u64(tb_json_raw(v), ret);
}

enum tb_err tb_json_bool(struct tb_json_value v, bool *ret)
{
	if (!tb_json_is(v, TB_JSON_TRUE) && !tb_json_is(v, TB_JSON_FALSE))
		return TB_ERR_INVALID;
	*ret = tb_json_is(v, TB_JSON_TRUE);
	return TB_OK;
}
