/*
 * Who sees what: scopes of viewers, records by their ids, when something came
 * into sight, and where a reader stands who knows a time, on each engine.
 */
#include "clinic_world.h"

#define BODY "{\"store_id\":\"s1\"}"
#define APPOINTMENT(patient, doctor)                                           \
	"{\"patient_id\":\"" patient "\",\"doctor_id\":\"" doctor "\"}"

static struct tb_sight resolve(struct clinic_world *w, struct tb_viewer *viewer,
			       enum clinic_collection c)
{
	struct look look;
	struct tb_sight sight;

	viewer->org = FLEET_ORG;
	look_begin(&look, &w->centre);
	sight = look_sight(&look, &w->clinic.collections[c], viewer);
	look_end(&look);
	return sight;
}

static struct tb_sight sight_of(struct clinic_world *w, const char *role,
				const char *profile, enum clinic_collection c)
{
	struct tb_str roles[] = { tb_str_z(role) };
	struct tb_viewer viewer = { .roles = roles,
				    .n_roles = 1,
				    .profile = tb_str_z(profile) };

	return resolve(w, &viewer, c);
}

static uint64_t scope_of(struct clinic_world *w, const char *name)
{
	struct look look;
	uint64_t scope;

	look_begin(&look, &w->centre);
	scope = look_scope(&look, name);
	look_end(&look);
	return scope;
}

/* ---- viewers ---- */

static void nothing_yet_on(struct clinic_world *w)
{
	struct tb_sight sight = sight_of(w, "staff", "", CLINIC_PATIENTS);

	assert_true(sight.sees_all);
	assert_int_equal(sight.n, 0);
	assert_false(sight.is_settled);
	sight = sight_of(w, "doctor", "1", CLINIC_PATIENTS);
	assert_int_equal(sight.n, 0);
	assert_false(sight.is_settled);
	/* Nobody's. */
	sight = sight_of(w, "cook", "1", CLINIC_PATIENTS);
	assert_int_equal(sight.n, 0);
	assert_true(sight.is_settled);
	clinic_put(w, "patients", "p1", BODY);
	sight = sight_of(w, "staff", "", CLINIC_PATIENTS);
	assert_int_equal(sight.n, 1);
	assert_true(sight.is_settled);
	assert_true(sight.scopes[0] == scope_of(w, "all/patients"));
}
CLINIC_TEST(nothing_yet)

static void roles_add_up_on(struct clinic_world *w)
{
	struct tb_str roles[] = { TB_STR("patient"), TB_STR("doctor"),
				  TB_STR("staff") };
	struct tb_viewer viewer = { .roles = roles, .profile = TB_STR("1") };
	struct tb_sight sight;

	clinic_put(w, "doctors", "d1", "{}");
	clinic_put(w, "patients", "p1", BODY);
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	viewer.n_roles = 1;
	sight = resolve(w, &viewer, CLINIC_APPOINTMENTS);
	assert_int_equal(sight.n, 1);
	assert_true(sight.scopes[0] ==
		    scope_of(w, "by/appointments/patient_id/p1"));
	viewer.n_roles = 2;
	sight = resolve(w, &viewer, CLINIC_APPOINTMENTS);
	assert_int_equal(sight.n, 2);
	assert_true(sight.is_settled);
	assert_false(sight.sees_all);
	viewer.n_roles = 3;
	sight = resolve(w, &viewer, CLINIC_APPOINTMENTS);
	assert_int_equal(sight.n, 1);
	assert_true(sight.sees_all);
	viewer.n_roles = 0;
	assert_int_equal(resolve(w, &viewer, CLINIC_APPOINTMENTS).n, 0);
	viewer.is_admin = true;
	assert_true(resolve(w, &viewer, CLINIC_APPOINTMENTS).sees_all);
}
CLINIC_TEST(roles_add_up)

static void profiles_on(struct clinic_world *w)
{
	clinic_put(w, "doctors", "d1", "{}");
	clinic_put(w, "patients", "p1", BODY);
	/* A body that has the integer where it should have the key. */
	clinic_put(w, "appointments", "a1",
		   "{\"patient_id\":\"p1\",\"doctor_id\":1}");
	assert_false(clinic_sees(w, "doctor", "1", CLINIC_APPOINTMENTS, "a1"));
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	assert_true(clinic_sees(w, "doctor", "1", CLINIC_APPOINTMENTS, "a1"));
	assert_true(clinic_sees(w, "doctor", "1", CLINIC_DOCTORS, "d1"));
	assert_true(clinic_sees(w, "patient", "1", CLINIC_PATIENTS, "p1"));
	assert_true(clinic_sees(w, "patient", "1", CLINIC_DOCTORS, "d1"));
	assert_false(clinic_sees(w, "doctor", "2", CLINIC_PATIENTS, "p1"));
	assert_false(clinic_sees(w, "doctor", "", CLINIC_PATIENTS, "p1"));
	/* A profile whose record was deleted is the same still. */
	clinic_delete(w, "doctors", "d1");
	assert_true(clinic_sees(w, "doctor", "1", CLINIC_APPOINTMENTS, "a1"));
	assert_false(clinic_sees(w, "doctor", "1", CLINIC_DOCTORS, "d1"));
}
CLINIC_TEST(profiles)

static void narrow_on(struct clinic_world *w)
{
	struct tb_sight sight;
	struct look look;

	clinic_put(w, "patients", "p1",
		   "{\"store_id\":\"s1\",\"village\":\"v/1\"}");
	look_begin(&look, &w->centre);
	sight = (struct tb_sight) {
		.collection = &w->clinic.collections[CLINIC_PATIENTS],
		.is_settled = true,
	};
	MUST(tb_sight_narrow(w->centre.core, look.tx, look.arena, FLEET_ORG,
			     &sight, TB_STR("village"), TB_STR("v/1")));
	assert_int_equal(sight.n, 1);
	assert_false(sight.sees_all);
	assert_true(sight.scopes[0] ==
		    look_scope(&look, "by/patients/village/v/1"));
	assert_true(sight.is_settled);
	MUST(tb_sight_narrow(w->centre.core, look.tx, look.arena, FLEET_ORG,
			     &sight, TB_STR("village"), TB_STR("v/2")));
	assert_int_equal(sight.n, 0);
	assert_false(sight.is_settled);
	look_end(&look);
}
CLINIC_TEST(narrow)

/* ---- ids ---- */

static enum tb_err find(struct clinic_world *w, enum clinic_collection c,
			const char *id, const char *key)
{
	struct tb_record *record;
	struct look look;
	enum tb_err err;

	look_begin(&look, &w->centre);
	err = tb_sight_find(w->centre.core, look.tx, look.arena, FLEET_ORG,
			    &w->clinic.collections[c], tb_str_z(id), &record);
	if (err == TB_OK) {
		assert_true(tb_str_eq(record->key, tb_str_z(key)));
		assert_true(record->n_entries > 0);
	}
	look_end(&look);
	return err;
}

static void finding_on(struct clinic_world *w)
{
	static const char *const none[] = { "0",
					    "2",
					    "01",
					    "+1",
					    "-1",
					    "1.0",
					    " 1",
					    "p1",
					    "",
					    "9223372036854775806",
					    "18446744073709551617" };

	assert_int_equal(find(w, CLINIC_PATIENTS, "1", ""), TB_ERR_NOT_FOUND);
	assert_int_equal(find(w, CLINIC_NOTES, "n1", ""), TB_ERR_NOT_FOUND);
	clinic_put(w, "patients", "p1", BODY);
	clinic_put(w, "notes", "1", BODY);
	MUST(find(w, CLINIC_PATIENTS, "1", "p1"));
	MUST(find(w, CLINIC_NOTES, "1", "1"));
	for (size_t i = 0; i < TB_ARRAY_LEN(none); i++) {
		assert_int_equal(find(w, CLINIC_PATIENTS, none[i], ""),
				 TB_ERR_NOT_FOUND);
		assert_int_equal(find(w, CLINIC_NOTES, none[i], ""),
				 TB_ERR_NOT_FOUND);
	}
	clinic_delete(w, "patients", "p1");
	MUST(find(w, CLINIC_PATIENTS, "1", "p1"));
}
CLINIC_TEST(finding)

static void what_is_an_id(void **unused)
{
	uint64_t id = 0;

	(void)unused;
	assert_true(tb_sight_is_id(TB_STR("1"), &id));
	assert_true(tb_sight_is_id(TB_STR("9223372036854775806"), &id));
	assert_true(id == TB_FIXED_NUM_MAX);
	assert_false(tb_sight_is_id(TB_STR("9223372036854775807"), &id));
	assert_false(tb_sight_is_id(TB_STR("1\0"), &id));
	assert_false(tb_sight_is_id(TB_STR_NONE, &id));
}

/* ---- times ---- */

static struct tb_seen seen_by(struct clinic_world *w, const char *role,
			      const char *profile, const char *key)
{
	struct tb_sight sight = sight_of(w, role, profile, CLINIC_PATIENTS);
	struct tb_seen seen = { .num = 0 };

	assert_true(
		tb_sight_of(&sight, clinic_record(w, "patients", key), &seen));
	return seen;
}

static void in_sight_later_on(struct clinic_world *w)
{
	const struct tb_record *record;
	struct tb_sight nobody = { .n = 0 };
	struct tb_seen seen;
	int64_t later;

	clinic_put(w, "doctors", "d1", "{}");
	clinic_put(w, "patients", "p1", BODY);
	record = clinic_record(w, "patients", "p1");
	w->centre.now_us += 5000000;
	later = w->centre.now_us;
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	seen = seen_by(w, "doctor", "1", "p1");
	assert_true(seen.is_present);
	assert_true(seen.time_us >= later);
	assert_true(seen.num > record->version);
	seen = seen_by(w, "staff", "", "p1");
	assert_int_equal(seen.time_us, record->updated_us);
	assert_true(seen.num == record->version);
	w->centre.now_us += 5000000;
	clinic_delete(w, "appointments", "a1");
	seen = seen_by(w, "doctor", "1", "p1");
	assert_false(seen.is_present);
	assert_true(seen.time_us >= w->centre.now_us);
	assert_false(tb_sight_of(&nobody, record, &seen));
}
CLINIC_TEST(in_sight_later)

static uint64_t since(struct clinic_world *w, int64_t after_us)
{
	struct tb_imported imported;
	struct look look;
	uint64_t num;

	look_begin(&look, &w->centre);
	MUST(tb_sight_imported(look.tx, look.arena, FLEET_ORG, &imported));
	MUST(tb_sight_since(look.tx, &imported,
			    look_scope(&look, "all/patients"), after_us,
			    look.org.head, &num));
	look_end(&look);
	return num;
}

static void import(struct clinic_world *w, const char *key, int64_t updated_us)
{
	struct tb_push_item item = { .table = TB_STR("patients"),
				     .id = tb_str_z(key),
				     .data = TB_STR(BODY),
				     .record = TB_STR(BODY),
				     .updated_us = updated_us };
	struct tb_push push = { .site_id = TB_ORIGIN_CENTRE,
				.keep_times = true,
				.may_edit_central = true,
				.items = &item,
				.n_items = 1,
				.arena = w->arena };

	push.commit.note =
		(struct tb_audit_note) { .principal = TB_STR("test") };
	MUST(tb_push_prepare(&push, &w->clinic.declaration, FLEET_ORG));
	MUST(tb_core_commit(w->centre.core, &push.commit));
	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

static void untimed_imports_on(struct clinic_world *w)
{
	const struct tb_record *first;

	/* Their times are those of the commits, in their order. */
	import(w, "p1", 0);
	import(w, "p2", 0);
	first = clinic_record(w, "patients", "p1");
	assert_true(since(w, first->updated_us) >= first->version);
	assert_true(since(w, first->updated_us) <
		    clinic_record(w, "patients", "p2")->version);
}
CLINIC_TEST(untimed_imports)

static void since_times_on(struct clinic_world *w)
{
	const struct tb_record *first, *second;

	/* Out of order, as imports are. */
	import(w, "p1", 3000000);
	import(w, "p2", 2000000);
	assert_int_equal(since(w, 1000000), 0);
	assert_int_equal(since(w, 2500000), 0);
	clinic_put(w, "patients", "p3", BODY);
	w->centre.now_us += 1000000;
	clinic_put(w, "patients", "p4", BODY);
	first = clinic_record(w, "patients", "p3");
	second = clinic_record(w, "patients", "p4");
	assert_int_equal(since(w, 2500000), 0);
	/* All that was imported is before the first own change. */
	assert_true(since(w, first->updated_us - 1) < first->version);
	assert_true(since(w, first->updated_us - 1) >=
		    clinic_record(w, "patients", "p2")->version);
	assert_true(since(w, first->updated_us) >= first->version);
	assert_true(since(w, first->updated_us) < second->version);
	assert_true(since(w, second->updated_us) >= second->version);
}
CLINIC_TEST(since_times)

/* ---- failures ---- */

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_str roles[] = { TB_STR("doctor") };
	struct tb_viewer viewer = { .org = FLEET_ORG,
				    .roles = roles,
				    .n_roles = 1,
				    .profile = TB_STR("1") };
	struct tb_sight sight = { .n = 77 };
	struct clinic_world w;
	struct look look;
	enum tb_err err;

	clinic_world_init(&w, ops);
	clinic_put(&w, "doctors", "d1", "{}");
	clinic_put(&w, "patients", "p1", BODY);
	clinic_put(&w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	centre_declare(&w.centre, &w.clinic.declaration);
	look_begin(&look, &w.centre);
	if (store_call > 0)
		tb_fail_set_plan(w.centre.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = tb_sight_resolve(w.centre.core, look.tx, look.arena,
			       &w.clinic.collections[CLINIC_PATIENTS], &viewer,
			       &sight);
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.centre.store, NULL);
	if (err != TB_OK) {
		assert_int_equal(err, store_call > 0 ? TB_ERR_CORRUPT
						     : TB_ERR_NOMEM);
		assert_int_equal(sight.n, 77);
	}
	look_end(&look);
	assert_true(clinic_sees(&w, "doctor", "1", CLINIC_PATIENTS, "p1"));
	clinic_world_fini(&w);
	return err != TB_OK;
}

static void store_calls_fail(void **unused)
{
	(void)unused;
	world_fail_each_store_call(fail_once);
}

static void allocations_fail(void **unused)
{
	(void)unused;
	world_fail_each_allocation(fail_once);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_yet),
		cmocka_unit_test(roles_add_up),
		cmocka_unit_test(profiles),
		cmocka_unit_test(narrow),
		cmocka_unit_test(finding),
		cmocka_unit_test(what_is_an_id),
		cmocka_unit_test(in_sight_later),
		cmocka_unit_test(untimed_imports),
		cmocka_unit_test(since_times),
		cmocka_unit_test(store_calls_fail),
		cmocka_unit_test(allocations_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
