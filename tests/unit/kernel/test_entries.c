/*
 * A record's entries after a change, above all those that routing does not
 * decide: fixed ones, those that say who sees the record, and derived ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "kernel/entries.h"
#include "kernel/system.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define ORG 7
#define COLL tb_rid(ORG, 70) /* a collection of users */
#define STORE (((uint64_t)ORG << TB_RID_ORG_SHIFT) + 80)
#define OTHER_STORE tb_rid(ORG, 81)
#define DOCTOR tb_rid(ORG, 82)
#define REFERRED tb_rid(ORG, 83)
#define IDS tb_rid(ORG, 84)
#define ID ((uint64_t)INT64_MAX - 1)

#define P TB_ENTRY_PRESENT
#define H TB_ENTRY_HOME
#define F TB_ENTRY_FIXED
#define S TB_ENTRY_SIGHT
#define D TB_ENTRY_DERIVED

struct state {
	struct tb_arena *arena;
	struct tb_org org;
	struct tb_entry entries[8];
	struct tb_record record;
};

static struct tb_entry entry(uint64_t scope, uint64_t num, uint8_t flags)
{
	return (struct tb_entry) { .scope = scope,
				   .num = num,
				   .entered = num,
				   .time_us = 1000,
				   .origin = 63,
				   .flags = flags };
}

/* A record in one place of each kind. */
static int setup(void **state)
{
	static struct state s;

	s = (struct state) {
		.arena = tb_arena_create(ARENA_BYTES),
		.org = { .id = ORG, .head = 500 },
		.entries = { entry(STORE, 100, P | H),
			     entry(DOCTOR, 101, P | S),
			     entry(REFERRED, 102, P | D),
			     entry(IDS, ID, P | F) },
		.record = { .rid = tb_rid(ORG, 90),
			    .coll = COLL,
			    .entries = s.entries,
			    .n_entries = 4 },
	};
	assert_non_null(s.arena);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	tb_arena_destroy(s->arena);
	return 0;
}

static const struct tb_target in_store = { .scope = STORE, .flags = H };

static struct tb_entries_change change_to(const struct tb_target *targets,
					  size_t n)
{
	return (struct tb_entries_change) { .targets = targets,
					    .n_targets = n,
					    .num = 501,
					    .time_us = 2000,
					    .move_all = true };
}

/* Makes the change; the record has the entries that come of it. */
static void route(struct state *s, const struct tb_entries_change *change)
{
	size_t expected = tb_entries_count(&s->org, &s->record, change);

	assert_int_equal(tb_entries_route(s->arena, &s->org, &s->record, change,
					  &s->record.entries,
					  &s->record.n_entries),
			 TB_OK);
	assert_int_equal(s->record.n_entries, expected);
}

static void assert_entry(const struct state *s, uint64_t scope, uint64_t num,
			 uint64_t entered, uint8_t flags)
{
	const struct tb_entry *e = tb_record_entry(&s->record, scope);

	assert_non_null(e);
	assert_true(e->num == num);
	assert_true(e->entered == entered);
	assert_int_equal(e->flags, flags);
	assert_int_equal(e->time_us, num == 501 ? 2000 : 1000);
}

static void places_that_are_not_listed_are_left(void **state)
{
	struct state *s = *state;
	struct tb_entries_change change = change_to(&in_store, 1);

	route(s, &change);
	assert_int_equal(s->record.n_entries, 4);
	assert_entry(s, STORE, 501, 100, P | H);
	assert_entry(s, DOCTOR, 501, 101, 0);
	assert_entry(s, REFERRED, 501, 102, 0);
}

static void places_that_are_kept_move_with_a_change(void **state)
{
	struct state *s = *state;
	struct tb_entries_change change = change_to(&in_store, 1);

	change.keeps = S | D;
	route(s, &change);
	assert_entry(s, STORE, 501, 100, P | H);
	assert_entry(s, DOCTOR, 501, 101, P | S);
	assert_entry(s, REFERRED, 501, 102, P | D);
	assert_entry(s, IDS, ID, ID, P | F);
}

static void only_places_with_the_flags_are_kept(void **state)
{
	struct state *s = *state;
	struct tb_target elsewhere = { .scope = OTHER_STORE, .flags = H };
	struct tb_entries_change change = change_to(&elsewhere, 1);

	change.keeps = D;
	change.move_all = false;
	route(s, &change);
	assert_int_equal(s->record.n_entries, 5);
	assert_entry(s, OTHER_STORE, 501, 501, P | H);
	assert_entry(s, STORE, 501, 100, 0);
	assert_entry(s, DOCTOR, 501, 101, 0);
	assert_entry(s, REFERRED, 102, 102, P | D);
}

static void a_kept_place_that_was_left_stays_left(void **state)
{
	struct state *s = *state;
	struct tb_entries_change change = change_to(&in_store, 1);

	s->entries[1].flags = S;
	change.keeps = S;
	route(s, &change);
	assert_entry(s, DOCTOR, 101, 101, S);
}

static void a_listed_place_comes_with_the_flags_of_its_target(void **state)
{
	struct state *s = *state;
	const struct tb_target targets[] = {
		in_store,
		{ .scope = DOCTOR, .flags = S | D },
		{ .scope = REFERRED, .flags = 0 },
		{ .scope = IDS, .flags = S },
	};
	struct tb_entries_change change = change_to(targets, 4);

	change.keeps = S | D;
	change.move_all = false;
	route(s, &change);
	assert_int_equal(s->record.n_entries, 4);
	assert_entry(s, STORE, 100, 100, P | H);
	assert_entry(s, DOCTOR, 501, 101, P | S | D);
	assert_entry(s, REFERRED, 501, 102, P);
	assert_entry(s, IDS, ID, ID, P | F | S);
}

static void a_deleted_record_is_nowhere_but_its_marks_stay(void **state)
{
	struct state *s = *state;
	struct tb_entries_change change = change_to(NULL, 0);

	change.deleted = true;
	change.keeps = S | D;
	route(s, &change);
	assert_int_equal(s->record.n_entries, 4);
	assert_entry(s, STORE, 501, 100, H);
	assert_entry(s, DOCTOR, 501, 101, S);
	assert_entry(s, REFERRED, 501, 102, D);
	assert_entry(s, IDS, ID, ID, F);

	/* Deleted again, nobody has to be told again. */
	change.num = 502;
	route(s, &change);
	assert_entry(s, STORE, 501, 100, H);
	assert_entry(s, DOCTOR, 501, 101, S);
}

static void a_fixed_place_comes_back_with_its_record(void **state)
{
	struct state *s = *state;
	struct tb_entries_change change = change_to(NULL, 0);

	change.deleted = true;
	route(s, &change);
	assert_entry(s, IDS, ID, ID, F);
	change = change_to(&in_store, 1);
	change.num = 502;
	route(s, &change);
	assert_entry(s, IDS, ID, ID, P | F);
	assert_int_equal(tb_record_entry(&s->record, IDS)->origin, 63);
}

static void a_fixed_place_has_the_number_of_its_target(void **state)
{
	struct state *s = *state;
	const struct tb_target targets[] = {
		in_store,
		{ .scope = IDS, .flags = F, .num = 7000 },
		{ .scope = tb_scope_known(ORG, TB_SCOPE_CENTRAL),
		  .flags = F,
		  .num = 8000 },
		{ .scope = OTHER_STORE, .flags = F },
	};
	struct tb_entries_change change = change_to(targets, 4);

	s->record.n_entries = 3;
	change.keeps = S | D;
	route(s, &change);
	assert_int_equal(s->record.n_entries, 6);
	assert_true(tb_record_entry(&s->record, IDS)->num == 7000);
	assert_true(tb_record_entry(&s->record, IDS)->entered == 7000);
	assert_int_equal(tb_record_entry(&s->record, IDS)->flags, P | F);
	assert_true(tb_record_entry(&s->record, targets[2].scope)->num == 8000);
	assert_int_equal(s->org.dense[TB_DENSE_CENTRAL], 0);
	assert_entry(s, OTHER_STORE, 501, 501, P | F);
}

static void a_place_can_become_fixed_but_never_moves_again(void **state)
{
	struct state *s = *state;
	const struct tb_target fixed = { .scope = STORE,
					 .flags = F,
					 .num = 7000 };
	const struct tb_target later = { .scope = STORE,
					 .flags = F,
					 .num = 9000 };
	struct tb_entries_change change = change_to(&fixed, 1);

	route(s, &change);
	assert_true(tb_record_entry(&s->record, STORE)->entered == 7000);
	change = change_to(&later, 1);
	route(s, &change);
	assert_true(tb_record_entry(&s->record, STORE)->num == 7000);
	assert_int_equal(tb_record_entry(&s->record, STORE)->flags, P | F);
}

static void an_index_keeps_what_is_fixed_or_kept_there(void **state)
{
	struct state *s = *state;
	uint64_t index = tb_scope_known(ORG, TB_SCOPE_TOMBSTONES);
	struct tb_entries_change change = change_to(&in_store, 1);

	s->entries[1].scope = index;
	change.keeps = S;
	route(s, &change);
	assert_entry(s, index, 501, 101, P | S);
	change.keeps = 0;
	route(s, &change);
	assert_null(tb_record_entry(&s->record, index));
	s->entries[1].scope = DOCTOR;
	s->entries[3].scope = index;
	s->record.entries = s->entries;
	s->record.n_entries = 4;
	change.deleted = true;
	change.n_targets = 0;
	route(s, &change);
	assert_entry(s, index, ID, ID, F);
}

static void touching_moves_no_fixed_place(void **state)
{
	struct state *s = *state;
	struct tb_entries_change change = change_to(NULL, 0);

	assert_int_equal(tb_entries_touch(s->arena, &s->org, &s->record, DOCTOR,
					  &change, &s->record.entries),
			 TB_OK);
	assert_entry(s, DOCTOR, 501, 101, P | S);
	assert_entry(s, STORE, 100, 100, P | H);
	assert_int_equal(tb_entries_touch(s->arena, &s->org, &s->record, IDS,
					  &change, &s->record.entries),
			 TB_OK);
	assert_entry(s, IDS, ID, ID, P | F);
}

static void a_record_is_routed_when_it_is_where_its_targets_say(void **state)
{
	struct state *s = *state;
	const struct tb_target two[] = { in_store,
					 { .scope = DOCTOR, .flags = S } };
	const struct tb_target three[] = { in_store,
					   { .scope = IDS },
					   { .scope = REFERRED, .flags = D } };
	const struct tb_target homeless = { .scope = STORE };

	assert_false(tb_entries_are_routed(&s->record, &in_store, 1, 0));
	assert_false(tb_entries_are_routed(&s->record, &in_store, 1, S));
	assert_true(tb_entries_are_routed(&s->record, &in_store, 1, S | D));
	assert_true(tb_entries_are_routed(&s->record, two, 2, S | D));
	assert_true(tb_entries_are_routed(&s->record, two, 2, D));
	assert_false(tb_entries_are_routed(&s->record, two, 2, S));
	assert_true(tb_entries_are_routed(&s->record, three, 3, S));
	assert_false(tb_entries_are_routed(&s->record, three, 3, 0));
	assert_false(tb_entries_are_routed(&s->record, NULL, 0, S | D));
	assert_false(tb_entries_are_routed(&s->record, &homeless, 1, S | D));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(places_that_are_not_listed_are_left),
		T(places_that_are_kept_move_with_a_change),
		T(only_places_with_the_flags_are_kept),
		T(a_kept_place_that_was_left_stays_left),
		T(a_listed_place_comes_with_the_flags_of_its_target),
		T(a_deleted_record_is_nowhere_but_its_marks_stay),
		T(a_fixed_place_comes_back_with_its_record),
		T(a_fixed_place_has_the_number_of_its_target),
		T(a_place_can_become_fixed_but_never_moves_again),
		T(an_index_keeps_what_is_fixed_or_kept_there),
		T(touching_moves_no_fixed_place),
		T(a_record_is_routed_when_it_is_where_its_targets_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
