#include "app/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/control.h"
#include "app/data.h"
#include "app/demo.h"
#include "app/demo_source.h"
#include "app/redeclare.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "kernel/directory.h"

#define COMMAND_MAX_BYTES (64 * 1024)
#define ARENA_MAX_BYTES (1024ull * 1024 * 1024)

enum tb_exit tb_fail(enum tb_err err, const char *fmt, ...)
{
	va_list args;

	fputs("tombolo: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", tb_err_text(err));
	return tb_exit_of(err);
}

enum tb_exit tb_fail_usage(const char *fmt, ...)
{
	va_list args;

	fputs("tombolo: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("; see `tombolo --help`\n", stderr);
	return TB_EXIT_USAGE;
}

enum tb_exit tb_print(const struct tb_buf *buf)
{
	if (tb_buf_err(buf))
		return tb_fail(tb_buf_err(buf), "output");
	if (buf->n > 0 && fwrite(buf->p, 1, buf->n, stdout) != buf->n)
		return tb_fail(TB_ERR_IO, "standard output");
	if (fflush(stdout))
		return tb_fail(TB_ERR_IO, "standard output");
	return TB_EXIT_OK;
}

enum tb_err tb_session_load_config(const struct tb_cli *cli,
				   tb_config_report_fn *report, void *ctx,
				   struct tb_config **ret)
{
	struct tb_config_source source = {
		.path = tb_cli_value(cli, TB_OPT_CONFIG),
		.env = (const char *const *)environ,
		.data = tb_cli_value(cli, TB_OPT_DATA),
		.listen = tb_cli_value(cli, TB_OPT_LISTEN),
	};

	if (tb_cli_has(cli, TB_OPT_DEMO))
		source.preset = tb_demo_preset();
	if (!source.path)
		source.path = getenv("TOMBOLO_CONFIG");
	return tb_config_load(&source, report, ctx, ret);
}

static void print_report(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "tombolo: %s\n", text);
}

enum tb_exit tb_session_open_config(const struct tb_cli *cli,
				    struct tb_config **ret)
{
	enum tb_err err = tb_session_load_config(cli, print_report, NULL, ret);

	if (err == TB_ERR_NOMEM)
		return tb_fail(err, "configuration");
	return err ? TB_EXIT_CONFIG : TB_EXIT_OK;
}

/* The command line, which holds no secrets: passwords come another way. One
 * that cannot be shown is left out. */
static enum tb_err make_command(struct tb_session *session)
{
	struct tb_json json;
	struct tb_buf line;
	struct tb_str text;
	enum tb_err err;

	tb_buf_init(&line, COMMAND_MAX_BYTES);
	tb_cli_put_line(&line, session->cli);
	err = tb_buf_copy_out(&line, session->arena, &text);
	if (!err)
		err = tb_json_parse(session->arena, text, NULL, &json, NULL);
	session->command = err ? TB_STR("null") : text;
	return err == TB_ERR_NOMEM ? err : TB_OK;
}

enum tb_err tb_session_note(struct tb_session *session, const char *operation,
			    struct tb_audit_note *ret)
{
	struct tb_audit_note note = {
		.event_type = "admin",
		.operation = operation,
		.status = "ok",
		.principal = TB_STR("cli"),
	};

	enum tb_err err =
		session->command.n == 0 ? make_command(session) : TB_OK;

	note.command = session->command;
	if (!err &&
	    getrandom(note.salt, sizeof(note.salt), 0) != sizeof(note.salt))
		err = TB_ERR_IO;
	if (!err)
		*ret = note;
	return err;
}

/* The org of this name. */
static enum tb_err find_org(struct tb_session *session, const char *name,
			    struct tb_org *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	err = tb_directory_find_org(tx, tb_str_z(name), ret);
	tb_core_read_end(tx);
	return err;
}

/* The org behind one with this id. */
static enum tb_err next_org(struct tb_session *session, uint32_t after,
			    struct tb_org *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	err = tx->store->ops->org_next(tx, after, ret);
	tb_core_read_end(tx);
	return err;
}

enum tb_exit tb_session_org(struct tb_session *session, struct tb_org *ret)
{
	const char *name = tb_cli_value(session->cli, TB_OPT_ORG);
	struct tb_org other;
	enum tb_err err;

	if (name) {
		err = find_org(session, name, ret);
		return err ? tb_fail(err, "org `%s`", name) : TB_EXIT_OK;
	}
	err = next_org(session, TB_ORG_SYSTEM, ret);
	if (err)
		return tb_fail(err, "an org");
	err = next_org(session, ret->id, &other);
	if (!err)
		return tb_fail_usage("--org must say which org");
	return err == TB_ERR_NOT_FOUND ? TB_EXIT_OK : tb_fail(err, "orgs");
}

enum tb_err tb_session_next_org(struct tb_session *session, struct tb_org *org)
{
	const char *name = tb_cli_value(session->cli, TB_OPT_ORG);

	if (!name)
		return next_org(session, org->id, org);
	if (org->id != TB_ORG_SYSTEM)
		return TB_ERR_NOT_FOUND;
	return find_org(session, name, org);
}

/* Opens the engine for commits on this thread. */
static enum tb_err open_engine(struct tb_session *session)
{
	struct tb_config *config = session->config;
	enum tb_data_state state;
	enum tb_err err = TB_OK;

	config->engine.writer = false;
	config->engine.at.create = session->cli->command->makes_store;
	if (config->engine.at.create)
		err = tb_data_prepare(config->program.data);
	if (!err)
		err = tb_data_look(config, &state);
	if (err)
		return err;
	if (state == TB_DATA_DEMO)
		err = tb_demo_apply_declaration(config);
	if (!err && state == TB_DATA_DEMO)
		err = tb_demo_add_source(config, NULL);
	if (err)
		return err;
	return tb_engine_open(&config->engine, &session->engine);
}

static enum tb_exit open_store(struct tb_session *session)
{
	const char *data = session->config->program.data;
	enum tb_err err = open_engine(session);

	if (err == TB_ERR_NOT_FOUND) {
		fprintf(stderr,
			"tombolo: there is no store in `%s`; `tombolo init` "
			"makes one\n",
			data);
		return TB_EXIT_UNAVAILABLE;
	}
	if (err)
		return tb_fail(err, "store in `%s`", data);
	session->core = tb_engine_core(session->engine);
	err = tb_redeclare_take(session->config, session->core);
	return err ? tb_fail(err, "the collections in force and those of the "
				  "configuration")
		   : TB_EXIT_OK;
}

/* An org that is named is there, unless the command is what makes it. Lists
 * could not say so: to them "not found" is the end. */
static enum tb_exit check_org(struct tb_session *session)
{
	const char *name = tb_cli_value(session->cli, TB_OPT_ORG);
	struct tb_org org;
	enum tb_err err;

	if (!name || session->cli->command->makes_store)
		return TB_EXIT_OK;
	err = find_org(session, name, &org);
	return err ? tb_fail(err, "org `%s`", name) : TB_EXIT_OK;
}

static enum tb_exit open_and_act(struct tb_session *session)
{
	enum tb_exit exit =
		tb_session_open_config(session->cli, &session->config);

	if (exit)
		return exit;
	exit = open_store(session);
	if (!exit)
		exit = check_org(session);
	return exit ? exit : session->cli->command->act(session);
}

enum tb_exit tb_session_run(const struct tb_cli *cli)
{
	struct tb_session session = { .cli = cli };
	enum tb_exit exit;

	session.arena = tb_arena_create(ARENA_MAX_BYTES);
	if (!session.arena)
		return tb_fail(TB_ERR_NOMEM, "command");
	exit = open_and_act(&session);
	tb_engine_close(session.engine);
	/* Also after a failure: what was changed before it stays changed. */
	if (session.engine && !cli->command->only_reads)
		tb_control_poke(session.config->program.data);
	tb_config_destroy(session.config);
	tb_arena_destroy(session.arena);
	return exit;
}
