/*
 * Resources under change: users edit, sites and the centre push, delete and
 * merge doctors, patients, appointments and notes, children before parents
 * among them, and stores move. What each of many viewers sees by walking their
 * scopes, and what they know who take only what is above their last number, or
 * later than their last time, is compared with a naive reading of all bodies.
 * Prints its seed; `sim_resources SEED` replays one, `sim_resources FIRST LAST`
 * runs a range; so does TB_SEED=. TB_STEPS= is how many changes there are.
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
#include "clinic.h"
#include "fleet.h"
#include "kernel/resource.h"
#include "kernel/retention.h"
#include "kernel/system.h"
#include "views.h"

#define STEPS 10000
#define CHECK_EVERY 25
#define VIEWERS 50
#define SLOTS 80 /* records of a collection: named ones, then by number */
#define NAMED 40
#define ITEMS_MAX 4
#define TEXT_MAX 512
#define WORD_MAX 16
#define SYNC_MAX 6 /* viewers between two changes */

/* A record as it is stored. */
struct item {
	bool is_there;
	uint64_t id;
	struct tb_str body;     /* in text */
	struct tb_str words[3]; /* in spelled */
	char text[TEXT_MAX];
	char spelled[3][WORD_MAX];
};
/* What an item's words are. */
static const char *const words[CLINIC_COLLECTIONS][3] = {
	[CLINIC_DOCTORS] = { "name" },
	[CLINIC_PATIENTS] = { "name", "village" },
	[CLINIC_APPOINTMENTS] = { "patient_id", "doctor_id", "status" },
	[CLINIC_NOTES] = { "about", "author" },
};
#define NAME 0
#define PATIENT 0 /* of an appointment, of a note */
#define DOCTOR 1
#define STATUS 2

static const char *const names[CLINIC_COLLECTIONS] = { "doctors", "patients",
						       "appointments",
						       "notes" };

/* Hashes of what a viewer has of a collection, by slot; 0: nothing. */
struct copy {
	uint64_t rows[CLINIC_COLLECTIONS][SLOTS];
};

struct watcher {
	struct tb_viewer viewer;
	char profile[16];
	struct tb_str roles[2];
	bool keeps_heads; /* of times: that of the answer, not of its rows */
	bool has_begun;
	struct copy by_num;
	uint64_t last_num;
	struct copy by_time;
	int64_t last_us[CLINIC_COLLECTIONS];
};

struct world {
	uint64_t random;
	struct centre centre;
	struct clinic clinic;
	struct tb_arena *arena;
	struct item items[CLINIC_COLLECTIONS][SLOTS];
	uint64_t max_id[CLINIC_COLLECTIONS];
	struct watcher watchers[VIEWERS];
	bool has_dropped; /* tombstones */
	uint64_t n_accepted;
};

/* xorshift64*: enough to mix operations, and the same everywhere. */
static unsigned pick(struct world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static uint64_t hash(struct tb_str text)
{
	return tb_str_hash(text) | 1;
}

/* ---- keys ---- */

/* "p7" is a site's name for a patient, "7" an id. */
static void put_key(enum clinic_collection c, unsigned slot, char *ret)
{
	if (slot < NAMED || c == CLINIC_NOTES)
		(void)snprintf(ret, 16, "%c%u", names[c][0], slot);
	else
		(void)snprintf(ret, 16, "%u", slot - NAMED + 1);
}

static unsigned slot_of(struct tb_str key)
{
	bool is_named = key.p[0] >= 'a';
	uint64_t n;

	assert_int_equal(
		tb_str_to_u64(tb_str(key.p + is_named, key.n - is_named), &n),
		TB_OK);
	n += is_named ? 0 : NAMED - 1;
	assert_true(n < SLOTS);
	return (unsigned)n;
}

/* ---- the naive reading ---- */

static bool same(struct tb_str a, struct tb_str b)
{
	return a.p != NULL && b.p != NULL && tb_str_eq(a, b);
}

static struct item *item_of(struct world *w, enum clinic_collection c,
			    struct tb_str key)
{
	char known[16];

	for (unsigned slot = 0; key.p != NULL && slot < SLOTS; slot++) {
		put_key(c, slot, known);
		if (tb_str_eq(key, tb_str_z(known)))
			return &w->items[c][slot];
	}
	return NULL;
}

/* The key of the record that a watcher is; none: there is no such. */
static bool profile_key(struct world *w, enum clinic_collection c,
			const struct watcher *watcher, char *ret)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (w->items[c][slot].id != 0 &&
		    w->items[c][slot].id ==
			    strtoull(watcher->profile, NULL, 10)) {
			put_key(c, slot, ret);
			return true;
		}
	return false;
}

static bool has_role(const struct watcher *watcher, const char *role)
{
	for (size_t i = 0; i < watcher->viewer.n_roles; i++)
		if (tb_str_eq(watcher->roles[i], tb_str_z(role)))
			return true;
	return false;
}

/* True if a record of `c` has these two words. */
static bool some_have(struct world *w, enum clinic_collection c, size_t i,
		      struct tb_str a, size_t j, struct tb_str b)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		const struct item *item = &w->items[c][slot];

		if (item->is_there && same(item->words[i], a) &&
		    same(item->words[j], b))
			return true;
	}
	return false;
}

static bool doctor_sees(struct world *w, enum clinic_collection c,
			const struct item *item, struct tb_str key,
			struct tb_str doctor)
{
	if (c == CLINIC_DOCTORS)
		return tb_str_eq(key, doctor);
	if (c == CLINIC_PATIENTS)
		return some_have(w, CLINIC_APPOINTMENTS, PATIENT, key, DOCTOR,
				 doctor) ||
		       some_have(w, CLINIC_NOTES, PATIENT, key, DOCTOR, doctor);
	return same(item->words[DOCTOR], doctor);
}

static bool patient_sees(struct world *w, enum clinic_collection c,
			 const struct item *item, struct tb_str key,
			 struct tb_str patient)
{
	if (c == CLINIC_PATIENTS)
		return tb_str_eq(key, patient);
	if (c == CLINIC_DOCTORS)
		return some_have(w, CLINIC_APPOINTMENTS, DOCTOR, key, PATIENT,
				 patient);
	return same(item->words[PATIENT], patient);
}

static bool sees(struct world *w, const struct watcher *watcher,
		 enum clinic_collection c, unsigned slot)
{
	const struct item *item = &w->items[c][slot];
	char key[16];
	char own[16];

	if (!item->is_there)
		return false;
	if (watcher->viewer.is_admin || has_role(watcher, "staff"))
		return true;
	put_key(c, slot, key);
	if (has_role(watcher, "doctor") &&
	    profile_key(w, CLINIC_DOCTORS, watcher, own) &&
	    doctor_sees(w, c, item, tb_str_z(key), tb_str_z(own)))
		return true;
	return has_role(watcher, "patient") &&
	       profile_key(w, CLINIC_PATIENTS, watcher, own) &&
	       patient_sees(w, c, item, tb_str_z(key), tb_str_z(own));
}

static void put_name(struct world *w, enum clinic_collection c,
		     struct tb_str key, struct tb_buf *buf)
{
	const struct item *item = item_of(w, c, key);

	tb_buf_append_char(buf, '|');
	if (item != NULL && item->is_there && item->words[NAME].p != NULL)
		tb_buf_append_str(buf, item->words[NAME]);
}

static uint64_t expected(struct world *w, const struct watcher *watcher,
			 enum clinic_collection c, unsigned slot)
{
	const struct item *item = &w->items[c][slot];
	struct tb_buf buf;
	uint64_t ret;

	if (!sees(w, watcher, c, slot))
		return 0;
	tb_buf_init(&buf, 4 * TEXT_MAX);
	tb_buf_printf(&buf, "%llu|", (unsigned long long)item->id);
	tb_buf_append_str(&buf, item->body);
	if (c == CLINIC_APPOINTMENTS) {
		put_name(w, CLINIC_PATIENTS, item->words[PATIENT], &buf);
		put_name(w, CLINIC_DOCTORS, item->words[DOCTOR], &buf);
	}
	ret = hash(tb_buf_str(&buf));
	tb_buf_fini(&buf);
	return ret;
}

static void read_word(struct look *look, struct item *item, size_t i,
		      const char *member)
{
	struct tb_str word = TB_STR_NONE;

	if (member != NULL)
		word = look_member(look->arena, item->body, tb_str_z(member));
	item->words[i] = TB_STR_NONE;
	if (word.p == NULL)
		return;
	assert_true(word.n < WORD_MAX);
	memcpy(item->spelled[i], word.p, word.n);
	item->words[i] = tb_str(item->spelled[i], word.n);
}

/* Reads an item's record again. */
static void refresh(struct world *w, struct look *look,
		    enum clinic_collection c, unsigned slot)
{
	struct item *item = &w->items[c][slot];
	struct tb_record *record;
	uint64_t id;
	char key[16];

	put_key(c, slot, key);
	record = look_find(look, names[c], tb_str_z(key));
	item->is_there = record != NULL && !record->deleted;
	if (record == NULL) {
		item->id = 0;
		return;
	}
	id = tb_record_id(record);
	assert_true((id != 0) == (c != CLINIC_NOTES));
	assert_true(item->id == 0 || item->id == id);
	if (c != CLINIC_NOTES && slot >= NAMED)
		assert_int_equal(id, slot - NAMED + 1);
	else if (item->id == 0 && c != CLINIC_NOTES)
		assert_true(id > w->max_id[c]);
	if (id > w->max_id[c])
		w->max_id[c] = id;
	item->id = id;
	assert_true(record->body.n < TEXT_MAX);
	memcpy(item->text, record->body.p, record->body.n);
	item->body = tb_str(item->text, record->body.n);
	for (size_t i = 0; i < 3; i++)
		read_word(look, item, i, words[c][i]);
}

/* ---- watching ---- */

/* Where a walk puts what it finds. */
struct taking {
	struct copy *copy;
	enum clinic_collection c;
	const struct tb_collection *collection;
	int64_t last_us;
};

static void take(void *ctx, struct look *look, const struct tb_record *record,
		 const struct tb_seen *seen)
{
	struct taking *t = ctx;
	uint64_t *row = &t->copy->rows[t->c][slot_of(record->key)];
	struct tb_buf buf;

	if (seen->time_us > t->last_us)
		t->last_us = seen->time_us;
	*row = 0;
	if (!seen->is_present)
		return;
	tb_buf_init(&buf, 4 * TEXT_MAX);
	look_render(look, t->collection, record, &buf);
	*row = hash(tb_buf_str(&buf));
	tb_buf_fini(&buf);
}

static void sync_collection(struct world *w, struct look *look,
			    struct watcher *watcher, enum clinic_collection c)
{
	const struct tb_collection *collection = &w->clinic.collections[c];
	struct tb_sight sight = look_sight(look, collection, &watcher->viewer);
	struct taking by_num = { &watcher->by_num, c, collection, 0 };
	struct taking by_time = { &watcher->by_time, c, collection,
				  watcher->last_us[c] };

	look_above(look, &sight, watcher->last_num, take, &by_num);
	look_since(look, &sight, watcher->last_us[c], take, &by_time);
	watcher->last_us[c] =
		watcher->keeps_heads ? look->org.last_us : by_time.last_us;
}

/* A watcher whose own record is not there yet has nothing to begin with. */
static bool may_begin(struct world *w, const struct watcher *watcher)
{
	char key[16];

	if (has_role(watcher, "doctor") &&
	    !profile_key(w, CLINIC_DOCTORS, watcher, key))
		return false;
	return !has_role(watcher, "patient") ||
	       profile_key(w, CLINIC_PATIENTS, watcher, key);
}

static void sync_watcher(struct world *w, struct look *look,
			 struct watcher *watcher)
{
	if (!may_begin(w, watcher)) {
		/* Its record was dropped, or never was. */
		watcher->has_begun = false;
		return;
	}
	if (!watcher->has_begun) {
		memset(&watcher->by_num, 0, sizeof(watcher->by_num));
		memset(&watcher->by_time, 0, sizeof(watcher->by_time));
		memset(watcher->last_us, 0, sizeof(watcher->last_us));
		watcher->last_num = 0;
		watcher->has_begun = true;
	}
	for (unsigned c = 0; c < CLINIC_COLLECTIONS; c++)
		sync_collection(w, look, watcher, c);
	watcher->last_num = look->org.head;
}

static void compare_row(struct world *w, const struct watcher *watcher,
			const struct copy *whole, enum clinic_collection c,
			unsigned slot)
{
	uint64_t should = expected(w, watcher, c, slot);
	char key[16];

	if (whole->rows[c][slot] == should &&
	    watcher->by_num.rows[c][slot] == should &&
	    watcher->by_time.rows[c][slot] == should)
		return;
	put_key(c, slot, key);
	fail_msg("viewer %d: %s %s should be %llx: whole %llx, by number "
		 "%llx, by time %llx",
		 (int)(watcher - w->watchers), names[c], key,
		 (unsigned long long)should,
		 (unsigned long long)whole->rows[c][slot],
		 (unsigned long long)watcher->by_num.rows[c][slot],
		 (unsigned long long)watcher->by_time.rows[c][slot]);
}

static void compare(struct world *w, struct look *look, struct watcher *watcher)
{
	static struct copy whole;

	memset(&whole, 0, sizeof(whole));
	sync_watcher(w, look, watcher);
	if (!watcher->has_begun)
		return;
	for (unsigned c = 0; c < CLINIC_COLLECTIONS; c++) {
		const struct tb_collection *collection =
			&w->clinic.collections[c];
		struct tb_sight sight =
			look_sight(look, collection, &watcher->viewer);
		struct taking t = { &whole, c, collection, 0 };

		look_above(look, &sight, 0, take, &t);
	}
	for (unsigned c = 0; c < CLINIC_COLLECTIONS; c++)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			compare_row(w, watcher, &whole, c, slot);
}

/* Staff who ask for one state of appointments. */
static void compare_filtered(struct world *w, struct look *look)
{
	const struct tb_collection *collection =
		&w->clinic.collections[CLINIC_APPOINTMENTS];
	struct tb_viewer viewer = { .org = FLEET_ORG, .is_admin = true };
	static struct copy copy;
	struct taking t = { &copy, CLINIC_APPOINTMENTS, collection, 0 };
	struct tb_sight sight = look_sight(look, collection, &viewer);

	memset(&copy, 0, sizeof(copy));
	assert_int_equal(tb_sight_narrow(w->centre.core, look->tx, look->arena,
					 FLEET_ORG, &sight, TB_STR("status"),
					 TB_STR("s1")),
			 TB_OK);
	look_above(look, &sight, 0, take, &t);
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		const struct item *item = &w->items[CLINIC_APPOINTMENTS][slot];
		bool should = item->is_there &&
			      same(item->words[STATUS], TB_STR("s1"));

		assert_int_equal(copy.rows[CLINIC_APPOINTMENTS][slot] != 0,
				 should);
	}
}

/* ---- heads ---- */

/* What memory says of the ends of a watcher's feeds is what is stored. */
static void check_heads(struct world *w, struct look *look)
{
	struct watcher *watcher = &w->watchers[pick(w, VIEWERS)];
	enum clinic_collection c = pick(w, CLINIC_COLLECTIONS);
	struct tb_sight sight =
		look_sight(look, &w->clinic.collections[c], &watcher->viewer);
	uint64_t nums[TB_RULES_MAX];
	uint64_t loaded[TB_RULES_MAX];
	struct tb_heads heads;
	bool known = tb_core_find_scopes(w->centre.core, FLEET_ORG,
					 sight.scopes, sight.n, &heads, nums);

	assert_int_equal(tb_core_load_scopes(w->centre.core, FLEET_ORG,
					     sight.scopes, sight.n, &heads,
					     loaded),
			 TB_OK);
	assert_true(heads.head == look->org.head);
	/* What was dropped since may have been the last. */
	for (size_t i = 0; known && i < sight.n; i++)
		assert_true(nums[i] >= loaded[i]);
	for (size_t i = 0; known && !w->has_dropped && i < sight.n; i++)
		assert_true(nums[i] == loaded[i]);
}

/* ---- changes ---- */

static unsigned any_slot(struct world *w)
{
	return pick(w, pick(w, 3) == 0 ? SLOTS : NAMED / 2);
}

/* What refers to a record: by name, by number, as a text or not at all. */
static void put_reference(struct world *w, enum clinic_collection c,
			  struct tb_buf *buf)
{
	char key[16];
	unsigned slot = any_slot(w);

	put_key(c, slot, key);
	if (pick(w, 12) == 0)
		tb_buf_append_str(buf, TB_STR("null"));
	else if (slot >= NAMED && pick(w, 2))
		tb_buf_printf(buf, "%s", key);
	else
		tb_buf_printf(buf, "\"%s\"", key);
}

static void put_body(struct world *w, enum clinic_collection c,
		     struct tb_buf *buf)
{
	switch (c) {
	case CLINIC_DOCTORS:
		tb_buf_printf(buf, "{\"name\":\"d%u\",\"n\":%u}", pick(w, 4),
			      pick(w, 3));
		return;
	case CLINIC_PATIENTS:
		tb_buf_printf(buf,
			      "{\"store_id\":\"s%u\",\"name\":\"n%u\","
			      "\"village\":\"v%u\"}",
			      1 + pick(w, 2), pick(w, 4), pick(w, 3));
		return;
	case CLINIC_APPOINTMENTS:
		tb_buf_append_str(buf, TB_STR("{\"patient_id\":"));
		put_reference(w, CLINIC_PATIENTS, buf);
		tb_buf_append_str(buf, TB_STR(",\"doctor_id\":"));
		put_reference(w, CLINIC_DOCTORS, buf);
		tb_buf_append_str(buf, TB_STR(",\"payer_id\":"));
		put_reference(w, CLINIC_PATIENTS, buf);
		tb_buf_printf(buf, ",\"status\":\"s%u\"}", pick(w, 4));
		return;
	default:
		tb_buf_printf(buf, "{\"store_id\":\"s%u\",\"about\":",
			      1 + pick(w, 2));
		put_reference(w, CLINIC_PATIENTS, buf);
		tb_buf_append_str(buf, TB_STR(",\"author\":"));
		put_reference(w, CLINIC_DOCTORS, buf);
		tb_buf_append_char(buf, '}');
	}
}

/* One change, with whose it is. */
struct wanted {
	enum clinic_collection c;
	unsigned slot;
	char key[16];
	char other[16];
	struct tb_buf body;
};

static void make_item(struct world *w, struct wanted *wanted,
		      struct tb_push_item *item)
{
	unsigned dice = pick(w, 20);

	wanted->c =
		pick(w, 2) ? CLINIC_APPOINTMENTS : pick(w, CLINIC_COLLECTIONS);
	wanted->slot = any_slot(w);
	put_key(wanted->c, wanted->slot, wanted->key);
	put_key(wanted->c, any_slot(w), wanted->other);
	tb_buf_init(&wanted->body, TEXT_MAX);
	*item = (struct tb_push_item) { .table = tb_str_z(names[wanted->c]),
					.id = tb_str_z(wanted->key) };
	if (dice == 0) {
		item->action = TB_PUSH_MERGE;
		tb_buf_printf(&wanted->body, "{\"mergeIdToKeep\":\"%s\"}",
			      wanted->other);
	} else if (dice < 5) {
		item->action = TB_PUSH_DELETE;
		tb_buf_append_str(&wanted->body, TB_STR("{}"));
	} else {
		put_body(w, wanted->c, &wanted->body);
	}
	item->data = tb_buf_str(&wanted->body);
	item->record = item->data;
}

/* Several changes in one commit; what is stored then is read again. */
static void push(struct world *w)
{
	static const uint32_t sites[] = { 63, 64, TB_ORIGIN_CENTRE,
					  TB_ORIGIN_CENTRE };
	struct tb_push_item items[ITEMS_MAX];
	struct wanted wanted[ITEMS_MAX];
	uint32_t site = sites[pick(w, TB_ARRAY_LEN(sites))];
	size_t n = 1 + pick(w, ITEMS_MAX);
	struct look look;

	for (size_t i = 0; i < n; i++)
		make_item(w, &wanted[i], &items[i]);
	assert_int_equal(centre_try_push(&w->centre, site, true, items, n),
			 TB_OK);
	look_begin(&look, &w->centre);
	for (size_t i = 0; i < n; i++) {
		w->n_accepted += items[i].outcome == TB_PUSH_ACCEPTED;
		tb_buf_fini(&wanted[i].body);
		refresh(w, &look, wanted[i].c, wanted[i].slot);
	}
	look_end(&look);
}

static enum tb_resource_action pick_action(struct world *w,
					   enum clinic_collection c)
{
	static const enum tb_resource_action actions[] = {
		TB_RESOURCE_SYNC,    TB_RESOURCE_PATCH,  TB_RESOURCE_PATCH,
		TB_RESOURCE_REPLACE, TB_RESOURCE_DELETE, TB_RESOURCE_CREATE,
	};
	enum tb_resource_action action = actions[pick(w, 6)];

	/* There is no slot for more of them. */
	if (action == TB_RESOURCE_CREATE && c != CLINIC_NOTES &&
	    w->max_id[c] >= SLOTS - NAMED)
		return TB_RESOURCE_PATCH;
	return action;
}

/* An edit of one record by who may all. */
static void commit_edit(struct world *w, struct look *look,
			struct wanted *wanted)
{
	const struct tb_collection *collection =
		&w->clinic.collections[wanted->c];
	struct tb_viewer viewer = { .org = FLEET_ORG, .is_admin = true };
	struct tb_sight sight = look_sight(look, collection, &viewer);
	struct tb_resource edit = { .action = pick_action(w, wanted->c),
				    .collection = collection,
				    .sight = &sight,
				    .key = tb_str_z(wanted->key),
				    .changes = tb_buf_str(&wanted->body),
				    .by = TB_STR("user/x"),
				    .arena = look->arena };
	enum tb_err err;

	if (edit.action == TB_RESOURCE_CREATE && wanted->c != CLINIC_NOTES)
		edit.key = TB_STR_NONE;
	edit.commit.note.principal = TB_STR("x");
	tb_resource_init(&edit, FLEET_ORG);
	err = tb_core_commit(w->centre.core, &edit.commit);
	assert_true(err == TB_OK || err == TB_ERR_NOT_FOUND ||
		    err == TB_ERR_EXISTS);
	if (err != TB_OK)
		return;
	assert_true(edit.outcome == TB_RESOURCE_DONE ||
		    edit.outcome == TB_RESOURCE_REPEATED);
	w->n_accepted++;
	wanted->slot = slot_of(edit.record.key);
}

static void edit(struct world *w)
{
	struct wanted wanted;
	struct look look;

	wanted.c = pick(w, CLINIC_COLLECTIONS);
	wanted.slot = any_slot(w);
	put_key(wanted.c, wanted.slot, wanted.key);
	tb_buf_init(&wanted.body, TEXT_MAX);
	put_body(w, wanted.c, &wanted.body);
	look_begin(&look, &w->centre);
	commit_edit(w, &look, &wanted);
	look_end(&look);
	tb_buf_fini(&wanted.body);
	look_begin(&look, &w->centre);
	refresh(w, &look, wanted.c, wanted.slot);
	look_end(&look);
}

static void move_store(struct world *w)
{
	static const char *const stores[] = { "s1", "s2" };
	static const char *const sites[] = { "63", "64", "" };

	centre_move_store(&w->centre, stores[pick(w, 2)], sites[pick(w, 3)]);
}

/* Sites take and acknowledge what they are to get, so that they conflict now
 * and then only, and tombstones are done with. */
static void pull(struct world *w)
{
	static struct page page;
	uint32_t site = 63 + pick(w, 2);

	centre_pull(&w->centre, site, 500, &page);
	for (size_t i = 0; i < page.n; i++)
		assert_int_equal(centre_ack_sequence(&w->centre, site,
						     page.rows[i].sequence),
				 1);
}

static void step(struct world *w)
{
	w->centre.now_us += pick(w, 3000);
	switch (pick(w, 30)) {
	case 0:
		move_store(w);
		break;
	case 1:
		pull(w);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		edit(w);
		break;
	default:
		push(w);
	}
}

/* ---- running ---- */

static void broken(void *ctx, const char *invariant, uint64_t rid,
		   const char *what)
{
	(void)ctx;
	fail_msg("%s, %llu: %s", invariant, (unsigned long long)rid, what);
}

static void check(struct world *w)
{
	struct look look;

	look_begin(&look, &w->centre);
	for (size_t i = 0; i < VIEWERS; i++)
		compare(w, &look, &w->watchers[i]);
	compare_filtered(w, &look);
	check_heads(w, &look);
	look_end(&look);
}

/* Everybody is up to date when tombstones go. */
static void drop_tombstones(struct world *w)
{
	const struct tb_retention_ages ages = { .deleted_us = 0 };
	struct look look;
	uint64_t after = 0;
	size_t dropped;

	assert_int_equal(tb_retention_run(w->centre.core, FLEET_ORG, &ages,
					  &after, &dropped),
			 TB_OK);
	w->has_dropped |= dropped > 0;
	look_begin(&look, &w->centre);
	for (unsigned c = 0; c < CLINIC_COLLECTIONS; c++)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			refresh(w, &look, c, slot);
	look_end(&look);
}

static void watch_some(struct world *w)
{
	struct look look;
	unsigned n = pick(w, SYNC_MAX);

	look_begin(&look, &w->centre);
	for (unsigned i = 0; i < n; i++)
		sync_watcher(w, &look, &w->watchers[pick(w, VIEWERS)]);
	look_end(&look);
}

static void make_watcher(struct world *w, unsigned i)
{
	struct watcher *watcher = &w->watchers[i];

	(void)snprintf(watcher->profile, sizeof(watcher->profile), "%u",
		       1 + i / 2);
	watcher->viewer = (struct tb_viewer) {
		.org = FLEET_ORG,
		.is_admin = i == 0,
		.roles = watcher->roles,
		.n_roles = 1,
		.profile = tb_str_z(watcher->profile),
	};
	watcher->roles[0] = i % 2 ? TB_STR("doctor") : TB_STR("patient");
	if (i >= 1 && i < 4)
		watcher->roles[0] = TB_STR("staff");
	if (i % 7 == 6) {
		watcher->roles[1] =
			i % 2 ? TB_STR("patient") : TB_STR("doctor");
		watcher->viewer.n_roles = 2;
	}
	watcher->keeps_heads = i % 3 == 0;
}

static void init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed * 0x9e3779b97f4a7c15ull + 1;
	w->arena = tb_arena_create((size_t)1 << 20);
	assert_non_null(w->arena);
	clinic_init(&w->clinic);
	clinic_finish(&w->clinic, w->arena);
	centre_open_declared(&w->centre, memory_store(),
			     &w->clinic.declaration);
	centre_add_site(&w->centre, "63", true);
	centre_add_site(&w->centre, "64", true);
	centre_add_store(&w->centre, "s1", "63");
	centre_add_store(&w->centre, "s2", "64");
	for (unsigned i = 0; i < VIEWERS; i++)
		make_watcher(w, i);
}

static void run(uint64_t seed, unsigned steps)
{
	static struct world w;
	struct tb_tx *tx;

	printf("seed %llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	init(&w, seed);
	for (unsigned n = 1; n <= steps; n++) {
		step(&w);
		watch_some(&w);
		if (n % CHECK_EVERY == 0)
			check(&w);
		if (n % (16 * CHECK_EVERY) == 0)
			drop_tombstones(&w);
	}
	check(&w);
	assert_true(w.n_accepted > steps / 4);
	assert_int_equal(tb_core_read(w.centre.core, &tx), TB_OK);
	assert_int_equal(w.centre.store->ops->check(tx, broken, NULL), TB_OK);
	tb_core_read_end(tx);
	centre_close(&w.centre);
	tb_arena_destroy(w.arena);
}

static uint64_t number_of(const char *text, uint64_t otherwise)
{
	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* Which seeds are run. */
static uint64_t first;
static uint64_t last;

static void test_viewers_see_what_they_should(void **unused)
{
	unsigned steps = (unsigned)number_of(getenv("TB_STEPS"), STEPS);

	(void)unused;
	for (uint64_t seed = first; seed <= last; seed++)
		run(seed, steps);
}

int main(int argc, char **argv)
{
	/* In a test, so that what fails is told. */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_viewers_see_what_they_should),
	};
	const char *seed = getenv("TB_SEED");

	first = number_of(argc > 1 ? argv[1] : seed, 1);
	last = number_of(argc > 2 ? argv[2] : NULL, first);
	if (seed != NULL)
		first = last = number_of(seed, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
