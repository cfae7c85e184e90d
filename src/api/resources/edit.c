#include "api/resources/edit.h"

#include "api/resources/edit_value.h"
#include "http/uri.h"
#include "kernel/sight.h"

#define BAD_ID "Not a valid id."
#define TOO_LONG_ID "Ensure this field has no more than 255 characters."

/* ---- who may ---- */

static bool is_shown(const struct tb_field *field)
{
	return !field->hidden && !field->read_only && !field->from.p;
}

/* Writers, and administrators, write what is not `read_only`; through
 * sync_update each role writes its fields. */
static bool may_write(const struct tb_edit_rules *rules,
		      const struct tb_field *field)
{
	if (!is_shown(field))
		return false;
	return rules->is_admin || rules->action != TB_RESOURCE_SYNC ||
	       tb_roles_meet(field->writers, field->n_writers, rules->roles,
			     rules->n_roles);
}

bool tb_edit_may(const struct tb_edit_rules *rules)
{
	const struct tb_collection *collection = rules->collection;
	bool may = rules->is_admin;

	if (rules->action != TB_RESOURCE_SYNC)
		return may ||
		       tb_roles_meet(collection->writers, collection->n_writers,
				     rules->roles, rules->n_roles);
	for (size_t i = 0; !may && i < collection->n_fields; i++)
		may = may_write(rules, &collection->fields[i]);
	return may;
}

/* ---- one edit while it is read ---- */

struct reading {
	const struct tb_edit_rules *rules;
	struct tb_resources_form *form;
	struct tb_buf changes;
	struct tb_json_writer w;
	char ignored_text[TB_EDIT_IGNORED_MAX_BYTES];
	struct tb_buf ignored;
};

/* Names stand in a header between commas; bytes that cannot are escaped, and
 * names for which there is no room are left out. */
static void ignore(struct reading *r, struct tb_str name)
{
	struct tb_buf *ignored = &r->ignored;
	size_t before = ignored->n;

	if (name.n == 0 || tb_buf_err(ignored))
		return;
	if (ignored->n > 0)
		tb_buf_append_z(ignored, ", ");
	tb_uri_escape(ignored, name);
	if (tb_buf_err(ignored))
		ignored->n = before;
}

/* A failure, unless it is INVALID: then the form has the message. */
static enum tb_err note(struct reading *r, const struct tb_field *field,
			struct tb_str message, enum tb_err err)
{
	if (err != TB_ERR_INVALID)
		return err;
	tb_resources_form_error(r->form, field->name, message);
	return TB_OK;
}

/* "a number as the key is that decimal, else a string": as sites write it. */
static void put_key(struct reading *r, struct tb_str key)
{
	uint64_t id;

	if (tb_sight_is_id(key, &id))
		tb_json_rawval(&r->w, key);
	else
		tb_json_str(&r->w, key);
}

static enum tb_err find_key(struct reading *r,
			    const struct tb_collection *target,
			    struct tb_str id, struct tb_str *ret_key,
			    struct tb_str *ret_message)
{
	struct tb_str excerpt = tb_edit_value_excerpt(id);
	enum tb_err err =
		r->rules->find(r->rules->find_ctx, target, id, ret_key);

	if (err != TB_ERR_NOT_FOUND)
		return err;
	err = tb_arena_printf(r->form->arena, ret_message,
			      "Invalid pk \"%.*s\" - object does not exist.",
			      TB_STR_ARG(excerpt));
	return err ? err : TB_ERR_INVALID;
}

static enum tb_err take_reference(struct reading *r,
				  const struct tb_field *field,
				  const struct tb_collection *target,
				  struct tb_json_value value)
{
	struct tb_str message = TB_STR_NONE;
	struct tb_str id;
	struct tb_str key;
	enum tb_err err =
		tb_edit_value_id(r->form->arena, target, value, &id, &message);

	if (!err)
		err = find_key(r, target, id, &key, &message);
	if (err)
		return note(r, field, message, err);
	tb_json_key(&r->w, field->name);
	/* A key of text stays text, whatever it looks like. */
	if (target->id_type == TB_ID_INTEGER)
		put_key(r, key);
	else
		tb_json_str(&r->w, key);
	return TB_OK;
}

static enum tb_err take_value(struct reading *r, const struct tb_field *field,
			      struct tb_json_value value)
{
	const struct tb_collection *target = tb_field_target(
		r->rules->declaration, r->rules->collection, field->name);
	struct tb_str message = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (tb_json_is(value, TB_JSON_NULL) && !field->nullable) {
		tb_resources_form_error(r->form, field->name, TB_FORM_NULL);
		return TB_OK;
	}
	if (!tb_json_is(value, TB_JSON_NULL) && target)
		return take_reference(r, field, target, value);
	if (!tb_json_is(value, TB_JSON_NULL))
		err = tb_edit_value_check(r->form->arena, field, value,
					  &message);
	if (err)
		return note(r, field, message, err);
	tb_json_key(&r->w, field->name);
	tb_json_rawval(&r->w, tb_json_raw(value));
	return TB_OK;
}

/* Members that are no fields and mean something. */
static bool is_read_elsewhere(const struct tb_edit_rules *rules,
			      struct tb_str name)
{
	if (rules->action == TB_RESOURCE_SYNC)
		return tb_str_eq(name, TB_EDIT_BASE);
	return rules->action == TB_RESOURCE_CREATE &&
	       rules->collection->id_type == TB_ID_STRING &&
	       tb_str_eq(name, TB_EDIT_ID);
}

static enum tb_err take_member(struct reading *r, struct tb_json_value key,
			       struct tb_json_value value)
{
	const struct tb_field *field;
	struct tb_str name;
	enum tb_err err = tb_json_string(r->form->arena, key, &name);

	if (err || is_read_elsewhere(r->rules, name))
		return err;
	field = tb_collection_field(r->rules->collection, name);
	if (field && may_write(r->rules, field))
		return take_value(r, field, value);
	ignore(r, name);
	return TB_OK;
}

/* "PUT (fields that are absent become null; those that are required must be
 * there)": one that cannot be null must be there, too. */
static void take_absent(struct reading *r, const struct tb_field *field)
{
	bool replaces = r->rules->action == TB_RESOURCE_REPLACE;

	if (!replaces && r->rules->action != TB_RESOURCE_CREATE)
		return;
	if (field->required || (replaces && !field->nullable)) {
		tb_resources_form_error(r->form, field->name, TB_FORM_REQUIRED);
		return;
	}
	if (!replaces)
		return;
	tb_json_key(&r->w, field->name);
	tb_json_null(&r->w);
}

static enum tb_err take_all(struct reading *r)
{
	const struct tb_collection *collection = r->rules->collection;
	struct tb_json_value object = r->form->object;
	struct tb_json_iter it;
	enum tb_err err = TB_OK;

	tb_json_begin_object(&r->w);
	if (!tb_json_is_absent(object)) {
		it = tb_json_iter(object);
		while (!err && tb_json_next(&it))
			err = take_member(r, it.key, it.value);
	}
	for (size_t i = 0; !err && i < collection->n_fields; i++) {
		const struct tb_field *field = &collection->fields[i];

		if (may_write(r->rules, field) &&
		    tb_json_is_absent(tb_json_get(object, field->name)))
			take_absent(r, field);
	}
	tb_json_end_object(&r->w);
	return err ? err : tb_buf_err(&r->changes);
}

/* More than what was written: escaped names and keys, and nulls. */
static size_t changes_max(const struct tb_edit_rules *rules,
			  const struct tb_resources_form *form)
{
	size_t n = 16;

	for (size_t i = 0; i < rules->collection->n_fields; i++)
		n += 6 * (rules->collection->fields[i].name.n + TB_KEY_MAX) +
		     16;
	return tb_json_is_absent(form->object)
		       ? n
		       : n + tb_json_raw(form->object).n;
}

enum tb_err tb_edit_read(const struct tb_edit_rules *rules,
			 struct tb_resources_form *form,
			 struct tb_edit_changes *ret)
{
	struct reading r = { .rules = rules, .form = form };
	struct tb_edit_changes changes;
	enum tb_err err;

	tb_buf_init(&r.changes, changes_max(rules, form));
	tb_buf_init_fixed(&r.ignored, r.ignored_text, sizeof(r.ignored_text));
	r.w = tb_json_writer(&r.changes);
	err = take_all(&r);
	if (!err)
		err = tb_arena_strdup(form->arena, tb_buf_str(&r.changes),
				      &changes.changes);
	if (!err)
		err = tb_arena_strdup(form->arena, tb_buf_str(&r.ignored),
				      &changes.ignored);
	tb_buf_fini(&r.changes);
	if (!err)
		*ret = changes;
	return err;
}

/* ---- ids ---- */

/* One that can stand in an address: it is none of the API's own words there,
 * and not what clients take away from paths. */
static struct tb_str flaw_of_id(struct tb_str id)
{
	if (id.n == 0)
		return TB_FORM_BLANK;
	if (id.n > TB_EDIT_STRING_MAX)
		return TB_STR(TOO_LONG_ID);
	if (tb_str_eq(id, TB_STR("sync")) || tb_str_eq(id, TB_STR(".")) ||
	    tb_str_eq(id, TB_STR("..")))
		return TB_STR(BAD_ID);
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] < ' ' || id.p[i] == 0x7f)
			return TB_STR(BAD_ID);
	return TB_STR_NONE;
}

struct tb_str tb_edit_read_id(struct tb_resources_form *form)
{
	struct tb_json_value value = tb_json_get(form->object, TB_EDIT_ID);
	struct tb_str id = TB_STR_NONE;
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (tb_json_is_absent(value))
		flaw = TB_FORM_REQUIRED;
	else if (tb_json_is(value, TB_JSON_NULL))
		flaw = TB_FORM_NULL;
	else if (!tb_json_is(value, TB_JSON_STRING))
		flaw = TB_FORM_NO_STRING;
	else
		err = tb_json_string(form->arena, value, &id);
	if (err && !form->err)
		form->err = err;
	if (err)
		return TB_STR_NONE;
	if (id.p)
		flaw = flaw_of_id(id);
	if (!flaw.p)
		return id;
	tb_resources_form_error(form, TB_EDIT_ID, flaw);
	return TB_STR_NONE;
}
