#include "app/commands.h"

#include "app/accounts.h"
#include "app/data.h"
#include "app/demo.h"
#include "app/tokens.h"
#include "auth/auth.h"
#include "kernel/audit_tell.h"

#define KEYS_MAX 4096
#define OUTPUT_MAX_BYTES (1024 * 1024)

enum tb_exit tb_tokens_open_keys(struct tb_session *session,
				 struct tb_keys **ret)
{
	const char *data = session->config->program.data;
	struct tb_str path;
	enum tb_err err = tb_data_keys_path(session->arena, data, &path);

	if (!err)
		err = tb_keys_open(path.p, ret);
	return err ? tb_fail(err, "the keys in `%s`", data) : TB_EXIT_OK;
}

static enum tb_err issue(struct tb_session *session, struct tb_keys *keys,
			 const struct tb_account *account,
			 const struct tb_org *org, struct tb_str *ret)
{
	const struct tb_principal *principal;
	struct tb_auth *auth;
	enum tb_err err = tb_auth_create(session->core, keys,
					 &session->config->auth, &auth);

	if (err)
		return err;
	principal = tb_principal_create(account, org);
	err = TB_ERR_NOMEM;
	if (principal)
		err = tb_auth_issue(auth, session->arena, principal,
				    tb_core_now_us(session->core),
				    session->config->auth.token_life_s, ret);
	tb_principal_unref(principal);
	tb_auth_destroy(auth);
	return err;
}

static enum tb_err read_org(struct tb_session *session, uint32_t id,
			    struct tb_org *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	err = tx->store->ops->org_get(tx, id, ret);
	tb_core_read_end(tx);
	return err;
}

enum tb_exit tb_tokens_print(struct tb_session *session,
			     const struct tb_account *account)
{
	struct tb_keys *keys = NULL;
	struct tb_str token;
	struct tb_org org;
	struct tb_buf out;
	enum tb_exit exit = tb_tokens_open_keys(session, &keys);
	enum tb_err err;

	if (exit)
		return exit;
	err = read_org(session, account->org, &org);
	if (!err)
		err = issue(session, keys, account, &org, &token);
	tb_keys_destroy(keys);
	if (err)
		return tb_fail(err, "token");
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	tb_buf_append_str(&out, token);
	tb_buf_append_char(&out, '\n');
	exit = tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}

/* A token of one of the demo's accounts: a site's or a user's. */
enum tb_exit tb_cmd_demo_token(struct tb_session *session)
{
	struct tb_str name = tb_str_z(session->cli->args[0]);
	struct tb_account account;
	enum tb_data_state state;
	struct tb_tx *tx;
	enum tb_err err = tb_data_look(session->config, &state);

	if (!err && state != TB_DATA_DEMO)
		return tb_fail(TB_ERR_DENIED, "this store is not the demo's");
	if (!err)
		err = tb_core_read(session->core, &tx);
	if (err)
		return tb_fail(err, "demo token");
	err = tb_directory_find_login(session->core, tx, session->arena,
				      TB_ACCOUNT_SITE, name, &account);
	if (err == TB_ERR_NOT_FOUND)
		err = tb_directory_find_login(session->core, tx, session->arena,
					      TB_ACCOUNT_USER, name, &account);
	tb_core_read_end(tx);
	if (err)
		return tb_fail(err, "account `%.*s`", TB_STR_ARG(name));
	return tb_tokens_print(session, &account);
}

/* Keys are no records, so that their changes are told of separately: in the
 * system's own trail, because they are every org's. */
static enum tb_err tell(struct tb_session *session, const char *operation,
			struct tb_str kid)
{
	struct tb_audit_note note;
	enum tb_err err = tb_session_note(session, operation, &note);

	if (!err)
		err = tb_arena_printf(session->arena, &note.detail,
				      "\"kid\":\"%.*s\"", TB_STR_ARG(kid));
	return err ? err : tb_audit_tell(session->core, &note, TB_ORG_SYSTEM);
}

enum tb_exit tb_cmd_key_rotate(struct tb_session *session)
{
	struct tb_keys *keys = NULL;
	struct tb_signing_key key;
	enum tb_exit exit = tb_tokens_open_keys(session, &keys);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_keys_rotate(keys);
	if (!err) {
		tb_keys_signing(keys, &key);
		err = tell(session, "key_rotate", tb_str_z(key.kid));
		tb_signing_key_wipe(&key);
	}
	tb_keys_destroy(keys);
	return err ? tb_fail(err, "key rotate") : TB_EXIT_OK;
}

enum tb_exit tb_cmd_key_retire(struct tb_session *session)
{
	const char *kid = session->cli->args[0];
	struct tb_keys *keys = NULL;
	enum tb_exit exit = tb_tokens_open_keys(session, &keys);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_keys_retire(keys, tb_str_z(kid));
	/* It is one of ours, and so its kid needs no escapes. */
	if (!err)
		err = tell(session, "key_retire", tb_str_z(kid));
	tb_keys_destroy(keys);
	return err ? tb_fail(err, "key `%s`", kid) : TB_EXIT_OK;
}

static void put_key(struct tb_buf *out, const struct tb_key_info *key)
{
	static const char *const states[] = {
		[TB_KEY_SIGNS] = "signs",
		[TB_KEY_VERIFIES] = "verifies",
		[TB_KEY_RETIRED] = "retired",
	};
	struct tb_json_writer w = tb_json_writer(out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "kid", tb_str_z(key->kid));
	tb_json_kv_str(&w, "state", tb_str_z(states[key->state]));
	tb_accounts_put_time(&w, "since", key->changed_s * 1000000);
	tb_json_end_object(&w);
	tb_buf_append_char(out, '\n');
}

enum tb_exit tb_cmd_key_list(struct tb_session *session)
{
	struct tb_key_info *list =
		tb_arena_calloc(session->arena, KEYS_MAX, sizeof(*list));
	struct tb_keys *keys = NULL;
	enum tb_exit exit;
	struct tb_buf out;
	enum tb_err err;
	size_t n = 0;

	if (!list)
		return tb_fail(TB_ERR_NOMEM, "key list");
	exit = tb_tokens_open_keys(session, &keys);
	if (exit)
		return exit;
	err = tb_keys_list(keys, list, KEYS_MAX, &n);
	tb_keys_destroy(keys);
	if (err)
		return tb_fail(err, "key list");
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	for (size_t i = 0; i < n; i++)
		put_key(&out, &list[i]);
	exit = tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}
