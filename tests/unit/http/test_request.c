#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "http/ids.h"
#include "http/request.h"
#include "http/uri.h"

static struct tb_request request(struct tb_arena *arena, const char *query)
{
	return (struct tb_request) { .query = tb_str_z(query), .arena = arena };
}

static int set_up(void **state)
{
	*state = tb_arena_create(1 << 16);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static void headers_are_found_by_any_case_the_first_one_first(void **state)
{
	static const struct tb_header headers[] = {
		{ { "Accept", 6 }, { "a", 1 } },
		{ { "aCCept", 6 }, { "b", 1 } },
		{ { "X-Empty", 7 }, { "", 0 } },
	};
	struct tb_request req = { .headers = headers,
				  .n_headers = TB_ARRAY_LEN(headers) };

	(void)state;
	assert_true(tb_str_eq(tb_request_header(&req, "ACCEPT"), TB_STR("a")));
	assert_non_null(tb_request_header(&req, "x-empty").p);
	assert_null(tb_request_header(&req, "Accep").p);
	assert_null(tb_request_header(&req, "Accept-").p);
}

static void a_body_of_which_nothing_is_said_counts_as_json(void **state)
{
	struct tb_header header = { TB_STR("content-type"),
				    TB_STR("application/json") };
	struct tb_request req = { .headers = &header };

	(void)state;
	assert_true(tb_request_is_json(&req));
	req.n_headers = 1;
	assert_true(tb_request_is_json(&req));
	header.value = TB_STR("text/plain");
	assert_false(tb_request_is_json(&req));
	header.value = TB_STR("");
	assert_false(tb_request_is_json(&req));
}

static void parameters_are_decoded(void **state)
{
	static const struct {
		const char *query;
		const char *x; /* NULL: absent */
	} cases[] = {
		{ NULL, NULL },       { "", NULL },
		{ "y=1", NULL },      { "xx=1", NULL },
		{ "x", "" },          { "x=", "" },
		{ "x=1", "1" },       { "y&x=1", "1" },
		{ "x=1&x=2", "1" },   { "x=a=b", "a=b" },
		{ "x=a+b", "a b" },   { "x=%2B", "+" },
		{ "%78=1", "1" },     { "x=%C3%a4", "ä" },
		{ "&&x=1", "1" },     { "x=%F0%9F%98%80", "\xf0\x9f\x98\x80" },
		{ "%zz=2&x=1", "1" }, { "x=\xc3\xa4", "ä" },
	};
	size_t i;

	for (i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_request req = request(*state, cases[i].query);
		struct tb_str x = TB_STR("unset");

		assert_int_equal(tb_request_query(&req, "x", &x), TB_OK);
		assert_int_equal(x.p != NULL, cases[i].x != NULL);
		assert_true(tb_str_eq(x, tb_str_z(cases[i].x)));
	}
}

static void a_parameter_that_is_no_text_is_refused(void **state)
{
	static const char *const queries[] = {
		"x=%",    "x=%4",        "x=%g0",          "x=%00",
		"x=%80",  "x=%C3",       "x=%C0%AF",       "x=%E0%80%80",
		"x=%FF",  "x=%ED%A0%80", "x=%F4%90%80%80", "x=%F0%8F%80%80",
		"x=\xff", "x=1%",        "x=%C3%C3",       "x=%F5%80%80%80",
	};
	size_t i;

	for (i = 0; i < TB_ARRAY_LEN(queries); i++) {
		struct tb_request req = request(*state, queries[i]);
		struct tb_str x = TB_STR("unset");

		assert_int_equal(tb_request_query(&req, "x", &x),
				 TB_ERR_INVALID);
		assert_true(tb_str_eq(x, TB_STR("unset")));
	}
}

static void numbers_are_decimal_and_fit(void **state)
{
	static const struct {
		const char *query;
		enum tb_err err;
		uint64_t x;
	} cases[] = {
		{ "", TB_OK, 7 },
		{ "x=0", TB_OK, 0 },
		{ "x=18446744073709551615", TB_OK, UINT64_MAX },
		{ "x=18446744073709551616", TB_ERR_INVALID, 0 },
		{ "x=-1", TB_ERR_INVALID, 0 },
		{ "x=+1", TB_ERR_INVALID, 0 },
		{ "x=", TB_ERR_INVALID, 0 },
		{ "x", TB_ERR_INVALID, 0 },
		{ "x=1.5", TB_ERR_INVALID, 0 },
		{ "x=0x1", TB_ERR_INVALID, 0 },
		{ "x=%31", TB_OK, 1 },
		{ "x=%zz", TB_ERR_INVALID, 0 },
	};
	size_t i;

	for (i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_request req = request(*state, cases[i].query);
		uint64_t x = 99;

		assert_int_equal(tb_request_query_u64(&req, "x", 7, &x),
				 cases[i].err);
		assert_int_equal(x, cases[i].err ? 99 : cases[i].x);
	}
}

static void nothing_to_decode_costs_no_memory(void **state)
{
	struct tb_arena *arena = *state;
	struct tb_str in = TB_STR("plain"), out;

	assert_int_equal(tb_uri_decode(arena, in, true, &out), TB_OK);
	assert_ptr_equal(out.p, in.p);
	assert_int_equal(tb_arena_used(arena), 0);
}

static void decoding_without_memory_says_so(void **state)
{
	struct tb_str out;

	tb_alloc_fail_at(1);
	assert_int_equal(tb_uri_decode(*state, TB_STR("%41"), false, &out),
			 TB_ERR_NOMEM);
	tb_alloc_fail_at(0);
}

static void an_id_is_short_and_plain(void **state)
{
	char long_id[TB_REQUEST_ID_MAX + 1];

	(void)state;
	memset(long_id, 'a', sizeof(long_id));
	assert_true(tb_id_is_valid(TB_STR("aZ0.-_")));
	assert_true(tb_id_is_valid(tb_str(long_id, TB_REQUEST_ID_MAX)));
	assert_false(tb_id_is_valid(tb_str(long_id, TB_REQUEST_ID_MAX + 1)));
	assert_false(tb_id_is_valid(TB_STR("")));
	assert_false(tb_id_is_valid(TB_STR_NONE));
	assert_false(tb_id_is_valid(TB_STR("a b")));
	assert_false(tb_id_is_valid(TB_STR("a\n")));
	assert_false(tb_id_is_valid(TB_STR("a/b")));
}

static void drawn_ids_are_valid_and_differ(void **state)
{
	static char drawn[300][TB_ID_TEXT_LEN];
	struct tb_ids ids = { .left = 0 };
	size_t i, k;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(drawn); i++) {
		tb_ids_next(&ids, drawn[i]);
		assert_true(tb_id_is_valid(tb_str(drawn[i], TB_ID_TEXT_LEN)));
		for (k = 0; k < i; k++)
			assert_memory_not_equal(drawn[i], drawn[k],
						TB_ID_TEXT_LEN);
	}
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(headers_are_found_by_any_case_the_first_one_first),
		cmocka_unit_test(
			a_body_of_which_nothing_is_said_counts_as_json),
		WITH(parameters_are_decoded),
		WITH(a_parameter_that_is_no_text_is_refused),
		WITH(numbers_are_decimal_and_fit),
		WITH(nothing_to_decode_costs_no_memory),
		WITH(decoding_without_memory_says_so),
		cmocka_unit_test(an_id_is_short_and_plain),
		cmocka_unit_test(drawn_ids_are_valid_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
