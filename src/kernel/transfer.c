#include "kernel/transfer.h"

#include "base/arena.h"
#include "kernel/commit.h"
#include "kernel/placing.h"
#include "kernel/sight.h"
#include "kernel/system.h"

/* Rows read in one snapshot. */
#define CHUNK 1000
#define ARENA_MAX ((size_t)64 << 20)

/* One scope's walk. */
struct walk {
	struct tb_core *core;
	uint32_t org;
	uint64_t scope;
	uint64_t after;
	bool with_entries;
	bool at_end;
};

/* What a walk does with each row. */
typedef enum tb_err row_fn(void *ctx, struct tb_tx *tx,
			   const struct tb_feed_row *row);

static enum tb_err walk_chunk(struct walk *walk, row_fn *fn, void *ctx)
{
	struct tb_feed_query query = { .scope = walk->scope,
				       .after = walk->after,
				       .until = UINT64_MAX,
				       .limit = CHUNK,
				       .with_records = true,
				       .with_entries = walk->with_entries };
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(walk->core, &tx);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->feed_open(tx, &query, &cursor);
	if (err == TB_OK) {
		while ((err = tx->store->ops->feed_next(cursor, &row)) ==
		       TB_OK) {
			walk->after = row.num;
			err = fn(ctx, tx, &row);
			if (err != TB_OK)
				break;
		}
		tx->store->ops->feed_close(cursor);
	}
	tb_core_read_end(tx);
	walk->at_end = err == TB_ERR_NOT_FOUND && walk->after == query.after;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err walk_all(struct walk *walk, row_fn *fn, void *ctx)
{
	enum tb_err err = TB_OK;

	while (err == TB_OK && !walk->at_end)
		err = walk_chunk(walk, fn, ctx);
	return err;
}

struct export
{
	struct tb_core *core;
	uint32_t org;
	struct tb_arena *arena;
	tb_export_fn *take;
	tb_export_pause_fn *pause; /* or NULL */
	void *ctx;
};

/* A record is exported from its home, so once. */
static enum tb_err export_row(void *ctx, struct tb_tx *tx,
			      const struct tb_feed_row *row)
{
	struct export *export = ctx;
	struct tb_export_row out = {
		.rid = row->rid,
		.id = row->record.key,
		.data = row->record.body,
		.number = tb_record_id(&row->record),
		.deleted = row->record.deleted,
		.created_us = row->record.created_us,
		.updated_us = row->record.updated_us,
	};
	enum tb_err err;

	if (!(row->flags & TB_ENTRY_HOME))
		return TB_OK;
	tb_arena_reset(export->arena);
	err = tb_core_rid_name(export->core, tx, export->arena,
			       row->record.coll, &out.table);
	return err == TB_OK ? export->take(export->ctx, &out) : err;
}

static enum tb_err export_scope(struct export *export, uint64_t scope)
{
	struct walk walk = { .core = export->core,
			     .org = export->org,
			     .scope = scope,
			     .with_entries = true };
	enum tb_err err = TB_OK;

	while (err == TB_OK && !walk.at_end) {
		err = walk_chunk(&walk, export_row, export);
		if (err == TB_OK && export->pause != NULL)
			err = export->pause(export->ctx);
	}
	return err;
}

/* The scopes of stores and sites among the org's names. */
struct scopes {
	uint64_t rids[CHUNK];
	size_t n;
};

static enum tb_err collect_scope(void *ctx, struct tb_tx *tx,
				 const struct tb_feed_row *row)
{
	struct scopes *scopes = ctx;
	struct tb_str name = row->record.key;

	(void)tx;
	if (row->record.coll == TB_COLL_SCOPE &&
	    (tb_str_starts(name, tb_str_z(TB_SCOPE_STORE_PREFIX)) ||
	     tb_str_starts(name, tb_str_z(TB_SCOPE_SITE_PREFIX))))
		scopes->rids[scopes->n++] = row->rid;
	return TB_OK;
}

static enum tb_err export_scopes(struct export *export)
{
	struct walk names = { .core = export->core,
			      .org = export->org,
			      .scope = tb_scope_known(export->org,
						      TB_SCOPE_NAMES) };
	enum tb_err err = TB_OK;

	while (err == TB_OK && !names.at_end) {
		struct scopes scopes = { .n = 0 };

		err = walk_chunk(&names, collect_scope, &scopes);
		for (size_t i = 0; err == TB_OK && i < scopes.n; i++)
			err = export_scope(export, scopes.rids[i]);
	}
	return err;
}

enum tb_err tb_transfer_export(struct tb_core *core, uint32_t org,
			       tb_export_fn *take, void *ctx)
{
	return tb_transfer_walk(core, org, take, NULL, ctx);
}

enum tb_err tb_transfer_walk(struct tb_core *core, uint32_t org,
			     tb_export_fn *take, tb_export_pause_fn *pause,
			     void *ctx)
{
	struct export export = {
		.core = core,
		.org = org,
		.arena = tb_arena_create(ARENA_MAX),
		.take = take,
		.pause = pause,
		.ctx = ctx,
	};
	enum tb_err err;

	if (export.arena == NULL)
		return TB_ERR_NOMEM;
	err = export_scope(&export, tb_scope_known(org, TB_SCOPE_CENTRAL));
	if (err == TB_OK)
		err = export_scopes(&export);
	tb_arena_destroy(export.arena);
	return err;
}

/* ---- ids ---- */

static enum tb_err read_next_ids(struct tb_core *core, struct tb_tx *tx,
				 struct tb_arena *arena, uint32_t org,
				 struct tb_next_id *list, size_t *ret_n)
{
	const struct tb_declaration *declaration = tb_core_declaration(core);
	enum tb_err err = TB_OK;
	size_t n = 0;

	for (size_t i = 0; err == TB_OK && i < declaration->n_collections;
	     i++) {
		const struct tb_collection *c = &declaration->collections[i];

		if (c->id_type != TB_ID_INTEGER)
			continue;
		list[n].table = c->name;
		err = tb_place_read_next_id(tx, arena, org, c, &list[n].id);
		n += list[n].id > 1;
	}
	*ret_n = n;
	return err;
}

enum tb_err tb_transfer_next_ids(struct tb_core *core, struct tb_arena *arena,
				 uint32_t org, struct tb_next_id **ret,
				 size_t *ret_n)
{
	struct tb_next_id *list = tb_arena_calloc(
		arena, tb_core_declaration(core)->n_collections, sizeof(*list));
	struct tb_tx *tx;
	enum tb_err err;
	size_t n;

	if (list == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err != TB_OK)
		return err;
	err = read_next_ids(core, tx, arena, org, list, &n);
	tb_core_read_end(tx);
	if (err == TB_OK) {
		*ret = list;
		*ret_n = n;
	}
	return err;
}

struct raising {
	struct tb_commit commit; /* first, so that one is the other */
	const struct tb_next_id *list;
	size_t n;
};

static enum tb_err raise_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct raising *raising = (const struct raising *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < raising->n; i++) {
		const struct tb_collection *c = tb_declaration_find(
			commit->declaration, raising->list[i].table);

		if (c != NULL && c->id_type == TB_ID_INTEGER &&
		    raising->list[i].id > 1)
			err = tb_place_spend_id(view, c,
						raising->list[i].id - 1);
	}
	return err;
}

enum tb_err tb_transfer_raise_ids(struct tb_core *core, uint32_t org,
				  const struct tb_next_id *list, size_t n)
{
	static const struct tb_commit_kind kind = {
		.name = "import_ids",
		.decide = raise_decide,
	};
	struct raising raising = {
		.commit = { .kind = &kind, .org = org, .weight = n },
		.list = list,
		.n = n,
	};

	return tb_core_commit(core, &raising.commit);
}

/* ---- events ---- */

struct event_export {
	tb_export_event_fn *take;
	void *ctx;
};

static enum tb_err export_event(void *ctx, struct tb_tx *tx,
				const struct tb_feed_row *row)
{
	const struct event_export *export = ctx;

	(void)tx;
	return export->take(export->ctx, row->record.body);
}

enum tb_err tb_transfer_export_events(struct tb_core *core, uint32_t org,
				      tb_export_event_fn *take, void *ctx)
{
	struct event_export export = { .take = take, .ctx = ctx };
	struct walk walk = { .core = core,
			     .org = org,
			     .scope = tb_scope_known(org, TB_SCOPE_EVENTS) };

	return walk_all(&walk, export_event, &export);
}

struct seal {
	struct tb_commit commit; /* first, so that one is the other */
	const struct tb_audit_note *note;
};

/* No record changes, so that the row is not appended for the commit: the seal
 * appends its own. */
static enum tb_err seal_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct seal *seal = (struct seal *)commit;

	tb_view_org(view)->commits++;
	return tb_audit_append(view, seal->note);
}

enum tb_err tb_transfer_seal(struct tb_core *core,
			     const struct tb_audit_note *note, uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "import_seal",
		.decide = seal_decide,
	};
	struct seal seal = {
		.commit = { .kind = &kind, .org = org, .weight = 1 },
		.note = note,
	};

	return tb_core_commit(core, &seal.commit);
}
