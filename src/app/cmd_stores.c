#include "app/commands.h"

#include "app/accounts.h"
#include "kernel/directory.h"

#define OUTPUT_MAX_BYTES (64 * 1024 * 1024)
#define PAGE 256

/* Activates the store on the site of this login name. */
static enum tb_exit assign(struct tb_session *session, uint32_t org,
			   const char *store, const char *site_name)
{
	struct tb_account site = { .key = TB_STR_NONE, .org = org };
	struct tb_audit_note note;
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err err;

	if (site_name)
		exit = tb_accounts_find(session, TB_ACCOUNT_SITE, site_name,
					&site);
	if (exit)
		return exit;
	if (site.org != org)
		return tb_fail(TB_ERR_NOT_FOUND, "site `%s` in this org",
			       site_name);
	err = tb_session_note(session, "store_assign", &note);
	if (!err)
		err = tb_directory_assign_store(session->core, &note, org,
						tb_str_z(store), site.key);
	return err ? tb_fail(err, "store `%s`", store) : TB_EXIT_OK;
}

enum tb_exit tb_cmd_store_add(struct tb_session *session)
{
	const char *id = session->cli->args[0];
	const char *name = tb_cli_value(session->cli, TB_OPT_NAME);
	const char *site_name = tb_cli_value(session->cli, TB_OPT_SITE);
	struct tb_audit_note note;
	struct tb_account site;
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	enum tb_err err;

	/* A site that does not exist must not leave half of it behind. */
	if (!exit && site_name)
		exit = tb_accounts_find(session, TB_ACCOUNT_SITE, site_name,
					&site);
	if (exit)
		return exit;
	err = tb_session_note(session, "store_add", &note);
	if (!err)
		err = tb_directory_add_store(session->core, &note, org.id,
					     tb_str_z(id),
					     tb_str_z(name ? name : id));
	if (err)
		return tb_fail(err, "store `%s`", id);
	return site_name ? assign(session, org.id, id, site_name) : TB_EXIT_OK;
}

enum tb_exit tb_cmd_store_assign(struct tb_session *session)
{
	const char *site = tb_cli_value(session->cli, TB_OPT_SITE);
	struct tb_org org;
	enum tb_exit exit;

	if (!site)
		return tb_fail_usage("store assign: --site is needed (empty "
				     "for none)");
	exit = tb_session_org(session, &org);
	return exit ? exit
		    : assign(session, org.id, session->cli->args[0],
			     site[0] ? site : NULL);
}

static enum tb_exit set_disabled(struct tb_session *session, bool disabled)
{
	const char *id = session->cli->args[0];
	struct tb_audit_note note;
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_session_note(
		session, disabled ? "store_disable" : "store_enable", &note);
	if (!err)
		err = tb_directory_disable_store(session->core, &note, org.id,
						 tb_str_z(id), disabled);
	return err ? tb_fail(err, "store `%s`", id) : TB_EXIT_OK;
}

enum tb_exit tb_cmd_store_disable(struct tb_session *session)
{
	return set_disabled(session, true);
}

enum tb_exit tb_cmd_store_enable(struct tb_session *session)
{
	return set_disabled(session, false);
}

static void put_store(struct tb_buf *out, const struct tb_org *org,
		      const struct tb_store_info *store,
		      struct tb_str site_name)
{
	struct tb_json_writer w = tb_json_writer(out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(org->name));
	tb_json_kv_str(&w, "id", store->id);
	tb_json_kv_str(&w, "name", store->name);
	if (site_name.n > 0)
		tb_json_kv_str(&w, "site", site_name);
	else
		tb_json_kv_null(&w, "site");
	tb_json_kv_bool(&w, "disabled", store->disabled);
	tb_json_end_object(&w);
	tb_buf_append_char(out, '\n');
}

static enum tb_err list_page(struct tb_session *session, struct tb_tx *tx,
			     const struct tb_org *org, uint64_t *after,
			     struct tb_buf *out, size_t *ret_n)
{
	struct tb_store_info page[PAGE];
	struct tb_account site;
	enum tb_err err = tb_directory_list_stores(
		session->core, tx, session->arena, org->id, *after, page, PAGE,
		ret_n, after);

	for (size_t i = 0; !err && i < *ret_n; i++) {
		site.username = TB_STR_NONE;
		if (page[i].site.n > 0)
			err = tb_directory_find(tx, session->arena,
						TB_ACCOUNT_SITE, org->id,
						page[i].site, &site);
		if (!err)
			put_store(out, org, &page[i], site.username);
	}
	return err;
}

static enum tb_exit list_org(struct tb_session *session,
			     const struct tb_org *org)
{
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err err = TB_OK;
	uint64_t after = 0;
	struct tb_buf out;
	struct tb_tx *tx;
	size_t n = PAGE;

	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	while (!exit && n > 0) {
		tb_buf_reset(&out);
		err = tb_core_read(session->core, &tx);
		if (!err) {
			err = list_page(session, tx, org, &after, &out, &n);
			tb_core_read_end(tx);
		}
		exit = err ? tb_fail(err, "store list") : tb_print(&out);
	}
	tb_buf_fini(&out);
	return exit;
}

enum tb_exit tb_cmd_store_list(struct tb_session *session)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err err = TB_OK;

	while (!exit && !(err = tb_session_next_org(session, &org)))
		exit = list_org(session, &org);
	if (!exit && err != TB_ERR_NOT_FOUND)
		exit = tb_fail(err, "store list");
	return exit;
}
