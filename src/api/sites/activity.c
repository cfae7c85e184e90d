#include "api/sites/activity.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"

#define CAP_MIN 64
/* Sites in one commit. */
#define FLUSH_MAX 256

/* What was seen of one site; org 0 (which has no sites): a free slot. */
struct seen {
	uint32_t org;
	struct tb_site_activity what;
	uint64_t floor; /* of a reader */
};

/* A hash table by org and site; at most half full. */
struct table {
	struct seen *slots;
	size_t cap; /* a power of two, or 0 */
	size_t n;
};

struct tb_activity {
	/* Held while `flushing` is on its way, because commands ask for that
	 * beside the upkeep; taken before `lock`. */
	pthread_mutex_t flush_lock;
	pthread_mutex_t lock; /* of what follows */
	struct table current;
	struct table flushing; /* on its way to the store; not changed */
	struct table readers;  /* those with has_central */
};

struct tb_activity *tb_activity_create(void)
{
	struct tb_activity *activity = tb_calloc(1, sizeof(*activity));

	if (!activity)
		return NULL;
	TB_ASSERT(pthread_mutex_init(&activity->flush_lock, NULL) == 0);
	TB_ASSERT(pthread_mutex_init(&activity->lock, NULL) == 0);
	return activity;
}

void tb_activity_destroy(struct tb_activity *activity)
{
	if (!activity)
		return;
	pthread_mutex_destroy(&activity->lock);
	pthread_mutex_destroy(&activity->flush_lock);
	tb_free(activity->current.slots);
	tb_free(activity->flushing.slots);
	tb_free(activity->readers.slots);
	tb_free(activity);
}

/* The site's slot, or the free one where it would go. The table has one. */
static struct seen *slot_of(const struct table *table, uint32_t org,
			    uint32_t site_id)
{
	uint64_t hash = ((uint64_t)org << 32 | site_id) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 32);

	for (;; at++) {
		struct seen *slot = &table->slots[at & (table->cap - 1)];

		if (slot->org == 0 ||
		    (slot->org == org && slot->what.site_id == site_id))
			return slot;
	}
}

static bool grow(struct table *table)
{
	struct table larger = {
		.cap = table->cap ? table->cap * 2 : CAP_MIN,
		.n = table->n,
	};

	larger.slots = tb_calloc(larger.cap, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < table->cap; i++) {
		const struct seen *old = &table->slots[i];

		if (old->org != 0)
			*slot_of(&larger, old->org, old->what.site_id) = *old;
	}
	tb_free(table->slots);
	*table = larger;
	return true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Adds what was seen later. */
static void merge(struct tb_site_activity *to,
		  const struct tb_site_activity *from)
{
	to->last_push_us = later(to->last_push_us, from->last_push_us);
	to->last_pull_us = later(to->last_pull_us, from->last_pull_us);
	to->seen_us = later(to->seen_us, from->seen_us);
	if (from->has_skew) {
		to->has_skew = true;
		to->clock_skew_us = from->clock_skew_us;
	}
	if (from->has_central) {
		to->has_central = true;
		to->central_to = from->central_to;
	}
}

/* The site's slot, made if there is room; NULL: there is none. */
static struct seen *slot_for(struct table *table, uint32_t org,
			     uint32_t site_id)
{
	struct seen *slot;

	if (table->n * 2 >= table->cap && !grow(table))
		return NULL;
	slot = slot_of(table, org, site_id);
	if (slot->org == 0) {
		if (table->n == TB_ACTIVITY_SITES_MAX)
			return NULL;
		table->n++;
		slot->org = org;
		slot->what.site_id = site_id;
	}
	return slot;
}

void tb_activity_note(struct tb_activity *activity, uint32_t org,
		      const struct tb_site_activity *seen)
{
	struct seen *slot;

	TB_ASSERT(org != 0);
	pthread_mutex_lock(&activity->lock);
	slot = slot_for(&activity->current, org, seen->site_id);
	if (slot)
		merge(&slot->what, seen);
	pthread_mutex_unlock(&activity->lock);
}

static bool find(const struct table *table, uint32_t org, uint32_t site_id,
		 struct tb_site_activity *to)
{
	const struct seen *slot;

	if (table->cap == 0)
		return false;
	slot = slot_of(table, org, site_id);
	if (slot->org == 0)
		return false;
	merge(to, &slot->what);
	return true;
}

bool tb_activity_get(struct tb_activity *activity, uint32_t org,
		     uint32_t site_id, struct tb_site_activity *ret)
{
	struct tb_site_activity what = { .site_id = site_id };
	bool found;

	pthread_mutex_lock(&activity->lock);
	found = find(&activity->flushing, org, site_id, &what);
	found |= find(&activity->current, org, site_id, &what);
	pthread_mutex_unlock(&activity->lock);
	if (found)
		*ret = what;
	return found;
}

bool tb_activity_get_reader(struct tb_activity *activity, uint32_t org,
			    uint32_t site_id, struct tb_activity_reader *ret)
{
	const struct table *readers = &activity->readers;
	const struct seen *slot;
	bool is_reader = false;

	pthread_mutex_lock(&activity->lock);
	if (readers->cap > 0) {
		slot = slot_of(readers, org, site_id);
		is_reader = slot->org != 0 && slot->what.has_central;
		if (is_reader)
			*ret = (struct tb_activity_reader) {
				.cursor = slot->what.central_to,
				.floor = slot->floor,
			};
	}
	pthread_mutex_unlock(&activity->lock);
	return is_reader;
}

void tb_activity_set_reader(struct tb_activity *activity, uint32_t org,
			    uint32_t site_id,
			    const struct tb_activity_reader *reader)
{
	struct seen *slot;

	pthread_mutex_lock(&activity->lock);
	slot = slot_for(&activity->readers, org, site_id);
	if (slot) {
		slot->what.has_central = true;
		slot->what.central_to = reader->cursor;
		slot->floor = reader->floor;
	}
	pthread_mutex_unlock(&activity->lock);
}

void tb_activity_forget_reader(struct tb_activity *activity, uint32_t org,
			       uint32_t site_id)
{
	pthread_mutex_lock(&activity->lock);
	if (activity->readers.cap > 0)
		slot_of(&activity->readers, org, site_id)->what.has_central =
			false;
	pthread_mutex_unlock(&activity->lock);
}

/* Takes what could not be written back, below what was seen since. */
static void keep(struct tb_activity *activity, uint32_t org,
		 const struct tb_site_activity *older, size_t n)
{
	pthread_mutex_lock(&activity->lock);
	for (size_t i = 0; i < n; i++) {
		struct seen *slot =
			slot_for(&activity->current, org, older[i].site_id);
		struct tb_site_activity newer;

		if (!slot)
			break;
		newer = slot->what;
		slot->what = older[i];
		merge(&slot->what, &newer);
	}
	pthread_mutex_unlock(&activity->lock);
}

static int by_org(const void *a, const void *b)
{
	uint32_t x = ((const struct seen *)a)->org;
	uint32_t y = ((const struct seen *)b)->org;

	return x < y ? -1 : x > y;
}

/* Free slots come first, as those of org 0. */
static void write_down(struct tb_activity *activity, struct tb_core *core,
		       struct seen *seen, size_t n)
{
	struct tb_site_activity batch[FLUSH_MAX];
	size_t i = 0, in_batch;

	qsort(seen, n, sizeof(*seen), by_org);
	while (i < n && seen[i].org == 0)
		i++;
	while (i < n) {
		uint32_t org = seen[i].org;

		for (in_batch = 0;
		     in_batch < FLUSH_MAX && i < n && seen[i].org == org; i++)
			batch[in_batch++] = seen[i].what;
		if (tb_delivery_note_activity(core, org, batch, in_batch))
			keep(activity, org, batch, in_batch);
	}
}

static void flush(struct tb_activity *activity, struct tb_core *core)
{
	struct table *flushing = &activity->flushing;
	struct seen *sorted;

	pthread_mutex_lock(&activity->lock);
	sorted = tb_malloc(activity->current.cap * sizeof(*sorted));
	if (!sorted || activity->current.n == 0) {
		pthread_mutex_unlock(&activity->lock);
		tb_free(sorted);
		return;
	}
	*flushing = activity->current;
	activity->current = (struct table) { .n = 0 };
	memcpy(sorted, flushing->slots, flushing->cap * sizeof(*sorted));
	pthread_mutex_unlock(&activity->lock);

	write_down(activity, core, sorted, flushing->cap);
	tb_free(sorted);
	pthread_mutex_lock(&activity->lock);
	tb_free(flushing->slots);
	*flushing = (struct table) { .n = 0 };
	pthread_mutex_unlock(&activity->lock);
}

void tb_activity_flush(struct tb_activity *activity, struct tb_core *core)
{
	pthread_mutex_lock(&activity->flush_lock);
	flush(activity, core);
	pthread_mutex_unlock(&activity->flush_lock);
}
