/*
 * What a view gives a change that its caller decides: which places stay, and
 * which times the record and its places have.
 */
#include "fixture.h"

#include "kernel/routing.h"
#include "kernel/view.h"

#define NOW_US 1700000000000000
#define COLL tb_rid(1, 70)

struct world {
	struct fixture f;
	struct tb_tx *tx;
	struct tb_view *view;
	uint64_t store;
	uint64_t doctor;
	uint64_t ids;
};

static int setup(void **state)
{
	static struct world w;

	fixture_init(&w.f, tb_store_find(TB_STR("memory")));
	fixture_add_org(&w.f, 1);
	w.tx = fixture_begin(&w.f, TB_TX_WRITE);
	MUST(tb_view_create(w.f.arena, w.tx, 1, NOW_US, &w.view));
	MUST(tb_view_scope(w.view, "x", TB_STR("store"), &w.store));
	MUST(tb_view_scope(w.view, "x", TB_STR("doctor"), &w.doctor));
	MUST(tb_view_scope(w.view, "x", TB_STR("ids"), &w.ids));
	*state = &w;
	return 0;
}

/* What was decided holds in the store, too. */
static int teardown(void **state)
{
	struct world *w = *state;

	MUST(tb_view_flush(w->view));
	MUST(w->f.ops->commit(w->tx));
	assert_int_equal(fixture_broken(&w->f, NULL), 0);
	fixture_fini(&w->f);
	return 0;
}

/* A record at home in the store that the doctor sees, with an id. */
static const struct tb_record *seen_record(struct world *w)
{
	const struct tb_target targets[] = {
		{ .scope = w->store, .flags = TB_ENTRY_HOME },
		{ .scope = w->doctor, .flags = TB_ENTRY_SIGHT },
		{ .scope = w->ids,
		  .flags = TB_ENTRY_FIXED,
		  .num = TB_FIXED_NUM_MAX },
	};
	const struct tb_put put = { .coll = COLL,
				    .key = TB_STR("a"),
				    .body = TB_STR("1"),
				    .targets = targets,
				    .n_targets = 3 };
	const struct tb_record *record;

	MUST(tb_view_put(w->view, &put, &record));
	return record;
}

static struct tb_put put_in(const struct tb_target *target)
{
	return (struct tb_put) { .coll = COLL,
				 .key = TB_STR("a"),
				 .body = TB_STR("2"),
				 .targets = target,
				 .n_targets = 1 };
}

static uint8_t flags_in(const struct tb_record *record, uint64_t scope)
{
	const struct tb_entry *entry = tb_record_entry(record, scope);

	assert_non_null(entry);
	return entry->flags;
}

static void a_put_keeps_the_places_that_it_says(void **state)
{
	struct world *w = *state;
	const struct tb_target home = { .scope = w->store,
					.flags = TB_ENTRY_HOME };
	struct tb_put put = put_in(&home);
	const struct tb_record *record = seen_record(w);

	put.keeps = TB_ENTRY_SIGHT;
	MUST(tb_view_put(w->view, &put, &record));
	assert_int_equal(flags_in(record, w->doctor),
			 TB_ENTRY_PRESENT | TB_ENTRY_SIGHT);
	assert_true(tb_record_entry(record, w->doctor)->num == record->version);
	put.keeps = 0;
	MUST(tb_view_put(w->view, &put, &record));
	assert_int_equal(flags_in(record, w->doctor), 0);
	assert_int_equal(flags_in(record, w->ids),
			 TB_ENTRY_PRESENT | TB_ENTRY_FIXED);
	assert_true(tb_record_entry(record, w->ids)->num == TB_FIXED_NUM_MAX);
}

static void routing_anew_leaves_alone_who_sees_a_record(void **state)
{
	struct world *w = *state;
	const struct tb_target home = { .scope = w->store,
					.flags = TB_ENTRY_HOME };
	const struct tb_target elsewhere = { .scope = tb_rid(1, 999),
					     .flags = TB_ENTRY_HOME };
	const struct tb_record *record = seen_record(w);
	uint64_t changes = tb_view_changes(w->view);
	uint64_t rid = record->rid;

	MUST(tb_view_reroute(w->view, rid, &home, 1, TB_VIEW_NOT_ROUTED, 0));
	assert_true(tb_view_changes(w->view) == changes);
	MUST(tb_view_reroute(w->view, rid, &elsewhere, 1, TB_VIEW_NOT_ROUTED,
			     0));
	MUST(tb_view_get_rid(w->view, rid, &record));
	assert_int_equal(flags_in(record, w->store), 0);
	assert_int_equal(flags_in(record, elsewhere.scope),
			 TB_ENTRY_PRESENT | TB_ENTRY_HOME);
	assert_int_equal(flags_in(record, w->doctor),
			 TB_ENTRY_PRESENT | TB_ENTRY_SIGHT);
	assert_true(tb_record_entry(record, w->doctor)->num == record->version);
}

/* Who sees the parent, and by which id, says nothing of its children. */
static void a_child_goes_to_its_parents_places_alone(void **state)
{
	struct world *w = *state;
	const struct tb_target targets[] = {
		{ .scope = w->store, .flags = TB_ENTRY_HOME },
		{ .scope = w->doctor, .flags = TB_ENTRY_SIGHT },
		{ .scope = tb_rid(1, 998), .flags = TB_ENTRY_DERIVED },
		{ .scope = tb_rid(1, 999) },
		{ .scope = w->ids, .flags = TB_ENTRY_FIXED, .num = 5 },
	};
	struct tb_put put = { .key = TB_STR("a"),
			      .body = TB_STR("{}"),
			      .targets = targets,
			      .n_targets = TB_ARRAY_LEN(targets) };
	const struct tb_collection children = { .routing = TB_ROUTING_PARENT,
						.parent = TB_STR("parents") };
	const struct tb_route_words words = { .home = TB_STR("a") };
	struct tb_route_plan plan;

	MUST(tb_view_name(w->view, TB_COLL_COLLECTION, children.parent,
			  &put.coll));
	MUST(tb_view_put(w->view, &put, NULL));
	MUST(tb_routing_plan(w->view, &children, &words, tb_rid(1, 997), false,
			     &plan));
	assert_int_equal(plan.n_targets, 2);
	assert_true(plan.home == w->store);
	assert_true(plan.targets[0].scope == w->store);
	assert_true(plan.targets[1].scope == tb_rid(1, 999));
}

static void places_are_as_late_as_an_import_says_of_the_record(void **state)
{
	struct world *w = *state;
	const struct tb_target home = { .scope = w->store,
					.flags = TB_ENTRY_HOME };
	struct tb_put put = put_in(&home);
	const struct tb_record *record;

	put.updated_us = 5000;
	MUST(tb_view_put(w->view, &put, &record));
	assert_int_equal(record->updated_us, 5000);
	assert_int_equal(record->entries[0].time_us, 5000);
}

static void places_that_are_kept_count(void **state)
{
	struct world *w = *state;
	struct tb_target targets[TB_ENTRIES_MAX - 1];
	struct tb_put put = put_in(targets);
	struct tb_target home = { .scope = w->store, .flags = TB_ENTRY_HOME };
	const struct tb_record *record;

	for (size_t i = 0; i < TB_ARRAY_LEN(targets); i++)
		targets[i] = (struct tb_target) { .scope = tb_rid(1, 2000 + i),
						  .flags = TB_ENTRY_SIGHT };
	put.n_targets = TB_ARRAY_LEN(targets);
	MUST(tb_view_put(w->view, &put, &record));
	assert_int_equal(record->n_entries, TB_ENTRIES_MAX - 1);
	put.targets = &home;
	put.n_targets = 1;
	put.keeps = TB_ENTRY_SIGHT;
	assert_int_equal(tb_view_put(w->view, &put, NULL), TB_ERR_TOO_LARGE);
	assert_int_equal(tb_view_reroute(w->view, record->rid, &home, 1,
					 TB_VIEW_NOT_ROUTED, 0),
			 TB_ERR_TOO_LARGE);
	put.n_targets = 0;
	MUST(tb_view_put(w->view, &put, &record));
	put.deleted = true;
	MUST(tb_view_put(w->view, &put, &record));
	assert_int_equal(record->n_entries, TB_ENTRIES_MAX);
}

/* It stays where it is until it is forgotten; then it may be elsewhere, in the
 * same feed, too. */
static void a_fixed_place_is_left_for_another(void **state)
{
	struct world *w = *state;
	const struct tb_target moved = { .scope = w->ids,
					 .flags = TB_ENTRY_FIXED,
					 .num = 7 };
	const struct tb_put put = put_in(&moved);
	const struct tb_record *record = seen_record(w);

	MUST(tb_view_flush(w->view));
	MUST(tb_view_put(w->view, &put, &record));
	assert_true(tb_record_entry(record, w->ids)->num == TB_FIXED_NUM_MAX);
	for (int i = 0; i < 2; i++) {
		MUST(tb_view_forget_places(w->view, record->rid, &w->ids, 1));
		MUST(tb_view_put(w->view, &put, &record));
		assert_true(tb_record_entry(record, w->ids)->num == 7);
		MUST(tb_view_flush(w->view));
	}
}

static const struct tb_move *move_in(const struct tb_moves *moves,
				     uint64_t scope)
{
	const struct tb_move *last = NULL;

	for (size_t i = 0; i < moves->n; i++)
		if (moves->list[i].scope == scope)
			last = &moves->list[i];
	return last;
}

/* Of the system's own feeds, too; fixed and dense numbers are of no order. */
static void what_moved_is_told(void **state)
{
	struct world *w = *state;
	const uint64_t jobs = tb_scope_known(1, TB_SCOPE_JOBS);
	const uint64_t central = tb_scope_known(1, TB_SCOPE_CENTRAL);
	const struct tb_target targets[] = {
		{ .scope = w->store, .flags = TB_ENTRY_HOME },
		{ .scope = jobs },
		{ .scope = central },
		{ .scope = w->ids,
		  .flags = TB_ENTRY_FIXED,
		  .num = TB_FIXED_NUM_MAX },
	};
	const struct tb_put put = { .coll = COLL,
				    .key = TB_STR("a"),
				    .body = TB_STR("1"),
				    .targets = targets,
				    .n_targets = TB_ARRAY_LEN(targets) };
	const struct tb_record *record;
	struct tb_moves moves;

	MUST(tb_view_put(w->view, &put, &record));
	MUST(tb_view_flush(w->view));
	moves = tb_view_moves(w->view);
	assert_true(move_in(&moves, w->store)->num == record->version);
	assert_true(move_in(&moves, jobs)->num == record->version);
	assert_null(move_in(&moves, central));
	assert_null(move_in(&moves, w->ids));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(a_put_keeps_the_places_that_it_says),
		T(routing_anew_leaves_alone_who_sees_a_record),
		T(a_child_goes_to_its_parents_places_alone),
		T(places_are_as_late_as_an_import_says_of_the_record),
		T(places_that_are_kept_count),
		T(a_fixed_place_is_left_for_another),
		T(what_moved_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
