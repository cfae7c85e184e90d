#include "app/commands.h"

#include <stdio.h>

#include "codec/json.h"
#include "kernel/audit.h"

#define ARENA_MAX_BYTES (256 * 1024 * 1024)
#define LINE_MAX_BYTES (64 * 1024)

struct findings {
	size_t n;
};

static void report(void *ctx, const char *invariant, uint64_t rid,
		   const char *what)
{
	struct findings *findings = ctx;
	struct tb_json_writer w;
	struct tb_buf line;

	tb_buf_init(&line, LINE_MAX_BYTES);
	w = tb_json_writer(&line);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "invariant", tb_str_z(invariant));
	tb_json_kv_uint(&w, "record", rid);
	tb_json_kv_str(&w, "what", tb_str_z(what));
	tb_json_end_object(&w);
	tb_buf_append_char(&line, '\n');
	(void)tb_print(&line);
	tb_buf_fini(&line);
	findings->n++;
}

enum tb_exit tb_cmd_check(struct tb_session *session)
{
	struct findings findings = { .n = 0 };
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (!err) {
		err = tx->store->ops->check(tx, report, &findings);
		tb_core_read_end(tx);
	}
	if (err)
		return tb_fail(err, "check");
	if (findings.n > 0) {
		fprintf(stderr, "tombolo: check: %zu findings\n", findings.n);
		return TB_EXIT_DAMAGED;
	}
	printf("the store is sound\n");
	return TB_EXIT_OK;
}

/* Verifies one chain; `org` may be the system's. */
static enum tb_exit verify_org(struct tb_session *session,
			       struct tb_arena *arena, const struct tb_org *org)
{
	const char *name = org->id == TB_ORG_SYSTEM ? "(system)" : org->name;
	struct tb_audit_verdict verdict;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (!err) {
		err = tb_audit_verify(tx, arena, org->id, &verdict);
		tb_core_read_end(tx);
	}
	if (err)
		return tb_fail(err, "audit of org `%s`", name);
	if (verdict.problem) {
		fprintf(stderr, "tombolo: audit of org `%s`: row %llu: %s\n",
			name, (unsigned long long)verdict.first_bad,
			verdict.problem);
		return TB_EXIT_DAMAGED;
	}
	printf("org `%s`: %llu rows in order, %llu of them without details\n",
	       name, (unsigned long long)verdict.rows,
	       (unsigned long long)verdict.erased);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_audit_verify(struct tb_session *session)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit worst = TB_EXIT_OK;
	enum tb_exit exit;
	enum tb_err err;

	if (!arena)
		return tb_fail(TB_ERR_NOMEM, "audit");
	if (!tb_cli_has(session->cli, TB_OPT_ORG))
		worst = verify_org(session, arena, &org);
	/* Each chain is looked at, whatever was found in the one before. */
	while (!(err = tb_session_next_org(session, &org))) {
		tb_arena_reset(arena);
		exit = verify_org(session, arena, &org);
		if (exit)
			worst = exit;
	}
	tb_arena_destroy(arena);
	return err == TB_ERR_NOT_FOUND ? worst : tb_fail(err, "audit");
}
