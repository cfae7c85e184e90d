#include "app/commands.h"

#include <stdio.h>
#include <sys/random.h>

#include "app/password.h"
#include "codec/json.h"
#include "kernel/directory.h"

#define OUTPUT_MAX_BYTES (64 * 1024 * 1024)

static enum tb_err make_epoch(uint64_t *ret)
{
	do {
		if (getrandom(ret, sizeof(*ret), 0) != sizeof(*ret))
			return TB_ERR_IO;
	} while (*ret == 0);
	return TB_OK;
}

static enum tb_exit add_org(struct tb_session *session, const char *name,
			    const char *title, uint32_t *ret)
{
	struct tb_audit_note note;
	uint64_t epoch;
	enum tb_err err = tb_session_note(session, "org_add", &note);

	if (!err)
		err = make_epoch(&epoch);
	if (!err)
		err = tb_directory_add_org(session->core, &note, tb_str_z(name),
					   tb_str_z(title ? title : name),
					   epoch, ret);
	return err ? tb_fail(err, "org `%s`", name) : TB_EXIT_OK;
}

static enum tb_exit add_first_admin(struct tb_session *session, uint32_t org,
				    const char *name, const char *hash)
{
	struct tb_account account = {
		.kind = TB_ACCOUNT_USER,
		.org = org,
		.key = tb_str_z(name),
		.username = tb_str_z(name),
		.name = tb_str_z(name),
		.password = tb_str_z(hash),
		.is_admin = true,
	};
	struct tb_audit_note note;
	enum tb_err err = tb_session_note(session, "user_add", &note);

	if (!err)
		err = tb_directory_add_account(session->core, &note, &account);
	return err ? tb_fail(err, "administrator `%s`", name) : TB_EXIT_OK;
}

/* True if a store has an org already. Says what is wrong. */
static enum tb_exit refuse_second_init(struct tb_session *session)
{
	struct tb_tx *tx;
	struct tb_org org;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (!err) {
		err = tx->store->ops->org_next(tx, TB_ORG_SYSTEM, &org);
		tb_core_read_end(tx);
	}
	if (err == TB_ERR_NOT_FOUND)
		return TB_EXIT_OK;
	return tb_fail(err ? err : TB_ERR_EXISTS,
		       "init (`tombolo org add` adds an org)");
}

enum tb_exit tb_cmd_init(struct tb_session *session)
{
	const char *org_name = tb_cli_value(session->cli, TB_OPT_ORG);
	const char *admin = tb_cli_value(session->cli, TB_OPT_ADMIN_NAME);
	char hash[TB_PASSWORD_HASH_BYTES];
	enum tb_exit exit;
	uint32_t org = 0;

	if (!org_name || !admin)
		return tb_fail_usage("init: --org and --admin are needed");
	exit = refuse_second_init(session);
	if (!exit)
		exit = tb_password_ask(session, TB_ACCOUNT_USER, hash);
	if (!exit)
		exit = add_org(session, org_name,
			       tb_cli_value(session->cli, TB_OPT_TITLE), &org);
	if (!exit)
		exit = add_first_admin(session, org, admin, hash);
	if (!exit)
		printf("org `%s` and its administrator `%s` are made\n",
		       org_name, admin);
	return exit;
}

enum tb_exit tb_cmd_org_add(struct tb_session *session)
{
	uint32_t org = 0;

	return add_org(session, session->cli->args[0],
		       tb_cli_value(session->cli, TB_OPT_TITLE), &org);
}

enum tb_exit tb_cmd_org_list(struct tb_session *session)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	struct tb_json_writer w;
	enum tb_exit exit;
	struct tb_buf out;
	enum tb_err err;

	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	while (!(err = tb_session_next_org(session, &org))) {
		w = tb_json_writer(&out);
		tb_json_begin_object(&w);
		tb_json_kv_str(&w, "name", tb_str_z(org.name));
		tb_json_kv_str(&w, "title", tb_str_z(org.title));
		tb_json_kv_uint(&w, "head", org.head);
		tb_json_end_object(&w);
		tb_buf_append_char(&out, '\n');
	}
	exit = err == TB_ERR_NOT_FOUND ? tb_print(&out)
				       : tb_fail(err, "org list");
	tb_buf_fini(&out);
	return exit;
}

static enum tb_err renew_epoch(struct tb_session *session, uint32_t org)
{
	struct tb_audit_note note;
	uint64_t epoch;
	enum tb_err err = tb_session_note(session, "restored", &note);

	if (!err)
		err = make_epoch(&epoch);
	return err ? err
		   : tb_directory_renew_epoch(session->core, &note, org, epoch);
}

enum tb_exit tb_cmd_restored(struct tb_session *session)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_err err;

	while (!(err = tb_session_next_org(session, &org))) {
		err = renew_epoch(session, org.id);
		if (err)
			return tb_fail(err, "org `%s`", org.name);
	}
	return err == TB_ERR_NOT_FOUND ? TB_EXIT_OK : tb_fail(err, "restored");
}
