/*
 * The routes by which users come and stay: a pair of tokens for a name and a
 * password, and the next pair for a refresh token. They block.
 */
#include "api/resources/errors.h"
#include "api/resources/form.h"
#include "api/resources/handlers.h"
#include "api/resources/state.h"
#include "kernel/directory.h"

#define ANSWER_MAX_BYTES ((size_t)64 << 10)

#define BAD_LOGIN "No active account found with the given credentials"
#define BAD_REFRESH "Token is invalid or expired"

#define STAFF TB_STR("staff")

/* ---- refusals ---- */

/* `detail` and `code` say it of credentials that are no good, whatever it is
 * that is wrong with them. */
static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result, const char *detail,
		   const char *code)
{
	if (result->failure == TB_AUTH_LIMITED)
		tb_resources_fail_limited(res, req, result->retry_after_s);
	else if (result->failure == TB_AUTH_UNAVAILABLE)
		tb_response_fail(res, req, TB_ERR_BUSY);
	else
		tb_resources_fail_401(res, req, detail, code);
}

/* ---- a login's answer ---- */

/* True for an integer that is written as everybody writes it and fits 64
 * bits. */
static bool is_integer(struct tb_str s)
{
	uint64_t n;

	return tb_str_to_u64(s, &n) == TB_OK && n <= INT64_MAX &&
	       s.p[0] != '+' && (s.n == 1 || s.p[0] != '0');
}

/* An id as the collections show it: an integer, or a text. */
static void put_id(struct tb_json_writer *w, const char *key, struct tb_str id)
{
	if (is_integer(id))
		tb_json_kv_raw(w, key, id);
	else
		tb_json_kv_str(w, key, id);
}

static bool has_role(const struct tb_account *account, struct tb_str role)
{
	for (size_t i = 0; i < account->n_roles; i++)
		if (tb_str_eq(account->roles[i], role))
			return true;
	return false;
}

/* Clients choose by it what they show. */
static struct tb_str user_type(const struct tb_account *account)
{
	for (size_t i = 0; i < account->n_roles; i++)
		if (account->roles[i].n > 0)
			return account->roles[i];
	return account->is_admin ? STAFF : TB_STR("");
}

static void put_login(struct tb_buf *buf, const struct tb_account *account,
		      const struct tb_token_pair *pair)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "refresh", pair->refresh);
	tb_json_kv_str(&w, "access", pair->access);
	put_id(&w, "user_id", account->key);
	tb_json_kv_str(&w, "username", account->username);
	tb_json_kv_str(&w, "email", account->email);
	tb_json_kv_str(&w, "first_name", account->first_name);
	tb_json_kv_str(&w, "last_name", account->last_name);
	tb_json_kv_bool(&w, "is_staff",
			account->is_admin || has_role(account, STAFF));
	tb_json_kv_str(&w, "user_type", user_type(account));
	if (account->profile.n > 0)
		put_id(&w, "profile_id", account->profile);
	else
		tb_json_kv_null(&w, "profile_id");
	tb_json_end_object(&w);
}

/* The body of an answer that gives tokens to somebody. */
static void answer(const struct tb_request *req, struct tb_response *res,
		   struct tb_buf *body, const struct tb_principal *principal)
{
	enum tb_err err = tb_buf_err(body);

	if (!err)
		err = tb_response_header(res, "Cache-Control",
					 TB_STR("no-store"));
	if (err) {
		tb_buf_fini(body);
		tb_response_fail(res, req, err);
		return;
	}
	tb_response_body(res, 200, TB_JSON_TYPE, body);
	tb_response_login(res, principal);
}

static struct tb_pair_life life_of(const struct tb_resources *resources,
				   const struct tb_request *req)
{
	return (struct tb_pair_life) {
		.now_us = req->now_us,
		.access_life_s = resources->options->access_life_s,
		.refresh_life_s = resources->options->refresh_life_s,
	};
}

static void answer_login(const struct tb_resources *resources,
			 const struct tb_request *req, struct tb_response *res,
			 const struct tb_principal *principal)
{
	struct tb_pair_life life = life_of(resources, req);
	struct tb_account account;
	struct tb_token_pair pair;
	struct tb_buf body;
	enum tb_err err = tb_auth_read_user(resources->auth, req->arena,
					    principal, &account);

	/* It was disabled, or its password changed, since it was checked. */
	if (err == TB_ERR_UNAUTHENTICATED) {
		tb_resources_fail_401(res, req, BAD_LOGIN, NULL);
		return;
	}
	if (!err)
		err = tb_auth_issue_pair(resources->auth, req->arena, principal,
					 &life, &pair);
	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	put_login(&body, &account, &pair);
	answer(req, res, &body, principal);
}

/* ---- the two routes ---- */

void tb_resources_post_token(void *state, const struct tb_request *req,
			     struct tb_response *res)
{
	const struct tb_resources *resources = state;
	struct tb_resources_form form;
	struct tb_auth_result result;
	struct tb_str username;
	struct tb_str password;

	if (!tb_resources_form_open(&form, req, res))
		return;
	username = tb_resources_form_text(&form, "username");
	password = tb_resources_form_text(&form, "password");
	if (tb_resources_form_refuse(&form, req, res))
		return;
	result = tb_auth_login_user(resources->auth, tb_str_trim(username),
				    password, req->address, req->now_us);
	if (result.outcome == TB_AUTH_OK)
		answer_login(resources, req, res, result.principal);
	else
		refuse(req, res, &result, BAD_LOGIN, NULL);
	tb_principal_unref(result.principal);
}

void tb_resources_post_refresh(void *state, const struct tb_request *req,
			       struct tb_response *res)
{
	const struct tb_resources *resources = state;
	struct tb_pair_life life = life_of(resources, req);
	struct tb_resources_form form;
	struct tb_auth_result result;
	struct tb_token_pair pair;
	struct tb_json_writer w;
	struct tb_buf body;
	struct tb_str token;

	if (!tb_resources_form_open(&form, req, res))
		return;
	token = tb_str_trim(tb_resources_form_text(&form, "refresh"));
	if (tb_resources_form_refuse(&form, req, res))
		return;
	result = tb_auth_refresh(resources->auth, req->arena, token,
				 req->address, &life, &pair);
	res->is_audited = result.is_audited;
	if (result.outcome != TB_AUTH_OK) {
		refuse(req, res, &result, BAD_REFRESH, TB_RESOURCES_TOKEN_CODE);
		return;
	}
	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "access", pair.access);
	tb_json_kv_str(&w, "refresh", pair.refresh);
	tb_json_end_object(&w);
	answer(req, res, &body, result.principal);
	tb_principal_unref(result.principal);
}
