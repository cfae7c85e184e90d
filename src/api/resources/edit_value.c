#include "api/resources/edit_value.h"

#include "api/resources/errors.h"
#include "api/resources/form.h"
#include "base/assert.h"
#include "codec/time.h"

#define TOO_LONG "Ensure this field has no more than 255 characters."
#define TOO_GREAT                                                              \
	"Ensure this value is less than or equal to 9223372036854775807."
#define TOO_SMALL                                                              \
	"Ensure this value is greater than or equal to -9223372036854775808."

_Static_assert(TB_EDIT_STRING_MAX == 255 && INT64_MAX == 9223372036854775807,
	       "the limits that the messages name");

#define EXCERPT_MAX_BYTES 200
#define DATE_BYTES 10 /* YYYY-MM-DD */

struct tb_str tb_edit_value_excerpt(struct tb_str text)
{
	size_t n = text.n;

	if (n > EXCERPT_MAX_BYTES)
		for (n = EXCERPT_MAX_BYTES;
		     n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80;)
			n--;
	return tb_str(text.p, n);
}

/* ---- types ---- */

typedef enum tb_err check_fn(struct tb_arena *arena,
			     const struct tb_field *field,
			     struct tb_json_value value,
			     struct tb_str *ret_message);

static enum tb_err refuse(struct tb_str *ret_message, const char *message)
{
	*ret_message = tb_str_z(message);
	return TB_ERR_INVALID;
}

static size_t count_characters(struct tb_str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static enum tb_err check_text(struct tb_arena *arena,
			      const struct tb_field *field,
			      struct tb_json_value value,
			      struct tb_str *ret_message)
{
	(void)arena;
	(void)field;
	if (tb_json_is(value, TB_JSON_STRING))
		return TB_OK;
	*ret_message = TB_FORM_NO_STRING;
	return TB_ERR_INVALID;
}

static enum tb_err check_string(struct tb_arena *arena,
				const struct tb_field *field,
				struct tb_json_value value,
				struct tb_str *ret_message)
{
	struct tb_str text;
	enum tb_err err = check_text(arena, field, value, ret_message);

	if (!err)
		err = tb_json_string(arena, value, &text);
	if (!err && count_characters(text) > TB_EDIT_STRING_MAX)
		return refuse(ret_message, TOO_LONG);
	return err;
}

static bool is_written_as_integer(struct tb_json_value value)
{
	struct tb_str raw = tb_json_raw(value);

	return tb_json_is(value, TB_JSON_NUMBER) &&
	       !memchr(raw.p, '.', raw.n) && !memchr(raw.p, 'e', raw.n) &&
	       !memchr(raw.p, 'E', raw.n);
}

static enum tb_err check_integer(struct tb_arena *arena,
				 const struct tb_field *field,
				 struct tb_json_value value,
				 struct tb_str *ret_message)
{
	int64_t number;

	(void)arena;
	(void)field;
	if (!is_written_as_integer(value))
		return refuse(ret_message, TB_RESOURCES_BAD_INTEGER);
	if (!tb_json_i64(value, &number))
		return TB_OK;
	return refuse(ret_message,
		      tb_json_raw(value).p[0] == '-' ? TOO_SMALL : TOO_GREAT);
}

static enum tb_err check_decimal(struct tb_arena *arena,
				 const struct tb_field *field,
				 struct tb_json_value value,
				 struct tb_str *ret_message)
{
	(void)arena;
	(void)field;
	return tb_json_is(value, TB_JSON_NUMBER)
		       ? TB_OK
		       : refuse(ret_message, TB_RESOURCES_BAD_NUMBER);
}

static enum tb_err check_boolean(struct tb_arena *arena,
				 const struct tb_field *field,
				 struct tb_json_value value,
				 struct tb_str *ret_message)
{
	bool boolean;

	(void)arena;
	(void)field;
	return tb_json_bool(value, &boolean)
		       ? refuse(ret_message, TB_RESOURCES_BAD_BOOLEAN)
		       : TB_OK;
}

/* Whether a value is a text that says a time. */
static enum tb_err read_time(struct tb_arena *arena, struct tb_json_value value,
			     bool is_date)
{
	struct tb_str text;
	int64_t us;
	enum tb_err err = tb_json_string(arena, value, &text);

	if (err)
		return err;
	if (is_date && text.n != DATE_BYTES)
		return TB_ERR_INVALID;
	return tb_time_parse(text, is_date ? TB_TIME_DATE_ALLOWED : 0, &us);
}

static enum tb_err check_datetime(struct tb_arena *arena,
				  const struct tb_field *field,
				  struct tb_json_value value,
				  struct tb_str *ret_message)
{
	enum tb_err err = read_time(arena, value, false);

	(void)field;
	return err == TB_ERR_INVALID
		       ? refuse(ret_message, TB_RESOURCES_BAD_DATETIME)
		       : err;
}

static enum tb_err check_date(struct tb_arena *arena,
			      const struct tb_field *field,
			      struct tb_json_value value,
			      struct tb_str *ret_message)
{
	enum tb_err err = read_time(arena, value, true);

	(void)field;
	return err == TB_ERR_INVALID
		       ? refuse(ret_message, TB_RESOURCES_BAD_DATE)
		       : err;
}

/* "bad enum: 400 {"status":["\"zzz\" is not a valid choice."]}" */
static enum tb_err check_enum(struct tb_arena *arena,
			      const struct tb_field *field,
			      struct tb_json_value value,
			      struct tb_str *ret_message)
{
	struct tb_str text = tb_json_raw(value);
	enum tb_err err = TB_OK;

	for (size_t i = 0; i < field->n_values; i++)
		if (tb_json_string_is(value, field->values[i]))
			return TB_OK;
	if (tb_json_is(value, TB_JSON_STRING))
		err = tb_json_string(arena, value, &text);
	if (err)
		return err;
	text = tb_edit_value_excerpt(text);
	err = tb_arena_printf(arena, ret_message,
			      "\"%.*s\" is not a valid choice.",
			      TB_STR_ARG(text));
	return err ? err : TB_ERR_INVALID;
}

static enum tb_err check_json(struct tb_arena *arena,
			      const struct tb_field *field,
			      struct tb_json_value value,
			      struct tb_str *ret_message)
{
	(void)arena;
	(void)field;
	(void)value;
	(void)ret_message;
	return TB_OK;
}

static check_fn *const checks[] = {
	[TB_FIELD_STRING] = check_string,
	[TB_FIELD_INTEGER] = check_integer,
	[TB_FIELD_DECIMAL] = check_decimal,
	[TB_FIELD_BOOLEAN] = check_boolean,
	[TB_FIELD_DATETIME] = check_datetime,
	[TB_FIELD_DATE] = check_date,
	[TB_FIELD_ENUM] = check_enum,
	[TB_FIELD_JSON] = check_json,
	[TB_FIELD_TEXT] = check_text,
};

enum tb_err tb_edit_value_check(struct tb_arena *arena,
				const struct tb_field *field,
				struct tb_json_value value,
				struct tb_str *ret_message)
{
	TB_ASSERT((size_t)field->type < TB_ARRAY_LEN(checks));
	return checks[field->type](arena, field, value, ret_message);
}

/* ---- references ---- */

enum tb_err tb_edit_value_id(struct tb_arena *arena,
			     const struct tb_collection *target,
			     struct tb_json_value value, struct tb_str *ret,
			     struct tb_str *ret_message)
{
	if (target->id_type == TB_ID_INTEGER) {
		if (!is_written_as_integer(value))
			return refuse(ret_message, TB_RESOURCES_BAD_INTEGER);
		*ret = tb_json_raw(value);
		return TB_OK;
	}
	if (tb_json_is(value, TB_JSON_STRING))
		return tb_json_string(arena, value, ret);
	*ret_message = TB_FORM_NO_STRING;
	return TB_ERR_INVALID;
}
