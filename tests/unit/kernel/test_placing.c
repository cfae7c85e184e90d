/*
 * Where records of resources are, on each engine: in the scopes of all, of
 * indexed values and of ids; in those of who sees them because of others; and
 * at new numbers when what they show has changed elsewhere.
 */
#include "clinic_world.h"

#include "kernel/commit.h"
#include "kernel/restart.h"
#include "kernel/scope_end.h"
#include "kernel/traces.h"
#include "kernel/work.h"

#define PATIENT "{\"store_id\":\"s1\",\"name\":\"Ann\",\"village\":\"v1\"}"

/* ---- all, by value, by id ---- */

static void places_on(struct clinic_world *w)
{
	const struct tb_entry *entry;

	clinic_put(w, "patients", "p1", PATIENT);
	assert_true(clinic_is_in(w, "patients", "p1", "store/s1"));
	assert_true(clinic_is_in(w, "patients", "p1", "all/patients"));
	assert_true(
		clinic_is_in(w, "patients", "p1", "by/patients/village/v1"));
	assert_true(clinic_is_in(w, "patients", "p1", "by/patients/id/p1"));
	entry = clinic_entry(w, "patients", "p1", "id/patients");
	assert_non_null(entry);
	assert_int_equal(entry->num, 1);
	assert_int_equal(entry->flags, TB_ENTRY_PRESENT | TB_ENTRY_FIXED);
	assert_int_equal(
		clinic_entry(w, "patients", "p1", "all/patients")->flags,
		TB_ENTRY_PRESENT | TB_ENTRY_SIGHT);
	clinic_put(w, "notes", "n1", "{\"store_id\":\"s1\",\"author\":7}");
	assert_true(clinic_is_in(w, "notes", "n1", "by/notes/author/7"));
	assert_int_equal(clinic_id(w, "notes", "n1"), 0);
}
CLINIC_TEST(places)

static void values_move_on(struct clinic_world *w)
{
	const struct tb_record *record;
	const struct tb_entry *left;

	clinic_put(w, "patients", "p1", PATIENT);
	clinic_put(w, "patients", "p1",
		   "{\"store_id\":\"s1\",\"village\":\"v2\"}");
	record = clinic_record(w, "patients", "p1");
	left = clinic_entry(w, "patients", "p1", "by/patients/village/v1");
	assert_int_equal(left->flags, 0);
	assert_true(left->num == record->version);
	assert_true(
		clinic_is_in(w, "patients", "p1", "by/patients/village/v2"));
	/* No value, and one that is none by which it could be listed. */
	clinic_put(w, "patients", "p1", "{\"store_id\":\"s1\"}");
	assert_false(
		clinic_is_in(w, "patients", "p1", "by/patients/village/v2"));
	clinic_put(w, "patients", "p1",
		   "{\"store_id\":\"s1\",\"village\":\"\"}");
	assert_true(clinic_is_in(w, "patients", "p1", "by/patients/village/"));
}
CLINIC_TEST(values_move)

static void long_values_on(struct clinic_world *w)
{
	char body[600];
	char value[TB_SIGHT_VALUE_MAX_BYTES + 2];

	memset(value, 'x', sizeof(value));
	value[TB_SIGHT_VALUE_MAX_BYTES] = '\0';
	(void)snprintf(body, sizeof(body),
		       "{\"store_id\":\"s1\",\"author\":\"%s\"}", value);
	clinic_put(w, "notes", "n1", body);
	assert_true(clinic_sees(w, "doctor", value, CLINIC_NOTES, "n1"));
	value[TB_SIGHT_VALUE_MAX_BYTES] = 'x';
	value[TB_SIGHT_VALUE_MAX_BYTES + 1] = '\0';
	(void)snprintf(body, sizeof(body),
		       "{\"store_id\":\"s1\",\"author\":\"%s\"}", value);
	clinic_put(w, "notes", "n2", body);
	assert_false(clinic_sees(w, "doctor", value, CLINIC_NOTES, "n2"));
	assert_true(clinic_sees(w, "staff", "", CLINIC_NOTES, "n2"));
}
CLINIC_TEST(long_values)

/* ---- traces ---- */

static void put_in_village(struct clinic_world *w, unsigned i)
{
	char body[80];

	(void)snprintf(body, sizeof(body),
		       "{\"store_id\":\"s1\",\"village\":\"v%u\"}", i);
	clinic_put(w, "patients", "p1", body);
}

static struct tb_restart dropped(struct clinic_world *w)
{
	struct tb_restart now;
	struct tb_tx *tx;

	MUST(tb_core_read(w->centre.core, &tx));
	MUST(tb_restart_read(tx, w->arena, FLEET_ORG, TB_RESTART_DROPPED,
			     TB_STR("patients"), &now));
	tb_core_read_end(tx);
	return now;
}

static uint64_t end_of(struct clinic_world *w, const char *scope)
{
	struct look look;
	struct tb_tx *tx;
	uint64_t rid, num;

	look_begin(&look, &w->centre);
	rid = look_scope(&look, scope);
	look_end(&look);
	MUST(tb_core_read(w->centre.core, &tx));
	MUST(tb_scope_end(tx, w->arena, rid, &num));
	tb_core_read_end(tx);
	return num;
}

/* A record whose indexed field takes more values than there is room for in its
 * places: it can be changed as often as anybody likes. */
static void traces_on(struct clinic_world *w)
{
	uint64_t left;

	put_in_village(w, 0);
	put_in_village(w, 1);
	left = clinic_entry(w, "patients", "p1", "by/patients/village/v0")->num;
	for (unsigned i = 2; i <= TB_TRACES_MAX; i++)
		put_in_village(w, i);
	assert_non_null(
		clinic_entry(w, "patients", "p1", "by/patients/village/v0"));
	assert_int_equal(dropped(w).num, 0);
	for (unsigned i = TB_TRACES_MAX + 1; i < TB_ENTRIES_MAX + 50; i++)
		put_in_village(w, i);
	assert_null(
		clinic_entry(w, "patients", "p1", "by/patients/village/v0"));
	/* Whoever knows less must start over; ETags are as they were. */
	assert_true(dropped(w).num > left);
	assert_true(dropped(w).num <
		    clinic_record(w, "patients", "p1")->version);
	assert_int_equal(end_of(w, "by/patients/village/v0"), left);
	assert_int_equal(clinic_id(w, "patients", "p1"), 1);
	assert_true(clinic_is_in(w, "patients", "p1", "all/patients"));
	assert_true(clinic_is_in(w, "patients", "p1", "store/s1"));
	put_in_village(w, 0);
	assert_true(
		clinic_is_in(w, "patients", "p1", "by/patients/village/v0"));
	clinic_check(w);
}
CLINIC_TEST(traces)

/* ---- sight that others give ---- */

#define APPOINTMENT(patient, doctor)                                           \
	"{\"patient_id\":\"" patient "\",\"doctor_id\":\"" doctor "\"}"

static bool doctor_sees(struct clinic_world *w, const char *doctor,
			const char *patient)
{
	return clinic_sees(w, "doctor", doctor, CLINIC_PATIENTS, patient);
}

/* Doctors d1 and d2 have the ids 1 and 2. */
static void add_doctors(struct clinic_world *w)
{
	clinic_put(w, "doctors", "d1", "{\"name\":\"Dr One\"}");
	clinic_put(w, "doctors", "d2", "{\"name\":\"Dr Two\"}");
	assert_int_equal(clinic_id(w, "doctors", "d2"), 2);
}

static void parents_first_on(struct clinic_world *w)
{
	add_doctors(w);
	clinic_put(w, "patients", "p1", PATIENT);
	assert_false(doctor_sees(w, "1", "p1"));
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	assert_true(doctor_sees(w, "1", "p1"));
	assert_false(doctor_sees(w, "2", "p1"));
	/* The record itself has not changed. */
	assert_true(clinic_entry(w, "patients", "p1", "all/patients")->num ==
		    clinic_record(w, "patients", "p1")->version);
	clinic_check(w);
}
CLINIC_TEST(parents_first)

static void children_first_on(struct clinic_world *w)
{
	add_doctors(w);
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	clinic_put(w, "patients", "p1", PATIENT);
	assert_true(doctor_sees(w, "1", "p1"));
	/* The appointment went with its patient to the store. */
	assert_true(clinic_is_in(w, "appointments", "a1", "store/s1"));
}
CLINIC_TEST(children_first)

static void last_child_on(struct clinic_world *w)
{
	add_doctors(w);
	clinic_put(w, "patients", "p1", PATIENT);
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	clinic_put(w, "appointments", "a2", APPOINTMENT("p1", "d1"));
	clinic_put(w, "notes", "n1",
		   "{\"store_id\":\"s1\",\"about\":\"p1\",\"author\":\"d1\"}");
	clinic_delete(w, "appointments", "a1");
	assert_true(clinic_is_in(
		w, "patients", "p1",
		"by/patients/appointments.patient_id.doctor_id/d1"));
	clinic_put(w, "appointments", "a2", APPOINTMENT("p1", "d2"));
	assert_false(clinic_is_in(
		w, "patients", "p1",
		"by/patients/appointments.patient_id.doctor_id/d1"));
	/* There is still the note. */
	assert_true(doctor_sees(w, "1", "p1"));
	assert_true(doctor_sees(w, "2", "p1"));
	clinic_delete(w, "notes", "n1");
	assert_false(doctor_sees(w, "1", "p1"));
	clinic_check(w);
}
CLINIC_TEST(last_child)

static void child_moves_on(struct clinic_world *w)
{
	add_doctors(w);
	clinic_put(w, "patients", "p1", PATIENT);
	clinic_put(w, "patients", "p2", PATIENT);
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	clinic_put(w, "appointments", "a1", APPOINTMENT("p2", "d1"));
	assert_false(doctor_sees(w, "1", "p1"));
	assert_true(doctor_sees(w, "1", "p2"));
	clinic_put(w, "appointments", "a1", APPOINTMENT("p2", "d2"));
	assert_false(doctor_sees(w, "1", "p2"));
	assert_true(doctor_sees(w, "2", "p2"));
	/* Both at once. */
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	assert_true(doctor_sees(w, "1", "p1"));
	assert_false(doctor_sees(w, "2", "p2"));
}
CLINIC_TEST(child_moves)

static void parent_again_on(struct clinic_world *w)
{
	const char *scope = "by/patients/appointments.patient_id.doctor_id/d2";
	uint64_t num;

	add_doctors(w);
	clinic_put(w, "patients", "p1", PATIENT);
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	clinic_put(w, "appointments", "a2", APPOINTMENT("p1", "d2"));
	clinic_delete(w, "patients", "p1");
	assert_false(doctor_sees(w, "1", "p1"));
	clinic_put(w, "appointments", "a2", APPOINTMENT("p9", "d2"));
	num = clinic_entry(w, "patients", "p1", scope)->num;
	clinic_put(w, "patients", "p1", PATIENT);
	assert_true(doctor_sees(w, "1", "p1"));
	assert_false(doctor_sees(w, "2", "p1"));
	/* Who knows that it is gone is not told again. */
	assert_true(clinic_entry(w, "patients", "p1", scope)->num == num);
	assert_int_equal(clinic_id(w, "patients", "p1"), 1);
	clinic_check(w);
}
CLINIC_TEST(parent_again)

/* ---- what a record shows of others ---- */

/* The number of an appointment for those who see all, beyond its own. */
static uint64_t moved(struct clinic_world *w, const char *key)
{
	const struct tb_record *record = clinic_record(w, "appointments", key);

	return clinic_entry(w, "appointments", key, "all/appointments")->num -
	       record->version;
}

static void shown_on(struct clinic_world *w)
{
	const struct tb_record *before;
	const struct tb_record *after;

	add_doctors(w);
	clinic_put(w, "patients", "p1", PATIENT);
	clinic_put(w, "appointments", "a1",
		   "{\"patient_id\":\"p1\",\"payer_id\":\"p1\","
		   "\"doctor_id\":\"d1\"}");
	before = clinic_record(w, "appointments", "a1");
	assert_int_equal(moved(w, "a1"), 0);
	/* What it does not show is no matter. */
	clinic_put(w, "patients", "p1",
		   "{\"store_id\":\"s1\",\"name\":\"Ann\"}");
	assert_int_equal(moved(w, "a1"), 0);
	clinic_put(w, "patients", "p1",
		   "{\"store_id\":\"s1\",\"name\":\"Bea\"}");
	assert_int_not_equal(moved(w, "a1"), 0);
	after = clinic_record(w, "appointments", "a1");
	assert_int_equal(after->updated_us, before->updated_us);
	assert_true(after->version == before->version);
	/* Of two references to the same record one may go. */
	clinic_put(w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	assert_int_equal(moved(w, "a1"), 0);
	clinic_delete(w, "patients", "p1");
	assert_int_not_equal(moved(w, "a1"), 0);
	clinic_check(w);
}
CLINIC_TEST(shown)

#define MANY (TB_WORK_MAX + 3)

static void push_many(struct clinic_world *w)
{
	struct tb_push_item *items = tb_calloc(MANY, sizeof(*items));

	assert_non_null(items);
	for (size_t i = 0; i < MANY; i++) {
		items[i] = (struct tb_push_item) {
			.table = TB_STR("appointments"),
			.data = TB_STR(APPOINTMENT("p1", "d1")),
			.record = TB_STR("{}"),
		};
		MUST(tb_arena_printf(w->arena, &items[i].id, "a%zu", i));
	}
	MUST(centre_try_push(&w->centre, 63, true, items, MANY));
	tb_free(items);
}

static void kept_work_on(struct clinic_world *w)
{
	struct tb_work work = { .more = true };
	char last[16];
	bool waits;

	add_doctors(w);
	clinic_put(w, "patients", "p1", PATIENT);
	push_many(w);
	MUST(tb_work_is_waiting(w->centre.core, FLEET_ORG, &waits));
	assert_false(waits);
	clinic_put(w, "doctors", "d1", "{\"name\":\"Dr Other\"}");
	MUST(tb_work_is_waiting(w->centre.core, FLEET_ORG, &waits));
	assert_true(waits);
	(void)snprintf(last, sizeof(last), "a%d", MANY - 1);
	assert_int_not_equal(moved(w, "a0"), 0);
	assert_int_equal(moved(w, last), 0);
	for (int n = 0; work.more; n++) {
		assert_true(n < 3);
		tb_work_init(&work, FLEET_ORG);
		MUST(tb_core_commit(w->centre.core, &work.commit));
	}
	assert_int_not_equal(moved(w, last), 0);
	MUST(tb_work_is_waiting(w->centre.core, FLEET_ORG, &waits));
	assert_false(waits);
}
CLINIC_TEST(kept_work)

/* ---- failures ---- */

/* Children and parents, a move and a deletion, in one push. */
static const struct tb_push_item batch[] = {
	{ .table = TB_STR_INIT("appointments"),
	  .id = TB_STR_INIT("a2"),
	  .data = TB_STR_INIT(APPOINTMENT("p2", "d2")) },
	{ .table = TB_STR_INIT("patients"),
	  .id = TB_STR_INIT("p2"),
	  .data = TB_STR_INIT(PATIENT) },
	{ .table = TB_STR_INIT("appointments"),
	  .id = TB_STR_INIT("a1"),
	  .data = TB_STR_INIT(APPOINTMENT("p2", "d1")) },
	{ .table = TB_STR_INIT("doctors"),
	  .id = TB_STR_INIT("d1"),
	  .data = TB_STR_INIT("{\"name\":\"Other\"}") },
	{ .table = TB_STR_INIT("patients"),
	  .id = TB_STR_INIT("p1"),
	  .action = TB_PUSH_DELETE,
	  .data = TB_STR_INIT("{}") },
};

static void check_batch(struct clinic_world *w)
{
	assert_true(doctor_sees(w, "2", "p2"));
	assert_true(doctor_sees(w, "1", "p2"));
	assert_false(doctor_sees(w, "1", "p1"));
	assert_int_equal(clinic_id(w, "patients", "p2"), 2);
	assert_int_equal(clinic_id(w, "appointments", "a2"), 2);
	assert_int_not_equal(moved(w, "a1"), 0);
	clinic_check(w);
}

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_push_item items[TB_ARRAY_LEN(batch)];
	struct clinic_world w;
	enum tb_err err;

	clinic_world_init(&w, ops);
	add_doctors(&w);
	clinic_put(&w, "patients", "p1", PATIENT);
	clinic_put(&w, "appointments", "a1", APPOINTMENT("p1", "d1"));
	memcpy(items, batch, sizeof(batch));
	if (store_call > 0)
		tb_fail_set_plan(w.centre.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = centre_try_push(&w.centre, 63, true, items, TB_ARRAY_LEN(items));
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.centre.store, NULL);
	if (err != TB_OK) {
		assert_int_equal(err, store_call > 0 ? TB_ERR_CORRUPT
						     : TB_ERR_NOMEM);
		assert_true(doctor_sees(&w, "1", "p1"));
		assert_null(clinic_record(&w, "patients", "p2"));
		memcpy(items, batch, sizeof(batch));
		MUST(centre_try_push(&w.centre, 63, true, items,
				     TB_ARRAY_LEN(items)));
	}
	check_batch(&w);
	clinic_world_fini(&w);
	return err != TB_OK;
}

/* While traces go, the n-th call fails, for every n: then nothing went. */
static void traces_fail_on(struct clinic_world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .err = TB_ERR_CORRUPT };
	enum tb_err err = TB_ERR_CORRUPT;

	for (unsigned i = 0; i <= TB_TRACES_MAX + 1; i++)
		put_in_village(w, i);
	for (uint64_t n = 1; err != TB_OK; n++) {
		struct tb_push_item item = { .table = TB_STR("patients"),
					     .id = TB_STR("p1"),
					     .data = TB_STR(PATIENT) };

		assert_true(n < WORLD_CALLS_MAX);
		assert_int_equal(dropped(w).num, 0);
		plan.first = plan.last = n;
		tb_fail_set_plan(w->centre.store, &plan);
		err = centre_try_push(&w->centre, 63, true, &item, 1);
		tb_fail_set_plan(w->centre.store, NULL);
	}
	assert_int_not_equal(dropped(w).num, 0);
	assert_null(
		clinic_entry(w, "patients", "p1", "by/patients/village/v0"));
	clinic_check(w);
}
CLINIC_TEST(traces_fail)

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
		cmocka_unit_test(places),
		cmocka_unit_test(values_move),
		cmocka_unit_test(long_values),
		cmocka_unit_test(traces),
		cmocka_unit_test(parents_first),
		cmocka_unit_test(children_first),
		cmocka_unit_test(last_child),
		cmocka_unit_test(child_moves),
		cmocka_unit_test(parent_again),
		cmocka_unit_test(shown),
		cmocka_unit_test(kept_work),
		cmocka_unit_test(traces_fail),
		cmocka_unit_test(store_calls_fail),
		cmocka_unit_test(allocations_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
