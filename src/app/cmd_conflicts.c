#include "app/commands.h"

#include <stdio.h>

#include "api/resources/conflict_json.h"
#include "kernel/settle.h"

#define OUTPUT_MAX_BYTES (1024ull * 1024 * 1024)
#define ARENA_MAX_BYTES (1024ull * 1024 * 1024)
#define PAGE 16

static enum tb_exit print_entry(const struct tb_ledger_entry *entry)
{
	struct tb_json_writer w;
	struct tb_buf line;
	enum tb_exit exit;

	tb_buf_init(&line, OUTPUT_MAX_BYTES);
	w = tb_json_writer(&line);
	tb_conflict_json_put(&w, entry);
	tb_buf_append_char(&line, '\n');
	exit = tb_print(&line);
	tb_buf_fini(&line);
	return exit;
}

/* ---- list ---- */

static enum tb_err read_page(struct tb_session *session, struct tb_arena *arena,
			     uint32_t org, uint64_t after,
			     struct tb_ledger_entry *rets, size_t *ret_n)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	tb_arena_reset(arena);
	err = tb_ledger_list(tx, arena, org, after, rets, PAGE, ret_n);
	tb_core_read_end(tx);
	return err;
}

static enum tb_exit print_org(struct tb_session *session,
			      struct tb_arena *arena, uint32_t org)
{
	struct tb_ledger_entry page[PAGE];
	enum tb_exit exit = TB_EXIT_OK;
	uint64_t after = 0;
	size_t n = PAGE;

	while (!exit && n > 0) {
		enum tb_err err =
			read_page(session, arena, org, after, page, &n);

		if (err)
			return tb_fail(err, "conflicts");
		for (size_t i = 0; !exit && i < n; i++) {
			after = page[i].id;
			exit = print_entry(&page[i]);
		}
	}
	return exit;
}

enum tb_exit tb_cmd_conflict_list(struct tb_session *session)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err next = TB_OK;

	if (!arena)
		return tb_fail(TB_ERR_NOMEM, "conflicts");
	while (!exit && !(next = tb_session_next_org(session, &org)))
		exit = print_org(session, arena, org.id);
	tb_arena_destroy(arena);
	if (exit)
		return exit;
	return next == TB_ERR_NOT_FOUND ? TB_EXIT_OK : tb_exit_of(next);
}

/* ---- one ---- */

/* The entry that the command names, and its org. Says what is wrong. */
static enum tb_exit read_id(struct tb_session *session, struct tb_org *ret_org,
			    uint64_t *ret)
{
	const char *arg = session->cli->args[0];

	if (tb_str_to_u64(tb_str_z(arg), ret))
		return tb_fail_usage("conflict: `%s` is no id", arg);
	return tb_session_org(session, ret_org);
}

enum tb_exit tb_cmd_conflict_show(struct tb_session *session)
{
	struct tb_ledger_entry entry;
	struct tb_org org = { .id = 0 };
	struct tb_tx *tx;
	uint64_t id = 0;
	enum tb_exit exit = read_id(session, &org, &id);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_core_read(session->core, &tx);
	if (!err) {
		err = tb_ledger_find(tx, session->arena, org.id, id, &entry);
		tb_core_read_end(tx);
	}
	return err ? tb_fail(err, "conflict %s", session->cli->args[0])
		   : print_entry(&entry);
}

/* "--take client" or "--take server". */
static enum tb_exit read_take(struct tb_session *session, bool *ret)
{
	struct tb_str take = tb_str_z(tb_cli_value(session->cli, TB_OPT_TAKE));

	*ret = tb_str_eq(take, TB_STR("client"));
	if (*ret || tb_str_eq(take, TB_STR("server")))
		return TB_EXIT_OK;
	return tb_fail_usage(
		"conflict resolve: --take must be client or server");
}

static enum tb_exit settle(struct tb_session *session,
			   struct tb_settlement *settlement)
{
	const char *id = session->cli->args[0];
	enum tb_err err =
		tb_session_note(session, "conflict_resolve", &settlement->note);

	if (!err)
		err = tb_settle(session->core, settlement);
	if (err == TB_ERR_INVALID)
		return tb_fail(err, "conflict %s: %.*s", id,
			       TB_STR_ARG(settlement->message));
	if (err == TB_ERR_CONFLICT)
		return tb_fail(err, "conflict %s was resolved before", id);
	return err ? tb_fail(err, "conflict %s", id) : TB_EXIT_OK;
}

enum tb_exit tb_cmd_conflict_resolve(struct tb_session *session)
{
	struct tb_settlement settlement = { .arena = session->arena };
	struct tb_org org = { .id = 0 };
	enum tb_exit exit = read_take(session, &settlement.takes_client);

	if (!exit)
		exit = read_id(session, &org, &settlement.id);
	if (exit)
		return exit;
	settlement.org = org.id;
	return settle(session, &settlement);
}
