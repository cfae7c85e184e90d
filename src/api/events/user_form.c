#include "api/events/user_form.h"

#include "api/events/errors.h"
#include "auth/passwords.h"
#include "base/assert.h"
#include "codec/json.h"

#define BAD_UUID "User UUID must be 1 to 200 bytes, no control characters"
#define BAD_USERNAME "Username must be 3 to 50 of A-Z, a-z, 0-9, _ and -"
#define BAD_PASSWORD "Password must be 8 to 1024 bytes"
#define BAD_ROLES                                                              \
	"Roles must be at most 256 of 1 to 200 bytes, no control characters"
#define NOTHING "Nothing to change"

_Static_assert(TB_ACCOUNT_TEXT_MAX_BYTES == 200 && TB_ACCOUNT_LIST_MAX == 256 &&
		       TB_USER_USERNAME_MIN_BYTES == 3 &&
		       TB_USER_USERNAME_MAX_BYTES == 50 &&
		       TB_PASSWORD_USER_MIN_BYTES == 8 &&
		       TB_PASSWORD_MAX_BYTES == 1024,
	       "the limits that the messages name");

/* A form being read. A step that fails has INVALID and the flaw, if that is
 * not what any wrong type is. */
struct reader {
	struct tb_arena *arena;
	struct tb_user_form form;
	const char *flaw;
};

static enum tb_err fail(struct reader *r, const char *flaw)
{
	r->flaw = flaw;
	return TB_ERR_INVALID;
}

/* ---- members ---- */

static enum tb_err take_uuid(struct reader *r, struct tb_json_value v)
{
	struct tb_str *uuid = &r->form.account.key;
	enum tb_err err = tb_json_string(r->arena, v, uuid);

	if (!err && !tb_directory_is_text(*uuid, 1, TB_ACCOUNT_TEXT_MAX_BYTES))
		err = fail(r, BAD_UUID);
	r->form.has_uuid = true;
	return err;
}

static enum tb_err take_username(struct reader *r, struct tb_json_value v)
{
	struct tb_str *username = &r->form.account.username;
	enum tb_err err = tb_json_string(r->arena, v, username);

	if (!err && !tb_directory_is_username(TB_ACCOUNT_USER, *username))
		err = fail(r, BAD_USERNAME);
	return err;
}

static enum tb_err take_password(struct reader *r, struct tb_json_value v)
{
	struct tb_str *password = &r->form.password;
	enum tb_err err = tb_json_string(r->arena, v, password);

	if (!err && (password->n < TB_PASSWORD_USER_MIN_BYTES ||
		     password->n > TB_PASSWORD_MAX_BYTES))
		err = fail(r, BAD_PASSWORD);
	return err;
}

static enum tb_err take_roles(struct reader *r, struct tb_json_value v)
{
	struct tb_json_iter it;
	struct tb_str *roles;
	enum tb_err err = TB_OK;
	size_t n = 0;

	if (!tb_json_is(v, TB_JSON_ARRAY))
		return TB_ERR_INVALID;
	roles = tb_arena_calloc(r->arena, TB_ACCOUNT_LIST_MAX, sizeof(*roles));
	if (!roles)
		return TB_ERR_NOMEM;
	it = tb_json_iter(v);
	while (!err && tb_json_next(&it)) {
		if (n == TB_ACCOUNT_LIST_MAX)
			return fail(r, BAD_ROLES);
		err = tb_json_string(r->arena, it.value, &roles[n]);
		if (!err && !tb_directory_is_text(roles[n], 1,
						  TB_ACCOUNT_TEXT_MAX_BYTES))
			err = fail(r, BAD_ROLES);
		n++;
	}
	r->form.account.roles = roles;
	r->form.account.n_roles = n;
	return err;
}

static enum tb_err take_is_admin(struct reader *r, struct tb_json_value v)
{
	return tb_json_bool(v, &r->form.account.is_admin);
}

static enum tb_err take_disabled(struct reader *r, struct tb_json_value v)
{
	return tb_json_bool(v, &r->form.account.disabled);
}

/* ---- forms ---- */

struct field {
	const char *name;
	unsigned change; /* enum tb_account_change; 0: the uuid */
	enum tb_err (*take)(struct reader *r, struct tb_json_value v);
};

static enum tb_err take_fields(struct reader *r, struct tb_json_value object,
			       const struct field *fields, size_t n)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < n; i++) {
		struct tb_json_value v =
			tb_json_get(object, tb_str_z(fields[i].name));

		if (tb_json_is_absent(v))
			continue;
		err = fields[i].take(r, v);
		r->form.changes |= fields[i].change;
	}
	return err;
}

static enum tb_err read_form(struct reader *r, struct tb_str body,
			     const struct field *fields, size_t n)
{
	struct tb_json json;
	enum tb_err err = tb_json_parse(r->arena, body, NULL, &json, NULL);

	r->form.account.kind = TB_ACCOUNT_USER;
	r->flaw = TB_EVENTS_BAD_REQUEST;
	if (!err && !tb_json_is(tb_json_root(&json), TB_JSON_OBJECT))
		err = TB_ERR_INVALID;
	if (!err)
		err = take_fields(r, tb_json_root(&json), fields, n);
	return err == TB_ERR_NOMEM || !err ? err : TB_ERR_INVALID;
}

enum tb_err tb_user_form_decode_new(struct tb_arena *arena, struct tb_str body,
				    struct tb_user_form *ret,
				    const char **ret_flaw)
{
	static const struct field fields[] = {
		{ "uuid", 0, take_uuid },
		{ "username", TB_CHANGE_USERNAME, take_username },
		{ "password", TB_CHANGE_PASSWORD, take_password },
		{ "roles", TB_CHANGE_ROLES, take_roles },
		{ "isAdmin", TB_CHANGE_ADMIN, take_is_admin },
	};
	const unsigned needed = TB_CHANGE_USERNAME | TB_CHANGE_PASSWORD;
	struct reader r = { .arena = arena };
	enum tb_err err = read_form(&r, body, fields, TB_ARRAY_LEN(fields));

	if (!err && (!r.form.has_uuid || (r.form.changes & needed) != needed))
		err = fail(&r, TB_EVENTS_MISSING);
	if (err == TB_ERR_INVALID)
		*ret_flaw = r.flaw;
	if (!err)
		*ret = r.form;
	return err;
}

enum tb_err tb_user_form_decode_change(struct tb_arena *arena,
				       struct tb_str body,
				       struct tb_user_form *ret,
				       const char **ret_flaw)
{
	static const struct field fields[] = {
		{ "new_username", TB_CHANGE_USERNAME, take_username },
		{ "new_password", TB_CHANGE_PASSWORD, take_password },
		{ "roles", TB_CHANGE_ROLES, take_roles },
		{ "isAdmin", TB_CHANGE_ADMIN, take_is_admin },
		{ "disabled", TB_CHANGE_DISABLED, take_disabled },
	};
	struct reader r = { .arena = arena };
	enum tb_err err = read_form(&r, body, fields, TB_ARRAY_LEN(fields));

	if (!err && r.form.changes == 0)
		err = fail(&r, NOTHING);
	if (err == TB_ERR_INVALID)
		*ret_flaw = r.flaw;
	if (!err)
		*ret = r.form;
	return err;
}
