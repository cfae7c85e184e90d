/*
 * A declaration that has changed: once its records were placed anew, what is
 * seen, where records go and what hangs where is as if they had been written
 * under it, on each engine.
 */
#include "clinic_world.h"

#include "kernel/commit.h"
#include "kernel/system.h"

#define RIDS_MAX 64

struct anew {
	struct tb_commit commit; /* first */
	uint64_t rids[RIDS_MAX];
	size_t n;
};

static enum tb_err anew_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct anew *anew = (struct anew *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < anew->n; i++)
		err = tb_place_anew(view, commit->declaration, anew->rids[i]);
	return err;
}

struct record_name {
	const char *table;
	const char *key;
};

/* All records that the tests write. */
static const struct record_name names[] = {
	{ "doctors", "d1" },      { "doctors", "d2" },
	{ "patients", "p1" },     { "patients", "p2" },
	{ "appointments", "a1" }, { "appointments", "a2" },
	{ "appointments", "a3" }, { "notes", "n1" },
};

static void anew_init(struct anew *anew, struct clinic_world *w)
{
	static const struct tb_commit_kind kind = { .name = "anew",
						    .decide = anew_decide };

	*anew = (struct anew) { .commit = { .kind = &kind, .org = FLEET_ORG } };
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		const struct tb_record *record =
			clinic_record(w, names[i].table, names[i].key);

		if (record != NULL)
			anew->rids[anew->n++] = record->rid;
	}
}

static enum tb_err try_anew(struct clinic_world *w)
{
	struct anew anew;

	anew_init(&anew, w);
	return tb_core_commit(w->centre.core, &anew.commit);
}

/* The declaration is what `change` makes of the usual one. */
typedef void change_fn(struct clinic *clinic);

static void declare(struct clinic_world *w, change_fn *change)
{
	clinic_init(&w->clinic);
	if (change != NULL)
		change(&w->clinic);
	clinic_finish(&w->clinic, w->arena);
	centre_declare(&w->centre, &w->clinic.declaration);
}

static void redeclare(struct clinic_world *w, change_fn *change)
{
	declare(w, change);
	MUST(try_anew(w));
}

/* ---- comparing ---- */

static int compare_strs(const void *a, const void *b)
{
	return tb_str_cmp(*(const struct tb_str *)a, *(const struct tb_str *)b);
}

/* The names of the scopes that a record is in, sorted, but for the system's
 * own. */
static size_t places_of(struct clinic_world *w, const struct record_name *name,
			struct tb_str *ret, size_t max)
{
	const struct tb_record *record =
		clinic_record(w, name->table, name->key);
	struct look look;
	size_t n = 0;

	if (record == NULL)
		return 0;
	look_begin(&look, &w->centre);
	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];
		struct tb_str text = TB_STR("central");

		if (!(entry->flags & TB_ENTRY_PRESENT))
			continue;
		if ((entry->scope & TB_NUM_MAX) > TB_NUM_RESERVED)
			MUST(tb_core_rid_name(w->centre.core, look.tx, w->arena,
					      entry->scope, &text));
		assert_true(n < max);
		MUST(tb_arena_printf(w->arena, &ret[n++], "%.*s %d",
				     TB_STR_ARG(text), entry->flags));
	}
	look_end(&look);
	qsort(ret, n, sizeof(*ret), compare_strs);
	return n;
}

static void expect_alike(struct clinic_world *a, struct clinic_world *b)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		struct tb_str x[32], y[32];
		size_t n = places_of(a, &names[i], x, TB_ARRAY_LEN(x));

		assert_int_equal(places_of(b, &names[i], y, TB_ARRAY_LEN(y)),
				 n);
		for (size_t j = 0; j < n; j++)
			if (!tb_str_eq(x[j], y[j]))
				fail_msg("%s: %.*s, should be %.*s",
					 names[i].key, TB_STR_ARG(x[j]),
					 TB_STR_ARG(y[j]));
	}
}

/* ---- changes ---- */

static void write_all(struct clinic_world *w)
{
	clinic_put(w, "appointments", "a3",
		   "{\"patient_id\":\"p2\",\"doctor_id\":\"d2\"}");
	clinic_put(w, "doctors", "d1", "{\"name\":\"One\"}");
	clinic_put(w, "doctors", "d2", "{\"name\":\"Two\"}");
	clinic_put(w, "patients", "p1",
		   "{\"store_id\":\"s1\",\"village\":\"v1\",\"name\":\"x\"}");
	clinic_put(w, "patients", "p2", "{\"store_id\":\"s1\"}");
	clinic_put(w, "appointments", "a1",
		   "{\"patient_id\":\"p1\",\"doctor_id\":\"d1\"}");
	clinic_put(w, "appointments", "a2",
		   "{\"patient_id\":\"p2\",\"doctor_id\":\"d1\","
		   "\"status\":\"s\"}");
	clinic_put(w, "notes", "n1",
		   "{\"store_id\":\"s1\",\"about\":\"p1\",\"author\":\"d2\"}");
}

/* Plain tables of the sites. */
static void no_resources(struct clinic *clinic)
{
	for (size_t i = 0; i < CLINIC_COLLECTIONS; i++) {
		struct tb_collection *c = &clinic->collections[i];

		c->path = TB_STR_NONE;
		c->id_type = TB_ID_STRING;
		c->n_rules = 0;
		c->n_filters = 0;
		c->fields = NULL;
		c->n_fields = 0;
	}
}

static void no_values(struct clinic *clinic)
{
	for (size_t i = 0; i < CLINIC_COLLECTIONS; i++) {
		clinic->collections[i].n_rules = 1;
		clinic->collections[i].n_filters = 0;
	}
}

static void other_filter(struct clinic *clinic)
{
	static const struct tb_filter filters[] = {
		{ .field = TB_STR_INIT("name") },
	};

	clinic->collections[CLINIC_PATIENTS].filters = filters;
}

/* Notes show no patient to a doctor, and go to every site. */
static void no_notes(struct clinic *clinic)
{
	clinic->collections[CLINIC_PATIENTS].n_rules = 3;
	clinic->collections[CLINIC_NOTES].routing = TB_ROUTING_CENTRAL;
}

static void undeclared(struct clinic *clinic)
{
	clinic->collections[CLINIC_NOTES].name = TB_STR("letters");
	clinic->collections[CLINIC_PATIENTS].n_rules = 3;
}

struct step {
	change_fn *from; /* NULL: as usual */
	change_fn *to;
};

static void run_step(struct clinic_world *w, const struct step *step)
{
	struct clinic_world as_if;

	declare(w, step->from);
	write_all(w);
	redeclare(w, step->to);
	clinic_world_init(&as_if, &tb_store_memory);
	declare(&as_if, step->to);
	write_all(&as_if);
	expect_alike(w, &as_if);
	clinic_world_fini(&as_if);
	clinic_check(w);
}

static void changes(void **unused)
{
	static const struct step steps[] = {
		{ NULL, NULL },         { no_values, NULL },
		{ NULL, no_values },    { other_filter, NULL },
		{ NULL, other_filter }, { no_notes, NULL },
		{ NULL, no_notes },     { NULL, undeclared },
		{ no_resources, NULL },
	};

	(void)unused;
	for (size_t i = 0; i < TB_ARRAY_LEN(steps); i++)
		for (size_t j = 0; j < TB_ARRAY_LEN(world_engines); j++) {
			struct clinic_world w;

			print_message("step %zu\n", i);
			clinic_world_init(&w, world_engines[j]);
			run_step(&w, &steps[i]);
			clinic_world_fini(&w);
		}
}

/* Ids that were given are kept for the day on which they are shown again. */
static void ids_stay_on(struct clinic_world *w)
{
	uint64_t id;

	write_all(w);
	id = clinic_id(w, "patients", "p2");
	redeclare(w, no_resources);
	assert_false(clinic_is_in(w, "patients", "p2", "all/patients"));
	redeclare(w, NULL);
	assert_int_equal(clinic_id(w, "patients", "p2"), id);
	assert_true(clinic_is_in(w, "patients", "p2", "all/patients"));
}
CLINIC_TEST(ids_stay)

static void nothing_moves_on(struct clinic_world *w)
{
	const struct tb_record *before;
	const struct tb_record *after;

	write_all(w);
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		before = clinic_record(w, names[i].table, names[i].key);
		MUST(try_anew(w));
		after = clinic_record(w, names[i].table, names[i].key);
		assert_int_equal(before->updated_us, after->updated_us);
		assert_true(before->version == after->version);
		assert_true(tb_str_eq(before->body, after->body));
	}
	assert_true(clinic_entry(w, "patients", "p1", "all/patients")->num ==
		    clinic_record(w, "patients", "p1")->version);
}
CLINIC_TEST(nothing_moves)

/* While a rule is not declared its links are not kept up: what they said when
 * it comes back is no matter. */
static void rule_comes_back_on(struct clinic_world *w)
{
	write_all(w);
	assert_true(clinic_sees(w, "doctor", "2", CLINIC_PATIENTS, "p1"));
	redeclare(w, no_notes);
	assert_false(clinic_sees(w, "doctor", "2", CLINIC_PATIENTS, "p1"));
	clinic_put(w, "notes", "n1",
		   "{\"store_id\":\"s1\",\"about\":\"p2\",\"author\":\"d1\"}");
	redeclare(w, NULL);
	assert_false(clinic_sees(w, "doctor", "2", CLINIC_PATIENTS, "p1"));
	clinic_put(w, "notes", "n1",
		   "{\"store_id\":\"s1\",\"about\":\"p1\",\"author\":\"d2\"}");
	assert_true(clinic_sees(w, "doctor", "2", CLINIC_PATIENTS, "p1"));
	clinic_delete(w, "notes", "n1");
	assert_false(clinic_sees(w, "doctor", "2", CLINIC_PATIENTS, "p1"));
	clinic_check(w);
}
CLINIC_TEST(rule_comes_back)

/* ---- failures ---- */

static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct clinic_world as_if;
	struct clinic_world w;
	struct anew anew;
	enum tb_err err;

	clinic_world_init(&w, ops);
	clinic_world_init(&as_if, &tb_store_memory);
	declare(&w, no_values);
	write_all(&w);
	write_all(&as_if);
	declare(&w, NULL);
	anew_init(&anew, &w);
	if (store_call > 0)
		tb_fail_set_plan(w.centre.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = tb_core_commit(w.centre.core, &anew.commit);
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.centre.store, NULL);
	if (err != TB_OK)
		MUST(try_anew(&w));
	expect_alike(&w, &as_if);
	clinic_world_fini(&as_if);
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
		cmocka_unit_test(changes),
		cmocka_unit_test(ids_stay),
		cmocka_unit_test(nothing_moves),
		cmocka_unit_test(rule_comes_back),
		cmocka_unit_test(store_calls_fail),
		cmocka_unit_test(allocations_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
