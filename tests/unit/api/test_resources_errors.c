/*
 * What the resources API says when something is wrong, of how to sync, and of
 * tokens that are too old for a collection.
 */
#include "resources_fixture.h"

#include "api/resources/errors.h"
#include "api/resources/state.h"

static int setup(void **state)
{
	static struct fixture f;

	fixture_init(&f);
	fixture_ask(&f, "appointments", NULL, NULL);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	return 0;
}

static void assert_answer(struct fixture *f, unsigned status, const char *body)
{
	assert_int_equal(f->res.status, status);
	assert_string_equal(fixture_body(f), body);
}

static void test_errors_are_in_the_words_of_the_framework(void **state)
{
	struct fixture *f = *state;

	tb_response_error(&f->res, &f->req, 404, NULL, TB_STR("x"));
	assert_answer(f, 404, "{\"detail\":\"Not found.\"}");
	f->req.method = TB_POST;
	tb_response_error(&f->res, &f->req, 405, NULL, TB_STR("x"));
	assert_answer(f, 405,
		      "{\"detail\":\"Method \\\"POST\\\" not allowed.\"}");
	f->headers[0] = (struct tb_header) { TB_STR("Content-Type"),
					     TB_STR("text/plain") };
	f->req.n_headers = 1;
	tb_response_error(&f->res, &f->req, 415, NULL, TB_STR("x"));
	assert_answer(f, 415,
		      "{\"detail\":\"Unsupported media type \\\"text/plain\\\""
		      " in request.\"}");
	f->headers[0].value = TB_STR("text/\xff");
	tb_response_error(&f->res, &f->req, 415, NULL, TB_STR("x"));
	assert_answer(f, 415, "{\"detail\":\"x\"}");
	f->headers[0].name.p = NULL;
	tb_response_fail(&f->res, &f->req, TB_ERR_FULL);
	assert_answer(f, 503, "{\"detail\":\"the storage is full\"}");
	tb_resources_fail_param(&f->res, &f->req, TB_STR("limit"),
				TB_STR("a \"b\""));
	assert_answer(f, 400, "{\"limit\":\"a \\\"b\\\"\"}");
	tb_resources_fail_field(&f->res, &f->req, 409, TB_STR("id"),
				TB_STR("taken"));
	assert_answer(f, 409, "{\"id\":[\"taken\"]}");
	tb_resources_forbid(&f->req, &f->res, 0);
	assert_answer(f, 403,
		      "{\"detail\":\"You do not have permission to perform "
		      "this action.\"}");
}

static void refuse(struct fixture *f, enum tb_auth_failure failure)
{
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED,
					 .failure = failure,
					 .retry_after_s = 60 };

	fixture_ask(f, "appointments", NULL, NULL);
	tb_resources_refuse(&f->req, &f->res, &result);
}

#define BAD_TOKEN                                                              \
	"{\"detail\":\"Given token not valid for any token type\","            \
	"\"code\":\"token_not_valid\"}"

static void assert_challenge(const struct fixture *f)
{
	assert_true(tb_str_eq(fixture_header(f, "WWW-Authenticate"),
			      TB_STR("Bearer realm=\"api\"")));
}

static void test_refusals_say_what_it_takes(void **state)
{
	static const enum tb_auth_failure bad[] = {
		TB_AUTH_UNKNOWN,  TB_AUTH_WRONG,     TB_AUTH_DISABLED,
		TB_AUTH_HARDWARE, TB_AUTH_BAD_TOKEN, TB_AUTH_EXPIRED,
	};
	struct fixture *f = *state;

	refuse(f, TB_AUTH_MISSING);
	assert_answer(f, 401,
		      "{\"detail\":\"Authentication credentials were not "
		      "provided.\"}");
	assert_challenge(f);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		refuse(f, bad[i]);
		assert_answer(f, 401, BAD_TOKEN);
		assert_challenge(f);
	}
	refuse(f, TB_AUTH_LIMITED);
	assert_int_equal(f->res.status, 429);
	assert_true(tb_str_eq(fixture_header(f, "Retry-After"), TB_STR("60")));
	refuse(f, TB_AUTH_UNAVAILABLE);
	assert_int_equal(f->res.status, 503);
}

/* ---- how to sync ---- */

static void test_status_is_as_it_is_printed(void **state)
{
	struct fixture *f = *state;

	f->req.now_us = 1705855530123456;
	assert_true(tb_resources_get_status(f->resources, &f->req, &f->res));
	assert_int_equal(f->res.status, 200);
	/* The fixture leaves fractions out. */
	assert_string_equal(
		fixture_body(f),
		"{\"server_time\":\"2024-01-21T16:45:30Z\","
		"\"sync_strategy\":{\"strategy\":\"Server-Authoritative\","
		"\"description\":\"Server data is the source of truth.\","
		"\"conflict_handling\":\"Stale client updates are rejected to "
		"maintain data integrity.\","
		"\"resolution\":\"Clients must refresh when conflicts "
		"occur.\"},"
		"\"supported_parameters\":{\"last_sync_timestamp\":\"ISO 8601 "
		"datetime (e.g., 2024-01-20T10:00:00Z)\","
		"\"status\":\"Only those in this state\","
		"\"doctor_id\":\"Only those of this doctor\","
		"\"pharmacy_id\":\"Optional pharmacy filter\"},"
		"\"sync_endpoints\":{\"doctors\":\"/api/doctors/sync/\","
		"\"patients\":\"/api/patients/sync/\","
		"\"appointments\":\"/api/appointments/sync/\","
		"\"pharmacy_stock\":\"/api/pharmacy-stock/sync/\","
		"\"notes\":\"/api/notes/sync/\"},"
		"\"headers\":{\"X-Last-Sync\":\"Server time for next sync\","
		"\"X-Records-Synced\":\"Number of records returned\","
		"\"ETag\":\"For conditional requests (If-None-Match)\","
		"\"X-Sync-Strategy\":\"Conflict resolution approach\"},"
		"\"conflict_handling\":{\"strategy\":\"Server-Authoritative\","
		"\"error_code\":\"STALE_UPDATE\",\"http_status\":409,"
		"\"suggested_action\":\"REFRESH\"}}");
}

/* ---- the age of tokens ---- */

static void test_a_collection_may_ask_for_young_tokens(void **state)
{
	struct fixture *f = *state;
	int64_t now_s = f->ic.now_us / 1000000;

	f->collections[NOTES].max_token_age_s = 60;
	f->principal.issued_s = now_s - 59;
	assert_string_equal(fixture_list(f, "notes", NULL), "[]");
	f->principal.issued_s = now_s - 60;
	assert_string_equal(fixture_list(f, "notes", NULL), BAD_TOKEN);
	assert_int_equal(f->res.status, 401);
	assert_challenge(f);
	assert_string_equal(fixture_list(f, "appointments", NULL), "[]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_errors_are_in_the_words_of_the_framework),
		TEST(test_refusals_say_what_it_takes),
		TEST(test_status_is_as_it_is_printed),
		TEST(test_a_collection_may_ask_for_young_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
