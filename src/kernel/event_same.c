#include "kernel/event_same.h"

#include <stdlib.h>

#include "codec/json.h"

/* Of a body in normal form, which is hardly longer than what was sent. */
#define NORMAL_MAX_BYTES ((size_t)1 << 30)

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

/* The members of an object, of which there are `n`, in the order of their
 * names. */
static enum tb_err sort_members(struct tb_arena *arena,
				struct tb_json_value object,
				struct named *members, size_t n)
{
	struct tb_json_iter it = tb_json_iter(object);
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && tb_json_next(&it); i++) {
		members[i].value = it.value;
		err = tb_json_string(arena, it.key, &members[i].name);
	}
	if (err == TB_OK && n > 0)
		qsort(members, n, sizeof(*members), compare_names);
	return err;
}

static enum tb_err put_value(struct tb_json_writer *w, struct tb_arena *arena,
			     struct tb_json_value value);

static enum tb_err put_object(struct tb_json_writer *w, struct tb_arena *arena,
			      struct tb_json_value object)
{
	size_t n = tb_json_count(object);
	struct named *members = tb_arena_calloc(arena, n, sizeof(*members));
	enum tb_err err;

	if (members == NULL)
		return tb_arena_err(arena);
	err = sort_members(arena, object, members, n);
	tb_json_begin_object(w);
	for (size_t i = 0; err == TB_OK && i < n; i++) {
		tb_json_key(w, members[i].name);
		err = put_value(w, arena, members[i].value);
	}
	tb_json_end_object(w);
	return err;
}

static enum tb_err put_array(struct tb_json_writer *w, struct tb_arena *arena,
			     struct tb_json_value array)
{
	struct tb_json_iter it = tb_json_iter(array);
	enum tb_err err = TB_OK;

	tb_json_begin_array(w);
	while (err == TB_OK && tb_json_next(&it))
		err = put_value(w, arena, it.value);
	tb_json_end_array(w);
	return err;
}

static enum tb_err put_string(struct tb_json_writer *w, struct tb_arena *arena,
			      struct tb_json_value string)
{
	struct tb_str decoded;
	enum tb_err err = tb_json_string(arena, string, &decoded);

	if (err == TB_OK)
		tb_json_str(w, decoded);
	return err;
}

/* Recursion ends where the reader's limit of depth does. */
static enum tb_err put_value(struct tb_json_writer *w, struct tb_arena *arena,
			     struct tb_json_value value)
{
	switch (tb_json_kind(value)) {
	case TB_JSON_OBJECT:
		return put_object(w, arena, value);
	case TB_JSON_ARRAY:
		return put_array(w, arena, value);
	case TB_JSON_STRING:
		return put_string(w, arena, value);
	default:
		tb_json_rawval(w, tb_json_raw(value));
		return TB_OK;
	}
}

static enum tb_err digest_normal(struct tb_arena *arena,
				 const struct tb_json *json,
				 uint8_t ret[TB_SHA256_BYTES])
{
	struct tb_buf normal;
	struct tb_json_writer w = tb_json_writer(&normal);
	enum tb_err err;

	tb_buf_init(&normal, NORMAL_MAX_BYTES);
	err = put_value(&w, arena, tb_json_root(json));
	if (err == TB_OK)
		err = tb_buf_err(&normal);
	if (err == TB_OK)
		tb_sha256(tb_buf_str(&normal), ret);
	tb_buf_fini(&normal);
	return err;
}

enum tb_err tb_event_digest(struct tb_arena *arena, struct tb_str body,
			    uint8_t ret[TB_SHA256_BYTES])
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json json;
	enum tb_err err;

	limits.allow_nul = true;
	err = tb_json_parse(arena, body, &limits, &json, NULL);
	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP)
		return TB_ERR_CORRUPT;
	if (err == TB_OK)
		err = digest_normal(arena, &json, ret);
	if (err != TB_ERR_TOO_LARGE)
		return err;
	tb_sha256(body, ret);
	return TB_OK;
}
