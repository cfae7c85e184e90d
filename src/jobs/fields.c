#include "jobs/fields.h"

#include "base/buf.h"

#define WHAT_MAX_BYTES 256

enum tb_err tb_fields_fail(const struct tb_fields *fields, const char *name,
			   const char *what)
{
	enum tb_err err = tb_arena_printf(fields->arena, fields->problem,
					  "%s%s %s", fields->path, name, what);

	return err ? err : TB_ERR_INVALID;
}

struct tb_json_value tb_fields_get(const struct tb_fields *fields,
				   const char *name)
{
	struct tb_json_value value =
		tb_json_get(fields->object, tb_str_z(name));

	return tb_json_is(value, TB_JSON_NULL) ? TB_JSON_ABSENT : value;
}

enum tb_err tb_fields_need(const struct tb_fields *fields, const char *name)
{
	return tb_json_is_absent(tb_fields_get(fields, name))
		       ? tb_fields_fail(fields, name, "is required")
		       : TB_OK;
}

enum tb_err tb_fields_text(const struct tb_fields *fields, const char *name,
			   struct tb_str *ret)
{
	struct tb_json_value value = tb_fields_get(fields, name);
	struct tb_str text = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (!tb_json_is_absent(value))
		err = tb_json_string(fields->arena, value, &text);
	if (err == TB_ERR_INVALID)
		return tb_fields_fail(fields, name, "must be a string");
	if (!err && tb_str_has_control(text))
		return tb_fields_fail(fields, name,
				      "must not hold control characters");
	if (!err)
		*ret = text;
	return err;
}

enum tb_err tb_fields_whole(const struct tb_fields *fields, const char *name,
			    uint32_t min, uint32_t max, uint32_t absent,
			    uint32_t *ret)
{
	struct tb_json_value value = tb_fields_get(fields, name);
	char what[WHAT_MAX_BYTES];
	uint64_t v = absent;
	struct tb_buf buf;

	if (tb_json_is_absent(value) ||
	    (!tb_json_u64(value, &v) && v >= min && v <= max)) {
		*ret = (uint32_t)v;
		return TB_OK;
	}
	tb_buf_init_fixed(&buf, what, sizeof(what));
	tb_buf_printf(&buf, "must be a whole number from %u to %u", min, max);
	tb_buf_append_char(&buf, '\0');
	return tb_fields_fail(fields, name, what);
}

enum tb_err tb_fields_bool(const struct tb_fields *fields, const char *name,
			   bool absent, bool *ret)
{
	struct tb_json_value value = tb_fields_get(fields, name);
	bool v = absent;

	if (!tb_json_is_absent(value) && tb_json_bool(value, &v))
		return tb_fields_fail(fields, name, "must be true or false");
	*ret = v;
	return TB_OK;
}

enum tb_err tb_fields_choice(const struct tb_fields *fields, const char *name,
			     const char *const *choices, unsigned absent,
			     unsigned *ret)
{
	char what[WHAT_MAX_BYTES];
	struct tb_str text;
	struct tb_buf buf;
	enum tb_err err = tb_fields_text(fields, name, &text);

	if (err)
		return err;
	if (!text.p) {
		*ret = absent;
		return TB_OK;
	}
	tb_buf_init_fixed(&buf, what, sizeof(what));
	tb_buf_append_z(&buf, "must be one of ");
	for (unsigned i = 0; choices[i]; i++) {
		if (tb_str_eq(text, tb_str_z(choices[i]))) {
			*ret = i;
			return TB_OK;
		}
		tb_buf_append_z(&buf, i > 0 ? ", " : "");
		tb_buf_append_z(&buf, choices[i]);
	}
	tb_buf_append_char(&buf, '\0');
	return tb_fields_fail(fields, name, what);
}

enum tb_err tb_fields_object(const struct tb_fields *fields, const char *name,
			     const char *path, struct tb_fields *ret)
{
	struct tb_json_value value = tb_fields_get(fields, name);

	if (!tb_json_is_absent(value) && !tb_json_is(value, TB_JSON_OBJECT))
		return tb_fields_fail(fields, name, "must be an object");
	*ret = *fields;
	ret->object = value;
	ret->path = path;
	return TB_OK;
}
