/*
 * `tombolo audit verify --seals FILE`: whether the heads that a log says were
 * sealed are still rows of their chains.
 */
#include <stdio.h>

#include "app/commands.h"
#include "app/file.h"
#include "app/seal.h"
#include "app/tokens.h"
#include "kernel/audit_base.h"
#include "kernel/directory.h"

#define ARENA_MAX_BYTES (256 * 1024 * 1024)
/* A seal's line is far shorter; what is longer is none. */
#define LINE_MAX_BYTES (TB_LOG_LINE_MAX + 2)

struct seals {
	struct tb_session *session;
	struct tb_keys *keys;
	struct tb_arena *arena; /* for one line */
	const char *path;
	uint64_t line;
	uint64_t n_right;
	uint64_t n_dropped; /* of rows that are there no more */
	uint64_t n_wrong;
};

static void report(struct seals *seals, const struct tb_seal *seal,
		   const char *what)
{
	fprintf(stderr, "tombolo: %s:%llu: row %llu of org `%.*s`: %s\n",
		seals->path, (unsigned long long)seals->line,
		(unsigned long long)seal->row, TB_STR_ARG(seal->org), what);
	seals->n_wrong++;
}

static enum tb_err find_org(struct tb_tx *tx, struct tb_str name,
			    struct tb_org *ret)
{
	struct tb_org system = { .id = TB_ORG_SYSTEM };

	if (tb_str_eq(name, tb_str_z(tb_seal_org_name(&system))))
		return tx->store->ops->org_get(tx, TB_ORG_SYSTEM, ret);
	return tb_directory_find_org(tx, name, ret);
}

/* Compares the sealed head with the row of its number. */
static enum tb_err compare(struct seals *seals, struct tb_tx *tx, uint32_t org,
			   const struct tb_seal *seal)
{
	struct tb_audit_base base;
	struct tb_audit_row row = { .n = seal->row };
	enum tb_err err = tb_audit_base_read(tx, seals->arena, org, &base);

	if (!err && seal->row < base.n) {
		seals->n_dropped++;
		return TB_OK;
	}
	if (!err && seal->row == base.n)
		memcpy(row.hash, base.hash, sizeof(row.hash));
	else if (!err)
		err = tx->store->ops->audit_next(tx, seals->arena, org,
						 seal->row - 1, &row);
	if (err && err != TB_ERR_NOT_FOUND)
		return err;
	if (err || row.n != seal->row)
		report(seals, seal, "it is not there");
	else if (memcmp(row.hash, seal->hash, sizeof(row.hash)) != 0)
		report(seals, seal, "it is another one than was sealed");
	else
		seals->n_right++;
	return TB_OK;
}

static enum tb_err check_seal(struct seals *seals, const struct tb_seal *seal)
{
	const char *asked = tb_cli_value(seals->session->cli, TB_OPT_ORG);
	struct tb_org org;
	struct tb_tx *tx;
	bool is_right;
	enum tb_err err = tb_seal_check(seals->keys, seal, &is_right);

	if (err || (asked && !tb_str_eq(tb_str_z(asked), seal->org)))
		return err;
	if (!is_right || seal->row == 0) {
		report(seals, seal, "its seal is not of this server's key");
		return TB_OK;
	}
	err = tb_core_read(seals->session->core, &tx);
	if (err)
		return err;
	err = find_org(tx, seal->org, &org);
	if (!err)
		err = compare(seals, tx, org.id, seal);
	tb_core_read_end(tx);
	if (err != TB_ERR_NOT_FOUND)
		return err;
	report(seals, seal, "there is no such org");
	return TB_OK;
}

static enum tb_err check_line(struct seals *seals, struct tb_str line)
{
	struct tb_seal seal = { .row = 0 };
	enum tb_err err;

	tb_arena_reset(seals->arena);
	err = tb_seal_parse(seals->arena, line, &seal);
	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err == TB_ERR_INVALID) {
		report(seals, &seal, "the line is no seal");
		return TB_OK;
	}
	return err ? err : check_seal(seals, &seal);
}

/* A last line without its end was cut off by a crash. */
static enum tb_err check_file(struct seals *seals, FILE *file)
{
	char text[LINE_MAX_BYTES];
	bool is_begun = true; /* the text is the beginning of a line */
	enum tb_err err = TB_OK;

	while (!err && fgets(text, sizeof(text), file)) {
		struct tb_str line = tb_str_z(text);
		bool is_ended = line.n > 0 && line.p[line.n - 1] == '\n';

		seals->line += is_begun;
		if (is_begun && is_ended)
			err = check_line(seals, tb_str(line.p, line.n - 1));
		is_begun = is_ended;
	}
	return !err && ferror(file) ? TB_ERR_IO : err;
}

static enum tb_exit check_all(struct seals *seals)
{
	FILE *file = fopen(seals->path, "re");
	enum tb_err err;

	if (!file)
		return tb_fail(tb_file_errno(), "%s", seals->path);
	err = check_file(seals, file);
	(void)fclose(file);
	if (err)
		return tb_fail(err, "%s:%llu", seals->path,
			       (unsigned long long)seals->line);
	printf("seals: %llu rows are as they were sealed, %llu were dropped\n",
	       (unsigned long long)seals->n_right,
	       (unsigned long long)seals->n_dropped);
	return seals->n_wrong > 0 ? TB_EXIT_DAMAGED : TB_EXIT_OK;
}

enum tb_exit tb_audit_check_seals(struct tb_session *session)
{
	struct seals seals = {
		.session = session,
		.path = tb_cli_value(session->cli, TB_OPT_SEALS),
	};
	enum tb_exit exit = tb_tokens_open_keys(session, &seals.keys);

	if (exit)
		return exit;
	seals.arena = tb_arena_create(ARENA_MAX_BYTES);
	exit = seals.arena ? check_all(&seals) : tb_fail(TB_ERR_NOMEM, "seals");
	tb_arena_destroy(seals.arena);
	tb_keys_destroy(seals.keys);
	return exit;
}
