#include "jobs/connectors/envelope.h"

#include "codec/json.h"
#include "codec/json_members.h"

static enum tb_err refuse(const char *what, const char **ret_problem)
{
	*ret_problem = what;
	return TB_ERR_INVALID;
}

/* A text that may be no JSON, or more than is taken. */
static enum tb_err parse(struct tb_arena *arena, struct tb_str text,
			 struct tb_json *ret, const char **ret_problem)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json_error error;
	enum tb_err err;

	limits.tape_depth = 1;
	err = tb_json_parse(arena, text, &limits, ret, &error);
	if (err == TB_OK || err == TB_ERR_NOMEM)
		return err;
	return refuse(error.what, ret_problem);
}

/* Finds the array without a look at what is inside. */
static enum tb_err find_items(struct tb_arena *arena, struct tb_str answer,
			      struct tb_str name, struct tb_str *ret,
			      const char **ret_problem)
{
	struct tb_json_members it = tb_json_members(answer);

	while (tb_json_members_next(&it)) {
		struct tb_json key;
		enum tb_err err = parse(arena, it.key, &key, ret_problem);

		if (err != TB_OK)
			return err;
		if (!tb_json_string_is(tb_json_root(&key), name))
			continue;
		if (*it.value.p != '[')
			return refuse("the member of the records is no array",
				      ret_problem);
		*ret = it.value;
		return TB_OK;
	}
	return refuse(it.is_broken ? "no object"
				   : "the member of the records is missing",
		      ret_problem);
}

/* The answer with nothing in its array, parsed. */
static enum tb_err parse_around(struct tb_arena *arena, struct tb_str answer,
				struct tb_str items, struct tb_json *ret,
				const char **ret_problem)
{
	size_t before = (size_t)(items.p - answer.p);
	size_t after = answer.n - before - items.n;
	char *text = tb_arena_alloc(arena, before + 2 + after);

	if (text == NULL)
		return tb_arena_err(arena);
	memcpy(text, answer.p, before);
	memcpy(text + before, "[]", 2);
	memcpy(text + before + 2, items.p + items.n, after);
	return parse(arena, tb_str(text, before + 2 + after), ret, ret_problem);
}

static enum tb_err read_cursor(struct tb_arena *arena,
			       struct tb_json_value value, struct tb_str *ret,
			       const char **ret_problem)
{
	if (tb_json_is_absent(value) || tb_json_is(value, TB_JSON_NULL))
		return TB_OK;
	if (tb_json_is(value, TB_JSON_STRING))
		return tb_json_string(arena, value, ret);
	if (!tb_json_is(value, TB_JSON_NUMBER))
		return refuse("the cursor is neither a text nor a number",
			      ret_problem);
	*ret = tb_json_raw(value);
	return TB_OK;
}

enum tb_err tb_envelope_open(struct tb_arena *arena, struct tb_str answer,
			     const struct tb_envelope_form *form,
			     struct tb_envelope *ret, const char **ret_problem)
{
	struct tb_envelope envelope = { .items = answer };
	struct tb_json around;
	enum tb_err err;

	if (form->items.n == 0) {
		if (form->cursor.n > 0)
			return refuse("an array has no cursor", ret_problem);
		*ret = envelope;
		return TB_OK;
	}
	err = find_items(arena, answer, form->items, &envelope.items,
			 ret_problem);
	if (err == TB_OK)
		err = parse_around(arena, answer, envelope.items, &around,
				   ret_problem);
	if (err != TB_OK)
		return err;
	struct tb_json_value root = tb_json_root(&around);
	if (form->total.n > 0 && tb_json_u64(tb_json_get(root, form->total),
					     &envelope.total) != TB_OK)
		envelope.total = 0;
	if (form->cursor.n > 0)
		err = read_cursor(arena, tb_json_get(root, form->cursor),
				  &envelope.cursor, ret_problem);
	if (err == TB_OK)
		*ret = envelope;
	return err;
}
