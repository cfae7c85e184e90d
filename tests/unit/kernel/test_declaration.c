/*
 * What follows from a declaration: which fields are listed by value, whom
 * records let see others, and who leads to whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "clinic.h"

static struct tb_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = tb_arena_create((size_t)1 << 20);
	return arena != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static void expect_name(struct tb_str is, const char *should)
{
	assert_true(tb_str_eq(is, tb_str_z(should)));
}

static void fields_of_rules_and_filters_are_indexed_once(void **unused)
{
	struct clinic clinic;
	const struct tb_collection *patients =
		&clinic.collections[CLINIC_PATIENTS];
	const struct tb_collection *appointments =
		&clinic.collections[CLINIC_APPOINTMENTS];
	static const struct tb_filter filters[] = {
		{ .field = TB_STR_INIT("doctor_id") },
		{ .field = TB_STR_INIT("status") },
	};

	(void)unused;
	clinic_init(&clinic);
	clinic.collections[CLINIC_APPOINTMENTS].filters = filters;
	clinic.collections[CLINIC_APPOINTMENTS].n_filters = 2;
	clinic_finish(&clinic, arena);
	assert_int_equal(patients->n_indexed, 2);
	expect_name(patients->indexed[0], "id");
	expect_name(patients->indexed[1], "village");
	assert_int_equal(appointments->n_indexed, 3);
	expect_name(appointments->indexed[0], "doctor_id");
	expect_name(appointments->indexed[1], "patient_id");
	expect_name(appointments->indexed[2], "status");
	/* Once more is the same. */
	clinic_finish(&clinic, arena);
	assert_int_equal(appointments->n_indexed, 3);
	assert_int_equal(appointments->n_derivations, 2);
	assert_int_equal(appointments->n_references, 3);
}

static void rules_are_known_to_those_they_go_through(void **unused)
{
	struct clinic clinic;
	const struct tb_collection *c = clinic.collections;
	struct tb_sight_rule rules[5];

	(void)unused;
	clinic_init(&clinic);
	/* Two roles, one rule. */
	for (size_t i = 0; i < 4; i++)
		rules[i] = c[CLINIC_PATIENTS].rules[i];
	rules[4] = rules[2];
	rules[4].role = TB_STR("nurse");
	clinic.collections[CLINIC_PATIENTS].rules = rules;
	clinic.collections[CLINIC_PATIENTS].n_rules = 5;
	clinic_finish(&clinic, arena);
	assert_int_equal(c[CLINIC_APPOINTMENTS].n_derivations, 2);
	assert_ptr_equal(c[CLINIC_APPOINTMENTS].derivations[0].to,
			 &c[CLINIC_DOCTORS]);
	expect_name(c[CLINIC_APPOINTMENTS].derivations[1].reference,
		    "patient_id");
	expect_name(c[CLINIC_APPOINTMENTS].derivations[1].field, "doctor_id");
	assert_int_equal(c[CLINIC_NOTES].n_derivations, 1);
	assert_int_equal(c[CLINIC_PATIENTS].n_derivations, 0);
	assert_true(c[CLINIC_PATIENTS].is_derived);
	assert_true(c[CLINIC_DOCTORS].is_derived);
	assert_false(c[CLINIC_NOTES].is_derived);
}

static void references_are_marked_at_both_ends(void **unused)
{
	struct clinic clinic;
	const struct tb_collection *c = clinic.collections;

	(void)unused;
	clinic_init(&clinic);
	clinic_finish(&clinic, arena);
	assert_true(c[CLINIC_PATIENTS].is_parent);
	assert_false(c[CLINIC_DOCTORS].is_parent);
	assert_true(c[CLINIC_PATIENTS].is_shown);
	assert_true(c[CLINIC_DOCTORS].is_shown);
	assert_false(c[CLINIC_APPOINTMENTS].is_shown);
	assert_int_equal(c[CLINIC_PATIENTS].n_shown, 1);
	expect_name(c[CLINIC_PATIENTS].shown[0], "name");
	assert_int_equal(c[CLINIC_NOTES].n_references, 2);
	assert_int_equal(c[CLINIC_NOTES].n_shown, 0);
}

static void too_many_fields_are_refused(void **unused)
{
	static char texts[TB_INDEXED_MAX + 1][8];
	struct tb_filter filters[TB_INDEXED_MAX + 1];
	struct clinic clinic;

	(void)unused;
	for (size_t i = 0; i < TB_ARRAY_LEN(filters); i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "f%zu", i);
		filters[i] = (struct tb_filter) { .field = tb_str_z(texts[i]) };
	}
	clinic_init(&clinic);
	clinic.collections[CLINIC_DOCTORS].rules = NULL;
	clinic.collections[CLINIC_DOCTORS].n_rules = 0;
	clinic.collections[CLINIC_DOCTORS].filters = filters;
	clinic.collections[CLINIC_DOCTORS].n_filters = TB_INDEXED_MAX;
	clinic_finish(&clinic, arena);
	clinic.collections[CLINIC_DOCTORS].n_filters = TB_INDEXED_MAX + 1;
	assert_int_equal(tb_declaration_finish(arena, clinic.collections,
					       CLINIC_COLLECTIONS),
			 TB_ERR_TOO_LARGE);
}

static void too_many_shown_members_are_refused(void **unused)
{
	static char texts[TB_SHOWN_MAX + 1][8];
	struct tb_field fields[TB_SHOWN_MAX + 2];
	struct clinic clinic;
	struct tb_collection *notes = &clinic.collections[CLINIC_NOTES];

	(void)unused;
	clinic_init(&clinic);
	fields[0] = notes->fields[0];
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "f%zu", i);
		fields[i + 1] = (struct tb_field) {
			.name = tb_str_z(texts[i]),
			.from = TB_STR("about"),
			.show = tb_str_z(texts[i]),
		};
	}
	notes->fields = fields;
	/* `name` is shown by appointments. */
	notes->n_fields = TB_SHOWN_MAX;
	clinic_finish(&clinic, arena);
	notes->n_fields = TB_SHOWN_MAX + 1;
	assert_int_equal(tb_declaration_finish(arena, clinic.collections,
					       CLINIC_COLLECTIONS),
			 TB_ERR_TOO_LARGE);
}

static void without_memory_it_says_so(void **unused)
{
	struct clinic clinic;
	enum tb_err err = TB_ERR_NOMEM;
	uint64_t n = 0;

	(void)unused;
	clinic_init(&clinic);
	while (err == TB_ERR_NOMEM) {
		struct tb_arena *own = tb_arena_create(1u << 20);

		assert_non_null(own);
		tb_alloc_fail_at(++n);
		err = tb_declaration_finish(own, clinic.collections,
					    CLINIC_COLLECTIONS);
		tb_alloc_fail_at(0);
		tb_arena_destroy(own);
	}
	assert_int_equal(err, TB_OK);
	assert_true(n > 1);
}

static void roles_meet(void **unused)
{
	const struct tb_str list[] = { TB_STR("staff"), TB_STR("doctor") };
	const struct tb_str any[] = { TB_ROLE_ANY };
	const struct tb_str own[] = { TB_STR("doctors"), TB_STR("doctor") };

	(void)unused;
	assert_true(tb_roles_meet(list, 2, own, 2));
	assert_false(tb_roles_meet(list, 2, own, 1));
	assert_true(tb_roles_meet(any, 1, NULL, 0));
	assert_false(tb_roles_meet(list, 2, any, 1));
	assert_false(tb_roles_meet(NULL, 0, own, 2));
}

static void collections_are_found_by_name_and_path(void **unused)
{
	struct clinic clinic;
	const struct tb_declaration *d = &clinic.declaration;
	const struct tb_collection *c = clinic.collections;

	(void)unused;
	clinic_init(&clinic);
	clinic.collections[CLINIC_NOTES].name = TB_STR("my_notes");
	clinic.collections[CLINIC_NOTES].path = TB_STR("my-notes");
	clinic.collections[CLINIC_DOCTORS].path = TB_STR_NONE;
	assert_ptr_equal(tb_declaration_find(d, TB_STR("my_notes")),
			 &c[CLINIC_NOTES]);
	assert_null(tb_declaration_find(d, TB_STR("my-notes")));
	assert_ptr_equal(tb_declaration_find_path(d, TB_STR("my-notes")),
			 &c[CLINIC_NOTES]);
	assert_null(tb_declaration_find_path(d, TB_STR("doctors")));
	assert_null(tb_declaration_find_path(d, TB_STR("")));
	assert_ptr_equal(
		tb_field_target(d, &c[CLINIC_APPOINTMENTS], TB_STR("payer_id")),
		&c[CLINIC_PATIENTS]);
	assert_null(
		tb_field_target(d, &c[CLINIC_APPOINTMENTS], TB_STR("status")));
	assert_null(
		tb_field_target(d, &c[CLINIC_APPOINTMENTS], TB_STR("nothing")));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(fields_of_rules_and_filters_are_indexed_once),
		T(rules_are_known_to_those_they_go_through),
		T(references_are_marked_at_both_ends),
		T(too_many_fields_are_refused),
		T(too_many_shown_members_are_refused),
		T(without_memory_it_says_so),
		T(roles_meet),
		T(collections_are_found_by_name_and_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
