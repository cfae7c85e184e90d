#include "kernel/audit_keep.h"

#include "kernel/audit_base.h"
#include "kernel/audit_read.h"
#include "kernel/audit_verify.h"
#include "kernel/commit.h"

/* For one row at a time, with its detail. */
#define ARENA_MAX ((size_t)256 << 20)

static struct tb_audit_note note_of(const struct tb_audit_note *by,
				    const char *operation)
{
	struct tb_audit_note note = *by;

	note.event_type = TB_AUDIT_EVENT;
	note.operation = operation;
	note.status = "ok";
	return note;
}

/* Runs in a snapshot, with an arena of its own. */
typedef enum tb_err in_snapshot_fn(struct tb_tx *tx, struct tb_arena *arena,
				   void *ctx);

static enum tb_err in_snapshot(struct tb_core *core, in_snapshot_fn *fn,
			       void *ctx)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = fn(tx, arena, ctx);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	return err;
}

/* ---- dropping ---- */

struct drop {
	struct tb_commit commit;
	int64_t before_us;
	struct tb_audit_base from; /* the base as it is */
	struct tb_audit_base to;   /* and as it will be */
	uint64_t n_dropped;
};

/* Finds what may go, and that it is as it was written. */
static enum tb_err drop_prepare(struct tb_tx *tx, struct tb_arena *arena,
				void *ctx)
{
	struct drop *drop = ctx;
	struct tb_audit_verification v;
	uint64_t up_to;
	uint32_t org = drop->commit.org;
	enum tb_err err = tb_audit_base_read(tx, arena, org, &drop->from);

	drop->to = drop->from;
	if (err == TB_OK)
		err = tb_audit_find_before(tx, arena, org, drop->before_us,
					   &up_to);
	if (err != TB_OK || up_to <= drop->from.n)
		return err;
	if (up_to - drop->from.n > TB_AUDIT_DROP_MAX)
		up_to = drop->from.n + TB_AUDIT_DROP_MAX;
	tb_audit_verify_init(&v, org);
	err = tb_audit_verify_slice(tx, arena, &v, up_to - drop->from.n);
	if (err == TB_OK && (v.verdict.problem != NULL || v.at.n != up_to))
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		drop->to = v.at;
	return err;
}

static enum tb_err drop_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct drop *drop = (struct drop *)commit;
	struct tb_audit_base base;
	enum tb_err err = tb_audit_base_get(view, &base);

	drop->n_dropped = 0;
	/* Somebody else has dropped rows meanwhile. */
	if (err != TB_OK || !tb_audit_base_equal(&base, &drop->from))
		return err;
	err = tb_view_audit_forget(view, TB_OP_AUDIT_DROP, drop->to.n);
	if (err == TB_OK)
		err = tb_audit_base_put(view, &drop->to);
	if (err == TB_OK)
		err = tb_audit_base_tell(tb_view_arena(view), &drop->to,
					 &commit->note.detail);
	drop->n_dropped = drop->to.n - drop->from.n;
	return err;
}

enum tb_err tb_audit_drop(struct tb_core *core,
			  const struct tb_audit_note *note, uint32_t org,
			  int64_t before_us, uint64_t *ret_dropped)
{
	static const struct tb_commit_kind kind = {
		.name = "audit_drop",
		.decide = drop_decide,
	};
	struct drop drop = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = note_of(note, TB_AUDIT_DROP),
			    .weight = TB_AUDIT_DROP_MAX },
		.before_us = before_us,
	};
	enum tb_err err = in_snapshot(core, drop_prepare, &drop);

	if (err == TB_OK && drop.to.n != drop.from.n)
		err = tb_core_commit(core, &drop.commit);
	if (err == TB_OK)
		*ret_dropped = drop.n_dropped;
	return err;
}

/* ---- erasing ---- */

struct erase {
	struct tb_commit commit;
	struct tb_audit_erasure *erasure;
	int64_t before_us;
	uint64_t rows[TB_AUDIT_ERASE_MAX];
	size_t n;
	uint64_t looked; /* rows up to here were looked at */
};

static enum tb_err erase_range(struct tb_tx *tx, struct tb_arena *arena,
			       void *ctx)
{
	struct erase *erase = ctx;
	struct tb_audit_erasure *erasure = erase->erasure;
	struct tb_audit_base base;
	enum tb_err err = tb_audit_base_read(tx, arena, erasure->org, &base);

	if (err == TB_OK)
		err = tb_audit_find_before(tx, arena, erasure->org,
					   erase->before_us, &erasure->up_to);
	if (err == TB_OK)
		erasure->after = base.n;
	return err;
}

enum tb_err tb_audit_erase_begin(struct tb_core *core, uint32_t org,
				 int64_t before_us,
				 struct tb_audit_erasure *ret)
{
	struct tb_audit_erasure erasure = { .org = org };
	struct erase erase = { .erasure = &erasure, .before_us = before_us };
	enum tb_err err = in_snapshot(core, erase_range, &erase);

	if (err == TB_OK)
		*ret = erasure;
	return err;
}

bool tb_audit_erase_is_done(const struct tb_audit_erasure *erasure)
{
	return erasure->after >= erasure->up_to;
}

/* What the trail says of itself is about nobody, and verifying needs it. */
static bool may_go(const struct tb_audit_row *row)
{
	return row->detail.p != NULL && !tb_audit_is_of_trail(row);
}

static enum tb_err erase_prepare(struct tb_tx *tx, struct tb_arena *arena,
				 void *ctx)
{
	struct erase *erase = ctx;
	const struct tb_audit_erasure *erasure = erase->erasure;
	enum tb_err err = TB_OK;

	erase->looked = erasure->after;
	for (size_t i = 0;
	     i < TB_AUDIT_ERASE_MAX && erase->looked < erasure->up_to; i++) {
		struct tb_audit_row row;

		tb_arena_reset(arena);
		err = tx->store->ops->audit_next(tx, arena, erasure->org,
						 erase->looked, &row);
		/* One that cannot be read is left as it is. */
		if (err == TB_ERR_CORRUPT)
			row = (struct tb_audit_row) { .n = erase->looked + 1 };
		else if (err != TB_OK)
			break;
		if (row.n <= erasure->up_to && may_go(&row))
			erase->rows[erase->n++] = row.n;
		erase->looked = row.n;
	}
	if (err == TB_ERR_NOT_FOUND)
		erase->looked = erasure->up_to;
	return err == TB_ERR_NOT_FOUND || err == TB_ERR_CORRUPT ? TB_OK : err;
}

static enum tb_err erase_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct erase *erase = (struct erase *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < erase->n; i++)
		err = tb_view_audit_forget(view, TB_OP_AUDIT_ERASE,
					   erase->rows[i]);
	if (err == TB_OK)
		err = tb_arena_printf(
			tb_view_arena(view), &commit->note.detail,
			"\"up_to\":%llu",
			(unsigned long long)erase->erasure->up_to);
	return err;
}

enum tb_err tb_audit_erase_next(struct tb_core *core,
				const struct tb_audit_note *note,
				struct tb_audit_erasure *erasure)
{
	static const struct tb_commit_kind kind = {
		.name = "audit_erase",
		.decide = erase_decide,
	};
	struct erase erase = {
		.commit = { .kind = &kind,
			    .org = erasure->org,
			    .note = note_of(note, TB_AUDIT_ERASE),
			    .weight = TB_AUDIT_ERASE_MAX },
		.erasure = erasure,
	};
	enum tb_err err = in_snapshot(core, erase_prepare, &erase);

	if (erasure->n_erased > 0)
		erase.commit.note.operation = NULL;
	if (err == TB_OK && erase.n > 0)
		err = tb_core_commit(core, &erase.commit);
	if (err != TB_OK)
		return err;
	erasure->n_erased += erase.n;
	erasure->after = erase.looked;
	return TB_OK;
}
