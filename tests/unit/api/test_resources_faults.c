/*
 * Whatever fails while a collection is read, each allocation and each call of
 * the store once: the answer is an error or the right one, and asking again
 * gives the right one.
 */
#include "resources_fixture.h"

#include "base/alloc.h"

#define CALLS_MAX 3000

struct ask {
	const char *collection;
	const char *query;
	const char *role;
	const char *profile;
};

static const struct ask asks[] = {
	{ "appointments", NULL, "staff", "" },
	{ "appointments", "deleted=1&last_sync_timestamp=2023-11-14T22:13:22Z",
	  "staff", "" },
	{ "appointments", "status=PENDING&doctor_id=10", "doctor", "10" },
	{ "appointments", "limit=1&doctor_id=10", "staff", "" },
	{ "patients", NULL, "doctor", "10" },
	{ "pharmacy-stock", NULL, "staff", "" },
	{ "notes", "deleted=1", "staff", "" },
};

static int setup(void **state)
{
	static struct fixture f;

	fixture_init(&f);
	fixture_put(&f, PATIENTS, "1", "{\"phone\":\"+91\"}");
	fixture_put(&f, DOCTORS, "10", "{}");
	fixture_put(&f, APPOINTMENTS, "102",
		    "{\"patient_id\":1,\"doctor_id\":10,\"status\":\"DONE\"}");
	fixture_put(&f, APPOINTMENTS, "101",
		    "{\"patient_id\":1,\"doctor_id\":10,"
		    "\"status\":\"PENDING\"}");
	fixture_put(&f, APPOINTMENTS, "103", "{}");
	fixture_delete(&f, APPOINTMENTS, "103");
	fixture_write(&f, PHARMACIES, "x", "{\"name\":\"n\"}", 5);
	fixture_put(&f, STOCK, "1", "{\"pharmacy_id\":\"x\"}");
	fixture_put(&f, NOTES, "b", "{}");
	fixture_put(&f, NOTES, "a", "{}");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	return 0;
}

/* The answer, or NULL where it is an error. */
static const char *get(struct fixture *f, const struct ask *ask)
{
	fixture_ask(f, ask->collection, NULL, ask->query);
	tb_resources_get_list(f->resources, &f->req, &f->res);
	assert_true(f->res.status >= 200);
	return f->res.status == 200 ? fixture_body(f) : NULL;
}

static struct tb_str right_answer(struct fixture *f, const struct ask *ask)
{
	static char text[4096];
	const char *body;

	fixture_become(f, ask->role, ask->profile);
	body = get(f, ask);
	assert_non_null(body);
	assert_true(strlen(body) < sizeof(text));
	memcpy(text, body, strlen(body) + 1);
	return tb_str_z(text);
}

static void assert_right(struct fixture *f, const struct ask *ask,
			 struct tb_str right)
{
	const char *body = get(f, ask);

	assert_non_null(body);
	assert_string_equal(body, right.p);
}

static void torture_allocations(struct fixture *f, const struct ask *ask)
{
	struct tb_str right = right_answer(f, ask);
	uint64_t calls;

	for (uint64_t n = 1; n < CALLS_MAX; n++) {
		tb_arena_reset(f->ic.arena);
		fixture_ask(f, ask->collection, NULL, ask->query);
		/* One that knows no sights and no names yet. */
		f->principal.rid++;
		tb_alloc_fail_at(n);
		tb_resources_get_list(f->resources, &f->req, &f->res);
		calls = tb_alloc_calls();
		tb_alloc_fail_at(0);
		assert_true(f->res.status == 200 || f->res.status == 503);
		if (f->res.status == 200)
			assert_string_equal(fixture_body(f), right.p);
		assert_right(f, ask, right);
		if (calls < n)
			return;
	}
	fail_msg("more than %d allocations", CALLS_MAX);
}

static void test_each_allocation_may_fail(void **state)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(asks); i++)
		torture_allocations(*state, &asks[i]);
}

static void torture_store(struct fixture *f, const struct ask *ask)
{
	struct tb_str right = right_answer(f, ask);
	bool has_failed = true;

	for (uint64_t n = 1; has_failed; n++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .first = n,
					     .err = TB_ERR_IO };

		assert_true(n < CALLS_MAX);
		tb_arena_reset(f->ic.arena);
		f->principal.rid++;
		tb_fail_set_plan(f->ic.store, &plan);
		fixture_ask(f, ask->collection, NULL, ask->query);
		tb_resources_get_list(f->resources, &f->req, &f->res);
		has_failed = tb_fail_calls(f->ic.store, TB_FAIL_ANY) >= n;
		tb_fail_set_plan(f->ic.store, NULL);
		assert_true(f->res.status == 200 || f->res.status == 503);
		if (f->res.status == 200)
			assert_string_equal(fixture_body(f), right.p);
		assert_right(f, ask, right);
	}
}

static void test_each_call_of_the_store_may_fail(void **state)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(asks); i++)
		torture_store(*state, &asks[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_allocation_may_fail,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_each_call_of_the_store_may_fail, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
