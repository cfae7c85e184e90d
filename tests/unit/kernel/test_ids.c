/*
 * Integer ids, on each engine: who gives them, what keeps them, and that none
 * is given twice; in and out of exports, too.
 */
#include "clinic_world.h"

#include "kernel/retention.h"
#include "kernel/transfer.h"

#define BODY "{\"store_id\":\"s1\"}"

/* A line of an import, or what a site sends. */
static struct tb_push_item item(const char *key, uint64_t number)
{
	return (struct tb_push_item) { .table = TB_STR("patients"),
				       .id = tb_str_z(key),
				       .data = TB_STR(BODY),
				       .record = TB_STR(BODY),
				       .number = number };
}

static void import_one(struct clinic_world *w, struct tb_push_item line,
		       enum tb_push_outcome outcome)
{
	MUST(centre_try_push(&w->centre, TB_ORIGIN_CENTRE, true, &line, 1));
	assert_int_equal(line.outcome, outcome);
	if (outcome == TB_PUSH_REJECTED)
		assert_string_equal(line.code, TB_PUSH_CODE_ID);
}

static void import(struct clinic_world *w, const char *key, uint64_t number)
{
	import_one(w, item(key, number), TB_PUSH_ACCEPTED);
}

static void expect_id(struct clinic_world *w, const char *key, uint64_t id)
{
	assert_true(clinic_id(w, "patients", key) == id);
}

/* ---- who gives them ---- */

static void kept_on(struct clinic_world *w)
{
	clinic_put(w, "patients", "a", BODY);
	clinic_put(w, "patients", "b", BODY);
	clinic_delete(w, "patients", "a");
	expect_id(w, "a", 1);
	assert_int_equal(clinic_entry(w, "patients", "a", "id/patients")->flags,
			 TB_ENTRY_FIXED);
	clinic_put(w, "patients", "a", BODY);
	expect_id(w, "a", 1);
	expect_id(w, "b", 2);
	clinic_put(w, "patients", "c", BODY);
	expect_id(w, "c", 3);
	clinic_check(w);
}
CLINIC_TEST(kept)

static void not_a_sites_to_give_on(struct clinic_world *w)
{
	static const char *const keys[] = { "1", "9223372036854775806" };
	static const char *const others[] = { "01", "+1", "1 ", "0",
					      "9223372036854775807" };

	for (size_t i = 0; i < TB_ARRAY_LEN(keys); i++) {
		struct tb_push_item line =
			centre_push(&w->centre, 63, true, TB_PUSH_UPSERT,
				    "patients", keys[i], BODY);

		assert_int_equal(line.outcome, TB_PUSH_REJECTED);
		assert_string_equal(line.code, TB_PUSH_CODE_ID);
		assert_null(clinic_record(w, "patients", keys[i]));
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(others); i++) {
		clinic_put(w, "patients", others[i], BODY);
		expect_id(w, others[i], i + 1);
	}
	/* What the centre made is the site's to change and to delete. */
	import(w, "70", 0);
	clinic_put(w, "patients", "70", "{\"store_id\":\"s1\",\"name\":\"x\"}");
	clinic_delete(w, "patients", "70");
	clinic_put(w, "patients", "70", BODY);
	expect_id(w, "70", 70);
	/* Other collections take any key. */
	clinic_put(w, "notes", "1", BODY);
}
CLINIC_TEST(not_a_sites_to_give)

static void imports_in_any_order_on(struct clinic_world *w)
{
	import(w, "7", 0);
	import(w, "3", 0);
	import(w, "x", 0);
	import(w, "5", 0);
	import(w, "y", 6);
	import(w, "z", 20);
	import(w, "w", 0);
	expect_id(w, "7", 7);
	expect_id(w, "3", 3);
	expect_id(w, "x", 8);
	expect_id(w, "5", 5);
	expect_id(w, "y", 6);
	expect_id(w, "z", 20);
	expect_id(w, "w", 21);
	clinic_check(w);
}
CLINIC_TEST(imports_in_any_order)

static void taken_on(struct clinic_world *w)
{
	struct tb_push_item lines[] = { item("a", 5), item("b", 5),
					item("5", 0), item("c", 4),
					item("d", 0) };

	MUST(centre_try_push(&w->centre, TB_ORIGIN_CENTRE, true, lines,
			     TB_ARRAY_LEN(lines)));
	assert_int_equal(lines[1].outcome, TB_PUSH_REJECTED);
	assert_int_equal(lines[2].outcome, TB_PUSH_REJECTED);
	assert_null(clinic_record(w, "patients", "b"));
	assert_null(clinic_record(w, "patients", "5"));
	expect_id(w, "a", 5);
	expect_id(w, "c", 4);
	expect_id(w, "d", 6);
	/* A record's id never changes. */
	import_one(w, item("a", 9), TB_PUSH_UNCHANGED);
	expect_id(w, "a", 5);
	clinic_check(w);
}
CLINIC_TEST(taken)

static void none_left_on(struct clinic_world *w)
{
	struct tb_push_item lines[] = { item("a", 0), item("b", 7) };

	import(w, "9223372036854775806", 0);
	MUST(centre_try_push(&w->centre, 63, true, lines, TB_ARRAY_LEN(lines)));
	assert_int_equal(lines[0].outcome, TB_PUSH_REJECTED);
	assert_string_equal(lines[0].code, TB_PUSH_CODE_ID);
	assert_int_equal(lines[1].outcome, TB_PUSH_ACCEPTED);
}
CLINIC_TEST(none_left)

/* ---- that none is given twice ---- */

/* Deletes the patient `b`, who leaves no trace by which somebody could tell. */
static void drop_b(struct clinic_world *w)
{
	static const struct tb_retention_ages at_once = { .absence_us = 0 };
	static struct page page;
	uint64_t after = 0;
	size_t dropped = 0;

	/* The last entry of a feed stays: there is one, and another's. */
	w->clinic.collections[CLINIC_PATIENTS].n_rules = 1;
	w->clinic.collections[CLINIC_PATIENTS].n_filters = 0;
	clinic_finish(&w->clinic, w->arena);
	centre_declare(&w->centre, &w->clinic.declaration);
	clinic_put(w, "patients", "a", BODY);
	clinic_put(w, "patients", "b", BODY);
	clinic_delete(w, "patients", "b");
	clinic_put(w, "patients", "a", "{\"store_id\":\"s1\",\"name\":\"x\"}");
	w->centre.now_us += 10000000;
	centre_pull(&w->centre, 63, 500, &page);
	for (size_t i = 0; i < page.n; i++)
		(void)centre_ack_sequence(&w->centre, 63,
					  page.rows[i].sequence);
	MUST(tb_retention_run(w->centre.core, FLEET_ORG, &at_once, &after,
			      &dropped));
	assert_true(dropped > 0);
}

static void dropped_on(struct clinic_world *w)
{
	drop_b(w);
	assert_null(clinic_record(w, "patients", "b"));
	clinic_put(w, "patients", "b", BODY);
	expect_id(w, "b", 3);
	import_one(w, item("2", 0), TB_PUSH_REJECTED);
	import_one(w, item("x", 2), TB_PUSH_REJECTED);
	import(w, "4", 0);
	clinic_check(w);
}
CLINIC_TEST(dropped)

/* ---- exports ---- */

struct lines {
	struct tb_arena *arena;
	struct tb_push_item list[16];
	size_t n;
};

static enum tb_err take(void *ctx, const struct tb_export_row *row)
{
	struct lines *lines = ctx;
	struct tb_push_item *line = &lines->list[lines->n++];

	assert_true(lines->n <= TB_ARRAY_LEN(lines->list));
	*line = (struct tb_push_item) { .number = row->number };
	if (row->deleted)
		line->action = TB_PUSH_DELETE;
	MUST(tb_arena_strdup(lines->arena, row->table, &line->table));
	MUST(tb_arena_strdup(lines->arena, row->id, &line->id));
	MUST(tb_arena_strdup(lines->arena, row->data, &line->data));
	line->record = line->data;
	return TB_OK;
}

static void export(struct clinic_world *w, struct lines *lines)
{
	*lines = (struct lines) { .arena = w->arena };
	MUST(tb_transfer_export(w->centre.core, FLEET_ORG, take, lines));
}

static void fill(struct clinic_world *w)
{
	clinic_put(w, "doctors", "d1", "{\"name\":\"One\"}");
	clinic_put(w, "patients", "gone", BODY);
	clinic_put(w, "patients", "p", BODY);
	clinic_put(w, "appointments", "a1",
		   "{\"patient_id\":\"p\",\"doctor_id\":\"d1\"}");
	clinic_put(w, "appointments", "waits", "{\"patient_id\":\"q\"}");
	clinic_put(w, "notes", "n", BODY);
	import(w, "9", 0);
	clinic_put(w, "patients", "last", BODY);
	clinic_delete(w, "patients", "last");
	clinic_delete(w, "patients", "gone");
}

/* The last id's record is there no more, not even as a trace. */
static void next_ids_on(struct clinic_world *w)
{
	struct clinic_world other;
	struct tb_next_id *list;
	size_t n;

	drop_b(w);
	MUST(tb_transfer_next_ids(w->centre.core, w->arena, FLEET_ORG, &list,
				  &n));
	assert_int_equal(n, 1);
	assert_true(tb_str_eq(list[0].table, TB_STR("patients")));
	assert_true(list[0].id == 3);
	clinic_world_init(&other, &tb_store_memory);
	MUST(tb_transfer_raise_ids(other.centre.core, FLEET_ORG, list, n));
	import(&other, "a", 1);
	clinic_put(&other, "patients", "c", BODY);
	expect_id(&other, "c", 3);
	/* Never back; and what is not declared is left out. */
	list[0].id = 2;
	MUST(tb_transfer_raise_ids(other.centre.core, FLEET_ORG, list, n));
	list[0].table = TB_STR("notes");
	MUST(tb_transfer_raise_ids(other.centre.core, FLEET_ORG, list, n));
	clinic_put(&other, "patients", "d", BODY);
	expect_id(&other, "d", 4);
	clinic_world_fini(&other);
}
CLINIC_TEST(next_ids)

static void round_trip_on(struct clinic_world *w)
{
	struct clinic_world other;
	struct lines lines;

	fill(w);
	export(w, &lines);
	assert_int_equal(lines.n, 8);
	clinic_world_init(&other, w->folder[0] != '\0' ? &tb_store_sqlite
						       : &tb_store_memory);
	MUST(centre_try_push(&other.centre, TB_ORIGIN_CENTRE, true, lines.list,
			     lines.n));
	for (size_t i = 0; i < lines.n; i++)
		assert_int_not_equal(lines.list[i].outcome, TB_PUSH_REJECTED);
	expect_id(&other, "p", 2);
	expect_id(&other, "9", 9);
	assert_true(clinic_id(&other, "doctors", "d1") == 1);
	assert_true(clinic_id(&other, "appointments", "waits") == 2);
	assert_true(clinic_sees(&other, "doctor", "1", CLINIC_PATIENTS, "p"));
	clinic_put(&other, "patients", "new", BODY);
	expect_id(&other, "new", 11);
	clinic_check(&other);
	clinic_world_fini(&other);
}
CLINIC_TEST(round_trip)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(not_a_sites_to_give),
		cmocka_unit_test(imports_in_any_order),
		cmocka_unit_test(taken),
		cmocka_unit_test(none_left),
		cmocka_unit_test(dropped),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(next_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
