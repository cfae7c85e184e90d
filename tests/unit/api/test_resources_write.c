/*
 * Edits of records through their handlers: in which order things are refused,
 * what is answered, and that whatever fails, the answer says so.
 */
#include "resources_fixture.h"

#include "base/alloc.h"
#include "kernel/ledger.h"

#define CALLS_MAX 3000

static const struct tb_str staff[] = { S("staff") };
static const struct tb_str patients[] = { S("patient"), S("staff") };

/* The fixture's fields, with who writes them. */
static const struct tb_field written_fields[] = {
	{ .name = S("patient_id"),
	  .type = TB_FIELD_INTEGER,
	  .references = S("patients"),
	  .nullable = true },
	{ .name = S("doctor_id"),
	  .type = TB_FIELD_INTEGER,
	  .references = S("doctors"),
	  .nullable = true },
	{ .name = S("status"),
	  .type = TB_FIELD_ENUM,
	  .values = states,
	  .n_values = 2,
	  .nullable = true,
	  .writers = patients,
	  .n_writers = 2 },
};

static void open_world(struct fixture *f, const struct tb_store_ops *ops)
{
	fixture_init_on(f, ops, "memory");
	f->principal.kind = TB_PRINCIPAL_USER;
	f->collections[APPOINTMENTS].fields = written_fields;
	f->collections[APPOINTMENTS].writers = staff;
	f->collections[APPOINTMENTS].n_writers = 1;
	f->collections[APPOINTMENTS].history = 2;
	f->collections[NOTES].writers = staff;
	f->collections[NOTES].n_writers = 1;
	fixture_put(f, PATIENTS, "1", "{\"phone\":\"1\"}");
	fixture_put(f, PATIENTS, "P-2", "{\"phone\":\"2\"}");
	fixture_put(f, APPOINTMENTS, "1",
		    "{\"patient_id\":1,\"status\":\"PENDING\"}");
}

static int setup(void **state)
{
	static struct fixture f;

	open_world(&f, &tb_store_memory);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	return 0;
}

/* Later than all changes so far. */
#define NOW_BASE "2023-11-14T22:16:00Z"
#define OLD_BASE "2020-01-01T00:00:00Z"

static const char *call(struct fixture *f, tb_handler_fn *handler,
			const char *collection, const char *id,
			const char *body)
{
	fixture_ask(f, collection, id, NULL);
	f->req.body = tb_str_z(body);
	f->req.id = TB_STR("r");
	handler(f->resources, &f->req, &f->res);
	return fixture_body(f);
}

static void with_header(struct fixture *f, const char *name,
			struct tb_str value)
{
	f->headers[0] = (struct tb_header) { tb_str_z(name), value };
}

static void expect(struct fixture *f, unsigned status, const char *body,
		   const char *expected)
{
	assert_string_equal(body, expected);
	assert_int_equal(f->res.status, status);
}

static void expect_header(struct fixture *f, const char *name,
			  const char *value)
{
	struct tb_str is = fixture_header(f, name);

	if (!tb_str_eq(is, tb_str_z(value)))
		fail_msg("%s is %.*s", name, TB_STR_ARG(is));
}

static size_t ledger(struct fixture *f)
{
	struct tb_ledger_entry entries[8];
	struct tb_tx *tx = inline_core_read(&f->ic);
	size_t n;

	MUST(tb_ledger_list(tx, f->ic.arena, f->org, 0, entries, 8, &n));
	tb_core_read_end(tx);
	return n;
}

static void test_update_answers_the_record(void **state)
{
	struct fixture *f = *state;
	const char *body;

	body = call(f, tb_resources_put_sync_update, "appointments", "1",
		    "{\"client_last_synced_at\":\"" NOW_BASE "\","
		    "\"status\":\"DONE\",\"id\":5,\"patient_id\":2}");
	assert_int_equal(f->res.status, 200);
	expect_header(f, "X-Ignored-Fields", "id, patient_id");
	assert_non_null(fixture_header(f, "ETag").p);
	assert_non_null(strstr(body, "{\"id\":1,\"patient_id\":1,"
				     "\"doctor_id\":null,\"status\":\"DONE\""));
	assert_null(strstr(body, "\"last_synced_at\":null"));
	assert_string_equal(body, fixture_one(f, "appointments", "1"));
}

/* "401, 404, 403, 400" */
static void test_refusals_come_in_their_order(void **state)
{
	struct fixture *f = *state;
	const char *none = "{\"detail\":\"Not found.\"}";
	const char *denied = "{\"detail\":\"You do not have permission to "
			     "perform this action.\"}";

	expect(f, 404,
	       call(f, tb_resources_put_sync_update, "nothing", "1", "[]"),
	       none);
	expect(f, 404,
	       call(f, tb_resources_put_sync_update, "appointments", "9", "[]"),
	       none);
	fixture_become(f, "patient", "1");
	expect(f, 403,
	       call(f, tb_resources_patch_record, "appointments", "1", "["),
	       denied);
	expect(f, 403,
	       call(f, tb_resources_post_record, "appointments", NULL, "["),
	       denied);
	expect(f, 403,
	       call(f, tb_resources_delete_record, "appointments", "1", ""),
	       denied);
	expect(f, 403,
	       call(f, tb_resources_get_history, "appointments", "1", ""),
	       denied);
	expect(f, 403,
	       call(f, tb_resources_put_sync_update, "patients", "1", "["),
	       denied);
	expect(f, 400,
	       call(f, tb_resources_put_sync_update, "appointments", "1", "[]"),
	       "{\"non_field_errors\":[\"Invalid data. Expected a "
	       "dictionary, but got list.\"]}");
	fixture_become(f, "patient", "7");
	expect(f, 404,
	       call(f, tb_resources_put_sync_update, "appointments", "1", "[]"),
	       none);
}

static void test_bases_that_are_none(void **state)
{
	static const struct {
		const char *body;
		const char *answer;
	} rows[] = {
		{ "{}",
		  "{\"client_last_synced_at\":[\"This field is required.\"]}" },
		{ "{\"client_last_synced_at\":null}",
		  "{\"client_last_synced_at\":[\"This field may not be "
		  "null.\"]}" },
		{ "{\"client_last_synced_at\":\"2024-01-20\"}",
		  "{\"client_last_synced_at\":\"Invalid timestamp format. Use "
		  "ISO 8601 format. Error: time data '2024-01-20' does not "
		  "match format '%Y-%m-%d'\"}" },
		{ "{\"client_last_synced_at\":5}",
		  "{\"client_last_synced_at\":\"Invalid timestamp format. Use "
		  "ISO 8601 format. Error: time data '5' does not "
		  "match format '%Y-%m-%d'\"}" },
		{ "{\"client_last_synced_at\":\"2099-01-20T10:00:00Z\"}",
		  "{\"client_last_synced_at\":\"Sync timestamp cannot be in "
		  "the future.\"}" },
		{ "{\"client_last_synced_at\":\"" NOW_BASE
		  "\",\"status\":\"zzz\"}",
		  "{\"status\":[\"\\\"zzz\\\" is not a valid choice.\"]}" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		expect(f, 400,
		       call(f, tb_resources_put_sync_update, "appointments",
			    "1", rows[i].body),
		       rows[i].answer);
	f->collections[APPOINTMENTS].base_optional = true;
	call(f, tb_resources_put_sync_update, "appointments", "1", "{}");
	assert_int_equal(f->res.status, 200);
	call(f, tb_resources_put_sync_update, "appointments", "1",
	     "{\"client_last_synced_at\":null}");
	assert_int_equal(f->res.status, 200);
}

/* The body of the contract, member for member. */
static void test_stale_update_is_409(void **state)
{
	struct fixture *f = *state;
	const char *body = "{\"client_last_synced_at\":\"" OLD_BASE
			   "\",\"status\":\"DONE\"}";
	const char *answer =
		"{\"error_code\":\"STALE_UPDATE\",\"message\":\"Record has "
		"been modified since your last sync. Your changes may "
		"conflict.\",\"conflict_type\":\"VERSION_MISMATCH\","
		"\"server_version\":\"2023-11-14T22:13:23Z\","
		"\"client_version\":\"" OLD_BASE "\","
		"\"suggested_action\":\"REFRESH\"";
	struct tb_str expected;

	MUST(tb_arena_printf(f->ic.arena, &expected, "%s}", answer));
	expect(f, 409,
	       call(f, tb_resources_put_sync_update, "appointments", "1", body),
	       expected.p);
	assert_true(f->res.is_audited);
	assert_int_equal(ledger(f), 1);
	assert_null(fixture_header(f, "Preference-Applied").p);
	with_header(f, "Prefer", TB_STR("return=representation"));
	MUST(tb_arena_printf(f->ic.arena, &expected, "%s,\"current\":%s}",
			     answer, fixture_one(f, "appointments", "1")));
	expect(f, 409,
	       call(f, tb_resources_put_sync_update, "appointments", "1", body),
	       expected.p);
	expect_header(f, "Preference-Applied", "return=representation");
	assert_false(f->res.is_audited);
	assert_int_equal(ledger(f), 1);
}

static void test_same_update_again_is_200(void **state)
{
	struct fixture *f = *state;
	const char *body = "{\"client_last_synced_at\":\"" NOW_BASE
			   "\",\"status\":\"DONE\"}";
	const char *first = call(f, tb_resources_put_sync_update,
				 "appointments", "1", body);

	f->ic.now_us += 3600 * (int64_t)1000000;
	fixture_ask(f, "appointments", "1", NULL);
	expect(f, 200,
	       call(f, tb_resources_put_sync_update, "appointments", "1", body),
	       first);
	assert_false(f->res.is_audited);
}

static void test_new_records_are_201_with_their_address(void **state)
{
	struct fixture *f = *state;
	const char *body;

	body = call(f, tb_resources_post_record, "appointments", NULL,
		    "{\"patient_id\":2,\"id\":77}");
	assert_int_equal(f->res.status, 201);
	expect_header(f, "Location", "/api/appointments/2/");
	expect_header(f, "X-Ignored-Fields", "id");
	assert_string_equal(body, fixture_one(f, "appointments", "2"));
	assert_non_null(strstr(body, "\"patient_id\":2,"));
	expect(f, 400,
	       call(f, tb_resources_post_record, "appointments", NULL,
		    "{\"patient_id\":99}"),
	       "{\"patient_id\":[\"Invalid pk \\\"99\\\" - object does not "
	       "exist.\"]}");
	call(f, tb_resources_post_record, "notes", NULL,
	     "{\"id\":\"a \\u00e9\",\"text\":null}");
	expect(f, 400, fixture_body(f),
	       "{\"text\":[\"This field may not be null.\"]}");
	call(f, tb_resources_post_record, "notes", NULL,
	     "{\"id\":\"a \\u00e9\"}");
	assert_int_equal(f->res.status, 201);
	expect_header(f, "Location", "/api/notes/a%20%C3%A9/");
	expect(f, 409,
	       call(f, tb_resources_post_record, "notes", NULL,
		    "{\"id\":\"a \\u00e9\"}"),
	       "{\"id\":[\"This id is taken.\"]}");
	expect(f, 400, call(f, tb_resources_post_record, "notes", NULL, "{}"),
	       "{\"id\":[\"This field is required.\"]}");
}

static void test_post_with_a_key_is_done_once(void **state)
{
	struct fixture *f = *state;
	const char *first;

	with_header(f, "Idempotency-Key", TB_STR("k"));
	first = call(f, tb_resources_post_record, "appointments", NULL, "{}");
	assert_int_equal(f->res.status, 201);
	expect(f, 201,
	       call(f, tb_resources_post_record, "appointments", NULL, "{}"),
	       first);
	expect_header(f, "Location", "/api/appointments/2/");
	expect(f, 409,
	       call(f, tb_resources_post_record, "appointments", NULL,
		    "{\"status\":\"DONE\"}"),
	       "{\"detail\":\"This Idempotency-Key was used for another "
	       "request.\"}");
	/* Another's key is another key. */
	f->principal.key = TB_STR("v");
	call(f, tb_resources_post_record, "appointments", NULL, "{}");
	expect_header(f, "Location", "/api/appointments/3/");
	with_header(f, "Idempotency-Key", TB_STR(""));
	call(f, tb_resources_post_record, "appointments", NULL, "{}");
	assert_int_equal(f->res.status, 400);
}

static void test_records_are_replaced_changed_and_deleted(void **state)
{
	struct fixture *f = *state;
	const char *body;

	body = call(f, tb_resources_patch_record, "appointments", "1",
		    "{\"patient_id\":2}");
	assert_int_equal(f->res.status, 200);
	assert_non_null(strstr(body, "\"patient_id\":2,\"doctor_id\":null,"
				     "\"status\":\"PENDING\""));
	body = call(f, tb_resources_put_record, "appointments", "1",
		    "{\"status\":\"DONE\"}");
	assert_int_equal(f->res.status, 200);
	assert_non_null(strstr(body, "\"patient_id\":null,"));
	expect(f, 204,
	       call(f, tb_resources_delete_record, "appointments", "1", ""),
	       "");
	call(f, tb_resources_delete_record, "appointments", "1", "");
	assert_int_equal(f->res.status, 404);
}

static void test_if_match_holds_the_state(void **state)
{
	struct fixture *f = *state;
	const char *changed = "{\"detail\":\"The record has changed.\"}";
	struct tb_str etag;

	(void)fixture_one(f, "appointments", "1");
	MUST(tb_arena_strdup(f->ic.arena, fixture_header(f, "ETag"), &etag));
	with_header(f, "If-Match", TB_STR("\"another\""));
	expect(f, 412,
	       call(f, tb_resources_patch_record, "appointments", "1", "{}"),
	       changed);
	with_header(f, "If-Match", etag);
	call(f, tb_resources_patch_record, "appointments", "1", "{}");
	assert_int_equal(f->res.status, 200);
	expect(f, 412,
	       call(f, tb_resources_delete_record, "appointments", "1", ""),
	       changed);
	MUST(tb_arena_strdup(f->ic.arena, TB_STR("*"), &etag));
	with_header(f, "If-Match", etag);
	call(f, tb_resources_delete_record, "appointments", "1", "");
	assert_int_equal(f->res.status, 204);
}

/* Who writes need not read again to write once more. */
static void test_writers_answer_names_the_state_for_the_next(void **state)
{
	struct fixture *f = *state;
	struct tb_str etag;

	call(f, tb_resources_patch_record, "appointments", "1", "{}");
	MUST(tb_arena_strdup(f->ic.arena, fixture_header(f, "ETag"), &etag));
	(void)fixture_one(f, "appointments", "1");
	assert_true(tb_str_eq(fixture_header(f, "ETag"), etag));
	with_header(f, "If-Match", etag);
	call(f, tb_resources_patch_record, "appointments", "1", "{}");
	assert_int_equal(f->res.status, 200);
}

static void test_history_is_the_newest_first(void **state)
{
	struct fixture *f = *state;
	const char *body;
	const char *done;

	expect(f, 200,
	       call(f, tb_resources_get_history, "appointments", "1", ""),
	       "[]");
	call(f, tb_resources_patch_record, "appointments", "1",
	     "{\"status\":\"DONE\"}");
	call(f, tb_resources_patch_record, "appointments", "1",
	     "{\"patient_id\":2}");
	body = call(f, tb_resources_get_history, "appointments", "1", "");
	assert_int_equal(f->res.status, 200);
	done = strstr(body, "\"status\":\"DONE\"");
	assert_non_null(done);
	assert_non_null(strstr(done, "\"status\":\"PENDING\""));
	assert_non_null(strstr(body, "\"deleted\":false,\"data\":{\"id\":1,"
				     "\"patient_id\":1,"));
	assert_null(strstr(body, "P-2"));
}

static void test_conflicts_are_listed_in_pages(void **state)
{
	struct fixture *f = *state;
	const char *bodies[] = { "{\"client_last_synced_at\":\"" OLD_BASE
				 "\",\"status\":\"DONE\"}",
				 "{\"client_last_synced_at\":\"" OLD_BASE
				 "\"}" };
	const char *body;

	for (size_t i = 0; i < 2; i++)
		call(f, tb_resources_put_sync_update, "appointments", "1",
		     bodies[i]);
	fixture_ask(f, NULL, NULL, "limit=1");
	tb_resources_get_conflicts(f->resources, &f->req, &f->res);
	body = fixture_body(f);
	assert_int_equal(f->res.status, 200);
	assert_non_null(strstr(body, "\"collection\":\"appointments\","
				     "\"record\":\"1\",\"detected_at\":"));
	assert_non_null(strstr(
		body, "\"by\":\"user/u\",\"base\":\"" OLD_BASE
		      "\",\"resolution\":\"rejected\",\"server\":"
		      "{\"patient_id\":1,\"status\":\"PENDING\"},\"client\":"
		      "{\"status\":\"DONE\"},\"resolved_at\":null,"
		      "\"resolved_by\":null}]"));
	assert_non_null(fixture_header(f, "Link").p);
	fixture_ask(f, NULL, NULL, "limit=2");
	tb_resources_get_conflicts(f->resources, &f->req, &f->res);
	assert_null(fixture_header(f, "Link").p);
	fixture_ask(f, NULL, NULL, "limit=0");
	tb_resources_get_conflicts(f->resources, &f->req, &f->res);
	expect(f, 400, fixture_body(f),
	       "{\"limit\":\"A valid integer is required.\"}");
	fixture_ask(f, NULL, NULL, "after=9223372036854775808");
	tb_resources_get_conflicts(f->resources, &f->req, &f->res);
	expect(f, 400, fixture_body(f), "{\"after\":\"Invalid cursor.\"}");
}

/* ---- failures ---- */

struct step {
	tb_handler_fn *handler;
	const char *id;
	const char *body;
	unsigned status;
};

static const struct step steps[] = {
	{ tb_resources_post_record, NULL, "{\"patient_id\":2}", 201 },
	{ tb_resources_put_sync_update, "1",
	  "{\"client_last_synced_at\":\"" NOW_BASE
	  "\",\"status\":\"DONE\",\"x\":1}",
	  200 },
	{ tb_resources_put_sync_update, "1",
	  "{\"client_last_synced_at\":\"" OLD_BASE "\"}", 409 },
	{ tb_resources_patch_record, "1", "{\"patient_id\":2}", 200 },
	{ tb_resources_get_history, "1", "", 200 },
	{ tb_resources_get_conflicts, NULL, "", 200 },
	{ tb_resources_delete_record, "1", "", 204 },
};

/* One step with a failure: it is the answer that is due, or says that it could
 * not be given. False: the failure was not met. */
static bool fail_step(size_t step, uint64_t store_call, uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_BUSY };
	static struct fixture f;
	bool met;

	open_world(&f, &tb_store_memory);
	with_header(&f, "Prefer", TB_STR("return=representation"));
	for (size_t i = 0; i < step; i++)
		call(&f, steps[i].handler, "appointments", steps[i].id,
		     steps[i].body);
	fixture_ask(&f, "appointments", steps[step].id, NULL);
	f.req.body = tb_str_z(steps[step].body);
	if (store_call > 0)
		tb_fail_set_plan(f.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	steps[step].handler(f.resources, &f.req, &f.res);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(f.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(f.ic.store, NULL);
	if (f.res.status != steps[step].status)
		assert_in_range(f.res.status, 500, 503);
	if (!met)
		assert_int_equal(f.res.status, steps[step].status);
	fixture_fini(&f);
	return met;
}

static void test_nth_store_call_fails(void **state)
{
	(void)state;
	for (size_t step = 0; step < TB_ARRAY_LEN(steps); step++) {
		uint64_t n = 1;

		while (fail_step(step, n, 0))
			assert_true(n++ < CALLS_MAX);
		assert_true(n > 2);
	}
}

static void test_nth_allocation_fails(void **state)
{
	(void)state;
	for (size_t step = 0; step < TB_ARRAY_LEN(steps); step++) {
		uint64_t n = 1;

		while (fail_step(step, 0, n))
			assert_true(n++ < CALLS_MAX);
		assert_true(n > 2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_update_answers_the_record),
		TEST(test_refusals_come_in_their_order),
		TEST(test_bases_that_are_none),
		TEST(test_stale_update_is_409),
		TEST(test_same_update_again_is_200),
		TEST(test_new_records_are_201_with_their_address),
		TEST(test_post_with_a_key_is_done_once),
		TEST(test_records_are_replaced_changed_and_deleted),
		TEST(test_if_match_holds_the_state),
		TEST(test_writers_answer_names_the_state_for_the_next),
		TEST(test_history_is_the_newest_first),
		TEST(test_conflicts_are_listed_in_pages),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
