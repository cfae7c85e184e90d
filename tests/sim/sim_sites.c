/*
 * A fleet of sites that work with losses, while stores move between them and
 * sites initialise in the middle: what each site has in the end is compared
 * with a model. Prints its seed; `sim_sites SEED` replays one,
 * `sim_sites FIRST LAST` runs a range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "fleet.h"

#define SITES 3
#define RECORDS 40
#define STEPS 600

enum kind {
	KIND_ITEM,
	KIND_TRANSACT,
	KIND_LINE,
	KINDS
};

static const char *const tables[] = { "item", "transact", "trans_line" };
static const char *const stores[SITES] = { "s1", "s2", "s3" };

/* A record as the model or a site has it. */
struct copy {
	bool there;
	char data[256];
};

/* What the model knows beside the body. */
struct truth {
	struct copy now;
	int store;  /* transact: index of its store */
	int other;  /* transact: index of the store it was sent to, or -1 */
	int parent; /* line: index of its transact */
	bool known; /* somebody has pushed it once, deleted or not */
	bool waits; /* line: its parent had not come when it was written */
};

struct site {
	uint32_t id;
	struct copy copies[KINDS][RECORDS];
	unsigned wrote[KINDS][RECORDS]; /* when it pushed each last */
	unsigned began;                 /* when it lost a store or began anew */
	uint64_t cursor;
};

struct world {
	uint64_t random;
	struct centre centre;
	struct truth truth[KINDS][RECORDS];
	struct site sites[SITES];
	int holder[SITES]; /* of each store: the site that it is active on */
	unsigned version;  /* rises with whatever happens */
};

/* xorshift64*: enough to mix operations, and the same everywhere. */
static uint64_t next_random(struct world *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dull;
}

static unsigned pick(struct world *w, unsigned n)
{
	return (unsigned)(next_random(w) >> 33) % n;
}

static void record_id(char *id, size_t size, enum kind kind, int i)
{
	snprintf(id, size, "%s-%d", tables[kind], i);
}

static void write_body(struct world *w, enum kind kind, struct truth *t)
{
	char *data = t->now.data;
	size_t size = sizeof(t->now.data);

	w->version++;
	switch (kind) {
	case KIND_ITEM:
		snprintf(data, size, "{\"v\":%u}", w->version);
		break;
	case KIND_TRANSACT:
		if (t->other >= 0)
			snprintf(data, size,
				 "{\"store_ID\":\"%s\",\"other_store_ID\":"
				 "\"%s\",\"status\":\"fn\",\"v\":%u}",
				 stores[t->store], stores[t->other],
				 w->version);
		else
			snprintf(data, size, "{\"store_ID\":\"%s\",\"v\":%u}",
				 stores[t->store], w->version);
		break;
	case KIND_LINE:
		snprintf(data, size,
			 "{\"transaction_ID\":\"transact-%d\",\"v\":%u}",
			 t->parent, w->version);
		break;
	default:
		TB_UNREACHABLE();
	}
}

/* Pushes as a site; an answer that is lost is asked for again, once in a
 * while twice, which must change nothing. */
static void push(struct world *w, int s, enum kind kind, int i,
		 enum tb_push_action action)
{
	struct truth *t = &w->truth[kind][i];
	unsigned times = 1 + (pick(w, 4) == 0) + (pick(w, 16) == 0);
	char id[64];

	record_id(id, sizeof(id), kind, i);
	for (unsigned k = 0; k < times; k++) {
		struct tb_push_item item = centre_push(
			&w->centre, w->sites[s].id, kind == KIND_ITEM, action,
			tables[kind], id,
			action == TB_PUSH_DELETE ? "{}" : t->now.data);

		assert_int_not_equal(item.outcome, TB_PUSH_REJECTED);
		if (k > 0)
			assert_int_equal(item.outcome, TB_PUSH_UNCHANGED);
	}
	w->sites[s].copies[kind][i] = t->now;
	w->sites[s].wrote[kind][i] = ++w->version;
	t->known = true;
	if (kind == KIND_LINE && t->now.there)
		t->waits = !w->truth[KIND_TRANSACT][t->parent].known;
	for (int k = 0; kind == KIND_TRANSACT && k < RECORDS; k++) {
		struct truth *line = &w->truth[KIND_LINE][k];

		if (line->now.there && line->parent == i)
			line->waits = false;
	}
}

static void step_push(struct world *w)
{
	enum kind kind = pick(w, KINDS);
	int i = (int)pick(w, RECORDS);
	struct truth *t = &w->truth[kind][i];
	int store = i % SITES;
	int s;

	/* Who writes: the holder of the record's store, for items the first
	 * site. A record's store is i modulo the stores, and so is that of a
	 * line's parent; which site holds it changes. */
	s = kind == KIND_ITEM ? 0 : w->holder[store];
	t->store = store;
	if (kind == KIND_TRANSACT)
		t->other = pick(w, 3) == 0 ? (store + 1) % SITES : -1;
	if (t->now.there && pick(w, 5) == 0) {
		t->now.there = false;
		push(w, s, kind, i, TB_PUSH_DELETE);
		return;
	}
	if (kind == KIND_LINE)
		t->parent = store +
			    SITES * (int)pick(w, (RECORDS - store + SITES - 1) /
							 SITES);
	t->now.there = true;
	write_body(w, kind, t);
	push(w, s, kind, i, TB_PUSH_UPSERT);
}

/* True if a site is to have a record in the end. */
static bool belongs(const struct world *w, int s, enum kind kind, int i)
{
	const struct truth *t = &w->truth[kind][i];
	const struct truth *of = t;

	if (!t->now.there)
		return false;
	if (kind == KIND_ITEM)
		return true;
	/* A line stays at home when its parent is deleted or has not come. */
	if (kind == KIND_LINE)
		of = &w->truth[KIND_TRANSACT][t->parent];
	return w->holder[t->store] == s ||
	       (of->now.there && of->other >= 0 && w->holder[of->other] == s);
}

/* A site that loses a store, or begins anew, forgets what it had by it; what
 * it still has on the way is late. */
static void forget(struct world *w, int s, bool all)
{
	struct site *site = &w->sites[s];

	site->began = ++w->version;
	for (int k = KIND_TRANSACT; k < KINDS; k++)
		for (int i = 0; i < RECORDS; i++)
			if (all || !belongs(w, s, (enum kind)k, i))
				site->copies[k][i].there = false;
}

/* What waits for its parent stays with the site that wrote it, so a store
 * moves when nothing of it waits. */
static bool can_move(const struct world *w, int store)
{
	for (int i = store; i < RECORDS; i += SITES)
		if (w->truth[KIND_LINE][i].waits)
			return false;
	return true;
}

static void step_move(struct world *w)
{
	int store = (int)pick(w, SITES);
	int from = w->holder[store];
	char id[16];

	if (!can_move(w, store))
		return;
	w->holder[store] = (int)pick(w, SITES);
	snprintf(id, sizeof(id), "%u", w->sites[w->holder[store]].id);
	centre_move_store(&w->centre, stores[store], id);
	if (from != w->holder[store])
		forget(w, from, false);
}

static void step_initialise(struct world *w)
{
	int s = (int)pick(w, SITES);

	centre_initialise(&w->centre, w->sites[s].id);
	forget(w, s, true);
}

/* What the other end does while an answer is on its way. */
static void step_other(struct world *w)
{
	switch (pick(w, 40)) {
	case 0:
		step_initialise(w);
		break;
	case 1:
	case 2:
		step_move(w);
		break;
	default:
		step_push(w);
	}
}

/* Takes a row of a page that was asked for at `asked`, unless the site has
 * written the record since. */
static void integrate(struct site *site, const struct row *row, unsigned asked)
{
	enum kind kind = KINDS;
	struct copy *copy;
	int i;

	for (int k = 0; k < KINDS; k++)
		if (strcmp(row->table, tables[k]) == 0)
			kind = (enum kind)k;
	assert_int_not_equal(kind, KINDS);
	i = atoi(strrchr(row->id, '-') + 1);
	if (site->wrote[kind][i] > asked)
		return;
	copy = &site->copies[kind][i];
	copy->there = row->action != TB_DELIVER_DELETE;
	if (copy->there)
		memcpy(copy->data, row->data, sizeof(copy->data));
}

/* One exchange; any of its answers may be lost. */
static size_t step_pull(struct world *w, int s, bool losses)
{
	static struct page page;
	struct site *site = &w->sites[s];
	unsigned asked = w->version;

	centre_pull(&w->centre, site->id, 1 + pick(w, 20), &page);
	if (losses && pick(w, 4) == 0)
		return page.n;
	/* What changes behind a page must not be acknowledged with it. */
	while (losses && pick(w, 3) == 0)
		step_other(w);
	for (size_t i = 0; i < page.n; i++) {
		/* Who began anew meanwhile throws the page away; that it is
		 * acknowledged all the same must lose nothing. */
		if (site->began <= asked)
			integrate(site, &page.rows[i], asked);
		if (losses && pick(w, 6) == 0)
			continue;
		if (pick(w, 2))
			centre_ack_sequence(&w->centre, site->id,
					    page.rows[i].sequence);
		else
			centre_ack_id(&w->centre, site->id, page.rows[i].id);
	}
	return page.n;
}

static size_t step_central(struct world *w, int s, bool losses)
{
	static struct page page;
	struct site *site = &w->sites[s];
	unsigned asked = w->version;

	assert_int_equal(centre_pull_central(&w->centre, site->cursor,
					     1 + pick(w, 20), pick(w, 2),
					     &page),
			 TB_OK);
	if (losses && pick(w, 4) == 0)
		return page.n;
	for (size_t i = 0; i < page.n; i++) {
		assert_true(page.rows[i].sequence > site->cursor);
		site->cursor = page.rows[i].sequence;
		if (page.rows[i].action != TB_DELIVER_HOLE)
			integrate(site, &page.rows[i], asked);
	}
	return page.n;
}

static void compare(struct world *w, int s)
{
	for (int k = 0; k < KINDS; k++)
		for (int i = 0; i < RECORDS; i++) {
			const struct copy *copy = &w->sites[s].copies[k][i];
			bool expected = belongs(w, s, (enum kind)k, i);

			if (expected != copy->there)
				fail_msg("site %d, %s-%d: there %d, not %d", s,
					 tables[k], i, copy->there, expected);
			if (expected)
				assert_string_equal(copy->data,
						    w->truth[k][i].now.data);
		}
}

static void run(uint64_t seed)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.random = seed * 0x9e3779b97f4a7c15ull + 1;
	printf("seed %llu\n", (unsigned long long)seed);
	centre_open(&w.centre, memory_store());
	for (int s = 0; s < SITES; s++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", 61 + s);
		w.sites[s].id = (uint32_t)(61 + s);
		w.holder[s] = s;
		centre_add_site(&w.centre, id, s == 0);
		centre_add_store(&w.centre, stores[s], id);
	}
	for (int n = 0; n < STEPS; n++) {
		int s = (int)pick(&w, SITES);

		w.centre.now_us += pick(&w, 3);
		switch (pick(&w, 4)) {
		case 0:
			step_pull(&w, s, true);
			break;
		case 1:
			step_central(&w, s, true);
			break;
		default:
			step_other(&w);
		}
	}
	centre_work(&w.centre);
	for (int s = 0; s < SITES; s++) {
		while (step_pull(&w, s, false) > 0)
			;
		while (step_central(&w, s, false) > 0)
			;
		compare(&w, s);
	}
	centre_close(&w.centre);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t last = argc > 2   ? strtoull(argv[2], NULL, 10)
			: argc > 1 ? first
				   : 100;

	for (uint64_t seed = first; seed <= last; seed++)
		run(seed);
	return 0;
}
