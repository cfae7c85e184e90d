#include "app/commands.h"

#include "app/accounts.h"
#include "app/password.h"
#include "app/sites.h"
#include "codec/json.h"
#include "kernel/delivery.h"

#define DETAIL_MAX_BYTES 4096

/* A command may be about many, and its line names none of them then. Store:
 * p NULL where it is about none. */
static enum tb_err name_site(struct tb_session *session,
			     const struct tb_account *site, struct tb_str store,
			     struct tb_audit_note *note)
{
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, DETAIL_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_kv_str(&w, "site", site->username);
	if (store.p)
		tb_json_kv_str(&w, "store", store);
	return tb_buf_copy_out(&buf, session->arena, &note->detail);
}

static enum tb_err assign_stores(struct tb_session *session,
				 const struct tb_account *site,
				 const struct tb_str *stores, size_t n)
{
	struct tb_audit_note note;
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < n; i++) {
		err = tb_session_note(session, "store_assign", &note);
		if (!err)
			err = name_site(session, site, stores[i], &note);
		if (!err)
			err = tb_directory_assign_store(session->core, &note,
							site->org, stores[i],
							site->key);
	}
	return err;
}

enum tb_err tb_sites_add(struct tb_session *session,
			 const struct tb_account *site,
			 const struct tb_str *stores, size_t n_stores)
{
	struct tb_audit_note note;
	enum tb_err err = tb_session_note(session, "site_add", &note);

	if (!err)
		err = name_site(session, site, TB_STR_NONE, &note);
	if (!err)
		err = tb_directory_add_account(session->core, &note, site);
	if (!err)
		err = assign_stores(session, site, stores, n_stores);
	return err;
}

static enum tb_exit add_one(struct tb_session *session)
{
	const struct tb_cli *cli = session->cli;
	const char *name = tb_cli_value(cli, TB_OPT_NAME);
	struct tb_account site = {
		.kind = TB_ACCOUNT_SITE,
		.username = tb_str_z(cli->args[0]),
		.name = tb_str_z(name ? name : cli->args[0]),
		.code = tb_str_z(tb_cli_value(cli, TB_OPT_CODE)),
		.key = tb_str_z(tb_cli_value(cli, TB_OPT_ID)),
		.may_edit_central = tb_cli_has(cli, TB_OPT_EDIT_CENTRAL),
	};
	char hash[TB_PASSWORD_HASH_BYTES];
	const struct tb_str *stores;
	size_t n_stores;
	struct tb_org org;
	enum tb_exit exit;
	enum tb_err err;

	if (tb_accounts_parse_site_id(site.key, &site.site_id))
		return tb_fail_usage("site add: --id must be a whole number "
				     "from 1 to %d",
				     INT32_MAX);
	exit = tb_session_org(session, &org);
	if (!exit)
		exit = tb_accounts_stores(session, org.id, &stores, &n_stores);
	if (!exit)
		exit = tb_password_ask(session, TB_ACCOUNT_SITE, hash);
	if (exit)
		return exit;
	site.org = org.id;
	site.password = tb_str_z(hash);
	err = tb_sites_add(session, &site, stores, n_stores);
	return err ? tb_fail(err, "site `%s` (id %u)", cli->args[0],
			     site.site_id)
		   : TB_EXIT_OK;
}

enum tb_exit tb_cmd_site_add(struct tb_session *session)
{
	bool from_file = tb_cli_has(session->cli, TB_OPT_FROM);

	if (from_file == (session->cli->n_args == 1))
		return tb_fail_usage("site add: either NAME or --from FILE");
	return from_file ? tb_cmd_site_add_file(session) : add_one(session);
}

enum tb_exit tb_cmd_site_resync(struct tb_session *session)
{
	struct tb_audit_note note;
	struct tb_account site;
	enum tb_exit exit = tb_accounts_find(session, TB_ACCOUNT_SITE,
					     session->cli->args[0], &site);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_session_note(session, "resync", &note);
	if (!err)
		err = tb_delivery_initialise(session->core, &note, site.org,
					     site.site_id, true);
	return err ? tb_fail(err, "site `%s`", session->cli->args[0])
		   : TB_EXIT_OK;
}
