/*
 * A token for a name and a password: POST auth/token.
 */
#include "api/events/errors.h"
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "codec/json.h"

#define ANSWER_MAX_BYTES ((size_t)64 << 10)

struct login {
	struct tb_str username;
	struct tb_str password;
};

/* A member that is there, a string, and not empty; else INVALID. */
static enum tb_err take(struct tb_arena *arena, struct tb_json_value object,
			struct tb_str name, struct tb_str *ret)
{
	struct tb_json_value v = tb_json_get(object, name);
	struct tb_str s;
	enum tb_err err = TB_ERR_INVALID;

	if (!tb_json_is_absent(v))
		err = tb_json_string(arena, v, &s);
	if (!err && s.n == 0)
		err = TB_ERR_INVALID;
	if (!err)
		*ret = s;
	return err;
}

static enum tb_err decode(const struct tb_request *req, struct login *ret)
{
	struct tb_json json;
	struct tb_json_value root;
	struct login login;
	enum tb_err err =
		tb_json_parse(req->arena, req->body, NULL, &json, NULL);

	if (err)
		return err;
	root = tb_json_root(&json);
	err = take(req->arena, root, TB_STR("username"), &login.username);
	if (!err)
		err = take(req->arena, root, TB_STR("password"),
			   &login.password);
	if (!err)
		*ret = login;
	return err;
}

/* Name, password or account: the answer does not say which it was. */
static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result)
{
	if (result->failure == TB_AUTH_LIMITED ||
	    result->failure == TB_AUTH_UNAVAILABLE)
		tb_events_refuse(req, res, result);
	else
		tb_events_fail_401(res, req, TB_EVENTS_BAD_LOGIN);
}

static enum tb_err put_token(const struct tb_events *events,
			     const struct tb_request *req,
			     const struct tb_principal *principal,
			     struct tb_buf *body)
{
	struct tb_json_writer w = tb_json_writer(body);
	struct tb_str token;
	enum tb_err err =
		tb_auth_issue(events->auth, req->arena, principal, req->now_us,
			      events->options->token_lifetime_s, &token);

	if (err)
		return err;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "token", token);
	tb_json_end_object(&w);
	return tb_buf_err(body);
}

static void answer(const struct tb_events *events, const struct tb_request *req,
		   struct tb_response *res,
		   const struct tb_principal *principal)
{
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, ANSWER_MAX_BYTES);
	err = put_token(events, req, principal, &body);
	if (err) {
		tb_buf_fini(&body);
		tb_response_fail(res, req, err);
		return;
	}
	tb_response_body(res, 200, TB_JSON_UTF8_TYPE, &body);
	tb_response_login(res, principal);
}

void tb_events_post_token(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	const struct tb_events *events = state;
	struct tb_auth_result result;
	struct login login;
	enum tb_err err = decode(req, &login);

	if (err == TB_ERR_NOMEM) {
		tb_response_fail(res, req, err);
		return;
	}
	if (err) {
		tb_events_fail(res, req, 400, TB_EVENTS_BAD_REQUEST);
		return;
	}
	result = tb_auth_login_user(events->auth, login.username,
				    login.password, req->address, req->now_us);
	if (result.outcome != TB_AUTH_OK) {
		refuse(req, res, &result);
		return;
	}
	answer(events, req, res, result.principal);
	tb_principal_unref(result.principal);
}
