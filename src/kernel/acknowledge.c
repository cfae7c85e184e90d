/*
 * Marks: what moves them. Delivered when a page leaves, acknowledged when the
 * site says so, back to the beginning when it initialises.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "kernel/delivery.h"

struct mark {
	struct tb_commit commit;
	const struct tb_consumer *as_read; /* by the page */
	const struct tb_queue_page *page;
};

/* True if the page was read with the marks that this subscription has now, or
 * earlier ones: the site may have initialised meanwhile, or lost the scope and
 * come to it again. */
static bool was_read(const struct tb_consumer *as_read,
		     const struct tb_subscription *now)
{
	const struct tb_subscription *then =
		tb_consumer_subscription(as_read, now->scope);

	return then != NULL && then->own_above == now->own_above &&
	       then->delivered <= now->delivered;
}

/* True if nothing that was there when the site began to initialise is left. */
static enum tb_err is_initialised(struct tb_view *view,
				  const struct tb_consumer *consumer, bool *ret)
{
	struct tb_tx *tx = tb_view_tx(view);

	*ret = true;
	for (size_t i = 0; i < consumer->n_subs && *ret; i++) {
		const struct tb_subscription *sub = &consumer->subs[i];
		struct tb_feed_query query = { .scope = sub->scope,
					       .after = sub->acked,
					       .until = sub->own_above,
					       .limit = 1 };
		struct tb_cursor *cursor;
		struct tb_feed_row row;
		enum tb_err err;

		if (sub->acked >= sub->own_above)
			continue;
		err = tx->store->ops->feed_open(tx, &query, &cursor);
		if (err != TB_OK)
			return err;
		err = tx->store->ops->feed_next(cursor, &row);
		tx->store->ops->feed_close(cursor);
		if (err != TB_OK && err != TB_ERR_NOT_FOUND)
			return err;
		*ret = err == TB_ERR_NOT_FOUND;
	}
	return TB_OK;
}

/* The marks as they are now, which the sweep looks at while it moves them: all
 * of them are swept from the same queue. */
static enum tb_err copy_marks(struct tb_view *view,
			      const struct tb_consumer *consumer,
			      struct tb_consumer *ret)
{
	struct tb_subscription *subs = tb_arena_calloc(
		tb_view_arena(view), consumer->n_subs + 1, sizeof(*subs));

	if (subs == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < consumer->n_subs; i++)
		subs[i] = consumer->subs[i];
	*ret = *consumer;
	ret->subs = subs;
	return TB_OK;
}

/* An initialisation ends with the last of what it brought back. */
static enum tb_err end_initialisation(struct tb_view *view,
				      struct tb_consumer *consumer)
{
	bool done;
	enum tb_err err;

	if (consumer->init != TB_INIT_STARTED)
		return TB_OK;
	err = is_initialised(view, consumer, &done);
	if (err == TB_OK && done)
		consumer->init = TB_INIT_COMPLETED;
	return err;
}

/* Moves a subscription's marks by what the page says; true if they moved. */
static bool move_marks(struct tb_subscription *sub,
		       const struct tb_queue_page *page)
{
	bool moved = sub->delivered < page->last || sub->acked < page->passed;

	if (sub->delivered < page->last)
		sub->delivered = page->last;
	if (sub->acked < page->passed) {
		sub->acked = page->passed;
		sub->n_ranges = 0;
	}
	if (sub->delivered < sub->acked)
		sub->delivered = sub->acked;
	return moved;
}

static enum tb_err mark_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct mark *mark = (struct mark *)commit;
	struct tb_consumer consumer;
	bool moved = false;
	enum tb_err err =
		tb_consumer_load(view, mark->as_read->site_id, &consumer);

	if (err != TB_OK)
		return err;
	for (size_t i = 0; i < consumer.n_subs; i++)
		if (was_read(mark->as_read, &consumer.subs[i]))
			moved |= move_marks(&consumer.subs[i], mark->page);
	if (moved)
		err = end_initialisation(view, &consumer);
	if (err != TB_OK)
		return err;
	return moved ? tb_consumer_save(view, &consumer) : TB_OK;
}

enum tb_err tb_delivery_mark(struct tb_core *core, uint32_t org,
			     const struct tb_consumer *as_read,
			     const struct tb_queue_page *page)
{
	static const struct tb_commit_kind kind = {
		.name = "mark",
		.decide = mark_decide,
	};
	struct mark mark = {
		.commit = { .kind = &kind, .org = org, .weight = 1 },
		.as_read = as_read,
		.page = page,
	};

	return tb_core_commit(core, &mark.commit);
}

/* Numbers to acknowledge, sorted, each once. */
struct numbers {
	uint64_t *p;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool contains(const struct numbers *numbers, uint64_t num)
{
	return numbers->n > 0 && bsearch(&num, numbers->p, numbers->n,
					 sizeof(num), compare) != NULL;
}

/* The entry that stands for a record in the site's queue; NULL: none. */
static const struct tb_entry *standing(const struct tb_consumer *consumer,
				       const struct tb_record *record)
{
	const struct tb_entry *last = NULL;

	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];

		if (tb_consumer_is_queued(consumer, entry) &&
		    (last == NULL || entry->num > last->num ||
		     (entry->num == last->num && entry->scope < last->scope)))
			last = entry;
	}
	return last;
}

/* The number under which a record stands in the site's queue, if it was
 * delivered; else 0. */
static uint64_t pending_number(const struct tb_consumer *consumer,
			       const struct tb_record *record)
{
	const struct tb_entry *entry = standing(consumer, record);

	if (entry == NULL ||
	    entry->num >
		    tb_consumer_subscription(consumer, entry->scope)->delivered)
		return 0;
	return entry->num;
}

/* Resolving what an acknowledgement names, in a snapshot. */
struct resolving {
	struct tb_core *core;
	struct tb_tx *tx;
	struct tb_arena *arena;
	uint32_t org;
	const struct tb_consumer *consumer;
	uint64_t delivered;  /* no number above it was */
	struct tb_key *keys; /* one for each that is named, sorted */
	size_t *times;       /* how often each is named */
	size_t n_keys;
	struct tb_record **records;
	struct numbers pending; /* of one key; room for `pending_cap` */
	size_t pending_cap;
	struct numbers found;
	uint64_t *taken; /* the same as a hash set, 0 is free */
	size_t n_taken;  /* its size, a power of two */
};

/* Where a number is or would be in the set. */
static uint64_t *place_of(const struct resolving *r, uint64_t num)
{
	size_t at = num * 0x9e3779b97f4a7c15ull >> 20;

	while (r->taken[at & (r->n_taken - 1)] != 0 &&
	       r->taken[at & (r->n_taken - 1)] != num)
		at++;
	return &r->taken[at & (r->n_taken - 1)];
}

static bool is_taken(const struct resolving *r, uint64_t num)
{
	return *place_of(r, num) == num;
}

static void add_number(struct resolving *r, uint64_t num)
{
	/* Numbers that were never given out could be chosen so that all of
	 * them fall on one place of the set. */
	if (num == 0 || num > r->delivered || is_taken(r, num))
		return;
	*place_of(r, num) = num;
	r->found.p[r->found.n++] = num;
}

static int compare_keys(const void *a, const void *b)
{
	const struct tb_key *x = a;
	const struct tb_key *y = b;
	int order = tb_str_cmp(x->key, y->key);

	return order != 0 ? order : (x->coll > y->coll) - (x->coll < y->coll);
}

/* Sorts the keys and counts those that are the same. */
static void count_keys(struct resolving *r)
{
	size_t n = 0;

	if (r->n_keys > 0)
		qsort(r->keys, r->n_keys, sizeof(*r->keys), compare_keys);
	for (size_t i = 0; i < r->n_keys; i++) {
		if (n == 0 || compare_keys(&r->keys[n - 1], &r->keys[i]) != 0)
			r->keys[n++] = r->keys[i];
		r->times[n - 1]++;
	}
	r->n_keys = n;
}

/* Names the record of each item; items by sequence need none. */
static enum tb_err make_keys(struct resolving *r,
			     const struct tb_ack_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tb_key key = { .org = r->org,
				      .coll = TB_COLL_ANY,
				      .key = items[i].id,
				      .without_body = true };
		enum tb_err err = TB_OK;

		if (items[i].sequence != 0) {
			add_number(r, items[i].sequence);
			continue;
		}
		if (items[i].table.p != NULL)
			err = tb_core_name_rid(r->core, r->tx, r->org,
					       TB_COLL_COLLECTION,
					       items[i].table, &key.coll);
		if (err == TB_OK)
			r->keys[r->n_keys++] = key;
		else if (err != TB_ERR_NOT_FOUND)
			return err;
	}
	count_keys(r);
	return TB_OK;
}

static enum tb_err add_pending(struct resolving *r, uint64_t num)
{
	size_t cap = r->pending_cap * 2 + 16;
	uint64_t *grown;

	if (r->pending.n == r->pending_cap) {
		grown = tb_arena_calloc(r->arena, cap, sizeof(*grown));
		if (grown == NULL)
			return TB_ERR_NOMEM;
		if (r->pending.n > 0)
			memcpy(grown, r->pending.p,
			       r->pending.n * sizeof(*grown));
		r->pending.p = grown;
		r->pending_cap = cap;
	}
	r->pending.p[r->pending.n++] = num;
	return TB_OK;
}

/* The numbers that are pending of a key, lowest first: one, unless its id
 * stands in several tables. */
static enum tb_err find_pending(struct resolving *r, struct tb_key key,
				const struct tb_record *first)
{
	const struct tb_record *record = first;
	enum tb_err err = TB_OK;

	r->pending.n = 0;
	while (err == TB_OK && record != NULL) {
		uint64_t num = pending_number(r->consumer, record);
		struct tb_record *next = NULL;

		if (num != 0)
			err = add_pending(r, num);
		key.after = record->rid;
		if (err == TB_OK && key.coll == TB_COLL_ANY)
			err = r->tx->store->ops->find(r->tx, r->arena, &key, 1,
						      &next);
		record = next;
	}
	if (r->pending.n > 0)
		qsort(r->pending.p, r->pending.n, sizeof(*r->pending.p),
		      compare);
	return err;
}

/* Each time that an id is named removes one entry, the lowest that is
 * delivered and not named already. */
static enum tb_err take_pending(struct resolving *r, size_t i)
{
	size_t left = r->times[i];
	enum tb_err err = find_pending(r, r->keys[i], r->records[i]);

	if (err != TB_OK)
		return err;
	for (size_t k = 0; k < r->pending.n && left > 0; k++) {
		if (is_taken(r, r->pending.p[k]))
			continue;
		add_number(r, r->pending.p[k]);
		left--;
	}
	return TB_OK;
}

static enum tb_err resolve(struct resolving *r, const struct tb_ack_item *items,
			   size_t n)
{
	enum tb_err err = make_keys(r, items, n);

	if (err == TB_OK && r->n_keys > 0)
		err = r->tx->store->ops->find(r->tx, r->arena, r->keys,
					      r->n_keys, r->records);
	for (size_t i = 0; err == TB_OK && i < r->n_keys; i++)
		err = take_pending(r, i);
	if (r->found.n > 0)
		qsort(r->found.p, r->found.n, sizeof(*r->found.p), compare);
	return err;
}

struct ack {
	struct tb_commit commit;
	uint32_t site_id;
	struct numbers numbers;
	size_t n_acked;
	char detail[64];
};

/* One subscription's walk from its mark over what is acknowledged now. */
struct sweep {
	struct tb_view *view;
	const struct tb_consumer *consumer; /* as it was before */
	const struct numbers *numbers;
	struct tb_subscription *sub;
	struct tb_range *ranges;
	size_t n_ranges;
	uint64_t acked;
	bool in_run;   /* the last row is acknowledged */
	bool at_start; /* no row before this one is left open */
	bool moved;    /* a row is acknowledged that was not */
	size_t n_acked;
};

/* A row, or a run of rows, that is acknowledged. */
static void sweep_done(struct sweep *s, uint64_t first, uint64_t last)
{
	if (s->at_start) {
		s->acked = last;
	} else if (s->in_run) {
		s->ranges[s->n_ranges - 1].last = last;
	} else if (s->n_ranges < TB_RANGES_MAX) {
		s->ranges[s->n_ranges++] = (struct tb_range) { first, last };
		s->in_run = true;
	}
}

static void sweep_open(struct sweep *s)
{
	s->at_start = false;
	s->in_run = false;
}

/* Walks the rows between two numbers that no range covers. */
static enum tb_err sweep_rows(struct sweep *s, uint64_t after, uint64_t until)
{
	struct tb_tx *tx = tb_view_tx(s->view);
	struct tb_feed_query query = {
		.scope = s->sub->scope,
		.after = after,
		.until = until,
		.limit = UINT64_MAX,
		.with_records = true,
		.with_entries = true,
		.skip_origin = s->consumer->site_id,
		.skip_above = s->sub->own_above,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err;

	if (after >= until)
		return TB_OK;
	err = tx->store->ops->feed_open(tx, &query, &cursor);
	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		/* What a later entry stands for is done with that one, and not
		 * before: the site may lose the store of the later one. */
		uint64_t num = pending_number(s->consumer, &row.record);

		if (num == 0 || !contains(s->numbers, num)) {
			sweep_open(s);
			continue;
		}
		s->n_acked += standing(s->consumer, &row.record)->scope ==
			      s->sub->scope;
		s->moved = true;
		sweep_done(s, row.num, row.num);
	}
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err sweep(struct sweep *s)
{
	struct tb_subscription *sub = s->sub;
	uint64_t until = s->numbers->p[s->numbers->n - 1];
	uint64_t at = sub->acked;
	enum tb_err err = TB_OK;

	if (until > sub->delivered)
		until = sub->delivered;
	s->acked = sub->acked;
	s->at_start = true;
	s->ranges = tb_arena_calloc(tb_view_arena(s->view), TB_RANGES_MAX,
				    sizeof(*s->ranges));
	if (s->ranges == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; err == TB_OK && i < sub->n_ranges; i++) {
		const struct tb_range *range = &sub->ranges[i];

		err = sweep_rows(s, at,
				 range->first - 1 < until ? range->first - 1
							  : until);
		/* Rows between here and the range that lie behind what is
		 * acknowledged now are open. */
		if (err == TB_OK && range->first - 1 > until)
			sweep_open(s);
		if (err == TB_OK)
			sweep_done(s, range->first, range->last);
		at = range->last;
	}
	if (err == TB_OK)
		err = sweep_rows(s, at, until);
	return err;
}

static enum tb_err sweep_subscription(struct ack *ack, struct tb_view *view,
				      const struct tb_consumer *before,
				      struct tb_subscription *sub, bool *moved)
{
	struct sweep s = { .view = view,
			   .consumer = before,
			   .numbers = &ack->numbers,
			   .sub = sub };
	enum tb_err err;

	if (ack->numbers.p[ack->numbers.n - 1] <= s.sub->acked)
		return TB_OK;
	err = sweep(&s);
	if (err != TB_OK)
		return err;
	if (s.moved) {
		s.sub->acked = s.acked;
		s.sub->ranges = s.ranges;
		s.sub->n_ranges = s.n_ranges;
		*moved = true;
	}
	ack->n_acked += s.n_acked;
	return TB_OK;
}

static enum tb_err ack_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct ack *ack = (struct ack *)commit;
	struct tb_consumer consumer;
	struct tb_consumer before;
	bool moved = false;
	int n;
	enum tb_err err = tb_consumer_load(view, ack->site_id, &consumer);

	ack->n_acked = 0;
	if (err == TB_OK)
		err = copy_marks(view, &consumer, &before);
	for (size_t i = 0; err == TB_OK && i < consumer.n_subs; i++)
		err = sweep_subscription(ack, view, &before, &consumer.subs[i],
					 &moved);
	if (err != TB_OK || !moved)
		return err;
	err = end_initialisation(view, &consumer);
	if (err != TB_OK)
		return err;
	n = snprintf(ack->detail, sizeof(ack->detail), "\"acknowledged\":%zu",
		     ack->n_acked);
	commit->note.detail = tb_str(ack->detail, (size_t)n);
	return tb_consumer_save(view, &consumer);
}

/* The numbers that the items name, from a snapshot of their own: entries that
 * move meanwhile take higher numbers, which stay. */
static enum tb_err resolve_items(struct tb_core *core, struct tb_arena *arena,
				 struct ack *ack,
				 const struct tb_ack_item *items, size_t n)
{
	struct resolving r = { .core = core,
			       .arena = arena,
			       .org = ack->commit.org,
			       .n_taken = 16 };
	struct tb_consumer consumer;
	enum tb_err err;

	while (r.n_taken < 2 * n)
		r.n_taken *= 2;
	r.taken = tb_arena_calloc(arena, r.n_taken, sizeof(*r.taken));
	r.keys = tb_arena_calloc(arena, n, sizeof(*r.keys));
	r.times = tb_arena_calloc(arena, n, sizeof(*r.times));
	r.records = tb_arena_calloc(arena, n, sizeof(struct tb_record *));
	r.found.p = tb_arena_calloc(arena, n, sizeof(*r.found.p));
	if (r.taken == NULL || r.keys == NULL || r.times == NULL ||
	    r.records == NULL || r.found.p == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &r.tx);
	if (err != TB_OK)
		return err;
	err = tb_consumer_read(r.tx, arena, ack->commit.org, ack->site_id,
			       &consumer);
	r.consumer = &consumer;
	for (size_t i = 0; err == TB_OK && i < consumer.n_subs; i++)
		if (consumer.subs[i].delivered > r.delivered)
			r.delivered = consumer.subs[i].delivered;
	if (err == TB_OK)
		err = resolve(&r, items, n);
	tb_core_read_end(r.tx);
	ack->numbers = r.found;
	return err;
}

enum tb_err tb_delivery_acknowledge(struct tb_core *core,
				    struct tb_arena *arena,
				    const struct tb_audit_note *note,
				    uint32_t org, uint32_t site_id,
				    const struct tb_ack_item *items, size_t n,
				    size_t *ret_n)
{
	static const struct tb_commit_kind kind = {
		.name = "acknowledge",
		.decide = ack_decide,
	};
	struct ack ack = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 1 },
		.site_id = site_id,
	};
	enum tb_err err = TB_OK;

	if (n > 0)
		err = resolve_items(core, arena, &ack, items, n);
	if (err == TB_OK && ack.numbers.n > 0)
		err = tb_core_commit(core, &ack.commit);
	if (err == TB_OK)
		*ret_n = ack.n_acked;
	return err;
}

struct initialise {
	struct tb_commit commit;
	uint32_t site_id;
	bool force;
};

static enum tb_err initialise_decide(struct tb_commit *commit,
				     struct tb_view *view)
{
	struct initialise *init = (struct initialise *)commit;
	struct tb_consumer consumer;
	bool done;
	enum tb_err err = tb_consumer_load(view, init->site_id, &consumer);

	if (err != TB_OK)
		return err;
	if (consumer.init == TB_INIT_STARTED && !init->force)
		return TB_OK;
	for (size_t i = 0; i < consumer.n_subs; i++) {
		struct tb_subscription *sub = &consumer.subs[i];

		sub->acked = 0;
		sub->delivered = 0;
		sub->n_ranges = 0;
		sub->own_above = tb_view_org_row(view)->head;
	}
	consumer.central_to = 0;
	err = is_initialised(view, &consumer, &done);
	if (err != TB_OK)
		return err;
	consumer.init = done ? TB_INIT_COMPLETED : TB_INIT_STARTED;
	return tb_consumer_save(view, &consumer);
}

enum tb_err tb_delivery_initialise(struct tb_core *core,
				   const struct tb_audit_note *note,
				   uint32_t org, uint32_t site_id, bool force)
{
	static const struct tb_commit_kind kind = {
		.name = "initialise",
		.decide = initialise_decide,
	};
	struct initialise init = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 1 },
		.site_id = site_id,
		.force = force,
	};

	return tb_core_commit(core, &init.commit);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct begin_central {
	struct tb_commit commit;
	uint32_t site_id;
	uint64_t cursor;
	uint64_t floor; /* out: the consumer's */
};

static enum tb_err begin_central_decide(struct tb_commit *commit,
					struct tb_view *view)
{
	struct begin_central *begin = (struct begin_central *)commit;
	const struct tb_org *org = tb_view_org_row(view);
	struct tb_consumer consumer;
	enum tb_err err;

	if (begin->cursor > org->dense[TB_DENSE_CENTRAL] ||
	    (begin->cursor > 0 && begin->cursor < org->floor[TB_DENSE_CENTRAL]))
		return TB_ERR_RESYNC;
	err = tb_consumer_load(view, begin->site_id, &consumer);
	if (err != TB_OK)
		return err;
	/* One that begins at 0 has the first number once it has its page. */
	consumer.central_to = begin->cursor > 0 ? begin->cursor : 1;
	if (begin->cursor == 0)
		consumer.central_floor = org->floor[TB_DENSE_CENTRAL];
	consumer.seen_us = later(consumer.seen_us, tb_view_now_us(view));
	begin->floor = consumer.central_floor;
	return tb_consumer_save(view, &consumer);
}

enum tb_err tb_delivery_begin_central(struct tb_core *core, uint32_t org,
				      uint32_t site_id, uint64_t cursor,
				      uint64_t *ret_floor)
{
	static const struct tb_commit_kind kind = {
		.name = "begin_central",
		.decide = begin_central_decide,
	};
	struct begin_central begin = {
		.commit = { .kind = &kind, .org = org, .weight = 1 },
		.site_id = site_id,
		.cursor = cursor,
	};
	enum tb_err err = tb_core_commit(core, &begin.commit);

	if (err == TB_OK)
		*ret_floor = begin.floor;
	return err;
}

struct activity {
	struct tb_commit commit;
	const struct tb_site_activity *activities;
	size_t n;
};

static enum tb_err activity_decide(struct tb_commit *commit,
				   struct tb_view *view)
{
	struct activity *activity = (struct activity *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < activity->n; i++) {
		const struct tb_site_activity *a = &activity->activities[i];
		struct tb_consumer c;

		err = tb_consumer_load(view, a->site_id, &c);
		if (err != TB_OK)
			break;
		c.last_push_us = later(c.last_push_us, a->last_push_us);
		c.last_pull_us = later(c.last_pull_us, a->last_pull_us);
		c.seen_us = later(c.seen_us, a->seen_us);
		if (a->has_skew)
			c.clock_skew_us = a->clock_skew_us;
		if (a->has_central)
			c.central_to = a->central_to;
		err = tb_consumer_save(view, &c);
	}
	return err;
}

enum tb_err tb_delivery_note_activity(struct tb_core *core, uint32_t org,
				      const struct tb_site_activity *activities,
				      size_t n)
{
	static const struct tb_commit_kind kind = {
		.name = "activity",
		.decide = activity_decide,
	};
	struct activity activity = {
		.commit = { .kind = &kind, .org = org, .weight = n },
		.activities = activities,
		.n = n,
	};

	return tb_core_commit(core, &activity.commit);
}
