#include "app/commands.h"

#include <stdio.h>

#include "api/audit_json.h"
#include "app/seal.h"
#include "kernel/audit_keep.h"
#include "kernel/audit_read.h"
#include "kernel/audit_verify.h"

#define OUTPUT_MAX_BYTES (1024ull * 1024 * 1024)
#define ARENA_MAX_BYTES (256 * 1024 * 1024)
#define DAY_US (86400 * 1000000ll)

/* ---- the chains that a command is about ---- */

/* What is done with one of them. */
typedef enum tb_exit chain_fn(struct tb_session *session,
			      const struct tb_org *org);

/* --org's alone; else all, and the system's own before them. Each is looked
 * at, whatever was found in the one before; the last bad exit is the result. */
static enum tb_exit for_each_chain(struct tb_session *session, chain_fn *fn)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit worst = TB_EXIT_OK;
	enum tb_exit exit;
	enum tb_err err;

	if (!tb_cli_has(session->cli, TB_OPT_ORG))
		worst = fn(session, &org);
	while (!(err = tb_session_next_org(session, &org))) {
		exit = fn(session, &org);
		if (exit)
			worst = exit;
	}
	return err == TB_ERR_NOT_FOUND ? worst : tb_exit_of(err);
}

/* The time that an option says, or what `absent` is. */
static enum tb_exit take_time(struct tb_session *session,
			      enum tb_option_id option, bool is_end,
			      int64_t absent, int64_t *ret)
{
	const char *text = tb_cli_value(session->cli, option);

	*ret = absent;
	if (!text || !tb_audit_parse_time(tb_str_z(text), is_end, ret))
		return TB_EXIT_OK;
	return tb_fail_usage("`%s` is neither a date nor a time in ISO 8601",
			     text);
}

/* ---- list ---- */

static enum tb_exit print_entry(const struct tb_org *org,
				const struct tb_audit_entry *entry)
{
	struct tb_json_writer w;
	struct tb_buf line;
	enum tb_exit exit;

	tb_buf_init(&line, OUTPUT_MAX_BYTES);
	w = tb_json_writer(&line);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(tb_seal_org_name(org)));
	tb_audit_json_put(&w, entry);
	tb_json_end_object(&w);
	tb_buf_append_char(&line, '\n');
	exit = tb_print(&line);
	tb_buf_fini(&line);
	return exit;
}

static enum tb_exit print_row(struct tb_session *session,
			      const struct tb_org *org, uint64_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_audit_entry entry;
	enum tb_exit exit = TB_EXIT_OK;
	struct tb_tx *tx;
	enum tb_err err =
		arena ? tb_core_read(session->core, &tx) : TB_ERR_NOMEM;

	if (!err) {
		err = tb_audit_find(tx, arena, org->id, n, &entry);
		tb_core_read_end(tx);
	}
	if (!err)
		exit = print_entry(org, &entry);
	tb_arena_destroy(arena);
	/* Dropped since it was found. */
	return err && err != TB_ERR_NOT_FOUND ? tb_fail(err, "audit") : exit;
}

static enum tb_exit print_rows(struct tb_session *session,
			       const struct tb_org *org,
			       const struct tb_audit_query *query,
			       uint64_t limit)
{
	uint64_t rows[TB_AUDIT_PAGE_MAX];
	struct tb_audit_walk walk;
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err err = tb_audit_walk_begin(session->core, query, &walk);
	size_t n;

	while (!err && !exit && limit > 0 && !tb_audit_walk_is_done(&walk)) {
		err = tb_audit_walk_next(session->core, &walk, rows,
					 TB_AUDIT_PAGE_MAX, &n);
		for (size_t i = 0; !err && !exit && limit > 0 && i < n;
		     i++, limit--)
			exit = print_row(session, org, rows[i]);
	}
	return err ? tb_fail(err, "audit of org `%s`", tb_seal_org_name(org))
		   : exit;
}

static enum tb_exit list_chain(struct tb_session *session,
			       const struct tb_org *org)
{
	const struct tb_cli *cli = session->cli;
	const char *limit_text = tb_cli_value(cli, TB_OPT_LIMIT);
	struct tb_audit_query query = {
		.org = org->id,
		.event_type = tb_str_z(tb_cli_value(cli, TB_OPT_EVENT_TYPE)),
		.device = tb_str_z(tb_cli_value(cli, TB_OPT_DEVICE)),
	};
	uint64_t limit = UINT64_MAX;
	enum tb_exit exit = take_time(session, TB_OPT_SINCE, false, INT64_MIN,
				      &query.since_us);

	if (!exit)
		exit = take_time(session, TB_OPT_UNTIL, true, INT64_MAX,
				 &query.until_us);
	if (!exit && limit_text && tb_str_to_u64(tb_str_z(limit_text), &limit))
		exit = tb_fail_usage("audit list: `%s` is no number",
				     limit_text);
	return exit ? exit : print_rows(session, org, &query, limit);
}

enum tb_exit tb_cmd_audit_list(struct tb_session *session)
{
	return for_each_chain(session, list_chain);
}

/* ---- verify ---- */

static enum tb_exit verify_chain(struct tb_session *session,
				 const struct tb_org *org)
{
	const char *name = tb_seal_org_name(org);
	struct tb_audit_verdict verdict;
	enum tb_err err = tb_audit_verify(session->core, org->id, &verdict);

	if (err)
		return tb_fail(err, "audit of org `%s`", name);
	if (verdict.problem) {
		fprintf(stderr, "tombolo: audit of org `%s`: row %llu: %s\n",
			name, (unsigned long long)verdict.first_bad,
			verdict.problem);
		return TB_EXIT_DAMAGED;
	}
	printf("org `%s`: %llu rows in order, %llu of them without details",
	       name, (unsigned long long)verdict.rows,
	       (unsigned long long)verdict.erased);
	if (verdict.first > 1)
		printf("; the first %llu were dropped",
		       (unsigned long long)verdict.first - 1);
	printf("\n");
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_audit_verify(struct tb_session *session)
{
	enum tb_exit chains = for_each_chain(session, verify_chain);
	enum tb_exit seals = TB_EXIT_OK;

	if (tb_cli_has(session->cli, TB_OPT_SEALS))
		seals = tb_audit_check_seals(session);
	return seals ? seals : chains;
}

/* ---- dropping and erasing ---- */

static enum tb_exit drop_chain(struct tb_session *session,
			       const struct tb_org *org)
{
	int64_t keep_us = session->config->program.audit_keep_days * DAY_US;
	const char *name = tb_seal_org_name(org);
	struct tb_audit_note note;
	uint64_t dropped = TB_AUDIT_DROP_MAX;
	uint64_t total = 0;
	int64_t before_us;
	enum tb_err err = TB_OK;
	enum tb_exit exit =
		take_time(session, TB_OPT_BEFORE, false,
			  tb_core_now_us(session->core) - keep_us, &before_us);

	if (exit)
		return exit;
	while (!err && dropped == TB_AUDIT_DROP_MAX) {
		err = tb_session_note(session, TB_AUDIT_DROP, &note);
		if (!err)
			err = tb_audit_drop(session->core, &note, org->id,
					    before_us, &dropped);
		if (!err)
			total += dropped;
	}
	printf("org `%s`: %llu rows dropped\n", name,
	       (unsigned long long)total);
	return err ? tb_fail(err, "audit of org `%s`", name) : TB_EXIT_OK;
}

enum tb_exit tb_cmd_audit_drop(struct tb_session *session)
{
	if (!tb_cli_has(session->cli, TB_OPT_BEFORE) &&
	    session->config->program.audit_keep_days == 0)
		return tb_fail_usage("audit drop: --before must say which, "
				     "because audit_keep_days keeps all");
	return for_each_chain(session, drop_chain);
}

static enum tb_exit erase_chain(struct tb_session *session,
				const struct tb_org *org)
{
	const char *name = tb_seal_org_name(org);
	struct tb_audit_erasure erasure;
	struct tb_audit_note note;
	int64_t before_us;
	enum tb_err err;
	enum tb_exit exit =
		take_time(session, TB_OPT_BEFORE, false, 0, &before_us);

	if (exit)
		return exit;
	err = tb_audit_erase_begin(session->core, org->id, before_us, &erasure);
	while (!err && !tb_audit_erase_is_done(&erasure)) {
		err = tb_session_note(session, TB_AUDIT_ERASE, &note);
		if (!err)
			err = tb_audit_erase_next(session->core, &note,
						  &erasure);
	}
	if (err)
		return tb_fail(err, "audit of org `%s`", name);
	printf("org `%s`: the details of %llu rows erased\n", name,
	       (unsigned long long)erasure.n_erased);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_audit_erase(struct tb_session *session)
{
	if (!tb_cli_has(session->cli, TB_OPT_BEFORE))
		return tb_fail_usage("audit erase: --before must say which");
	return for_each_chain(session, erase_chain);
}
