#include "app/commands.h"

#include <stdio.h>

#include "api/sites/decode_push.h"
#include "app/accounts.h"
#include "codec/json.h"
#include "kernel/push.h"
#include "kernel/quarantine.h"

#define OUTPUT_MAX_BYTES (1024ull * 1024 * 1024)
#define ARENA_MAX_BYTES (1024ull * 1024 * 1024)
/* Of an entry as the trail names it. */
#define DETAIL_MAX_BYTES (64 * 1024)
/* Longer names are cut there: they are none that a record can have. */
#define NAME_MAX_BYTES TB_KEY_MAX
#define PAGE 64

/* Which entries a command is about. */
struct filter {
	uint32_t org;        /* 0: any */
	uint32_t site_id;    /* 0: any */
	struct tb_str table; /* p NULL: any */
	struct tb_str id;    /* likewise */
};

/* What a command does with each of them. */
typedef enum tb_err entry_fn(struct tb_session *session, struct tb_arena *arena,
			     const struct tb_org *org,
			     const struct tb_quarantine *entry, void *ctx);

static enum tb_exit read_filter(struct tb_session *session, struct filter *ret)
{
	const struct tb_cli *cli = session->cli;
	const char *site_name = tb_cli_value(cli, TB_OPT_SITE);
	struct filter filter = {
		.table = tb_str_z(tb_cli_value(cli, TB_OPT_TABLE)),
		.id = tb_str_z(tb_cli_value(cli, TB_OPT_ID)),
	};
	struct tb_account site;
	enum tb_exit exit = TB_EXIT_OK;

	if (site_name)
		exit = tb_accounts_find(session, TB_ACCOUNT_SITE, site_name,
					&site);
	if (!exit && site_name) {
		filter.org = site.org;
		filter.site_id = site.site_id;
	}
	if (!exit)
		*ret = filter;
	return exit;
}

static bool matches(const struct filter *filter,
		    const struct tb_quarantine *entry)
{
	return (!filter->table.p || tb_str_eq(filter->table, entry->table)) &&
	       (!filter->id.p || tb_str_eq(filter->id, entry->id));
}

/* The entries of one org, page by page. Entries that `fn` puts back take a
 * place behind `until`, so that each is met once. */
static enum tb_err walk_org(struct tb_session *session, struct tb_arena *arena,
			    const struct tb_org *org,
			    const struct filter *filter, entry_fn *fn,
			    void *ctx)
{
	struct tb_quarantine page[PAGE];
	uint64_t until = org->head;
	uint64_t after = 0;
	struct tb_tx *tx;
	enum tb_err err = TB_OK;
	size_t n = PAGE;

	while (!err && n > 0 && after < until) {
		tb_arena_reset(arena);
		err = tb_core_read(session->core, &tx);
		if (err)
			return err;
		err = tb_quarantine_list(tx, arena, org->id, filter->site_id,
					 after, page, PAGE, &n);
		tb_core_read_end(tx);
		for (size_t i = 0; !err && i < n; i++) {
			after = page[i].num;
			if (after <= until && matches(filter, &page[i]))
				err = fn(session, arena, org, &page[i], ctx);
		}
	}
	return err;
}

static enum tb_exit walk(struct tb_session *session,
			 const struct filter *filter, entry_fn *fn, void *ctx)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_err next = TB_OK;
	enum tb_err err = TB_OK;

	if (!arena)
		return tb_fail(TB_ERR_NOMEM, "quarantine");
	while (!err && !(next = tb_session_next_org(session, &org))) {
		if (filter->org == 0 || filter->org == org.id)
			err = walk_org(session, arena, &org, filter, fn, ctx);
	}
	tb_arena_destroy(arena);
	if (err)
		return tb_fail(err, "quarantine");
	return next == TB_ERR_NOT_FOUND ? TB_EXIT_OK : tb_exit_of(next);
}

static enum tb_err print_entry(struct tb_session *session,
			       struct tb_arena *arena, const struct tb_org *org,
			       const struct tb_quarantine *entry, void *ctx)
{
	struct tb_json_writer w;
	struct tb_buf line;
	enum tb_exit exit;

	(void)session;
	(void)arena;
	(void)ctx;
	tb_buf_init(&line, OUTPUT_MAX_BYTES);
	w = tb_json_writer(&line);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(org->name));
	tb_json_kv_uint(&w, "site_id", entry->site_id);
	tb_json_kv_str(&w, "table", entry->table);
	tb_json_kv_str(&w, "recordID", entry->id);
	tb_json_kv_str(&w, "code", entry->code);
	tb_json_kv_str(&w, "message", entry->message);
	tb_accounts_put_time(&w, "time", entry->time_us);
	tb_json_kv_raw(&w, "record", entry->record);
	tb_json_end_object(&w);
	tb_buf_append_char(&line, '\n');
	exit = tb_print(&line);
	tb_buf_fini(&line);
	return exit ? TB_ERR_IO : TB_OK;
}

enum tb_exit tb_cmd_quarantine_list(struct tb_session *session)
{
	struct filter filter = { .org = 0 };
	enum tb_exit exit = read_filter(session, &filter);

	return exit ? exit : walk(session, &filter, print_entry, NULL);
}

/* Retry and drop change things, so what they are about must be said. */
static enum tb_exit read_named_filter(struct tb_session *session,
				      struct filter *ret)
{
	const struct tb_cli *cli = session->cli;
	bool named =
		tb_cli_has(cli, TB_OPT_TABLE) && tb_cli_has(cli, TB_OPT_ID);

	if (named == tb_cli_has(cli, TB_OPT_ALL))
		return tb_fail_usage("%s: either --table and --id, or --all",
				     cli->command->name);
	return read_filter(session, ret);
}

/* What came of it. */
struct outcome {
	size_t n_done;
	size_t n_left;
};

static enum tb_exit report(struct tb_session *session,
			   const struct outcome *outcome, const char *done)
{
	if (outcome->n_done + outcome->n_left == 0 &&
	    !tb_cli_has(session->cli, TB_OPT_ALL))
		return tb_fail(TB_ERR_NOT_FOUND, "quarantine entry");
	printf("%zu %s, %zu still in quarantine\n", outcome->n_done, done,
	       outcome->n_left);
	return outcome->n_left > 0 ? TB_EXIT_REFUSED : TB_EXIT_OK;
}

/* Not within a character. */
static struct tb_str cut_name(struct tb_str name)
{
	size_t n = name.n < NAME_MAX_BYTES ? name.n : NAME_MAX_BYTES;

	while (n > 0 && n < name.n && ((unsigned char)name.p[n] & 0xc0) == 0x80)
		n--;
	return tb_str(name.p, n);
}

static enum tb_err name_entry(struct tb_arena *arena,
			      const struct tb_quarantine *entry,
			      struct tb_str *ret)
{
	struct tb_json_writer w;
	struct tb_buf buf;

	tb_buf_init(&buf, DETAIL_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_kv_uint(&w, "site_id", entry->site_id);
	tb_json_kv_str(&w, "table", cut_name(entry->table));
	tb_json_kv_str(&w, "record", cut_name(entry->id));
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err drop_entry(struct tb_session *session,
			      struct tb_arena *arena, const struct tb_org *org,
			      const struct tb_quarantine *entry, void *ctx)
{
	struct outcome *outcome = ctx;
	struct tb_audit_note note;
	enum tb_err err = tb_session_note(session, "quarantine_drop", &note);

	if (!err)
		err = name_entry(arena, entry, &note.detail);
	if (!err)
		err = tb_quarantine_drop(session->core, &note, org->id,
					 entry->site_id, entry->table,
					 entry->id);
	/* Somebody else was faster. */
	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	outcome->n_done += !err;
	return err;
}

enum tb_exit tb_cmd_quarantine_drop(struct tb_session *session)
{
	struct outcome outcome = { 0, 0 };
	struct filter filter = { .org = 0 };
	enum tb_exit exit = read_named_filter(session, &filter);

	if (!exit)
		exit = walk(session, &filter, drop_entry, &outcome);
	return exit ? exit : report(session, &outcome, "dropped");
}

/* The account of the site that pushed an entry. */
static enum tb_err find_site(struct tb_session *session, struct tb_arena *arena,
			     uint32_t org, uint32_t site_id,
			     struct tb_account *ret)
{
	struct tb_str key;
	struct tb_tx *tx;
	enum tb_err err = tb_arena_printf(arena, &key, "%u", site_id);

	if (!err)
		err = tb_core_read(session->core, &tx);
	if (err)
		return err;
	err = tb_directory_find(tx, arena, TB_ACCOUNT_SITE, org, key, ret);
	tb_core_read_end(tx);
	return err;
}

/* Pushes the element again, with the rights that its site has now. */
static enum tb_err retry_entry(struct tb_session *session,
			       struct tb_arena *arena, const struct tb_org *org,
			       const struct tb_quarantine *entry, void *ctx)
{
	struct outcome *outcome = ctx;
	struct tb_push_item item;
	struct tb_push push = { .site_id = entry->site_id,
				.items = &item,
				.n_items = 1,
				.arena = arena };
	struct tb_account site;
	enum tb_err err =
		find_site(session, arena, org->id, entry->site_id, &site);

	if (!err)
		err = tb_sites_decode_record(arena, entry->record, &item);
	if (err)
		return err;
	push.may_edit_central = site.may_edit_central;
	err = tb_push_prepare(&push, tb_core_declaration(session->core),
			      org->id);
	if (!err)
		err = tb_session_note(session, "quarantine_retry",
				      &push.commit.note);
	if (!err)
		err = tb_core_commit(session->core, &push.commit);
	if (err)
		return err;
	outcome->n_done += push.n_accepted;
	outcome->n_left += push.n_rejected;
	return TB_OK;
}

enum tb_exit tb_cmd_quarantine_retry(struct tb_session *session)
{
	struct outcome outcome = { 0, 0 };
	struct filter filter = { .org = 0 };
	enum tb_exit exit = read_named_filter(session, &filter);

	if (!exit)
		exit = walk(session, &filter, retry_entry, &outcome);
	return exit ? exit : report(session, &outcome, "accepted");
}
