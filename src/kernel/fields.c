#include "kernel/fields.h"

#include <stdlib.h>

#include "codec/time.h"

static const struct tb_json_limits member_limits = {
	.max_depth = 64,
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

static bool is_integer(struct tb_json_value v)
{
	struct tb_str raw = tb_json_raw(v);

	return tb_json_is(v, TB_JSON_NUMBER) &&
	       memchr(raw.p, '.', raw.n) == NULL &&
	       memchr(raw.p, 'e', raw.n) == NULL &&
	       memchr(raw.p, 'E', raw.n) == NULL;
}

static bool is_time(struct tb_arena *arena, struct tb_json_value v,
		    bool date_only)
{
	struct tb_str text;
	int64_t us;

	if (tb_json_string(arena, v, &text) != TB_OK)
		return false;
	if (date_only && text.n != strlen("2024-01-31"))
		return false;
	return tb_time_parse(text, date_only ? TB_TIME_DATE_ALLOWED : 0, &us) ==
	       TB_OK;
}

static bool is_one_of(const struct tb_field *field, struct tb_json_value v)
{
	for (size_t i = 0; i < field->n_values; i++)
		if (tb_json_string_is(v, field->values[i]))
			return true;
	return false;
}

/* In the body of another record a reference is its key: text, or an integer as
 * it is written. */
static bool is_reference(struct tb_json_value v)
{
	if (tb_json_is(v, TB_JSON_STRING))
		return tb_json_raw(v).n > 2;
	return is_integer(v);
}

/* A resource shows integers of 64 bits; tables of sites may hold any. */
static bool is_integer_of(const struct tb_collection *collection,
			  struct tb_json_value v)
{
	int64_t number;

	return is_integer(v) &&
	       (collection->path.p == NULL || tb_json_i64(v, &number) == TB_OK);
}

static bool fits(struct tb_arena *arena, const struct tb_collection *collection,
		 const struct tb_field *field, struct tb_json_value v)
{
	if (field->references.p != NULL)
		return is_reference(v);
	switch (field->type) {
	case TB_FIELD_STRING:
	case TB_FIELD_TEXT:
		return tb_json_is(v, TB_JSON_STRING);
	case TB_FIELD_INTEGER:
		return is_integer_of(collection, v);
	case TB_FIELD_DECIMAL:
		return tb_json_is(v, TB_JSON_NUMBER);
	case TB_FIELD_BOOLEAN:
		return tb_json_is(v, TB_JSON_TRUE) ||
		       tb_json_is(v, TB_JSON_FALSE);
	case TB_FIELD_DATETIME:
		return is_time(arena, v, false);
	case TB_FIELD_DATE:
		return is_time(arena, v, true);
	case TB_FIELD_ENUM:
		return is_one_of(field, v);
	case TB_FIELD_JSON:
		return true;
	}
	return false;
}

static const char *const type_names[] = {
	[TB_FIELD_STRING] = "a string",
	[TB_FIELD_INTEGER] = "an integer",
	[TB_FIELD_DECIMAL] = "a number",
	[TB_FIELD_BOOLEAN] = "true or false",
	[TB_FIELD_DATETIME] = "an ISO 8601 time",
	[TB_FIELD_DATE] = "a date, YYYY-MM-DD",
	[TB_FIELD_ENUM] = "one of the declared values",
	[TB_FIELD_JSON] = "any JSON",
	[TB_FIELD_TEXT] = "a string",
};

static enum tb_err refuse(struct tb_arena *arena, const struct tb_field *field,
			  struct tb_str *ret_message)
{
	const char *expected = field->references.p != NULL
				       ? "the id of a record, text or integer"
				       : type_names[field->type];
	enum tb_err err = tb_arena_printf(arena, ret_message,
					  "field \"%.*s\": expected %s",
					  TB_STR_ARG(field->name), expected);

	return err == TB_OK ? TB_ERR_INVALID : err;
}

enum tb_err tb_fields_check(struct tb_arena *arena,
			    const struct tb_collection *collection,
			    struct tb_str body, struct tb_str *ret_message)
{
	struct tb_json json;
	enum tb_err err;

	if (collection == NULL || collection->n_fields == 0)
		return TB_OK;
	err = tb_json_parse(arena, body, &member_limits, &json, NULL);
	if (err != TB_OK)
		return err;
	for (size_t i = 0; i < collection->n_fields; i++) {
		const struct tb_field *field = &collection->fields[i];
		struct tb_json_value v =
			tb_json_get(tb_json_root(&json), field->name);

		/* What is shown of other records is in no body. */
		if (field->from.p != NULL)
			continue;
		if (tb_json_is_absent(v) && !field->required)
			continue;
		if (tb_json_is(v, TB_JSON_NULL) && field->nullable)
			continue;
		if (tb_json_is_absent(v) || !fits(arena, collection, field, v))
			return refuse(arena, field, ret_message);
	}
	return TB_OK;
}

static enum tb_err parse_object(struct tb_arena *arena, struct tb_str text,
				struct tb_json *ret)
{
	enum tb_err err = tb_json_parse(arena, text, &member_limits, ret, NULL);

	if (err == TB_OK && !tb_json_is(tb_json_root(ret), TB_JSON_OBJECT))
		err = TB_ERR_INVALID;
	return err;
}

/* A change of a patch, by the name of its field. */
struct change {
	struct tb_str name;
	struct tb_json_value key;
	struct tb_json_value value;
	bool is_done;
};

/* A patch's changes as they came, and sorted by name: both objects are as
 * large as somebody likes, so that neither is searched from end to end. */
struct changes {
	struct change *list;
	struct change **sorted;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	const struct change *const *x = a;
	const struct change *const *y = b;

	return tb_str_cmp((*x)->name, (*y)->name);
}

static enum tb_err read_changes(struct tb_arena *arena,
				struct tb_json_value object,
				struct changes *ret)
{
	struct tb_json_iter it = tb_json_iter(object);
	struct changes changes = { .n = 0 };
	enum tb_err err = TB_OK;
	size_t n = 0;

	while (tb_json_next(&it))
		n++;
	changes.list = tb_arena_calloc(arena, n, sizeof(*changes.list));
	changes.sorted = tb_arena_calloc(arena, n, sizeof(*changes.sorted));
	if (changes.list == NULL || changes.sorted == NULL)
		return TB_ERR_NOMEM;
	it = tb_json_iter(object);
	while (err == TB_OK && tb_json_next(&it)) {
		struct change *change = &changes.list[changes.n];

		change->key = it.key;
		change->value = it.value;
		changes.sorted[changes.n++] = change;
		err = tb_json_string(arena, it.key, &change->name);
	}
	if (err != TB_OK)
		return err;
	if (changes.n > 0)
		qsort(changes.sorted, changes.n, sizeof(*changes.sorted),
		      by_name);
	*ret = changes;
	return TB_OK;
}

/* The change of the field with this key, NULL if there is none. */
static enum tb_err find_change(struct tb_arena *arena,
			       const struct changes *changes,
			       struct tb_json_value key, struct change **ret)
{
	struct change wanted;
	struct change *at = &wanted;
	struct change **found = NULL;
	enum tb_err err = tb_json_string(arena, key, &wanted.name);

	if (err != TB_OK)
		return err;
	if (changes->n > 0)
		found = bsearch(&at, changes->sorted, changes->n,
				sizeof(*changes->sorted), by_name);
	*ret = found != NULL ? *found : NULL;
	return TB_OK;
}

static void put_member(struct tb_json_writer *w, struct tb_json_value key,
		       struct tb_json_value value)
{
	if (w->comma)
		tb_buf_append_char(w->buf, ',');
	tb_buf_append_str(w->buf, tb_json_raw(key));
	tb_buf_append_char(w->buf, ':');
	tb_buf_append_str(w->buf, tb_json_raw(value));
	w->comma = true;
}

/* Writes `base` with values from `object` where it has some. */
static enum tb_err put_merged(struct tb_arena *arena, struct tb_json_writer *w,
			      struct tb_json_value base,
			      struct tb_json_value object)
{
	struct tb_json_iter it = tb_json_iter(base);
	struct changes changes = { .n = 0 };
	enum tb_err err = read_changes(arena, object, &changes);

	tb_json_begin_object(w);
	while (err == TB_OK && tb_json_next(&it)) {
		struct change *change = NULL;

		err = find_change(arena, &changes, it.key, &change);
		if (err != TB_OK)
			break;
		put_member(w, it.key,
			   change != NULL ? change->value : it.value);
		if (change != NULL)
			change->is_done = true;
	}
	for (size_t i = 0; err == TB_OK && i < changes.n; i++)
		if (!changes.list[i].is_done)
			put_member(w, changes.list[i].key,
				   changes.list[i].value);
	tb_json_end_object(w);
	return err;
}

enum tb_err tb_fields_patch(struct tb_arena *arena, struct tb_str base,
			    struct tb_str changes, struct tb_str *ret)
{
	struct tb_json base_json;
	struct tb_json changes_json;
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);
	enum tb_err err = parse_object(arena, base, &base_json);

	if (err == TB_OK)
		err = parse_object(arena, changes, &changes_json);
	if (err != TB_OK)
		return err;
	tb_buf_init(&buf, base.n + changes.n + 2);
	err = put_merged(arena, &w, tb_json_root(&base_json),
			 tb_json_root(&changes_json));
	if (err == TB_OK)
		return tb_buf_copy_out(&buf, arena, ret);
	tb_buf_fini(&buf);
	return err;
}

enum tb_err tb_fields_keep_centre(struct tb_arena *arena,
				  const struct tb_collection *collection,
				  struct tb_str body, struct tb_str other,
				  struct tb_str *ret, bool *ret_same)
{
	struct tb_json mine;
	struct tb_json theirs;
	struct tb_buf changes;
	struct tb_json_writer w = tb_json_writer(&changes);
	bool same = true;
	enum tb_err err = parse_object(arena, body, &mine);

	if (err == TB_OK)
		err = parse_object(arena, other, &theirs);
	if (err != TB_OK)
		return err;
	tb_buf_init(&changes, other.n + 2 * body.n + 2);
	tb_json_begin_object(&w);
	for (size_t i = 0; i < collection->n_fields; i++) {
		struct tb_str name = collection->fields[i].name;
		struct tb_json_value a = tb_json_get(tb_json_root(&mine), name);
		struct tb_json_value b =
			tb_json_get(tb_json_root(&theirs), name);

		if (!collection->fields[i].centre_wins ||
		    tb_json_is_absent(b) ||
		    (!tb_json_is_absent(a) &&
		     tb_str_eq(tb_json_raw(a), tb_json_raw(b))))
			continue;
		same = false;
		tb_json_key(&w, name);
		tb_json_rawval(&w, tb_json_raw(b));
	}
	tb_json_end_object(&w);
	err = tb_buf_err(&changes);
	if (err == TB_OK && same)
		*ret = body;
	else if (err == TB_OK)
		err = tb_fields_patch(arena, body, tb_buf_str(&changes), ret);
	tb_buf_fini(&changes);
	if (err == TB_OK)
		*ret_same = same;
	return err;
}
