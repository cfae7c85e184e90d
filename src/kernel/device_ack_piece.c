#include "kernel/device_ack_piece.h"

#include <stdio.h>

#include "base/assert.h"
#include "kernel/device_gaps.h"
#include "kernel/device_record.h"
#include "kernel/device_wait.h"
#include "kernel/registration.h"

/* A piece in its commit. */
struct acking {
	struct tb_device_ack_piece *piece;
	struct tb_view *view;
	struct tb_registration reg;
	struct tb_device_marks marks;
	uint64_t floor;
	uint64_t *due; /* events that wait for one device less */
	size_t n_due;
	bool is_marked; /* the marks changed */
};

/* The first of the ids at or above this one. */
static size_t position_of(const struct tb_ids *ids, uint64_t id)
{
	size_t low = 0;
	size_t high = ids->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ids->list[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool have(const struct tb_ids *ids, uint64_t id)
{
	size_t at = position_of(ids, id);

	return at < ids->n && ids->list[at] == id;
}

/* ---- what is new ---- */

/* What is left of the run: events that are no longer there are done. */
static bool clip(const struct acking *a, struct tb_island *run)
{
	if (run->first <= a->floor)
		run->first = a->floor + 1;
	return run->first <= run->last;
}

/* How many events become acknowledged, less those of others that are counted
 * as if they were not critical. */
static uint64_t count_runs(const struct acking *a)
{
	uint64_t n = 0;

	for (size_t i = 0; i < a->piece->n_runs; i++) {
		struct tb_island run = a->piece->runs[i];

		if (clip(a, &run))
			n += tb_marks_missing(&a->marks.others, run.first,
					      run.last);
	}
	return n;
}

static uint64_t count_new(const struct acking *a)
{
	const struct tb_ids *critical = &a->piece->critical;
	const struct tb_ids *own = &a->piece->own;
	uint64_t n = count_runs(a);

	for (size_t i = position_of(critical, a->floor + 1); i < critical->n;
	     i++) {
		uint64_t id = critical->list[i];

		n -= !tb_marks_has(&a->marks.others, id);
		n += !tb_marks_has(&a->marks.critical, id);
	}
	for (size_t i = position_of(own, a->floor + 1); i < own->n; i++) {
		uint64_t id = own->list[i];

		n -= !tb_device_marks_have(&a->marks, have(critical, id), id);
	}
	return n;
}

/* The events that wait for one device less. */
static enum tb_err find_due(struct acking *a)
{
	const struct tb_device_ack_piece *piece = a->piece;

	a->due = tb_arena_calloc(tb_view_arena(a->view), piece->pending.n,
				 sizeof(*a->due));
	if (a->due == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < piece->pending.n; i++) {
		uint64_t id = piece->pending.list[i];

		if (tb_registration_counts(&a->reg, id) &&
		    !have(&piece->own, id) &&
		    !tb_device_marks_have(&a->marks, have(&piece->critical, id),
					  id))
			a->due[a->n_due++] = id;
	}
	return TB_OK;
}

/* ---- marks ---- */

static enum tb_err mark(struct acking *a, bool is_critical, uint64_t first,
			uint64_t last)
{
	struct tb_marks *marks = tb_device_marks_of(&a->marks, is_critical);

	if (tb_marks_missing(marks, first, last) == 0)
		return TB_OK;
	a->is_marked = true;
	return tb_marks_add(marks, tb_view_arena(a->view), first, last,
			    SIZE_MAX);
}

/* True if there is an event of this kind in the run. */
static bool holds(const struct acking *a, const struct tb_island *run,
		  bool is_critical)
{
	const struct tb_ids *critical = &a->piece->critical;
	uint64_t n = position_of(critical, run->last + 1) -
		     position_of(critical, run->first);

	return is_critical ? n > 0 : n <= run->last - run->first;
}

static enum tb_err mark_runs(struct acking *a, bool is_critical)
{
	enum tb_err err = TB_OK;

	if (a->floor > 0)
		err = mark(a, is_critical, 1, a->floor);
	for (size_t i = 0; err == TB_OK && i < a->piece->n_runs; i++) {
		struct tb_island run = a->piece->runs[i];

		if (clip(a, &run) && holds(a, &run, is_critical))
			err = mark(a, is_critical, run.first, run.last);
	}
	return err;
}

static enum tb_err close_gaps(struct acking *a, struct tb_device_gaps *gaps,
			      bool is_critical)
{
	enum tb_err err = tb_device_gaps_close_first(gaps, is_critical);

	for (size_t i = 0; err == TB_OK && i < a->piece->n_runs; i++) {
		struct tb_island run = a->piece->runs[i];

		if (clip(a, &run) && holds(a, &run, is_critical))
			err = tb_device_gaps_close_around(gaps, is_critical,
							  run.first, run.last);
	}
	return err;
}

static enum tb_err change_marks(struct acking *a)
{
	struct tb_device_gaps gaps;
	enum tb_err err =
		tb_device_gaps_init(&gaps, a->view, a->reg.device, &a->marks);

	if (err == TB_OK)
		err = mark_runs(a, true);
	if (err == TB_OK)
		err = mark_runs(a, false);
	if (err != TB_OK || !a->is_marked)
		return err;
	err = close_gaps(a, &gaps, true);
	return err == TB_OK ? close_gaps(a, &gaps, false) : err;
}

static bool is_too_large(const struct tb_device_marks *marks)
{
	return marks->critical.n_islands > TB_MARKS_ISLANDS_MAX ||
	       marks->others.n_islands > TB_MARKS_ISLANDS_MAX;
}

/* ---- the commit ---- */

static enum tb_err gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct tb_device_ack_piece *piece =
		(const struct tb_device_ack_piece *)commit;
	enum tb_err err = tb_registration_want(view, piece->device);

	for (size_t i = 0; err == TB_OK && i < piece->pending.n; i++)
		err = tb_device_wait_want(view, piece->pending.list[i]);
	return err;
}

/* CONFLICT: too many devices. */
static enum tb_err find_device(struct acking *a)
{
	const struct tb_device_ack_piece *piece = a->piece;
	enum tb_err err =
		tb_registration_get(a->view, piece->device, &a->reg, &a->marks);

	if (err == TB_ERR_NOT_FOUND)
		err = tb_registration_make(a->view, piece->device,
					   piece->devices_max, &a->reg,
					   &a->marks);
	if (err == TB_OK)
		err = tb_registration_see(a->view, &a->reg);
	return err == TB_OK ? tb_device_floor_get(a->view, &a->floor) : err;
}

/* By what a commit before this one in its group has done, one may wait no
 * longer. */
static enum tb_err apply(struct acking *a)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < a->n_due; i++) {
		struct tb_device_wait wait;

		err = tb_device_wait_get(a->view, a->due[i], &wait);
		if (err == TB_OK && wait.status == TB_DEVICE_EVENT_PENDING)
			err = tb_device_wait_less(a->view, a->due[i], &wait);
		if (err == TB_ERR_NOT_FOUND)
			err = TB_OK;
	}
	return err == TB_OK && a->is_marked
		       ? tb_registration_save_marks(a->view, a->reg.device,
						    &a->marks)
		       : err;
}

static void set_detail(struct tb_device_ack_piece *piece)
{
	int n = snprintf(piece->detail, sizeof(piece->detail),
			 "\"acknowledged\":%llu",
			 (unsigned long long)piece->n_new);

	TB_ASSERT(n > 0 && (size_t)n < sizeof(piece->detail));
	piece->commit.note.detail = tb_str(piece->detail, (size_t)n);
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_device_ack_piece *piece =
		(struct tb_device_ack_piece *)commit;
	struct acking a = { .piece = piece, .view = view };
	enum tb_err err = find_device(&a);

	piece->n_new = 0;
	piece->is_too_large = false;
	if (err != TB_OK)
		return err;
	piece->n_new = count_new(&a);
	err = find_due(&a);
	if (err == TB_OK)
		err = change_marks(&a);
	if (err != TB_OK)
		return err;
	if (is_too_large(&a.marks)) {
		piece->is_too_large = true;
		return TB_OK;
	}
	set_detail(piece);
	return apply(&a);
}

const struct tb_commit_kind tb_device_ack_kind = {
	.name = "acknowledge_events",
	.gather = gather,
	.decide = decide,
};
