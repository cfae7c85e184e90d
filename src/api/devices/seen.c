#include "api/devices/seen.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/device_event.h"
#include "kernel/registration.h"

#define CAP_MIN 64
/* Devices in one commit. */
#define FLUSH_MAX 256

/* One device; org 0 (which has no devices): a free slot. */
struct slot {
	uint32_t org;
	struct tb_device_seen what; /* its text is the table's */
};

/* A hash table by org and device; at most half full. */
struct table {
	struct slot *slots;
	size_t cap; /* a power of two, or 0 */
	size_t n;
};

struct tb_seen {
	/* Held while `flushing` is on its way, because commands ask for that
	 * beside the upkeep; taken before `lock`. */
	pthread_mutex_t flush_lock;
	pthread_mutex_t lock; /* of what follows */
	struct table current;
};

struct tb_seen *tb_seen_create(void)
{
	struct tb_seen *seen = tb_calloc(1, sizeof(*seen));

	if (!seen)
		return NULL;
	TB_ASSERT(pthread_mutex_init(&seen->flush_lock, NULL) == 0);
	TB_ASSERT(pthread_mutex_init(&seen->lock, NULL) == 0);
	return seen;
}

static void fini_table(struct table *table)
{
	for (size_t i = 0; i < table->cap; i++)
		tb_free((char *)table->slots[i].what.device.p);
	tb_free(table->slots);
	*table = (struct table) { .n = 0 };
}

void tb_seen_destroy(struct tb_seen *seen)
{
	if (!seen)
		return;
	pthread_mutex_destroy(&seen->lock);
	pthread_mutex_destroy(&seen->flush_lock);
	fini_table(&seen->current);
	tb_free(seen);
}

/* The device's slot, or the free one where it would go. The table has one. */
static struct slot *slot_of(const struct table *table, uint32_t org,
			    struct tb_str device)
{
	size_t at = (size_t)(tb_str_hash(device) + org);

	for (;; at++) {
		struct slot *slot = &table->slots[at & (table->cap - 1)];

		if (slot->org == 0 ||
		    (slot->org == org && tb_str_eq(slot->what.device, device)))
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
		const struct slot *old = &table->slots[i];

		if (old->org != 0)
			*slot_of(&larger, old->org, old->what.device) = *old;
	}
	tb_free(table->slots);
	*table = larger;
	return true;
}

/* The device's slot, made if there is room; NULL: there is none. */
static struct slot *slot_for(struct table *table, uint32_t org,
			     struct tb_str device)
{
	struct slot *slot;
	char *copy;

	if (table->n * 2 >= table->cap && !grow(table))
		return NULL;
	slot = slot_of(table, org, device);
	if (slot->org != 0)
		return slot;
	if (table->n == TB_SEEN_MAX)
		return NULL;
	copy = tb_malloc(device.n);
	if (!copy)
		return NULL;
	memcpy(copy, device.p, device.n);
	table->n++;
	*slot = (struct slot) {
		.org = org,
		.what = { .device = tb_str(copy, device.n) },
	};
	return slot;
}

static void note(struct table *table, uint32_t org, struct tb_str device,
		 int64_t now_us)
{
	struct slot *slot = slot_for(table, org, device);

	if (slot && slot->what.seen_us < now_us)
		slot->what.seen_us = now_us;
}

void tb_seen_note(struct tb_seen *seen, uint32_t org, struct tb_str device,
		  int64_t now_us)
{
	TB_ASSERT(org != 0);
	if (device.n == 0 || device.n > TB_DEVICE_TEXT_MAX_BYTES)
		return;
	pthread_mutex_lock(&seen->lock);
	note(&seen->current, org, device, now_us);
	pthread_mutex_unlock(&seen->lock);
}

/* Takes what could not be written back, below what was seen since. */
static void keep(struct tb_seen *seen, uint32_t org,
		 const struct tb_device_seen *older, size_t n)
{
	pthread_mutex_lock(&seen->lock);
	for (size_t i = 0; i < n; i++)
		note(&seen->current, org, older[i].device, older[i].seen_us);
	pthread_mutex_unlock(&seen->lock);
}

static int by_org(const void *a, const void *b)
{
	uint32_t x = ((const struct slot *)a)->org;
	uint32_t y = ((const struct slot *)b)->org;

	return x < y ? -1 : x > y;
}

/* Sorts the slots of a table that nobody looks anything up in any more; the
 * free ones come first, as those of org 0. */
static void write_down(struct tb_seen *seen, struct tb_core *core,
		       struct table *table)
{
	struct tb_device_seen batch[FLUSH_MAX];
	size_t i = table->cap - table->n;
	size_t n;

	qsort(table->slots, table->cap, sizeof(*table->slots), by_org);
	while (i < table->cap) {
		uint32_t org = table->slots[i].org;

		for (n = 0; n < FLUSH_MAX && i < table->cap &&
			    table->slots[i].org == org;
		     i++)
			batch[n++] = table->slots[i].what;
		if (tb_registration_note_seen(core, org, batch, n))
			keep(seen, org, batch, n);
	}
}

void tb_seen_flush(struct tb_seen *seen, struct tb_core *core)
{
	struct table flushing;

	pthread_mutex_lock(&seen->flush_lock);
	pthread_mutex_lock(&seen->lock);
	flushing = seen->current;
	seen->current = (struct table) { .n = 0 };
	pthread_mutex_unlock(&seen->lock);
	if (flushing.n > 0)
		write_down(seen, core, &flushing);
	fini_table(&flushing);
	pthread_mutex_unlock(&seen->flush_lock);
}
