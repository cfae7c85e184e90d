#include "api/resources/form.h"

#include "api/resources/errors.h"
#include "base/assert.h"

#define BODY_MAX_BYTES ((size_t)256 << 10)

/* ---- answers ---- */

bool tb_resources_form_refuse(const struct tb_resources_form *form,
			      const struct tb_request *req,
			      struct tb_response *res)
{
	struct tb_buf body;
	struct tb_json_writer w = tb_json_writer(&body);

	if (form->err) {
		tb_response_fail(res, req, form->err);
		return true;
	}
	if (form->n_errors == 0)
		return false;
	tb_buf_init(&body, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	for (size_t i = 0; i < form->n_errors; i++) {
		tb_json_key(&w, form->errors[i].field);
		tb_json_begin_array(&w);
		tb_json_str(&w, form->errors[i].message);
		tb_json_end_array(&w);
	}
	tb_json_end_object(&w);
	tb_response_written(res, req, 400, TB_JSON_TYPE, &body);
	return true;
}

void tb_resources_form_error(struct tb_resources_form *form,
			     struct tb_str field, struct tb_str message)
{
	for (size_t i = 0; i < form->n_errors; i++)
		if (tb_str_eq(form->errors[i].field, field))
			return;
	if (form->n_errors == TB_FORM_ERRORS_MAX)
		return;
	form->errors[form->n_errors].field = field;
	form->errors[form->n_errors].message = message;
	form->n_errors++;
}

/* ---- reading ---- */

/* Where a text was refused, as people count: from 1, in bytes. */
static void refuse_text(const struct tb_request *req, struct tb_response *res,
			const struct tb_json_error *error)
{
	size_t line = 1;
	size_t column = 1;
	struct tb_str detail;
	enum tb_err err;

	for (size_t i = 0; i < error->offset && i < req->body.n; i++) {
		column++;
		if (req->body.p[i] == '\n') {
			line++;
			column = 1;
		}
	}
	err = tb_arena_printf(
		req->arena, &detail,
		"JSON parse error - %s: line %zu column %zu (char %zu)",
		error->what, line, column, error->offset);
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_resources_fail(res, req, 400, detail);
}

static bool is_whole(struct tb_str number)
{
	for (size_t i = 0; i < number.n; i++)
		if (number.p[i] != '-' &&
		    (number.p[i] < '0' || number.p[i] > '9'))
			return false;
	return true;
}

/* What a value is called in the message that it is no object. */
static const char *kind_name(struct tb_json_value v)
{
	static const char *const names[] = {
		[TB_JSON_NULL] = "NoneType", [TB_JSON_FALSE] = "bool",
		[TB_JSON_TRUE] = "bool",     [TB_JSON_NUMBER] = "float",
		[TB_JSON_STRING] = "str",    [TB_JSON_ARRAY] = "list",
	};
	enum tb_json_kind kind = tb_json_kind(v);

	TB_ASSERT(kind != TB_JSON_OBJECT);
	return kind == TB_JSON_NUMBER && is_whole(tb_json_raw(v)) ? "int"
								  : names[kind];
}

static void refuse_kind(struct tb_resources_form *form,
			const struct tb_request *req, struct tb_response *res)
{
	struct tb_str message;
	enum tb_err err = tb_arena_printf(
		req->arena, &message,
		"Invalid data. Expected a dictionary, but got %s.",
		kind_name(form->object));

	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_resources_form_error(form, TB_STR("non_field_errors"), message);
	(void)tb_resources_form_refuse(form, req, res);
}

/* "An empty body counts as `{}`", also one of nothing but space. */
static bool is_empty(struct tb_str body)
{
	for (size_t i = 0; i < body.n; i++)
		if (!memchr(" \t\r\n", body.p[i], 4))
			return false;
	return true;
}

bool tb_resources_form_open(struct tb_resources_form *form,
			    const struct tb_request *req,
			    struct tb_response *res)
{
	struct tb_json_error error;
	enum tb_err err;

	*form = (struct tb_resources_form) { .arena = req->arena,
					     .object = TB_JSON_ABSENT };
	if (is_empty(req->body))
		return true;
	if (!tb_request_is_json(req)) {
		tb_resources_fail(res, req, 415, TB_STR(TB_RESOURCES_BAD_TYPE));
		return false;
	}
	err = tb_json_parse(req->arena, req->body, NULL, &form->json, &error);
	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP)
		refuse_text(req, res, &error);
	else if (err)
		tb_response_fail(res, req, err);
	if (err)
		return false;
	form->object = tb_json_root(&form->json);
	if (tb_json_is(form->object, TB_JSON_OBJECT))
		return true;
	refuse_kind(form, req, res);
	return false;
}

/* What is wrong with a member that is to be a text; p NULL: nothing. */
static struct tb_str flaw_of(struct tb_json_value v)
{
	if (tb_json_is_absent(v))
		return TB_FORM_REQUIRED;
	switch (tb_json_kind(v)) {
	case TB_JSON_STRING:
	case TB_JSON_NUMBER:
		return TB_STR_NONE;
	case TB_JSON_NULL:
		return TB_FORM_NULL;
	default:
		return TB_FORM_NO_STRING;
	}
}

struct tb_str tb_resources_form_text(struct tb_resources_form *form,
				     const char *name)
{
	struct tb_json_value v = tb_json_get(form->object, tb_str_z(name));
	struct tb_str flaw = flaw_of(v);
	struct tb_str text = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (!flaw.p && tb_json_is(v, TB_JSON_NUMBER))
		return tb_json_raw(v);
	if (!flaw.p)
		err = tb_json_string(form->arena, v, &text);
	if (err && !form->err)
		form->err = err;
	if (err)
		return TB_STR_NONE;
	if (!flaw.p && tb_str_trim(text).n == 0)
		flaw = TB_FORM_BLANK;
	if (!flaw.p)
		return text;
	tb_resources_form_error(form, tb_str_z(name), flaw);
	return TB_STR_NONE;
}
