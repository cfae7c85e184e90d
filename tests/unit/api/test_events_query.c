/*
 * What GET and POST events are asked for.
 */
#include "../base/torture.h"

#include "api/events/errors.h"
#include "api/events/query.h"
#include "base/assert.h"

#define LATEST_S 1000
#define CURSOR "9f3a51c07d24ee81-3"

static const struct tb_events_query_limits limits = { .page_max = 50,
						      .latest_s = LATEST_S };

static enum tb_err read_with(struct tb_arena *arena, const char *query,
			     const struct tb_events_query_limits *by,
			     struct tb_events_query *ret, const char **ret_what)
{
	struct tb_request req = { .query = tb_str_z(query), .arena = arena };

	return tb_events_query_read(&req, by, ret, ret_what);
}

static struct tb_events_query read_good(struct tb_arena *arena,
					const char *query)
{
	struct tb_events_query asked;
	const char *what;

	assert_int_equal(read_with(arena, query, &limits, &asked, &what),
			 TB_OK);
	return asked;
}

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

static void test_nothing_asks_for_everything(void **state)
{
	static const char *const queries[] = { NULL, "", "x=1", "after2=0" };

	for (size_t i = 0; i < TB_ARRAY_LEN(queries); i++) {
		struct tb_events_query asked = read_good(*state, queries[i]);

		assert_false(asked.is_given || asked.has_cursor);
		assert_int_equal(asked.limit, 0);
		assert_int_equal(asked.from_s, 0);
	}
}

static void test_empty_and_0_are_the_beginning_and_are_given(void **state)
{
	static const char *const queries[] = { "after=", "after", "after=0" };

	for (size_t i = 0; i < TB_ARRAY_LEN(queries); i++) {
		struct tb_events_query asked = read_good(*state, queries[i]);

		assert_true(asked.is_given);
		assert_false(asked.has_cursor);
		assert_int_equal(asked.after.num, 0);
	}
}

static void test_all_is_read(void **state)
{
	struct tb_events_query asked = read_good(
		*state, "limit=7&after=" CURSOR "&y&fromTimestamp=1000");

	assert_true(asked.is_given && asked.has_cursor);
	assert_int_equal(asked.after.epoch, 0x9f3a51c07d24ee81);
	assert_int_equal(asked.after.num, 3);
	assert_int_equal(asked.limit, 7);
	assert_int_equal(asked.from_s, 1000);
	assert_int_equal(read_good(*state, "fromTimestamp=").from_s, 0);
	assert_int_equal(read_good(*state, "limit=51").limit, 50);
	assert_int_equal(read_good(*state, "limit=18446744073709551615").limit,
			 50);
}

static void test_what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *query;
		const char *what;
	} rows[] = {
		{ "after=x", TB_EVENTS_BAD_CURSOR },
		{ "after=00", TB_EVENTS_BAD_CURSOR },
		{ "after=3", TB_EVENTS_BAD_CURSOR },
		{ "after=%00", TB_EVENTS_BAD_CURSOR },
		{ "after=%zz", TB_EVENTS_BAD_CURSOR },
		{ "limit=", TB_EVENTS_BAD_LIMIT },
		{ "limit", TB_EVENTS_BAD_LIMIT },
		{ "limit=0", TB_EVENTS_BAD_LIMIT },
		{ "limit=-1", TB_EVENTS_BAD_LIMIT },
		{ "limit=1.0", TB_EVENTS_BAD_LIMIT },
		{ "limit=18446744073709551616", TB_EVENTS_BAD_LIMIT },
		{ "fromTimestamp=0", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=-5", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=1.5", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=1001", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=9223372036854775808", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=+5", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=x", TB_EVENTS_BAD_FROM },
		{ "fromTimestamp=x&after=x", TB_EVENTS_BAD_CURSOR },
	};
	struct tb_events_query asked;
	const char *what;

	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		assert_int_equal(read_with(*state, rows[i].query, &limits,
					   &asked, &what),
				 TB_ERR_INVALID);
		assert_string_equal(what, rows[i].what);
	}
}

static void test_a_post_has_no_timestamp_to_begin_with(void **state)
{
	struct tb_events_query_limits without = limits;
	struct tb_events_query asked;
	const char *what;

	without.without_from = true;
	assert_int_equal(read_with(*state, "fromTimestamp=x&limit=2", &without,
				   &asked, &what),
			 TB_OK);
	assert_int_equal(asked.limit, 2);
	assert_int_equal(asked.from_s, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_asks_for_everything),
		TEST(test_empty_and_0_are_the_beginning_and_are_given),
		TEST(test_all_is_read),
		TEST(test_what_is_wrong_is_named),
		TEST(test_a_post_has_no_timestamp_to_begin_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
