/*
 * What devices acknowledge. What is asked becomes runs of ids; they are worked
 * off in pieces, each read from a snapshot and then committed. Nobody can know
 * the id of an event that is not stored yet, so that the last event of the
 * first snapshot is the last that there is.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "kernel/device_ack_piece.h"
#include "kernel/device_delivery.h"
#include "kernel/device_tally.h"
#include "kernel/registration.h"
#include "kernel/system.h"

/* For all runs, and for one piece. */
#define RUNS_ARENA_MAX_BYTES ((size_t)64 << 20)
#define PIECE_ARENA_MAX_BYTES ((size_t)64 << 20)

struct asking {
	struct tb_core *core;
	struct tb_device_ack *ack;
	uint32_t org;
	struct tb_island *runs; /* in order, none adjacent */
	size_t n_runs;
	size_t at;     /* the run that is next */
	bool is_known; /* the device is registered, and does not come back */
};

/* ---- runs ---- */

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static void add_id(struct asking *a, uint64_t id)
{
	struct tb_island *last = a->runs + a->n_runs;

	if (a->n_runs > 0 && last[-1].last + 1 == id)
		last[-1].last = id;
	else
		a->runs[a->n_runs++] = (struct tb_island) { id, id };
}

/* Those that are no event's, now or ever, are set down. */
static void sort_out(struct asking *a, const uint64_t *ids, size_t n,
		     uint64_t head)
{
	struct tb_device_ack *ack = a->ack;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && ids[i] == ids[i - 1])
			continue;
		if (ids[i] == 0 || ids[i] > head)
			ack->unknown[ack->n_unknown++] = ids[i];
		else
			add_id(a, ids[i]);
	}
}

static enum tb_err make_runs(struct asking *a, struct tb_arena *arena,
			     struct tb_arena *results, uint64_t head)
{
	struct tb_device_ack *ack = a->ack;
	size_t n = ack->n;
	uint64_t *ids = tb_arena_calloc(arena, n, sizeof(*ids));

	a->runs = tb_arena_calloc(arena, n + 1, sizeof(*a->runs));
	ack->unknown = tb_arena_calloc(results, n, sizeof(*ack->unknown));
	if (ids == NULL || a->runs == NULL || ack->unknown == NULL)
		return TB_ERR_NOMEM;
	if (n > 0) {
		memcpy(ids, ack->ids, n * sizeof(*ids));
		qsort(ids, n, sizeof(*ids), compare_ids);
		sort_out(a, ids, n, head);
	} else if (ack->up_to > 0 && head > 0) {
		a->runs[a->n_runs++] =
			(struct tb_island) { 1, ack->up_to < head ? ack->up_to
								  : head };
	}
	return TB_OK;
}

/* What is done already is left out. */
static void leave_out(struct asking *a, const struct tb_device_marks *marks,
		      uint64_t floor)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_runs; i++) {
		struct tb_island run = a->runs[i];

		if (run.first <= floor)
			run.first = floor + 1;
		run.first = tb_device_marks_next(marks, run.first);
		if (run.first <= run.last)
			a->runs[n++] = run;
	}
	a->n_runs = n;
}

static enum tb_err read_asking(struct asking *a, struct tb_tx *tx,
			       struct tb_arena *arena, struct tb_arena *results)
{
	struct tb_device_marks marks = { .critical = { .done = 0 } };
	struct tb_registration reg = { .is_back = false };
	uint64_t floor = 0;
	uint64_t head = 0;
	enum tb_err err = tb_device_head(tx, a->org, &head);

	if (err == TB_OK)
		err = tb_device_floor(tx, arena, a->org, &floor);
	if (err == TB_OK)
		err = make_runs(a, arena, results, head);
	if (err == TB_OK)
		err = tb_registration_read(tx, arena, a->org, a->ack->device,
					   &reg, &marks);
	a->is_known = err == TB_OK &&
		      (reg.state != TB_REGISTRATION_AWAY || reg.is_back);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	leave_out(a, &marks, floor);
	return TB_OK;
}

/* ---- pieces ---- */

static enum tb_err add(struct tb_ids *ids, struct tb_arena *arena, uint64_t id)
{
	size_t room = ids->room > 0 ? 2 * ids->room : 64;
	uint64_t *list = ids->list;

	if (ids->n == ids->room) {
		list = tb_arena_resize(arena, list, ids->room * sizeof(*list),
				       room * sizeof(*list));
		if (list == NULL)
			return TB_ERR_NOMEM;
		ids->list = list;
		ids->room = room;
	}
	list[ids->n++] = id;
	return TB_OK;
}

struct reading {
	struct tb_tx *tx;
	struct tb_arena *arena;
	struct tb_device_ack_piece *piece;
	uint64_t own; /* the scope of the device's events; 0: none */
};

/* The numbers of a feed in a run, `max` of them at most. */
static enum tb_err list_feed(struct reading *r, uint64_t scope,
			     const struct tb_island *run, uint64_t max,
			     struct tb_ids *ids)
{
	const struct tb_store_ops *ops = r->tx->store->ops;
	const struct tb_feed_query query = { .scope = scope,
					     .after = run->first - 1,
					     .until = run->last,
					     .limit = max };
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = ops->feed_open(r->tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (err == TB_OK) {
		err = ops->feed_next(cursor, &row);
		if (err == TB_OK)
			err = add(ids, r->arena, row.num);
	}
	ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* Takes as much of a run as the piece has room for; `*ret`: that. */
static enum tb_err take_run(struct reading *r, struct tb_island run,
			    uint64_t ids_max, struct tb_island *ret)
{
	struct tb_device_ack_piece *piece = r->piece;
	uint32_t org = piece->commit.org;
	size_t room = TB_DEVICE_ACK_PENDING_MAX - piece->pending.n;
	enum tb_err err;

	if (run.last - run.first >= ids_max)
		run.last = run.first + ids_max - 1;
	err = list_feed(r, tb_scope_known(org, TB_SCOPE_PENDING), &run, room,
			&piece->pending);
	if (err == TB_OK && piece->pending.n == TB_DEVICE_ACK_PENDING_MAX)
		run.last = piece->pending.list[piece->pending.n - 1];
	if (err == TB_OK)
		err = list_feed(r,
				tb_scope_known(org, TB_SCOPE_CRITICAL_EVENTS),
				&run, UINT64_MAX, &piece->critical);
	if (err == TB_OK && r->own != 0)
		err = list_feed(r, r->own, &run, UINT64_MAX, &piece->own);
	if (err == TB_OK) {
		piece->runs[piece->n_runs++] = run;
		*ret = run;
	}
	return err;
}

/* Fills a piece with runs, and takes what it got from those that are left. */
static enum tb_err fill(struct asking *a, struct reading *r)
{
	struct tb_device_ack_piece *piece = r->piece;
	uint64_t ids_left = TB_DEVICE_ACK_IDS_MAX;
	enum tb_err err = TB_OK;

	while (err == TB_OK && a->at < a->n_runs && ids_left > 0 &&
	       piece->n_runs < TB_DEVICE_ACK_RUNS_MAX &&
	       piece->pending.n < TB_DEVICE_ACK_PENDING_MAX) {
		struct tb_island *run = &a->runs[a->at];
		struct tb_island taken = *run;

		err = take_run(r, *run, ids_left, &taken);
		if (err != TB_OK)
			break;
		ids_left -= taken.last - taken.first + 1;
		run->first = taken.last + 1;
		a->at += taken.last == run->last;
	}
	return err;
}

static enum tb_err read_piece(struct asking *a, struct tb_arena *arena,
			      struct tb_device_ack_piece *piece)
{
	struct reading r = { .arena = arena, .piece = piece };
	struct tb_record *own = NULL;
	enum tb_err err = tb_core_read(a->core, &r.tx);

	if (err != TB_OK)
		return err;
	err = tb_device_tally_find(r.tx, arena, a->org, piece->device,
				   TB_STR_NONE, &own);
	if (err == TB_OK && own != NULL)
		r.own = own->rid;
	if (err == TB_OK)
		err = fill(a, &r);
	tb_core_read_end(r.tx);
	return err;
}

static enum tb_err commit_piece(struct asking *a, struct tb_arena *arena,
				const struct tb_audit_note *note,
				struct tb_device_ack_piece *piece)
{
	enum tb_err err;

	*piece = (struct tb_device_ack_piece) {
		.commit = { .kind = &tb_device_ack_kind,
			    .org = a->org,
			    .note = *note },
		.device = a->ack->device,
		.devices_max = a->ack->devices_max,
	};
	tb_arena_reset(arena);
	err = read_piece(a, arena, piece);
	piece->commit.weight = 1 + piece->pending.n;
	if (err == TB_OK)
		err = tb_core_commit(a->core, &piece->commit);
	if (err == TB_OK && piece->is_too_large)
		err = TB_ERR_TOO_LARGE;
	if (err == TB_OK)
		a->ack->n_new += piece->n_new;
	return err;
}

/* A device that is new or comes back costs a commit, whatever it has. */
static enum tb_err commit_pieces(struct asking *a,
				 const struct tb_audit_note *note)
{
	struct tb_arena *arena = tb_arena_create(PIECE_ARENA_MAX_BYTES);
	struct tb_device_ack_piece *piece = tb_calloc(1, sizeof(*piece));
	enum tb_err err = arena != NULL && piece != NULL ? TB_OK : TB_ERR_NOMEM;

	while (err == TB_OK && (a->at < a->n_runs || !a->is_known)) {
		err = commit_piece(a, arena, note, piece);
		a->is_known = true;
	}
	tb_free(piece);
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_device_acknowledge(struct tb_core *core, struct tb_arena *arena,
				  const struct tb_audit_note *note,
				  uint32_t org, struct tb_device_ack *ack)
{
	struct asking asking = { .core = core, .ack = ack, .org = org };
	struct tb_arena *own = tb_arena_create(RUNS_ARENA_MAX_BYTES);
	struct tb_tx *tx;
	enum tb_err err = own != NULL ? tb_core_read(core, &tx) : TB_ERR_NOMEM;

	ack->n_new = 0;
	ack->n_unknown = 0;
	if (err == TB_OK) {
		err = read_asking(&asking, tx, own, arena);
		tb_core_read_end(tx);
	}
	if (err == TB_OK)
		err = commit_pieces(&asking, note);
	tb_arena_destroy(own);
	return err;
}
