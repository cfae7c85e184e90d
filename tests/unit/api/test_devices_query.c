/*
 * The query parameters of the devices API.
 */
#include "../base/torture.h"

#include "api/devices/errors.h"
#include "api/devices/query.h"
#include "base/assert.h"

static int setup(void **state)
{
	*state = tb_arena_create(1 << 20);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static struct tb_request request(struct tb_arena *arena, const char *query)
{
	return (struct tb_request) { .query = tb_str_z(query), .arena = arena };
}

static void assert_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static void an_id_is_decoded_and_may_be_absent(void **state)
{
	struct tb_request req = request(*state, "a=till%201&b=&c");
	struct tb_str id;
	struct tb_str flaw;

	assert_int_equal(tb_devices_query_id(&req, "a", &id, &flaw), TB_OK);
	assert_str(id, "till 1");
	assert_int_equal(tb_devices_query_id(&req, "b", &id, &flaw), TB_OK);
	assert_int_equal(id.n, 0);
	assert_int_equal(tb_devices_query_id(&req, "d", &id, &flaw), TB_OK);
	assert_int_equal(id.n, 0);
}

static void an_id_that_is_none_is_refused(void **state)
{
	struct tb_request req = request(*state, "a=%zz&b=%00");
	char text[256];
	struct tb_str flaw;
	struct tb_str id;

	assert_int_equal(tb_devices_query_id(&req, "a", &id, &flaw),
			 TB_ERR_INVALID);
	assert_str(flaw, TB_DEVICES_BAD_ID);
	assert_int_equal(tb_devices_query_id(&req, "b", &id, &flaw),
			 TB_ERR_INVALID);
	memset(text, 'x', sizeof(text));
	text[0] = 'a';
	text[1] = '=';
	req.query = tb_str(text, 202);
	assert_int_equal(tb_devices_query_id(&req, "a", &id, &flaw), TB_OK);
	req.query = tb_str(text, 203);
	assert_int_equal(tb_devices_query_id(&req, "a", &id, &flaw),
			 TB_ERR_INVALID);
	assert_str(flaw, TB_DEVICES_LONG_ID);
}

static void since_without_a_zone_is_utc(void **state)
{
	static const struct {
		const char *query;
		int64_t us;
	} cases[] = {
		{ "x=1", INT64_MIN },
		{ "since=", INT64_MIN },
		{ "since=2025-07-25T12:00:00", 1753444800000000 },
		{ "since=2025-07-25T12:00:00Z", 1753444800000000 },
		{ "since=2025-07-25T14:00:00%2B02:00", 1753444800000000 },
		{ "since=2025-07-25T12:00:00.000001", 1753444800000001 },
		{ "since=2025-07-25%2012:00:00", 1753444800000000 },
		{ "since=2025-07-25", 1753401600000000 },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_request req = request(*state, cases[i].query);
		struct tb_str flaw;
		int64_t us;

		assert_int_equal(tb_devices_query_since(&req, &us, &flaw),
				 TB_OK);
		assert_true(us == cases[i].us);
	}
}

static void since_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"since=now",
		"since=1753444800",
		"since=2025-13-01T00:00:00",
		/* A `+` that was not escaped is a space. */
		"since=2025-07-25T14:00:00+02:00",
		"since=%ff",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_request req = request(*state, bad[i]);
		struct tb_str flaw;
		int64_t us;

		assert_int_equal(tb_devices_query_since(&req, &us, &flaw),
				 TB_ERR_INVALID);
		assert_str(flaw, TB_DEVICES_BAD_SINCE);
	}
}

static void a_limit_follows_its_rule(void **state)
{
	static const struct tb_devices_limit_rule page = {
		.absent = TB_DEVICES_NO_LIMIT,
		.min = 1,
		.max = 5000,
	};
	static const struct tb_devices_limit_rule history = {
		.absent = 20,
		.max = TB_DEVICES_NO_LIMIT,
		.may_be_all = true,
	};
	static const struct {
		const char *query;
		const struct tb_devices_limit_rule *rule;
		enum tb_err err;
		uint64_t limit;
	} cases[] = {
		{ "", &page, TB_OK, TB_DEVICES_NO_LIMIT },
		{ "limit=", &page, TB_OK, TB_DEVICES_NO_LIMIT },
		{ "limit=1", &page, TB_OK, 1 },
		{ "limit=5000", &page, TB_OK, 5000 },
		{ "limit=5001", &page, TB_OK, 5000 },
		{ "limit=0", &page, TB_ERR_INVALID, 0 },
		{ "limit=-1", &page, TB_ERR_INVALID, 0 },
		{ "limit=ten", &page, TB_ERR_INVALID, 0 },
		{ "limit=1.5", &page, TB_ERR_INVALID, 0 },
		{ "limit=%2B1", &page, TB_ERR_INVALID, 0 },
		{ "", &history, TB_OK, 20 },
		{ "limit=0", &history, TB_OK, 0 },
		{ "limit=-1", &history, TB_OK, TB_DEVICES_NO_LIMIT },
		{ "limit=7000", &history, TB_OK, 7000 },
		{ "limit=-2", &history, TB_ERR_INVALID, 0 },
		{ "limit=all", &history, TB_ERR_INVALID, 0 },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_request req = request(*state, cases[i].query);
		struct tb_str flaw = TB_STR_NONE;
		uint64_t limit = 0;

		assert_int_equal(tb_devices_query_limit(&req, cases[i].rule,
							&limit, &flaw),
				 cases[i].err);
		assert_true(limit == cases[i].limit);
		if (cases[i].err)
			assert_str(flaw, TB_DEVICES_BAD_LIMIT);
	}
}

static void after_is_a_number(void **state)
{
	static const char *const bad[] = { "after=-1", "after=x",
					   "after=18446744073709551616" };
	struct tb_request req = request(*state, "after=18446744073709551615");
	struct tb_str flaw;
	uint64_t after;

	assert_int_equal(tb_devices_query_after(&req, &after, &flaw), TB_OK);
	assert_true(after == UINT64_MAX);
	req = request(*state, "after=");
	assert_int_equal(tb_devices_query_after(&req, &after, &flaw), TB_OK);
	assert_int_equal(after, 0);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		req = request(*state, bad[i]);
		assert_int_equal(tb_devices_query_after(&req, &after, &flaw),
				 TB_ERR_INVALID);
		assert_str(flaw, TB_DEVICES_BAD_AFTER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(an_id_is_decoded_and_may_be_absent),
		TEST(an_id_that_is_none_is_refused),
		TEST(since_without_a_zone_is_utc),
		TEST(since_that_is_none_is_refused),
		TEST(a_limit_follows_its_rule),
		TEST(after_is_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
