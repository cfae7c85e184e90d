/*
 * Reading a collection as a whole, on each engine: each record at least once
 * wherever it is at home, in pieces of any size, whatever changes between them.
 */
#include "clinic_world.h"

#include "kernel/collection_read.h"

#define KEYS_MAX 4096
#define S1 "{\"store_ID\":\"s1\"}"
#define S2 "{\"store_ID\":\"s2\"}"

/* A reading; keys in the order in which they came, deleted ones with a minus.
 */
struct reading {
	struct centre *centre;
	const char *table;
	int64_t after_us;
	size_t looks_max;
	size_t take_max; /* records in a piece */
	struct tb_collection_place place;
	struct tb_collection_piece piece;
	struct tb_arena *arena;
	char keys[KEYS_MAX];
	size_t n_taken; /* in this piece */
	size_t n_pieces;
};

static bool take(void *ctx, const struct tb_record *record)
{
	struct reading *r = ctx;
	size_t at = strlen(r->keys);

	if (r->n_taken == r->take_max)
		return false;
	r->n_taken++;
	(void)snprintf(r->keys + at, sizeof(r->keys) - at, "%s%s%.*s",
		       at > 0 ? " " : "", record->deleted ? "-" : "",
		       TB_STR_ARG(record->key));
	return true;
}

static enum tb_err read_piece(struct reading *r)
{
	const struct tb_collection_reader reader = {
		.core = r->centre->core,
		.org = FLEET_ORG,
		.name = tb_str_z(r->table),
		.after_us = r->after_us,
		.looks_max = r->looks_max,
		.take = take,
		.ctx = r,
	};

	r->n_taken = 0;
	r->n_pieces++;
	tb_arena_reset(r->arena);
	return tb_collection_read(&reader, r->arena, &r->place, &r->piece);
}

static void reading_init(struct reading *r, struct centre *centre,
			 const char *table)
{
	*r = (struct reading) { .centre = centre,
				.table = table,
				.after_us = INT64_MIN,
				.looks_max = 1000,
				.take_max = 1000,
				.arena = tb_arena_create(1u << 20) };
	assert_non_null(r->arena);
}

static void read_on(struct reading *r)
{
	do {
		MUST(read_piece(r));
		assert_true(r->n_pieces < KEYS_MAX);
	} while (!r->piece.is_last);
}

/* The same keys come, whatever the size of pieces. */
static void assert_reads_since(struct centre *centre, const char *table,
			       int64_t after_us, const char *expected)
{
	static const size_t sizes[][2] = {
		{ 1000, 1000 }, { 1, 1000 }, { 1000, 1 }, { 3, 2 }
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(sizes); i++) {
		struct reading r;

		reading_init(&r, centre, table);
		r.after_us = after_us;
		r.looks_max = sizes[i][0];
		r.take_max = sizes[i][1];
		read_on(&r);
		assert_string_equal(r.keys, expected);
		tb_arena_destroy(r.arena);
	}
}

static void assert_reads(struct centre *centre, const char *table,
			 const char *expected)
{
	assert_reads_since(centre, table, INT64_MIN, expected);
}

static void push(struct centre *centre, uint32_t site, const char *table,
		 const char *key, const char *body)
{
	struct tb_push_item item = centre_push(
		centre, site, true, TB_PUSH_UPSERT, table, key, body);

	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

static void delete (struct centre *centre, uint32_t site, const char *table,
		    const char *key)
{
	struct tb_push_item item = centre_push(
		centre, site, true, TB_PUSH_DELETE, table, key, "{}");

	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

/* ---- without resources ---- */

static void centre_begin(struct centre *centre)
{
	centre_open(centre, memory_store());
	centre_add_site(centre, "63", true);
	centre_add_site(centre, "64", true);
	centre_add_store(centre, "s1", "63");
	centre_add_store(centre, "s2", "64");
}

static void records_are_read_wherever_they_are_at_home(void **state)
{
	struct centre centre;

	(void)state;
	centre_begin(&centre);
	push(&centre, 63, "item", "i1", "{}");
	push(&centre, 64, "item", "i2", "{}");
	push(&centre, 63, "transact", "t1", S1);
	/* Also in the other's store, where it is not at home. */
	push(&centre, 64, "transact", "t2",
	     "{\"store_ID\":\"s2\",\"other_store_ID\":\"s1\","
	     "\"status\":\"fn\"}");
	push(&centre, 63, "trans_line", "l1", "{\"transaction_ID\":\"t1\"}");
	push(&centre, 64, "trans_line", "l2", "{\"transaction_ID\":\"t2\"}");
	/* Its parent is not there yet. */
	push(&centre, 64, "trans_line", "l3", "{\"transaction_ID\":\"t3\"}");
	/* Not declared. */
	push(&centre, 63, "zebra", "z1", "{}");
	push(&centre, 64, "zebra", "z2", "{}");
	assert_reads(&centre, "item", "i1 i2");
	assert_reads(&centre, "transact", "t1 t2");
	assert_reads(&centre, "trans_line", "l3 l1 l2");
	assert_reads(&centre, "zebra", "z1 z2");
	assert_reads(&centre, "patient", "");
	centre_close(&centre);
}

static void deleted_records_are_read_as_deleted(void **state)
{
	struct centre centre;

	(void)state;
	centre_begin(&centre);
	push(&centre, 63, "item", "i1", "{}");
	push(&centre, 63, "item", "i2", "{}");
	delete (&centre, 63, "item", "i1");
	push(&centre, 63, "transact", "t1", S1);
	delete (&centre, 63, "transact", "t1");
	assert_reads(&centre, "item", "i2 -i1");
	assert_reads(&centre, "transact", "-t1");
	centre_close(&centre);
}

static void only_what_changed_since_is_read(void **state)
{
	struct centre centre;
	int64_t us;

	(void)state;
	centre_begin(&centre);
	for (int i = 0; i < 20; i++) {
		char key[] = { 'k', (char)('a' + i), '\0' };

		push(&centre, 63, "item", key, "{}");
		push(&centre, 63, "transact", key, S1);
	}
	centre.now_us += 1000000;
	us = centre.now_us;
	centre.now_us++;
	assert_reads_since(&centre, "item", us, "");
	push(&centre, 63, "item", "kb", "{\"n\":1}");
	push(&centre, 64, "transact", "new", S2);
	delete (&centre, 63, "transact", "kd");
	assert_reads_since(&centre, "item", us, "kb");
	assert_reads_since(&centre, "transact", us, "-kd new");
	assert_reads_since(&centre, "transact", centre.now_us + 1000000, "");
	centre_close(&centre);
}

static void what_moves_to_where_the_walk_has_been_is_read(void **state)
{
	struct centre centre;
	struct reading r;

	(void)state;
	centre_begin(&centre);
	push(&centre, 63, "transact", "a", S1);
	push(&centre, 64, "transact", "b", S2);
	push(&centre, 64, "transact", "c", S2);
	reading_init(&r, &centre, "transact");
	r.take_max = 1;
	MUST(read_piece(&r));
	MUST(read_piece(&r));
	assert_string_equal(r.keys, "a b");
	/* s1 is behind the walk, s2 is where it is. */
	assert_int_equal(centre_push(&centre, TB_ORIGIN_CENTRE, true,
				     TB_PUSH_UPSERT, "transact", "c", S1)
				 .outcome,
			 TB_PUSH_ACCEPTED);
	read_on(&r);
	assert_string_equal(r.keys, "a b c");
	tb_arena_destroy(r.arena);
	centre_close(&centre);
}

static void what_changes_meanwhile_is_read_again(void **state)
{
	struct centre centre;
	struct reading r;

	(void)state;
	centre_begin(&centre);
	push(&centre, 63, "item", "a", "{}");
	push(&centre, 63, "item", "b", "{}");
	reading_init(&r, &centre, "item");
	r.take_max = 1;
	MUST(read_piece(&r));
	push(&centre, 63, "item", "a", "{\"n\":1}");
	push(&centre, 63, "item", "b", "{\"n\":1}");
	read_on(&r);
	assert_string_equal(r.keys, "a a b");
	assert_true(r.piece.end == r.place.after);
	tb_arena_destroy(r.arena);
	centre_close(&centre);
}

static void a_collection_that_never_was_is_told(void **state)
{
	struct centre centre;
	struct reading r;

	(void)state;
	centre_begin(&centre);
	reading_init(&r, &centre, "never");
	assert_int_equal(read_piece(&r), TB_ERR_NOT_FOUND);
	tb_arena_destroy(r.arena);
	centre_close(&centre);
}

/* ---- resources ---- */

static void resources_are_read_from_the_feed_of_all_on(struct clinic_world *w)
{
	static const char body[] = "{\"store_id\":\"s1\",\"village\":\"v\"}";

	assert_reads(&w->centre, "patients", "");
	clinic_put(w, "patients", "a", body);
	clinic_put(w, "doctors", "d", "{}");
	clinic_put(w, "patients", "b", body);
	clinic_put(w, "patients", "c", body);
	clinic_delete(w, "patients", "b");
	assert_reads(&w->centre, "patients", "a c -b");
	assert_reads(&w->centre, "doctors", "d");
	assert_reads(&w->centre, "appointments", "");
}
CLINIC_TEST(resources_are_read_from_the_feed_of_all)

static void every_call_of_the_store_may_fail_on(struct clinic_world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY, .err = TB_ERR_IO };
	struct reading r;
	enum tb_err err;

	clinic_put(w, "patients", "a", "{\"store_id\":\"s1\"}");
	push(&w->centre, 63, "zebra", "z", "{}");
	for (int i = 0; i < 2; i++) {
		plan.first = 0;
		do {
			reading_init(&r, &w->centre, i ? "zebra" : "patients");
			r.after_us = 0;
			plan.first++;
			plan.last = plan.first;
			tb_fail_set_plan(w->centre.store, &plan);
			err = read_piece(&r);
			tb_fail_set_plan(w->centre.store, NULL);
			assert_true(err == TB_OK || err == TB_ERR_IO);
			/* Nothing moved, and it goes well the next time. */
			if (err != TB_OK) {
				assert_true(r.place.scope == 0);
				r.keys[0] = '\0';
				read_on(&r);
			}
			assert_string_equal(r.keys, i ? "z" : "a");
			tb_arena_destroy(r.arena);
		} while (err != TB_OK);
		assert_true(plan.first > 5);
	}
}
CLINIC_TEST(every_call_of_the_store_may_fail)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_wherever_they_are_at_home),
		cmocka_unit_test(deleted_records_are_read_as_deleted),
		cmocka_unit_test(only_what_changed_since_is_read),
		cmocka_unit_test(what_moves_to_where_the_walk_has_been_is_read),
		cmocka_unit_test(what_changes_meanwhile_is_read_again),
		cmocka_unit_test(a_collection_that_never_was_is_told),
		cmocka_unit_test(resources_are_read_from_the_feed_of_all),
		cmocka_unit_test(every_call_of_the_store_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
