#include "api/devices/fields.h"

#include "api/devices/errors.h"

#include <string.h>

#define FLAW_MAX_BYTES 1024

static enum tb_err flaw(struct tb_arena *arena, struct tb_str *ret_flaw,
			const char *name, const char *what)
{
	enum tb_err err = tb_arena_printf(arena, ret_flaw, "%s %s", name, what);

	return err ? err : TB_ERR_INVALID;
}

enum tb_err tb_devices_parse(struct tb_arena *arena, struct tb_str text,
			     const struct tb_json_limits *limits,
			     struct tb_json *ret, struct tb_str *ret_flaw)
{
	enum tb_err err = tb_json_parse(arena, text, limits, ret, NULL);

	if (err != TB_ERR_INVALID && err != TB_ERR_TOO_DEEP)
		return err;
	*ret_flaw = TB_STR(TB_DEVICES_BAD_JSON);
	return TB_ERR_INVALID;
}

bool tb_devices_is_missing(struct tb_json_value value)
{
	return tb_json_is_absent(value) || tb_json_is(value, TB_JSON_NULL) ||
	       tb_json_string_is(value, TB_STR(""));
}

enum tb_err tb_devices_take_text(struct tb_arena *arena,
				 struct tb_json_value object, const char *name,
				 size_t max_bytes, struct tb_str *ret,
				 struct tb_str *ret_flaw)
{
	struct tb_json_value value = tb_json_get(object, tb_str_z(name));
	struct tb_str text = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (!tb_devices_is_missing(value))
		err = tb_json_string(arena, value, &text);
	if (err == TB_ERR_INVALID)
		return flaw(arena, ret_flaw, name, "must be a string");
	if (err)
		return err;
	if (text.n > max_bytes)
		return flaw(arena, ret_flaw, name, "is too long");
	if (text.n > 0 && memchr(text.p, '\0', text.n))
		return flaw(arena, ret_flaw, name, "must not hold \\u0000");
	*ret = text;
	return TB_OK;
}

/* `payload` is there when it is null or "", too: "there `null` is a value". */
static bool is_there(struct tb_json_value object, const char *name,
		     const char *nullable)
{
	struct tb_json_value value = tb_json_get(object, tb_str_z(name));

	if (nullable && strcmp(name, nullable) == 0)
		return !tb_json_is_absent(value);
	return !tb_devices_is_missing(value);
}

enum tb_err tb_devices_check_missing(struct tb_arena *arena,
				     struct tb_json_value object,
				     const char *const *names,
				     const char *nullable,
				     struct tb_str *ret_flaw)
{
	char text[FLAW_MAX_BYTES];
	bool is_missing = false;
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	for (size_t i = 0; names[i]; i++) {
		if (is_there(object, names[i], nullable))
			continue;
		tb_buf_append_z(&buf, is_missing ? ", " : "Missing fields: ");
		tb_buf_append_z(&buf, names[i]);
		is_missing = true;
	}
	if (!is_missing)
		return TB_OK;
	err = tb_buf_err(&buf);
	if (!err)
		err = tb_arena_strdup(arena, tb_buf_str(&buf), ret_flaw);
	return err ? err : TB_ERR_INVALID;
}
