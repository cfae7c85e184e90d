#include "app/commands.h"

#include <stdio.h>

#include "app/import_line.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/acl.h"
#include "kernel/acl_store.h"
#include "kernel/transfer.h"

#define LINE_MAX_BYTES (1024ull * 1024 * 1024)
#define FLUSH_BYTES (1024 * 1024)
#define IDS_ARENA_MAX_BYTES (16 * 1024 * 1024)
#define RULES_ARENA_MAX_BYTES (2 * TB_ACL_TEXT_MAX_BYTES)

struct export_ctx {
	struct tb_buf out;
	enum tb_exit exit;
};

/* With all six digits, so that texts sort as times do. */
static void put_time(struct tb_json_writer *w, const char *key, int64_t us)
{
	int64_t rest = us % 1000000;
	struct tb_buf text;

	if (rest < 0)
		rest += 1000000;
	tb_buf_init(&text, 64);
	tb_time_put_seconds(&text, us);
	if (text.n > 0 && text.p[text.n - 1] == 'Z')
		text.n--;
	tb_buf_printf(&text, ".%06dZ", (int)rest);
	tb_json_kv_str(w, key, tb_buf_str(&text));
	tb_buf_fini(&text);
}

static enum tb_err flush_out(struct export_ctx *export)
{
	if (!export->exit)
		export->exit = tb_print(&export->out);
	tb_buf_reset(&export->out);
	return export->exit ? TB_ERR_IO : TB_OK;
}

static enum tb_err end_line(struct export_ctx *export, struct tb_json_writer *w)
{
	tb_json_end_object(w);
	tb_buf_append_char(&export->out, '\n');
	return export->out.n < FLUSH_BYTES ? tb_buf_err(&export->out)
					   : flush_out(export);
}

static enum tb_err take(void *ctx, const struct tb_export_row *row)
{
	struct export_ctx *export = ctx;
	struct tb_json_writer w = tb_json_writer(&export->out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "table", row->table);
	tb_json_kv_str(&w, "recordID", row->id);
	if (row->number)
		tb_json_kv_uint(&w, "id", row->number);
	tb_import_line_put(&w, "data", row->data);
	if (row->deleted)
		tb_json_kv_bool(&w, "deleted", true);
	put_time(&w, "created_at", row->created_us);
	put_time(&w, "updated_at", row->updated_us);
	return end_line(export, &w);
}

/* An event, or the rules. */
static enum tb_err put_one(struct export_ctx *export, const char *name,
			   struct tb_str object)
{
	struct tb_json_writer w = tb_json_writer(&export->out);

	tb_json_begin_object(&w);
	tb_import_line_put(&w, name, object);
	return end_line(export, &w);
}

static enum tb_err take_event(void *ctx, struct tb_str body)
{
	return put_one(ctx, "event", body);
}

static enum tb_err export_rules(struct export_ctx *export, struct tb_core *core,
				uint32_t org)
{
	struct tb_arena *arena = tb_arena_create(RULES_ARENA_MAX_BYTES);
	struct tb_str text;
	uint64_t version;
	struct tb_tx *tx;
	enum tb_err err = TB_ERR_NOMEM;

	if (!arena)
		return err;
	err = tb_core_read(core, &tx);
	if (!err) {
		err = tb_acl_read(tx, arena, org, false, &version, &text);
		tb_core_read_end(tx);
		if (!err)
			err = put_one(export, "acl", text);
		else if (err == TB_ERR_NOT_FOUND)
			err = TB_OK;
	}
	tb_arena_destroy(arena);
	return err;
}

static enum tb_err put_next_id(struct export_ctx *export,
			       const struct tb_next_id *next)
{
	struct tb_json_writer w = tb_json_writer(&export->out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "table", next->table);
	tb_json_kv_uint(&w, "next_id", next->id);
	return end_line(export, &w);
}

static enum tb_err export_next_ids(struct export_ctx *export,
				   struct tb_core *core, uint32_t org)
{
	struct tb_arena *arena = tb_arena_create(IDS_ARENA_MAX_BYTES);
	struct tb_next_id *list;
	size_t n = 0;
	enum tb_err err = TB_ERR_NOMEM;

	if (!arena)
		return err;
	err = tb_transfer_next_ids(core, arena, org, &list, &n);
	for (size_t i = 0; !err && i < n; i++)
		err = put_next_id(export, &list[i]);
	tb_arena_destroy(arena);
	return err;
}

static enum tb_err export_all(struct export_ctx *export, struct tb_core *core,
			      uint32_t org)
{
	enum tb_err err = tb_transfer_export(core, org, take, export);

	if (!err)
		err = export_next_ids(export, core, org);
	if (!err)
		err = tb_transfer_export_events(core, org, take_event, export);
	if (!err)
		err = export_rules(export, core, org);
	return err ? err : flush_out(export);
}

enum tb_exit tb_cmd_export(struct tb_session *session)
{
	struct export_ctx export = { .exit = TB_EXIT_OK };
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	enum tb_err err;

	if (exit)
		return exit;
	tb_buf_init(&export.out, LINE_MAX_BYTES);
	err = export_all(&export, session->core, org.id);
	tb_buf_fini(&export.out);
	if (export.exit)
		return export.exit;
	return err ? tb_fail(err, "export of `%s`", org.name) : TB_EXIT_OK;
}
