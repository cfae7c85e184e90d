/*
 * Users, one at a time: POST admin/users, and GET, PUT, DELETE
 * admin/users/{uuid}.
 */
#include "api/audit.h"
#include "api/events/errors.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "api/events/user_form.h"
#include "api/events/user_json.h"

#define ANSWER_MAX_BYTES ((size_t)1 << 20)
#define DETAIL_MAX_BYTES ((size_t)1 << 20)

#define NAME_TAKEN "Username already exists"
#define UUID_TAKEN "User UUID already exists"
#define NO_USER "User not found"
#define NOT_ONESELF "Administrators cannot disable or demote themselves"

/* ---- what they have in common ---- */

/* Answers what a change of the directory met, but for taken names. */
static void answer_err(const struct tb_request *req, struct tb_response *res,
		       enum tb_err err)
{
	if (err == TB_ERR_NOT_FOUND)
		tb_events_fail(res, req, 404, NO_USER);
	else if (err == TB_ERR_DENIED)
		tb_events_fail_401(res, req, TB_EVENTS_NOT_ADMIN);
	else if (err == TB_ERR_EXISTS)
		tb_events_fail(res, req, 400, NAME_TAKEN);
	else
		tb_response_fail(res, req, err);
}

static enum tb_err find(const struct tb_events *events,
			const struct tb_request *req, struct tb_str uuid,
			struct tb_account *ret)
{
	struct tb_tx *tx;
	enum tb_err err;

	if (!tb_directory_is_text(uuid, 1, TB_ACCOUNT_TEXT_MAX_BYTES))
		return TB_ERR_NOT_FOUND;
	err = tb_core_read(events->core, &tx);
	if (err)
		return err;
	err = tb_directory_find(tx, req->arena, TB_ACCOUNT_USER,
				req->principal->org, uuid, ret);
	tb_core_read_end(tx);
	return err;
}

/* What was changed, for the audit trail; of a password only that it was. */
static enum tb_err put_detail(const struct tb_request *req,
			      const struct tb_account *account,
			      unsigned changes, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, DETAIL_MAX_BYTES);
	tb_json_kv_str(&w, "uuid", account->key);
	if (changes & TB_CHANGE_USERNAME)
		tb_json_kv_str(&w, "username", account->username);
	if (changes & TB_CHANGE_PASSWORD)
		tb_json_kv_bool(&w, "newPassword", true);
	if (changes & TB_CHANGE_ROLES)
		tb_user_json_put_roles(&w, account);
	if (changes & TB_CHANGE_ADMIN)
		tb_json_kv_bool(&w, "isAdmin", account->is_admin);
	if (changes & TB_CHANGE_DISABLED)
		tb_json_kv_bool(&w, "disabled", account->disabled);
	return tb_buf_copy_out(&buf, req->arena, ret);
}

static enum tb_err make_note(const struct tb_request *req,
			     struct tb_response *res, const char *operation,
			     const struct tb_account *account, unsigned changes,
			     struct tb_audit_note *ret)
{
	enum tb_err err = tb_api_audit(req, res, "admin", operation, ret);

	return err ? err : put_detail(req, account, changes, &ret->detail);
}

/* ---- GET ---- */

void tb_events_get_user(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	struct tb_json_writer w;
	struct tb_account user;
	struct tb_buf body;
	enum tb_err err = find(state, req, req->params[0], &user);

	if (err) {
		answer_err(req, res, err);
		return;
	}
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_user_json_put(&w, &user);
	tb_response_written(res, req, 200, TB_JSON_UTF8_TYPE, &body);
}

/* ---- POST ---- */

static enum tb_err add(const struct tb_events *events,
		       const struct tb_request *req, struct tb_response *res,
		       struct tb_user_form *form)
{
	struct tb_account *account = &form->account;
	struct tb_audit_note note;
	enum tb_err err = tb_auth_hash_password(
		events->auth, req->arena, form->password, &account->password);

	account->org = req->principal->org;
	if (!err)
		err = make_note(req, res, "user_add", account, form->changes,
				&note);
	return err ? err
		   : tb_directory_add_account_as(events->core, &note,
						 req->principal->key, account);
}

/* The directory does not say which of both is taken. */
static void answer_taken(const struct tb_events *events,
			 const struct tb_request *req, struct tb_response *res,
			 struct tb_str uuid)
{
	struct tb_account there;
	enum tb_err err = find(events, req, uuid, &there);

	if (!err)
		tb_events_fail(res, req, 400, UUID_TAKEN);
	else if (err == TB_ERR_NOT_FOUND)
		tb_events_fail(res, req, 400, NAME_TAKEN);
	else
		tb_response_fail(res, req, err);
}

void tb_events_post_user(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	struct tb_user_form form;
	struct tb_json_writer w;
	const char *flaw;
	struct tb_buf body;
	enum tb_err err =
		tb_user_form_decode_new(req->arena, req->body, &form, &flaw);

	if (err == TB_ERR_INVALID) {
		tb_events_fail(res, req, 400, flaw);
		return;
	}
	if (!err)
		err = add(state, req, res, &form);
	if (err == TB_ERR_EXISTS) {
		answer_taken(state, req, res, form.account.key);
		return;
	}
	if (err) {
		answer_err(req, res, err);
		return;
	}
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "uuid", form.account.key);
	tb_json_end_object(&w);
	tb_response_written(res, req, 201, TB_JSON_UTF8_TYPE, &body);
}

/* ---- PUT, DELETE ---- */

/* True if callers would take from themselves what they do this with. */
static bool is_own_end(const struct tb_request *req,
		       const struct tb_account *account, unsigned changes)
{
	if (!tb_str_eq(req->principal->key, account->key))
		return false;
	return ((changes & TB_CHANGE_DISABLED) && account->disabled) ||
	       ((changes & TB_CHANGE_ADMIN) && !account->is_admin);
}

/* Changes the user of the path and answers. */
static void change(const struct tb_events *events, const struct tb_request *req,
		   struct tb_response *res, const char *operation,
		   struct tb_user_form *form)
{
	struct tb_account *account = &form->account;
	struct tb_audit_note note;
	struct tb_account there;
	enum tb_err err;

	account->kind = TB_ACCOUNT_USER;
	account->org = req->principal->org;
	account->key = req->params[0];
	if (is_own_end(req, account, form->changes)) {
		tb_events_fail(res, req, 400, NOT_ONESELF);
		return;
	}
	/* Looked for first: no password is hashed for nobody. */
	err = find(events, req, account->key, &there);
	if (!err && (form->changes & TB_CHANGE_PASSWORD))
		err = tb_auth_hash_password(events->auth, req->arena,
					    form->password, &account->password);
	if (!err)
		err = make_note(req, res, operation, account, form->changes,
				&note);
	if (!err)
		err = tb_directory_update_account_as(events->core, &note,
						     req->principal->key,
						     account, form->changes);
	if (err)
		answer_err(req, res, err);
	else
		tb_response_empty(res, 204);
}

void tb_events_put_user(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	struct tb_user_form form;
	const char *flaw;
	enum tb_err err =
		tb_user_form_decode_change(req->arena, req->body, &form, &flaw);

	if (err == TB_ERR_INVALID)
		tb_events_fail(res, req, 400, flaw);
	else if (err)
		tb_response_fail(res, req, err);
	else
		change(state, req, res, "user_change", &form);
}

/* Events keep their author, so nobody is ever removed. */
void tb_events_delete_user(void *state, const struct tb_request *req,
			   struct tb_response *res)
{
	struct tb_user_form form = {
		.changes = TB_CHANGE_DISABLED,
		.account = { .disabled = true },
	};

	change(state, req, res, "user_disable", &form);
}
