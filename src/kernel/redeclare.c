#include "kernel/redeclare.h"

#include "base/assert.h"
#include "kernel/commit.h"
#include "kernel/fields.h"
#include "kernel/placing.h"
#include "kernel/restart.h"
#include "kernel/sight.h"
#include "kernel/system.h"
#include "kernel/transfer.h"

#define SETTING TB_STR("declared")
#define ROW_ARENA_MAX ((size_t)512 << 20)
/* Records placed in one commit, and rows of a snapshot at most. */
#define BATCH 256
#define NOTED_MAX 1024

/* ---- what is kept ---- */

enum tb_err tb_redeclare_kept(struct tb_core *core, struct tb_arena *arena,
			      uint32_t org, struct tb_str *ret)
{
	struct tb_key key = { .org = org,
			      .coll = TB_COLL_SETTING,
			      .key = SETTING };
	struct tb_record *record;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->find(tx, arena, &key, 1, &record);
	tb_core_read_end(tx);
	if (err == TB_OK)
		*ret = record != NULL ? record->body : TB_STR_NONE;
	return err;
}

struct keeping {
	struct tb_commit commit; /* first, so that one is the other */
	struct tb_str text;
	const struct tb_str *resighted;
	size_t n;
};

/* Later than what anybody has read. */
static enum tb_err note_resighted(struct tb_view *view,
				  const struct keeping *keeping)
{
	struct tb_restart restart;
	enum tb_err err = TB_OK;

	if (keeping->n > 0)
		err = tb_view_pass(view, &restart.num, &restart.us);
	for (size_t i = 0; err == TB_OK && i < keeping->n; i++)
		err = tb_restart_raise(view, TB_RESTART_SIGHT,
				       keeping->resighted[i], &restart);
	return err;
}

static enum tb_err keep_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct keeping *keeping = (const struct keeping *)commit;
	enum tb_err err = note_resighted(view, keeping);

	return err == TB_OK ? tb_view_put_silent(view, TB_COLL_SETTING, SETTING,
						 keeping->text)
			    : err;
}

enum tb_err tb_redeclare_keep(struct tb_core *core, uint32_t org,
			      struct tb_str text,
			      const struct tb_str *resighted,
			      size_t n_resighted)
{
	static const struct tb_commit_kind kind = { .name = "redeclare_keep",
						    .decide = keep_decide };
	struct keeping keeping = {
		.commit = { .kind = &kind,
			    .org = org,
			    .weight = 1 + n_resighted },
		.text = text,
		.resighted = resighted,
		.n = n_resighted,
	};

	return tb_core_commit(core, &keeping.commit);
}

/* ---- what contradicts ---- */

struct checking {
	struct tb_arena *arena;
	struct tb_arena *row; /* of one record */
	struct tb_redeclared *list;
	size_t n;
};

static enum tb_err note_wrong(struct checking *c, struct tb_redeclared *item,
			      struct tb_str key, struct tb_str message)
{
	enum tb_err err = TB_OK;

	if (item->n_wrong++ > 0)
		return TB_OK;
	err = tb_arena_strdup(c->arena, key, &item->first);
	return err == TB_OK ? tb_arena_strdup(c->arena, message, &item->message)
			    : err;
}

static enum tb_err check_record(struct checking *c, struct tb_redeclared *item,
				const struct tb_export_row *row)
{
	struct tb_str message;
	enum tb_err err;

	if (item->changes_ids)
		return note_wrong(c, item, row->id,
				  TB_STR("its id is known by another type"));
	/* Types of what only sites have are checked when it is pushed. */
	if (item->now->path.p == NULL)
		return TB_OK;
	tb_arena_reset(c->row);
	message = TB_STR("the record's data cannot be read");
	err = tb_fields_check(c->row, item->now, row->data, &message);
	if (err == TB_ERR_INVALID || err == TB_ERR_TOO_LARGE ||
	    err == TB_ERR_TOO_DEEP)
		return note_wrong(c, item, row->id, message);
	return err;
}

static enum tb_err check_row(void *ctx, const struct tb_export_row *row)
{
	struct checking *c = ctx;

	for (size_t i = 0; !row->deleted && i < c->n; i++)
		if (tb_str_eq(c->list[i].now->name, row->table))
			return check_record(c, &c->list[i], row);
	return TB_OK;
}

enum tb_err tb_redeclare_check(struct tb_core *core, struct tb_arena *arena,
			       uint32_t org, struct tb_redeclared *list,
			       size_t n)
{
	struct checking c = {
		.arena = arena,
		.row = tb_arena_create(ROW_ARENA_MAX),
		.list = list,
		.n = n,
	};
	enum tb_err err;

	if (c.row == NULL)
		return TB_ERR_NOMEM;
	err = tb_transfer_export(core, org, check_row, &c);
	tb_arena_destroy(c.row);
	return err;
}

/* ---- places ---- */

/* Some records. */
struct placing {
	struct tb_commit commit; /* first, so that one is the other */
	const uint64_t *rids;
	size_t n;
	uint64_t n_left;
};

static enum tb_err place_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct placing *placing = (struct placing *)commit;
	enum tb_err err = TB_OK;

	placing->n_left = 0;
	for (size_t i = 0; err == TB_OK && i < placing->n; i++) {
		err = tb_place_anew(view, commit->declaration,
				    placing->rids[i]);
		/* Of such a record nothing has changed. */
		if (err != TB_ERR_TOO_LARGE && err != TB_ERR_EXISTS)
			continue;
		placing->n_left++;
		err = TB_OK;
	}
	return err;
}

/* One walk over the records of an org. */
struct walking {
	struct tb_core *core;
	uint32_t org;
	const struct tb_collection *const *list;
	size_t n;
	bool is_second; /* only records whose key is no id; else only others */
	uint64_t noted[NOTED_MAX]; /* rids, of the snapshot just read */
	size_t n_noted;
	uint64_t n_left;
};

static const struct tb_collection *find(const struct walking *w,
					struct tb_str table)
{
	for (size_t i = 0; i < w->n; i++)
		if (tb_str_eq(w->list[i]->name, table))
			return w->list[i];
	return NULL;
}

/* A key that is a number is that id's record. Those are placed before any other
 * gets the next number. */
static bool is_in_pass(const struct walking *w,
		       const struct tb_collection *collection,
		       struct tb_str key)
{
	uint64_t id;
	bool has_id = collection->id_type == TB_ID_INTEGER &&
		      tb_sight_is_id(key, &id);

	return has_id != w->is_second;
}

static enum tb_err place_some(struct walking *w, size_t from, size_t n)
{
	static const struct tb_commit_kind kind = { .name = "redeclare",
						    .decide = place_decide };
	struct placing placing = {
		.commit = { .kind = &kind, .org = w->org, .weight = n },
		.rids = &w->noted[from],
		.n = n,
	};
	enum tb_err err = tb_core_commit(w->core, &placing.commit);

	if (err == TB_OK)
		w->n_left += placing.n_left;
	return err;
}

static enum tb_err place_noted(void *ctx)
{
	struct walking *w = ctx;
	enum tb_err err = TB_OK;

	for (size_t at = 0; err == TB_OK && at < w->n_noted; at += BATCH) {
		size_t n = w->n_noted - at < BATCH ? w->n_noted - at : BATCH;

		err = place_some(w, at, n);
	}
	w->n_noted = 0;
	return err;
}

static enum tb_err note_row(void *ctx, const struct tb_export_row *row)
{
	struct walking *w = ctx;
	const struct tb_collection *collection = find(w, row->table);

	if (row->deleted || collection == NULL ||
	    !is_in_pass(w, collection, row->id))
		return TB_OK;
	TB_ASSERT(w->n_noted < NOTED_MAX);
	w->noted[w->n_noted++] = row->rid;
	return TB_OK;
}

enum tb_err tb_redeclare_place(struct tb_core *core, uint32_t org,
			       const struct tb_collection *const *list,
			       size_t n, uint64_t *ret_left)
{
	struct walking w = { .core = core, .org = org, .list = list, .n = n };
	enum tb_err err =
		tb_transfer_walk(core, org, note_row, place_noted, &w);

	w.is_second = true;
	if (err == TB_OK)
		err = tb_transfer_walk(core, org, note_row, place_noted, &w);
	if (err == TB_OK)
		*ret_left = w.n_left;
	return err;
}
