/*
 * What the sites API reads from a request's head: the dialect, the clock, and
 * where a page starts; and how its errors look.
 */
#include "../base/torture.h"

#include <string.h>

#include "api/sites/date.h"
#include "api/sites/dialect.h"
#include "api/sites/errors.h"
#include "api/sites/query.h"
#include "base/assert.h"

#define ARENA_MAX ((size_t)1 << 20)

struct fixture {
	struct tb_request req;
	struct tb_header header;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .req = { .api = &tb_sites_api } };
	f.req.headers = &f.header;
	f.req.arena = tb_arena_create(ARENA_MAX);
	assert_non_null(f.req.arena);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_arena_destroy(f->req.arena);
	return 0;
}

static void set_version(struct fixture *f, const char *version)
{
	f->header = (struct tb_header) { TB_STR("Version"), tb_str_z(version) };
	f->req.n_headers = version ? 1 : 0;
}

static void test_the_version_header_chooses_the_dialect(void **state)
{
	static const char *const good[] = { "5", "1.2", "10.0.33" };
	struct fixture *f = *state;
	enum tb_sites_dialect dialect;

	set_version(f, NULL);
	assert_int_equal(tb_sites_dialect_of(&f->req, &dialect), TB_OK);
	assert_int_equal(dialect, TB_SITES_PLAIN);
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		set_version(f, good[i]);
		assert_int_equal(tb_sites_dialect_of(&f->req, &dialect), TB_OK);
		assert_int_equal(dialect, TB_SITES_VERSIONED);
	}
}

static void test_what_is_no_version_is_not_supported(void **state)
{
	static const char *const bad[] = {
		"",   "v5",   "5.",
		".5", "5..1", "-1",
		"5 ", "five", "111111111111111111111111111111111",
	};
	enum tb_sites_dialect dialect;

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		set_version(*state, bad[i]);
		assert_int_equal(
			tb_sites_dialect_of(&((struct fixture *)*state)->req,
					    &dialect),
			TB_ERR_UNSUPPORTED);
	}
}

static enum tb_err query(struct fixture *f, const char *text,
			 struct tb_sites_query *ret)
{
	f->req.query = tb_str_z(text);
	return tb_sites_query_read(&f->req, &tb_sites_default_options, ret);
}

static void test_cursor_and_limit_have_defaults_and_a_ceiling(void **state)
{
	struct tb_sites_query q;

	assert_int_equal(query(*state, NULL, &q), TB_OK);
	assert_int_equal(q.cursor, 0);
	assert_int_equal(q.limit, 500);
	assert_int_equal(query(*state, "cursor=978987&limit=10", &q), TB_OK);
	assert_int_equal(q.cursor, 978987);
	assert_int_equal(q.limit, 10);
	assert_int_equal(query(*state, "limit=0", &q), TB_OK);
	assert_int_equal(q.limit, 0);
	assert_int_equal(query(*state, "limit=18446744073709551615", &q),
			 TB_OK);
	assert_int_equal(q.limit, 5000);
}

static void test_what_is_no_number_is_invalid(void **state)
{
	static const char *const bad[] = {
		"limit=",
		"limit",
		"limit=-1",
		"cursor=1.0",
		"cursor=abc",
		"cursor=%zz",
		"limit=1%00",
		"limit=+1",
		"cursor=18446744073709551616",
		"limit=1&limit=x",
		"limit=1&limit=1",
	};
	struct tb_sites_query q;

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_int_equal(query(*state, bad[i], &q), TB_ERR_INVALID);
}

static void test_a_date_is_read(void **state)
{
	int64_t us;

	(void)state;
	assert_int_equal(tb_sites_date_parse(
				 TB_STR("Sun, 21 Jan 2024 16:45:30 GMT"), &us),
			 TB_OK);
	assert_int_equal(us, 1705855530000000);
}

static void test_what_is_no_date_is_invalid(void **state)
{
	static const char *const bad[] = {
		"",
		"Sun, 21 Jan 2024 16:45:30",
		"Sun, 21 Jan 2024 16:45:30 CET",
		"Sun, 21 jan 2024 16:45:30 GMT",
		"Sun, 31 Feb 2024 16:45:30 GMT",
		"Sun, 21 Jan 2024 25:45:30 GMT",
		"Sun, xx Jan 2024 16:45:30 GMT",
		"Sunday, 21-Jan-24 16:45:30 GMT",
		"2024-01-21T16:45:30Z........ ",
	};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_int_equal(tb_sites_date_parse(tb_str_z(bad[i]), &us),
				 TB_ERR_INVALID);
}

static void assert_error(struct fixture *f, const struct tb_http_error *error,
			 const char *expected)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 4096);
	tb_sites_put_error(&buf, &f->req, error);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_int_equal(buf.n, strlen(expected));
	assert_memory_equal(buf.p, expected, buf.n);
	tb_buf_fini(&buf);
}

static void test_errors_have_code_message_and_data(void **state)
{
	struct tb_http_error error = { .status = 503,
				       .code = "busy",
				       .message = TB_STR("a \"b\"") };

	set_version(*state, NULL);
	assert_error(*state, &error,
		     "{\"error\":{\"code\":\"busy\","
		     "\"message\":\"a \\\"b\\\"\",\"data\":null}}");
	error.data = TB_STR("{\"major\":5}");
	assert_error(*state, &error,
		     "{\"error\":{\"code\":\"busy\","
		     "\"message\":\"a \\\"b\\\"\",\"data\":{\"major\":5}}}");
}

static void test_the_versioned_503_is_integration_error(void **state)
{
	struct tb_http_error error = { .status = 503,
				       .code = "busy",
				       .message = TB_STR("m") };

	set_version(*state, "5");
	assert_error(*state, &error,
		     "{\"error\":{\"code\":\"integration_error\","
		     "\"message\":\"m\",\"data\":null}}");
}

struct refusal {
	enum tb_auth_failure failure;
	unsigned status;
	const char *code;
};

static void assert_refused(struct fixture *f, const struct refusal *refusal)
{
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED,
					 .failure = refusal->failure,
					 .retry_after_s = 7 };
	struct tb_response res = { .arena = f->req.arena };
	bool has_header = false;

	tb_buf_init(&res.body, 0);
	tb_sites_refuse(&f->req, &res, &result);
	assert_int_equal(res.status, refusal->status);
	assert_string_equal(res.error_code, refusal->code);
	for (size_t i = 0; i < res.n_headers; i++) {
		struct tb_str name = res.headers[i].name;

		has_header |=
			tb_str_eq(name, refusal->status == 401
						? TB_STR("WWW-Authenticate")
						: TB_STR("Retry-After"));
	}
	assert_true(has_header);
	tb_response_empty(&res, 0);
}

static void test_refusals_carry_the_clients_codes(void **state)
{
	static const struct refusal refusals[] = {
		{ TB_AUTH_MISSING, 401, "unauthenticated" },
		{ TB_AUTH_MALFORMED, 401, "unauthenticated" },
		{ TB_AUTH_UNKNOWN, 401, "site_name_not_found" },
		{ TB_AUTH_WRONG, 401, "site_incorrect_password" },
		{ TB_AUTH_DISABLED, 401, "site_disabled" },
		{ TB_AUTH_HARDWARE, 401, "site_incorrect_hardware_id" },
		{ TB_AUTH_BAD_TOKEN, 401, "unauthenticated" },
		{ TB_AUTH_EXPIRED, 401, "site_auth_timeout" },
		{ TB_AUTH_LIMITED, 429, "too_many_requests" },
		{ TB_AUTH_UNAVAILABLE, 503, "busy" },
	};

	set_version(*state, NULL);
	for (size_t i = 0; i < TB_ARRAY_LEN(refusals); i++)
		assert_refused(*state, &refusals[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_the_version_header_chooses_the_dialect),
		TEST(test_what_is_no_version_is_not_supported),
		TEST(test_cursor_and_limit_have_defaults_and_a_ceiling),
		TEST(test_what_is_no_number_is_invalid),
		TEST(test_a_date_is_read),
		TEST(test_what_is_no_date_is_invalid),
		TEST(test_errors_have_code_message_and_data),
		TEST(test_the_versioned_503_is_integration_error),
		TEST(test_refusals_carry_the_clients_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
