/*
 * Tokens and users: POST auth, GET user.
 */
#include "api/sites/call.h"
#include "api/sites/handlers.h"
#include "kernel/directory.h"

#define ANSWER_MAX_BYTES ((size_t)16 << 20)
/* Users read from the store at once. */
#define USERS_AT_ONCE 64

void tb_sites_post_auth(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	struct tb_json_writer w;
	struct tb_sites_call call;
	struct tb_str token;
	struct tb_buf buf;
	uint32_t life_s;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	life_s = call.sites->options->token_lifetime_s;
	err = tb_auth_issue(call.sites->auth, req->arena, call.site,
			    req->now_us, life_s, &token);
	if (err) {
		tb_sites_call_fail(&call, err);
		return;
	}
	tb_sites_call_note(&call, TB_SITES_SEEN);
	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "token", token);
	tb_json_kv_uint(&w, "expires_in", life_s);
	tb_json_kv_uint(&w, "site_id", call.site->site_id);
	tb_json_end_object(&w);
	tb_sites_call_answer(&call, &buf);
	if (res->status == 200)
		tb_response_login(res, call.site);
}

static void put_strings(struct tb_json_writer *w, const char *key,
			const struct tb_str *strings, size_t n)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		tb_json_str(w, strings[i]);
	tb_json_end_array(w);
}

/* "without secrets: `id, username, name, active, stores, permissions`" */
static void put_user(struct tb_json_writer *w, const struct tb_account *user)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "id", user->key);
	tb_json_kv_str(w, "username", user->username);
	tb_json_kv_str(w, "name",
		       user->name.n > 0 ? user->name : user->username);
	tb_json_kv_bool(w, "active", !user->disabled);
	put_strings(w, "stores", user->stores, user->n_stores);
	put_strings(w, "permissions", user->permissions, user->n_permissions);
	tb_json_end_object(w);
}

static enum tb_err put_users(const struct tb_sites_call *call, struct tb_tx *tx,
			     struct tb_str store, struct tb_json_writer *w)
{
	struct tb_core *core = call->sites->core;
	struct tb_account users[USERS_AT_ONCE];
	uint64_t after = 0;
	size_t n;

	do {
		enum tb_err err = tb_directory_list_store_users(
			core, tx, call->req->arena, call->site->org, store,
			after, users, USERS_AT_ONCE, &n, &after);

		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			put_user(w, &users[i]);
	} while (n == USERS_AT_ONCE);
	return TB_OK;
}

/* "404 for an unknown store; a site may ask only for its own stores" */
static enum tb_err list_users(const struct tb_sites_call *call,
			      struct tb_str store, struct tb_buf *buf)
{
	struct tb_json_writer w = tb_json_writer(buf);
	struct tb_store_info info;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(call->sites->core, &tx);

	if (err)
		return err;
	err = tb_directory_find_store(call->sites->core, tx, call->req->arena,
				      call->site->org, store, &info);
	if (!err && !tb_principal_has_store(call->site, store))
		err = TB_ERR_DENIED;
	tb_json_begin_array(&w);
	if (!err)
		err = put_users(call, tx, store, &w);
	tb_json_end_array(&w);
	tb_core_read_end(tx);
	return err;
}

void tb_sites_get_user(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	struct tb_sites_call call;
	struct tb_str store;
	struct tb_buf buf;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	err = tb_request_query(req, "store", &store);
	if (!err && store.n == 0)
		err = TB_ERR_INVALID;
	if (!err)
		err = list_users(&call, store, &buf);
	if (err) {
		tb_buf_fini(&buf);
		tb_sites_call_fail(&call, err);
		return;
	}
	tb_sites_call_note(&call, TB_SITES_SEEN);
	tb_sites_call_answer(&call, &buf);
}
