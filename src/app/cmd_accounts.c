#include "app/commands.h"

#include <stdio.h>

#include "app/accounts.h"
#include "app/data.h"
#include "app/password.h"
#include "app/tokens.h"
#include "base/assert.h"
#include "kernel/registration.h"

#define OUTPUT_MAX_BYTES (64 * 1024 * 1024)
#define LIST_ARENA_MAX_BYTES (64 * 1024 * 1024)
#define PAGE 256

static void put_site(struct tb_json_writer *w, const struct tb_account *site)
{
	tb_json_kv_uint(w, "id", site->site_id);
	tb_json_kv_str(w, "code", site->code);
	tb_json_kv_bool(w, "edit_central", site->may_edit_central);
	tb_json_kv_bool(w, "bound", site->hardware.n > 0);
}

static void put_user(struct tb_json_writer *w, const struct tb_account *user)
{
	tb_json_kv_str(w, "uuid", user->key);
	tb_json_kv_bool(w, "admin", user->is_admin);
	tb_accounts_put_list(w, "roles", user->roles, user->n_roles);
	tb_accounts_put_list(w, "permissions", user->permissions,
			     user->n_permissions);
	tb_json_kv_str(w, "profile", user->profile);
	tb_json_kv_str(w, "email", user->email);
	tb_json_kv_str(w, "first_name", user->first_name);
	tb_json_kv_str(w, "last_name", user->last_name);
}

static void put_account(struct tb_buf *buf, const struct tb_org *org,
			const struct tb_account *account)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(org->name));
	tb_json_kv_str(&w, "name",
		       account->username.n ? account->username : account->key);
	tb_json_kv_str(&w, "title", account->name);
	if (account->kind == TB_ACCOUNT_SITE)
		put_site(&w, account);
	if (account->kind == TB_ACCOUNT_USER)
		put_user(&w, account);
	tb_accounts_put_list(&w, "stores", account->stores, account->n_stores);
	tb_json_kv_bool(&w, "disabled", account->disabled);
	tb_accounts_put_time(&w, "created_at", account->created_us);
	tb_accounts_put_time(&w, "updated_at", account->updated_us);
	tb_json_end_object(&w);
	tb_buf_append_char(buf, '\n');
}

/* Prints one page of a list; `*after` is moved on. */
static enum tb_err list_page(struct tb_session *session,
			     enum tb_account_kind kind,
			     const struct tb_org *org, struct tb_arena *arena,
			     uint64_t *after, struct tb_buf *out, size_t *ret_n)
{
	struct tb_account page[PAGE];
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	err = tb_directory_list(tx, arena, kind, org->id, *after, page, PAGE,
				ret_n, after);
	for (size_t i = 0; !err && i < *ret_n; i++)
		put_account(out, org, &page[i]);
	tb_core_read_end(tx);
	return err;
}

static enum tb_exit list_org(struct tb_session *session,
			     enum tb_account_kind kind,
			     const struct tb_org *org)
{
	struct tb_arena *arena = tb_arena_create(LIST_ARENA_MAX_BYTES);
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err err = TB_OK;
	uint64_t after = 0;
	struct tb_buf out;
	size_t n = PAGE;

	if (!arena)
		return tb_fail(TB_ERR_NOMEM, "list");
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	while (!exit && !err && n > 0) {
		tb_arena_reset(arena);
		tb_buf_reset(&out);
		err = list_page(session, kind, org, arena, &after, &out, &n);
		exit = err ? tb_fail(err, "list") : tb_print(&out);
	}
	tb_buf_fini(&out);
	tb_arena_destroy(arena);
	return exit;
}

enum tb_exit tb_cmd_account_list(struct tb_session *session)
{
	enum tb_account_kind kind = tb_accounts_kind(session);
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err err = TB_OK;

	while (!exit && !(err = tb_session_next_org(session, &org)))
		exit = list_org(session, kind, &org);
	if (!exit && err != TB_ERR_NOT_FOUND)
		exit = tb_fail(err, "list");
	return exit;
}

/* Changes what `changes` says of the account that the command names. */
static enum tb_exit update(struct tb_session *session, const char *operation,
			   struct tb_account *account, unsigned changes)
{
	struct tb_audit_note note;
	enum tb_err err = tb_session_note(session, operation, &note);

	if (!err)
		err = tb_directory_update_account(session->core, &note, account,
						  changes, false);
	if (err)
		return tb_fail(err, "%s `%s`",
			       tb_accounts_kind_name(account->kind),
			       session->cli->args[0]);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_account_set_password(struct tb_session *session)
{
	enum tb_account_kind kind = tb_accounts_kind(session);
	char hash[TB_PASSWORD_HASH_BYTES];
	struct tb_account account;
	enum tb_exit exit = tb_accounts_find(session, kind,
					     session->cli->args[0], &account);

	if (!exit)
		exit = tb_password_ask(session, kind, hash);
	if (exit)
		return exit;
	account.password = tb_str_z(hash);
	return update(session, "set_password", &account, TB_CHANGE_PASSWORD);
}

/* Events do not wait for a device that may not come: with its account its
 * registration, if it has one, is retired, and taken back. */
static enum tb_exit retire_device(struct tb_session *session,
				  const struct tb_account *account)
{
	struct tb_audit_note note;
	enum tb_err err;

	if (account->kind != TB_ACCOUNT_DEVICE)
		return TB_EXIT_OK;
	err = tb_session_note(session,
			      account->disabled ? "device_retire"
						: "device_reinstate",
			      &note);
	note.device = account->key;
	if (!err)
		err = tb_registration_retire(session->core, &note, account->org,
					     account->key, account->disabled);
	if (err && err != TB_ERR_NOT_FOUND)
		return tb_fail(err, "registered device `%s`",
			       session->cli->args[0]);
	return TB_EXIT_OK;
}

static enum tb_exit set_disabled(struct tb_session *session, bool disabled)
{
	struct tb_account account;
	enum tb_exit exit = tb_accounts_find(session, tb_accounts_kind(session),
					     session->cli->args[0], &account);

	if (exit)
		return exit;
	account.disabled = disabled;
	exit = update(session, disabled ? "disable" : "enable", &account,
		      TB_CHANGE_DISABLED);
	return exit ? exit : retire_device(session, &account);
}

enum tb_exit tb_cmd_account_disable(struct tb_session *session)
{
	return set_disabled(session, true);
}

enum tb_exit tb_cmd_account_enable(struct tb_session *session)
{
	return set_disabled(session, false);
}

enum tb_exit tb_cmd_site_release(struct tb_session *session)
{
	struct tb_account account;
	enum tb_exit exit = tb_accounts_find(session, TB_ACCOUNT_SITE,
					     session->cli->args[0], &account);

	if (exit)
		return exit;
	account.hardware = TB_STR_NONE;
	return update(session, "release", &account, TB_CHANGE_HARDWARE);
}

static enum tb_exit add(struct tb_session *session, const char *operation,
			const struct tb_account *account)
{
	struct tb_audit_note note;
	enum tb_err err = tb_session_note(session, operation, &note);

	if (!err)
		err = tb_directory_add_account(session->core, &note, account);
	if (err)
		return tb_fail(err, "%s `%s`",
			       tb_accounts_kind_name(account->kind),
			       session->cli->args[0]);
	return TB_EXIT_OK;
}

/* Who a user is, as the options say it: a text, and what it changes. */
static const struct {
	enum tb_option_id option;
	unsigned change;
	size_t at;
} person[] = {
	{ TB_OPT_PROFILE, TB_CHANGE_PROFILE,
	  offsetof(struct tb_account, profile) },
	{ TB_OPT_EMAIL, TB_CHANGE_EMAIL, offsetof(struct tb_account, email) },
	{ TB_OPT_FIRST_NAME, TB_CHANGE_FIRST_NAME,
	  offsetof(struct tb_account, first_name) },
	{ TB_OPT_LAST_NAME, TB_CHANGE_LAST_NAME,
	  offsetof(struct tb_account, last_name) },
};

/* Takes what was given into the account; the mask of it. */
static unsigned take_person(const struct tb_cli *cli,
			    struct tb_account *account)
{
	unsigned changes = 0;

	for (size_t i = 0; i < TB_ARRAY_LEN(person); i++) {
		char *member = (char *)account + person[i].at;

		if (!tb_cli_has(cli, person[i].option))
			continue;
		*(struct tb_str *)(void *)member =
			tb_str_z(tb_cli_value(cli, person[i].option));
		changes |= person[i].change;
	}
	return changes;
}

enum tb_exit tb_cmd_user_set_profile(struct tb_session *session)
{
	struct tb_account account;
	enum tb_exit exit = tb_accounts_find(session, TB_ACCOUNT_USER,
					     session->cli->args[0], &account);
	unsigned changes;

	if (exit)
		return exit;
	changes = take_person(session->cli, &account);
	if (changes == 0)
		return tb_fail_usage("user set-profile: one of its options is "
				     "needed");
	return update(session, "set_profile", &account, changes);
}

/* The roles of --role. */
static enum tb_exit take_roles(struct tb_session *session,
			       struct tb_account *account)
{
	struct tb_str *roles = tb_arena_calloc(session->arena, TB_CLI_GIVEN_MAX,
					       sizeof(*roles));
	const char *role;
	size_t i = 0;

	if (!roles)
		return tb_fail(TB_ERR_NOMEM, "roles");
	account->roles = roles;
	while ((role = tb_cli_next_value(session->cli, TB_OPT_ROLE, &i)))
		roles[account->n_roles++] = tb_str_z(role);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_user_add(struct tb_session *session)
{
	const struct tb_cli *cli = session->cli;
	const char *name = tb_cli_value(cli, TB_OPT_NAME);
	struct tb_account account = {
		.kind = TB_ACCOUNT_USER,
		.key = tb_str_z(tb_cli_value(cli, TB_OPT_UUID)),
		.username = tb_str_z(cli->args[0]),
		.name = tb_str_z(name ? name : cli->args[0]),
		.is_admin = tb_cli_has(cli, TB_OPT_ADMIN),
	};
	char hash[TB_PASSWORD_HASH_BYTES];
	struct tb_org org;
	enum tb_exit exit;

	if (account.key.n == 0)
		return tb_fail_usage("user add: --uuid is needed");
	take_person(cli, &account);
	exit = tb_session_org(session, &org);
	if (!exit)
		exit = tb_accounts_stores(session, org.id, &account.stores,
					  &account.n_stores);
	if (!exit)
		exit = take_roles(session, &account);
	if (!exit)
		exit = tb_password_ask(session, TB_ACCOUNT_USER, hash);
	if (exit)
		return exit;
	account.org = org.id;
	account.password = tb_str_z(hash);
	return add(session, "user_add", &account);
}

enum tb_exit tb_cmd_device_add(struct tb_session *session)
{
	const struct tb_cli *cli = session->cli;
	const char *name = tb_cli_value(cli, TB_OPT_NAME);
	struct tb_account account = {
		.kind = TB_ACCOUNT_DEVICE,
		.key = tb_str_z(cli->args[0]),
		.name = tb_str_z(name ? name : cli->args[0]),
	};
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);

	if (exit)
		return exit;
	account.org = org.id;
	exit = add(session, "device_add", &account);
	if (!exit)
		exit = tb_accounts_find(session, TB_ACCOUNT_DEVICE,
					cli->args[0], &account);
	return exit ? exit : tb_tokens_print(session, &account);
}
