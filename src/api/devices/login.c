/*
 * A token for a name and a password: POST login. Blocks.
 */
#include "api/devices/call.h"
#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "api/devices/handlers.h"
#include "api/devices/state.h"
#include "codec/json.h"
#include "kernel/directory.h"

#define ANSWER_MAX_BYTES ((size_t)256 << 10)

struct form {
	struct tb_str username;
	struct tb_str password;
};

/* A member that is there, a text, and not empty. */
static enum tb_err take(const struct tb_request *req,
			struct tb_json_value object, const char *name,
			struct tb_str *ret)
{
	struct tb_json_value value = tb_json_get(object, tb_str_z(name));
	enum tb_err err = TB_ERR_INVALID;
	struct tb_str text;

	if (!tb_json_is_absent(value))
		err = tb_json_string(req->arena, value, &text);
	if (!err && text.n == 0)
		err = TB_ERR_INVALID;
	if (!err)
		*ret = text;
	return err;
}

/* "Missing fields are 400 `Missing required fields: username, password` (those
 * that are missing)". */
static enum tb_err check_form(const struct tb_request *req,
			      const struct form *form, struct tb_str *ret_flaw)
{
	bool has_name = form->username.n > 0;
	bool has_password = form->password.n > 0;
	enum tb_err err;

	if (has_name && has_password)
		return TB_OK;
	err = tb_arena_printf(req->arena, ret_flaw,
			      "Missing required fields: %s%s%s",
			      has_name ? "" : "username",
			      has_name || has_password ? "" : ", ",
			      has_password ? "" : "password");
	return err ? err : TB_ERR_INVALID;
}

/* INVALID: `*ret_flaw` says what is wrong. */
static enum tb_err decode(const struct tb_request *req, struct form *ret,
			  struct tb_str *ret_flaw)
{
	struct form form = { .username = TB_STR_NONE };
	struct tb_json json;
	struct tb_json_value root;
	enum tb_err err =
		tb_devices_parse(req->arena, req->body, NULL, &json, ret_flaw);

	if (err)
		return err;
	root = tb_json_root(&json);
	err = take(req, root, "username", &form.username);
	if (!err || err == TB_ERR_INVALID)
		err = take(req, root, "password", &form.password);
	if (!err || err == TB_ERR_INVALID)
		err = check_form(req, &form, ret_flaw);
	if (!err)
		*ret = form;
	return err;
}

/* Name, password or account: the answer does not say which it was. */
static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result)
{
	if (result->failure == TB_AUTH_LIMITED ||
	    result->failure == TB_AUTH_UNAVAILABLE)
		tb_devices_refuse(req, res, result);
	else
		tb_devices_fail_401(res, req, TB_STR(TB_DEVICES_BAD_LOGIN));
}

static void put_list(struct tb_json_writer *w, const char *key,
		     const struct tb_str *list, size_t n)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		tb_json_str(w, list[i]);
	tb_json_end_array(w);
}

static void put_answer(struct tb_buf *buf, const struct tb_account *account,
		       struct tb_str token)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_bool(&w, "success", true);
	tb_json_kv_str(&w, "token", token);
	tb_json_key(&w, TB_STR("user"));
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "id", account->key);
	tb_json_kv_str(&w, "username", account->username);
	tb_json_kv_str(&w, "email", account->email);
	put_list(&w, "roles", account->roles, account->n_roles);
	put_list(&w, "permissions", account->permissions,
		 account->n_permissions);
	tb_json_end_object(&w);
	tb_json_end_object(&w);
}

static void answer(const struct tb_devices *devices,
		   const struct tb_request *req, struct tb_response *res,
		   const struct tb_principal *principal)
{
	struct tb_account account;
	struct tb_str token;
	struct tb_buf body;
	enum tb_err err = tb_auth_read_user(devices->auth, req->arena,
					    principal, &account);

	/* It was disabled, or its password changed, since it was checked. */
	if (err == TB_ERR_UNAUTHENTICATED) {
		tb_devices_fail_401(res, req, TB_STR(TB_DEVICES_BAD_LOGIN));
		return;
	}
	if (!err)
		err = tb_auth_issue(devices->auth, req->arena, principal,
				    req->now_us,
				    devices->options->token_lifetime_s, &token);
	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	put_answer(&body, &account, token);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &body);
	if (res->status == 200)
		tb_response_login(res, principal);
}

void tb_devices_post_login(void *state, const struct tb_request *req,
			   struct tb_response *res)
{
	const struct tb_devices *devices = state;
	struct tb_auth_result result;
	struct tb_str flaw = TB_STR_NONE;
	struct form form;
	enum tb_err err = decode(req, &form, &flaw);

	if (err) {
		tb_devices_answer_flaw(req, res, err, flaw);
		return;
	}
	result = tb_auth_login_user(devices->auth, form.username, form.password,
				    req->address, req->now_us);
	if (result.outcome == TB_AUTH_OK)
		answer(devices, req, res, result.principal);
	else
		refuse(req, res, &result);
	tb_principal_unref(result.principal);
}
