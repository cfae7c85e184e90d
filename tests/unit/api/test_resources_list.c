/*
 * Downloads: who sees what of a collection, what changed in it since, and what
 * it takes to know that nothing did.
 */
#include "resources_fixture.h"

#include <stdio.h>

#include "kernel/retention.h"

static int setup(void **state)
{
	static struct fixture f;

	fixture_init(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	return 0;
}

static void assert_header(const struct fixture *f, const char *name,
			  const char *value)
{
	struct tb_str found;

	assert_non_null(fixture_header(f, name).p);
	MUST(tb_arena_strdup(f->ic.arena, fixture_header(f, name), &found));
	fixture_round(found);
	assert_string_equal(found.p, value);
}

static void put_appointments(struct fixture *f)
{
	fixture_put(f, PATIENTS, "1", "{\"phone\":\"+91\"}");
	fixture_put(f, PATIENTS, "2", "{\"phone\":\"+92\"}");
	fixture_put(f, DOCTORS, "10", "{\"specialization\":\"a\"}");
	fixture_put(f, DOCTORS, "11", "{\"specialization\":\"b\"}");
	fixture_put(f, APPOINTMENTS, "102",
		    "{\"patient_id\":1,\"doctor_id\":11,\"status\":\"DONE\"}");
	fixture_put(f, APPOINTMENTS, "101",
		    "{\"patient_id\":1,\"doctor_id\":10,"
		    "\"status\":\"PENDING\"}");
	fixture_put(f, APPOINTMENTS, "103",
		    "{\"patient_id\":2,\"doctor_id\":11,"
		    "\"status\":\"PENDING\"}");
}

/* The ids of an answer, by commas. */
static const char *ids_of(struct fixture *f, const char *body)
{
	static char text[4096];
	struct tb_json json;
	struct tb_json_iter it;
	size_t n = 0;

	MUST(tb_json_parse(f->ic.arena, tb_str_z(body), NULL, &json, NULL));
	it = tb_json_iter(tb_json_root(&json));
	text[0] = '\0';
	while (tb_json_next(&it)) {
		struct tb_json_value gone =
			tb_json_get(it.value, TB_STR("deleted"));
		struct tb_str id =
			tb_json_raw(tb_json_get(it.value, TB_STR("id")));

		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%s%s%.*s", n ? "," : "",
			tb_json_is_absent(gone) ? "" : "-", TB_STR_ARG(id));
	}
	return text;
}

static void assert_ids(struct fixture *f, const char *collection,
		       const char *query, const char *ids)
{
	const char *body = fixture_list(f, collection, query);

	assert_int_equal(f->res.status, 200);
	assert_string_equal(ids_of(f, body), ids);
}

static void test_a_whole_list_is_ordered_by_ids(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	assert_string_equal(fixture_list(f, "appointments", NULL),
			    "[{\"id\":101,\"patient_id\":1,\"doctor_id\":10,"
			    "\"status\":\"PENDING\","
			    "\"created_at\":\"2023-11-14T22:13:26Z\","
			    "\"updated_at\":\"2023-11-14T22:13:26Z\","
			    "\"last_synced_at\":null},"
			    "{\"id\":102,\"patient_id\":1,\"doctor_id\":11,"
			    "\"status\":\"DONE\","
			    "\"created_at\":\"2023-11-14T22:13:25Z\","
			    "\"updated_at\":\"2023-11-14T22:13:25Z\","
			    "\"last_synced_at\":null},"
			    "{\"id\":103,\"patient_id\":2,\"doctor_id\":11,"
			    "\"status\":\"PENDING\","
			    "\"created_at\":\"2023-11-14T22:13:27Z\","
			    "\"updated_at\":\"2023-11-14T22:13:27Z\","
			    "\"last_synced_at\":null}]");
	assert_header(f, "X-Last-Sync", "2023-11-14T22:13:27Z");
	assert_header(f, "X-Records-Synced", "3");
	assert_header(f, "X-Sync-Strategy", "server-authoritative");
	assert_header(f, "Cache-Control", "private, no-cache");
	assert_int_equal(fixture_header(f, "ETag").n, 18);
	assert_null(fixture_header(f, "Link").p);
}

static void test_nothing_is_an_empty_array(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(fixture_list(f, "appointments", NULL), "[]");
	assert_header(f, "X-Records-Synced", "0");
	assert_string_equal(fixture_list(f, "notes", "deleted=1"), "[]");
	fixture_become(f, "patient", "1");
	assert_string_equal(fixture_list(f, "patients", NULL), "[]");
	fixture_become(f, "nobody", "");
	assert_string_equal(fixture_list(f, "patients", NULL), "[]");
}

static void test_since_is_strict(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	assert_ids(f, "appointments",
		   "last_sync_timestamp=2023-11-14T22:13:25.5Z", "101,103");
	assert_ids(f, "appointments",
		   "last_sync_timestamp=2023-11-14T22:13:24.999999Z",
		   "101,102,103");
	assert_ids(f, "appointments",
		   "last_sync_timestamp=2023-11-14T22:13:27.5Z", "");
	assert_header(f, "X-Last-Sync", "2023-11-14T22:13:27Z");
}

static void test_each_sees_their_own(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	fixture_become(f, "doctor", "11");
	assert_ids(f, "appointments", NULL, "102,103");
	assert_ids(f, "patients", NULL, "1,2");
	fixture_become(f, "doctor", "10");
	assert_ids(f, "appointments", NULL, "101");
	assert_ids(f, "patients", NULL, "1");
	fixture_become(f, "patient", "2");
	assert_ids(f, "appointments", NULL, "103");
	assert_ids(f, "patients", NULL, "2");
	assert_ids(f, "doctors", NULL, "10,11");
}

static void test_who_comes_into_sight_today_is_new_today(void **state)
{
	struct fixture *f = *state;
	const char *since = "last_sync_timestamp=2023-11-14T22:13:27.5Z";

	put_appointments(f);
	fixture_become(f, "doctor", "10");
	assert_ids(f, "patients", since, "");
	fixture_put(f, APPOINTMENTS, "104",
		    "{\"patient_id\":2,\"doctor_id\":10,"
		    "\"status\":\"DONE\"}");
	assert_ids(f, "patients", since, "2");
	fixture_delete(f, APPOINTMENTS, "104");
	assert_ids(f, "patients", since, "");
	assert_ids(f, "patients",
		   "deleted=1&last_sync_timestamp=2023-11-14T22:13:27.5Z",
		   "-2");
}

static void test_deletions_are_told_to_who_asks(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	fixture_delete(f, APPOINTMENTS, "102");
	assert_ids(f, "appointments", NULL, "101,103");
	assert_ids(f, "appointments", "deleted=1", "101,-102,103");
	assert_header(f, "X-Records-Synced", "3");
	assert_string_equal(fixture_list(f, "appointments",
					 "deleted=true&last_sync_timestamp="
					 "2023-11-14T22:13:27.5Z"),
			    "[{\"id\":102,\"deleted\":true,"
			    "\"updated_at\":\"2023-11-14T22:13:28Z\"}]");
	f->headers[0] =
		(struct tb_header) { TB_STR("Accept"),
				     TB_STR("application/json; deleted=1") };
	assert_ids(f, "appointments",
		   "last_sync_timestamp=2023-11-14T22:13:27.5Z", "-102");
	f->headers[0].name.p = NULL;
}

static void test_filters_narrow_what_is_seen(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	assert_ids(f, "appointments", "status=PENDING", "101,103");
	assert_ids(f, "appointments", "status=PENDING&doctor_id=11", "103");
	assert_ids(f, "appointments", "doctor_id=011", "102,103");
	assert_ids(f, "appointments", "doctor_id=99", "");
	assert_ids(f, "appointments", "doctor_id=", "101,102,103");
	fixture_become(f, "doctor", "11");
	assert_ids(f, "appointments", "status=PENDING", "103");
	assert_ids(f, "appointments", "doctor_id=10", "");
	fixture_list(f, "appointments", "doctor_id=x");
	assert_int_equal(f->res.status, 400);
	assert_string_equal(fixture_body(f),
			    "{\"doctor_id\":\"A valid integer is required.\"}");
}

static void test_what_leaves_a_filter_is_gone_there(void **state)
{
	static const char *const roles[] = { "staff", "doctor" };
	struct fixture *f = *state;

	put_appointments(f);
	fixture_put(f, APPOINTMENTS, "103",
		    "{\"patient_id\":2,\"doctor_id\":11,\"status\":\"DONE\"}");
	for (size_t i = 0; i < TB_ARRAY_LEN(roles); i++) {
		fixture_become(f, roles[i], "11");
		assert_ids(f, "appointments",
			   "status=PENDING&deleted=1&last_sync_timestamp="
			   "2023-11-14T22:13:27.5Z",
			   "-103");
	}
}

static void test_records_name_others_by_their_ids(void **state)
{
	struct fixture *f = *state;

	fixture_write(f, PHARMACIES, "P-x", "{\"name\":\"Gram \\u0041\"}", 5);
	fixture_put(f, STOCK, "1",
		    "{\"quantity\":2.50e1,\"pharmacy_id\":\"P-x\","
		    "\"more\":[1, 2]}");
	fixture_put(f, STOCK, "2", "{\"pharmacy_id\":\"none\"}");
	assert_string_equal(
		fixture_list(f, "pharmacy-stock", NULL),
		"[{\"id\":1,\"pharmacy_id\":5,"
		"\"pharmacy_name\":\"Gram \\u0041\",\"quantity\":2.50e1,"
		"\"more\":[1, 2],\"last_updated\":\"2023-11-14T22:13:22Z\"},"
		"{\"id\":2,\"pharmacy_id\":null,\"pharmacy_name\":null,"
		"\"quantity\":null,\"last_updated\":\"2023-11-14T22:13:23Z\"}"
		"]");
	assert_ids(f, "pharmacy-stock", "pharmacy_id=5", "1");
}

static void test_commit_order_and_text_ids(void **state)
{
	struct fixture *f = *state;

	fixture_put(f, STOCK, "9", "{}");
	fixture_put(f, STOCK, "3", "{}");
	assert_ids(f, "pharmacy-stock", NULL, "9,3");
	fixture_put(f, NOTES, "b", "{\"text\":\"1\"}");
	fixture_put(f, NOTES, "a\\\"", "{\"text\":\"2\"}");
	fixture_put(f, NOTES, "a", "{\"text\":\"3\"}");
	assert_ids(f, "notes", NULL, "\"a\",\"a\\\\\\\"\",\"b\"");
}

static void test_hidden_fields_stay_hidden(void **state)
{
	struct fixture *f = *state;

	fixture_put(f, PATIENTS, "1",
		    "{\"secret\":\"x\",\"\\u0070hone\":\"1\","
		    "\"\\u0073ecret2\":1,\"id\":7,\"updated_at\":0,"
		    "\"last_synced_at\":\"2024-01-01T00:00:00Z\"}");
	assert_string_equal(fixture_one(f, "patients", "1"),
			    "{\"id\":1,\"phone\":\"1\",\"\\u0073ecret2\":1,"
			    "\"created_at\":\"2023-11-14T22:13:21Z\","
			    "\"updated_at\":\"2023-11-14T22:13:21Z\","
			    "\"last_synced_at\":null}");
}

/* ---- pages ---- */

/* The query of the next page; NULL: there is none. */
static const char *next_of(struct fixture *f)
{
	struct tb_str link = fixture_header(f, "Link");
	struct tb_str query;

	if (!link.p)
		return NULL;
	assert_true(tb_str_starts(link, TB_STR("</api/x/?")));
	assert_true(tb_str_ends(link, TB_STR(">; rel=\"next\"")));
	MUST(tb_arena_strdup(f->ic.arena, tb_str(link.p + 9, link.n - 9 - 13),
			     &query));
	return query.p;
}

static void test_pages_go_through_all_changes(void **state)
{
	struct fixture *f = *state;
	const char *next;

	put_appointments(f);
	assert_ids(f, "appointments", "limit=2", "102,101");
	assert_header(f, "X-Last-Sync", "2023-11-14T22:13:26Z");
	assert_header(f, "X-Records-Synced", "2");
	next = next_of(f);
	assert_non_null(next);
	assert_ids(f, "appointments", next, "103");
	assert_header(f, "X-Last-Sync", "2023-11-14T22:13:27Z");
	assert_null(next_of(f));
	assert_ids(f, "appointments", "limit=3", "102,101,103");
	assert_null(next_of(f));
	fixture_become(f, "doctor", "11");
	assert_ids(f, "appointments", "limit=1&after=", "102");
	next = next_of(f);
	fixture_put(f, APPOINTMENTS, "102",
		    "{\"patient_id\":1,\"doctor_id\":11,"
		    "\"status\":\"PENDING\"}");
	assert_ids(f, "appointments", next, "103");
	next = next_of(f);
	assert_ids(f, "appointments", next, "102");
	assert_null(next_of(f));
}

static void test_a_cursor_that_is_not_of_this_store_starts_over(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	fixture_list(f, "appointments", "after=0000000000000001-1");
	assert_int_equal(f->res.status, 410);
	assert_non_null(strstr(fixture_body(f), "RESYNC_REQUIRED"));
	fixture_list(f, "appointments", "after=000000000000004d-100000");
	assert_int_equal(f->res.status, 410);
	assert_ids(f, "appointments", "after=000000000000004d-1",
		   "102,101,103");
}

/* ---- traces of deletions ---- */

#define DAY_US (86400 * 1000000ll)

static void drop_traces(struct fixture *f, size_t dropped)
{
	const struct tb_retention_ages ages = { .deleted_us = DAY_US };
	uint64_t after = 0;
	size_t n = 99;

	MUST(tb_retention_run(f->ic.core, f->org, &ages, &after, &n));
	assert_int_equal(n, dropped);
}

static void test_who_missed_a_dropped_deletion_starts_over(void **state)
{
	const char *old = "deleted=1&last_sync_timestamp=2023-11-14T22:13:27Z";
	struct fixture *f = *state;

	put_appointments(f);
	fixture_delete(f, APPOINTMENTS, "103");
	drop_traces(f, 0);
	f->ic.now_us += 2 * DAY_US;
	fixture_put(f, APPOINTMENTS, "104",
		    "{\"patient_id\":2,\"doctor_id\":11,"
		    "\"status\":\"PENDING\"}");
	assert_ids(f, "appointments", old, "-103,104");
	drop_traces(f, 1);
	fixture_list(f, "appointments", old);
	assert_int_equal(f->res.status, 410);
	fixture_list(f, "appointments", "deleted=1&after=000000000000004d-1");
	assert_int_equal(f->res.status, 410);
	assert_ids(f, "appointments", old + strlen("deleted=1&"), "104");
	assert_ids(f, "appointments", "deleted=1", "101,102,104");
	assert_ids(f, "appointments",
		   "deleted=1&last_sync_timestamp=2023-11-15T00:00:00Z", "104");
	/* Who began with nothing since need not know of it. */
	assert_ids(f, "appointments", "deleted=1&limit=1", "102");
	assert_ids(f, "appointments", next_of(f), "101");
	assert_ids(f, "patients",
		   "deleted=1&last_sync_timestamp="
		   "2023-11-14T22:13:20Z",
		   "1,2");
}

/* ---- a sight that changed without a record ---- */

static void test_who_read_before_their_sight_changed_starts_over(void **state)
{
	const char *before = "last_sync_timestamp=2023-11-14T22:13:27Z";
	const char *after = "last_sync_timestamp=2023-11-14T22:13:29Z";
	struct fixture *f = *state;
	char query[160];

	put_appointments(f);
	f->principal.sight_us = INLINE_CORE_NOW_US + 8500000;
	f->principal.sight_num = 5;
	assert_ids(f, "appointments", before, "101,102,103");
	snprintf(query, sizeof(query), "deleted=1&%s", before);
	fixture_list(f, "appointments", query);
	assert_int_equal(f->res.status, 410);
	fixture_list(f, "appointments", "after=000000000000004d-4");
	assert_int_equal(f->res.status, 410);
	fixture_put(f, PATIENTS, "3", "{}");
	fixture_put(f, PATIENTS, "4", "{}");
	assert_ids(f, "appointments", after, "");
	snprintf(query, sizeof(query), "deleted=1&%s", after);
	assert_ids(f, "appointments", query, "");
	/* A cursor whose reader began since then goes on, though the time in
	 * its address is older. */
	fixture_list(f, "appointments", "limit=1");
	snprintf(query, sizeof(query), "%s&%s", before, next_of(f));
	assert_ids(f, "appointments", query, "101");
}

/* ---- 304 ---- */

static void hold(struct fixture *f, struct tb_str etag)
{
	static char text[64];

	memcpy(text, etag.p, etag.n);
	f->headers[0] = (struct tb_header) { TB_STR("If-None-Match"),
					     tb_str(text, etag.n) };
}

static bool is_fresh_in_memory(struct fixture *f, const char *collection,
			       const char *query)
{
	fixture_ask(f, collection, NULL, query);
	return tb_resources_get_list_quick(f->resources, &f->req, &f->res) &&
	       f->res.status == 304;
}

static void test_304_comes_from_memory(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	fixture_become(f, "doctor", "11");
	assert_ids(f, "appointments", NULL, "102,103");
	hold(f, fixture_header(f, "ETag"));
	assert_true(is_fresh_in_memory(f, "appointments", NULL));
	assert_header(f, "X-Last-Sync", "2023-11-14T22:13:27Z");
	assert_true(tb_str_eq(fixture_header(f, "ETag"), f->headers[0].value));
	assert_false(is_fresh_in_memory(f, "appointments", "deleted=1"));
	/* "A change that the caller cannot see does not change it." */
	fixture_put(f, APPOINTMENTS, "101",
		    "{\"patient_id\":1,\"doctor_id\":10,\"status\":\"DONE\"}");
	assert_true(is_fresh_in_memory(f, "appointments", NULL));
	assert_header(f, "X-Last-Sync", "2023-11-14T22:13:28Z");
	fixture_put(f, APPOINTMENTS, "103",
		    "{\"patient_id\":2,\"doctor_id\":11,\"status\":\"DONE\"}");
	assert_false(is_fresh_in_memory(f, "appointments", NULL));
	assert_ids(f, "appointments", NULL, "102,103");
	f->headers[0].name.p = NULL;
}

/* A deletion that is the last thing to be told of, and then dropped, must not
 * bring back the tag of the time before it. */
static void test_a_tag_does_not_come_back(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	assert_ids(f, "appointments", NULL, "101,102,103");
	hold(f, fixture_header(f, "ETag"));
	fixture_delete(f, APPOINTMENTS, "103");
	f->ic.now_us += 2 * DAY_US;
	drop_traces(f, 1);
	assert_ids(f, "appointments", NULL, "101,102");
	f->headers[0].name.p = NULL;
}

/* An account of the caller's key; the caller was admitted before it was as it
 * is. */
static void add_account(struct fixture *f, const char *role)
{
	const struct tb_str roles[] = { tb_str_z(role) };
	struct tb_account account = { .kind = TB_ACCOUNT_USER,
				      .org = f->org,
				      .key = f->principal.key,
				      .username = TB_STR("anna"),
				      .password = TB_STR("hash"),
				      .roles = roles,
				      .n_roles = 1 };

	MUST(tb_directory_add_account(f->ic.core, &f->ic.note, &account));
}

/* "X-Last-Sync" would be later than the sight that was answered by. */
static void test_who_changed_while_they_asked_sees_what_they_are(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	fixture_become(f, "doctor", "11");
	assert_ids(f, "appointments", NULL, "102,103");
	hold(f, fixture_header(f, "ETag"));
	assert_true(is_fresh_in_memory(f, "appointments", NULL));
	add_account(f, "staff");
	assert_false(is_fresh_in_memory(f, "appointments", NULL));
	assert_ids(f, "appointments", NULL, "101,102,103");
	f->headers[0].name.p = NULL;
}

static void test_another_caller_has_another_tag(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	assert_ids(f, "appointments", NULL, "101,102,103");
	hold(f, fixture_header(f, "ETag"));
	fixture_become(f, "doctor", "11");
	assert_ids(f, "appointments", NULL, "102,103");
	f->headers[0].name.p = NULL;
}

static void test_a_filter_has_a_tag_of_its_own(void **state)
{
	struct fixture *f = *state;

	put_appointments(f);
	assert_ids(f, "appointments", "status=PENDING", "101,103");
	hold(f, fixture_header(f, "ETag"));
	fixture_put(f, APPOINTMENTS, "102",
		    "{\"patient_id\":2,\"doctor_id\":11,\"status\":\"DONE\"}");
	assert_true(is_fresh_in_memory(f, "appointments", "status=PENDING"));
	fixture_put(f, APPOINTMENTS, "102",
		    "{\"patient_id\":2,\"doctor_id\":11,"
		    "\"status\":\"PENDING\"}");
	assert_false(is_fresh_in_memory(f, "appointments", "status=PENDING"));
	assert_ids(f, "appointments", "status=PENDING", "101,102,103");
	f->headers[0].name.p = NULL;
}

/* ---- one ---- */

static void test_one_record_is_seen_by_who_may(void **state)
{
	struct fixture *f = *state;
	const char *none = "{\"detail\":\"Not found.\"}";

	put_appointments(f);
	assert_non_null(
		strstr(fixture_one(f, "appointments", "101"), "\"id\":101,"));
	assert_int_equal(f->res.status, 200);
	hold(f, fixture_header(f, "ETag"));
	fixture_one(f, "appointments", "101");
	assert_int_equal(f->res.status, 304);
	f->headers[0].name.p = NULL;
	assert_string_equal(fixture_one(f, "appointments", "0101"), none);
	assert_string_equal(fixture_one(f, "appointments", "99"), none);
	assert_string_equal(fixture_one(f, "nothing", "1"), none);
	fixture_become(f, "doctor", "11");
	assert_string_equal(fixture_one(f, "appointments", "101"), none);
	assert_int_equal(f->res.status, 404);
	fixture_one(f, "appointments", "102");
	assert_int_equal(f->res.status, 200);
	fixture_delete(f, APPOINTMENTS, "102");
	assert_string_equal(fixture_one(f, "appointments", "102"), none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_whole_list_is_ordered_by_ids),
		TEST(test_nothing_is_an_empty_array),
		TEST(test_since_is_strict),
		TEST(test_each_sees_their_own),
		TEST(test_who_comes_into_sight_today_is_new_today),
		TEST(test_deletions_are_told_to_who_asks),
		TEST(test_filters_narrow_what_is_seen),
		TEST(test_what_leaves_a_filter_is_gone_there),
		TEST(test_records_name_others_by_their_ids),
		TEST(test_commit_order_and_text_ids),
		TEST(test_hidden_fields_stay_hidden),
		TEST(test_pages_go_through_all_changes),
		TEST(test_a_cursor_that_is_not_of_this_store_starts_over),
		TEST(test_who_missed_a_dropped_deletion_starts_over),
		TEST(test_who_read_before_their_sight_changed_starts_over),
		TEST(test_304_comes_from_memory),
		TEST(test_a_tag_does_not_come_back),
		TEST(test_who_changed_while_they_asked_sees_what_they_are),
		TEST(test_another_caller_has_another_tag),
		TEST(test_a_filter_has_a_tag_of_its_own),
		TEST(test_one_record_is_seen_by_who_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
