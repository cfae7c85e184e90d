#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"

static int set_up(void **state)
{
	*state = tb_arena_create((size_t)256 << 20);
	return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static struct tb_json parse_deep(void **state, const char *text,
				 uint32_t tape_depth)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json json;

	limits.tape_depth = tape_depth;
	assert_int_equal(
		tb_json_parse(*state, tb_str_z(text), &limits, &json, NULL),
		TB_OK);
	return json;
}

static struct tb_json parse(void **state, const char *text)
{
	return parse_deep(state, text, UINT32_MAX);
}

static void assert_raw(struct tb_json_value v, const char *expected)
{
	assert_true(tb_str_eq(tb_json_raw(v), tb_str_z(expected)));
}

static struct tb_json_value get(const struct tb_json *json, const char *name)
{
	return tb_json_get(tb_json_root(json), tb_str_z(name));
}

static void tape_holds_every_value_in_order(void **state)
{
	static const struct tb_json_node expected[] = {
		{ 1, 26, 8, TB_JSON_OBJECT, 0, 0 },
		{ 2, 3, 2, TB_JSON_STRING, 0, 0 },
		{ 7, 11, 6, TB_JSON_ARRAY, 0, 0 },
		{ 8, 1, 4, TB_JSON_NUMBER, 0, 0 },
		{ 10, 4, 5, TB_JSON_TRUE, 0, 0 },
		{ 15, 2, 6, TB_JSON_OBJECT, 0, 0 },
		{ 19, 4, 7, TB_JSON_STRING, 1, 0 },
		{ 24, 2, 8, TB_JSON_STRING, 0, 0 },
	};
	struct tb_json json =
		parse(state, " {\"a\": [1,true,{}],\"\\n\":\"\"} ");

	assert_int_equal(json.n_nodes, TB_ARRAY_LEN(expected));
	for (uint32_t i = 0; i < json.n_nodes; i++)
		assert_memory_equal(&json.nodes[i], &expected[i],
				    sizeof(expected[i]));
}

static void deeper_values_are_checked_without_a_node(void **state)
{
	static const char text[] = "[{\"a\":{\"b\":[1,2]}},3]";
	struct tb_json_limits limits = { 64, 100, 0 };
	struct tb_json json;

	json = parse_deep(state, text, 0);
	assert_int_equal(json.n_nodes, 1);
	assert_raw(tb_json_root(&json), text);
	json = parse_deep(state, text, 1);
	assert_int_equal(json.n_nodes, 3);
	struct tb_json_iter it = tb_json_iter(tb_json_root(&json));
	assert_true(tb_json_next(&it));
	assert_raw(it.value, "{\"a\":{\"b\":[1,2]}}");
	assert_true(tb_json_is_absent(tb_json_get(it.value, TB_STR("a"))));
	assert_true(tb_json_next(&it));
	assert_raw(it.value, "3");
	assert_false(tb_json_next(&it));
	json = parse_deep(state, text, 2);
	assert_int_equal(json.n_nodes, 5);
	json = parse_deep(state, text, UINT32_MAX);
	assert_int_equal(json.n_nodes, 9);
	for (limits.tape_depth = 0; limits.tape_depth < 5; limits.tape_depth++)
		assert_int_equal(
			tb_json_parse(*state, TB_STR("[[[{\"a\":1,\"a\":1}]]]"),
				      &limits, &json, NULL),
			TB_ERR_INVALID);
}

static void values_are_the_bytes_as_written(void **state)
{
	struct tb_json json = parse(
		state, "{\"n\": 1.500 ,\"e\":-0E+05,\"big\":"
		       "123456789012345678901234567890,\"s\":\"\\u0041\\/\","
		       "\"o\":{ \"z\" : 1, \"a\":[ ]}}");

	assert_raw(get(&json, "n"), "1.500");
	assert_raw(get(&json, "e"), "-0E+05");
	assert_raw(get(&json, "big"), "123456789012345678901234567890");
	assert_raw(get(&json, "s"), "\"\\u0041\\/\"");
	assert_raw(get(&json, "o"), "{ \"z\" : 1, \"a\":[ ]}");
}

static void members_are_found_by_decoded_name(void **state)
{
	struct tb_json json =
		parse(state, "{\"a\\u0062\":1,\"\":2,\"\xc3\xa9\":3,\"x\":"
			     "{\"y\":4},\"\\ud83d\\ude00\\n\":5}");

	assert_raw(get(&json, "ab"), "1");
	assert_raw(get(&json, ""), "2");
	assert_raw(get(&json, "\xc3\xa9"), "3");
	assert_raw(tb_json_get(get(&json, "x"), TB_STR("y")), "4");
	assert_raw(get(&json, "\xf0\x9f\x98\x80\n"), "5");
	assert_true(tb_json_is_absent(get(&json, "y")));
	assert_true(tb_json_is_absent(get(&json, "a\\u0062")));
	assert_true(tb_json_is_absent(get(&json, "a")));
	assert_true(tb_json_is_absent(get(&json, "abc")));
	assert_true(
		tb_json_is_absent(tb_json_get(get(&json, "ab"), TB_STR("a"))));
	assert_true(
		tb_json_is_absent(tb_json_get(TB_JSON_ABSENT, TB_STR("a"))));
}

static void elements_are_not_members(void **state)
{
	struct tb_json json = parse(state, "[\"a\",1]");

	assert_true(tb_json_is_absent(get(&json, "a")));
}

static void containers_are_walked_in_order(void **state)
{
	struct tb_json json = parse(state, "{\"k\":[1,[2,3],{}],\"l\":4}");
	struct tb_json_iter members = tb_json_iter(tb_json_root(&json));

	assert_true(tb_json_next(&members));
	assert_raw(members.key, "\"k\"");
	struct tb_json_iter elements = tb_json_iter(members.value);
	assert_true(tb_json_next(&elements));
	assert_raw(elements.value, "1");
	assert_true(tb_json_next(&elements));
	assert_raw(elements.value, "[2,3]");
	assert_true(tb_json_next(&elements));
	assert_raw(elements.value, "{}");
	struct tb_json_iter none = tb_json_iter(elements.value);
	assert_false(tb_json_next(&none));
	assert_false(tb_json_next(&elements));
	assert_false(tb_json_next(&elements));
	assert_true(tb_json_next(&members));
	assert_raw(members.key, "\"l\"");
	none = tb_json_iter(members.value);
	assert_false(tb_json_next(&none));
	assert_false(tb_json_next(&members));
	none = tb_json_iter(TB_JSON_ABSENT);
	assert_false(tb_json_next(&none));
}

static void values_of_a_container_are_counted(void **state)
{
	struct tb_json json =
		parse(state, "[1,[2,3],{\"k\":4,\"l\":5,\"m\":6}]");
	struct tb_json_iter it = tb_json_iter(tb_json_root(&json));
	const size_t counts[] = { 0, 2, 3 };

	assert_int_equal(tb_json_count(tb_json_root(&json)), 3);
	for (size_t i = 0; tb_json_next(&it); i++)
		assert_int_equal(tb_json_count(it.value), counts[i]);
	assert_int_equal(tb_json_count(TB_JSON_ABSENT), 0);
}

static void kinds_are_told_apart(void **state)
{
	static const char *const texts[] = { "null", "false", "true", "-1",
					     "\"\"", "[]",    "{}" };

	for (unsigned i = 0; i < TB_ARRAY_LEN(texts); i++) {
		struct tb_json json = parse(state, texts[i]);
		assert_int_equal(tb_json_kind(tb_json_root(&json)), i);
		for (unsigned k = 0; k < TB_ARRAY_LEN(texts); k++)
			assert_int_equal(tb_json_is(tb_json_root(&json),
						    (enum tb_json_kind)k),
					 k == i);
	}
	assert_false(tb_json_is(TB_JSON_ABSENT, TB_JSON_NULL));
}

static void plain_string_is_a_slice_of_the_text(void **state)
{
	static const char text[] = "\"plain \xc3\xa9\"";
	struct tb_json json = parse(state, text);
	size_t used = tb_arena_used(*state);
	struct tb_str s;

	assert_int_equal(tb_json_string(*state, tb_json_root(&json), &s),
			 TB_OK);
	assert_ptr_equal(s.p, text + 1);
	assert_int_equal(s.n, sizeof(text) - 3);
	assert_int_equal(tb_arena_used(*state), used);
}

static void escapes_are_decoded(void **state)
{
	static const struct {
		const char *text;
		const char *decoded;
	} cases[] = {
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u007f\"", "A\x7f" },
		{ "\"\\u0080\\u07ff\"", "\xc2\x80\xdf\xbf" },
		{ "\"\\u0800\\uFFFF\"", "\xe0\xa0\x80\xef\xbf\xbf" },
		{ "\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80" },
		{ "\"\\ud800\\udc00\"", "\xf0\x90\x80\x80" },
		{ "\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf" },
		{ "\"a\\nb\"", "a\nb" },
		{ "\"\\\\n\"", "\\n" },
		{ "\"\xc3\xa9\\u00e9\xc3\xa9\"", "\xc3\xa9\xc3\xa9\xc3\xa9" },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_json json = parse(state, cases[i].text);
		struct tb_json_value v = tb_json_root(&json);
		struct tb_str decoded = tb_str_z(cases[i].decoded);
		struct tb_str s;
		assert_int_equal(tb_json_string(*state, v, &s), TB_OK);
		assert_true(tb_str_eq(s, decoded));
		assert_true(tb_json_string_is(v, decoded));
		assert_false(
			tb_json_string_is(v, tb_str(decoded.p, decoded.n - 1)));
		assert_false(tb_json_string_is(v, TB_STR_NONE));
		assert_false(tb_json_string_is(v, tb_json_raw(v)));
	}
}

static void comparison_sees_what_comes_behind(void **state)
{
	struct tb_json json = parse(state, "[\"a\\n\",\"ab\"]");
	struct tb_json_iter it = tb_json_iter(tb_json_root(&json));

	assert_true(tb_json_next(&it));
	assert_true(tb_json_string_is(it.value, TB_STR("a\n")));
	assert_false(tb_json_string_is(it.value, TB_STR("a\nb")));
	assert_false(tb_json_string_is(it.value, TB_STR("a")));
	assert_true(tb_json_next(&it));
	assert_true(tb_json_string_is(it.value, TB_STR("ab")));
	assert_false(tb_json_string_is(it.value, TB_STR("abc")));
	assert_false(tb_json_string_is(tb_json_root(&json), TB_STR("ab")));
}

static void integers_are_read_where_they_fit(void **state)
{
	struct tb_json json = parse(
		state, "{\"zero\":-0,\"max\":9223372036854775807,"
		       "\"over\":9223372036854775808,"
		       "\"min\":-9223372036854775808,"
		       "\"umax\":18446744073709551615,"
		       "\"uover\":18446744073709551616,"
		       "\"fraction\":1.0,\"exponent\":1e2,\"text\":\"1\"}");
	static const char *const neither[] = { "uover", "fraction", "exponent",
					       "text", "missing" };
	int64_t i = 42;
	uint64_t u = 42;

	for (size_t k = 0; k < TB_ARRAY_LEN(neither); k++) {
		struct tb_json_value v = get(&json, neither[k]);
		assert_int_equal(tb_json_i64(v, &i), TB_ERR_INVALID);
		assert_int_equal(tb_json_u64(v, &u), TB_ERR_INVALID);
	}
	assert_int_equal(tb_json_i64(get(&json, "over"), &i), TB_ERR_INVALID);
	assert_int_equal(tb_json_u64(get(&json, "min"), &u), TB_ERR_INVALID);
	assert_int_equal(i, 42);
	assert_int_equal(u, 42);
	assert_int_equal(tb_json_i64(get(&json, "zero"), &i), TB_OK);
	assert_int_equal(i, 0);
	assert_int_equal(tb_json_i64(get(&json, "max"), &i), TB_OK);
	assert_true(i == INT64_MAX);
	assert_int_equal(tb_json_i64(get(&json, "min"), &i), TB_OK);
	assert_true(i == INT64_MIN);
	assert_int_equal(tb_json_u64(get(&json, "umax"), &u), TB_OK);
	assert_true(u == UINT64_MAX);
}

static void booleans_are_words_not_texts(void **state)
{
	struct tb_json json =
		parse(state, "{\"t\":true,\"f\":false,\"s\":\"true\",\"n\":1}");
	bool b = false;

	assert_int_equal(tb_json_bool(get(&json, "t"), &b), TB_OK);
	assert_true(b);
	assert_int_equal(tb_json_bool(get(&json, "s"), &b), TB_ERR_INVALID);
	assert_int_equal(tb_json_bool(get(&json, "n"), &b), TB_ERR_INVALID);
	assert_int_equal(tb_json_bool(get(&json, "x"), &b), TB_ERR_INVALID);
	assert_true(b);
	assert_int_equal(tb_json_bool(get(&json, "f"), &b), TB_OK);
	assert_false(b);
}

static void what_is_no_string_has_no_text(void **state)
{
	struct tb_json json = parse(state, "[1]");
	struct tb_str s = TB_STR("untouched");

	assert_int_equal(tb_json_string(*state, tb_json_root(&json), &s),
			 TB_ERR_INVALID);
	assert_int_equal(tb_json_string(*state, TB_JSON_ABSENT, &s),
			 TB_ERR_INVALID);
	assert_true(tb_str_eq(s, TB_STR("untouched")));
}

/* `n` opening brackets and, where asked, as many closing ones. */
static struct tb_str nested(struct tb_arena *arena, size_t n, bool closed)
{
	size_t all = closed ? 2 * n : n;
	char *p = tb_arena_alloc(arena, all);

	memset(p, '[', n);
	memset(p + n, ']', all - n);
	return tb_str(p, all);
}

static void depth_is_bounded_by_the_limit(void **state)
{
	struct tb_json_error error;
	struct tb_json json;

	assert_int_equal(tb_json_parse(*state, nested(*state, 64, true), NULL,
				       &json, &error),
			 TB_OK);
	assert_int_equal(tb_json_parse(*state, nested(*state, 65, true), NULL,
				       &json, &error),
			 TB_ERR_TOO_DEEP);
	assert_int_equal(error.offset, 64);
	assert_string_equal(error.what, "nested too deeply");
	assert_int_equal(tb_json_parse(*state, nested(*state, 100000, false),
				       NULL, &json, &error),
			 TB_ERR_TOO_DEEP);
	assert_int_equal(error.offset, 64);
}

static void depth_costs_no_stack(void **state)
{
	struct tb_json_limits limits = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
	struct tb_json json;

	assert_int_equal(tb_json_parse(*state, nested(*state, 100000, true),
				       &limits, &json, NULL),
			 TB_OK);
	assert_int_equal(json.n_nodes, 100000);
	assert_int_equal(json.nodes[99999].next, 100000);
	assert_int_equal(tb_json_parse(*state, nested(*state, 100000, false),
				       &limits, &json, NULL),
			 TB_ERR_INVALID);
}

static void depth_zero_allows_scalars_alone(void **state)
{
	struct tb_json_limits limits = { 0, 100, UINT32_MAX };
	struct tb_json json;

	assert_int_equal(
		tb_json_parse(*state, TB_STR("1"), &limits, &json, NULL),
		TB_OK);
	assert_int_equal(
		tb_json_parse(*state, TB_STR("[]"), &limits, &json, NULL),
		TB_ERR_TOO_DEEP);
}

static void nul_is_taken_where_it_is_allowed(void **state)
{
	struct tb_str text = TB_STR("\"a\\u0000b\"");
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json json;
	struct tb_str got;

	assert_int_equal(tb_json_parse(*state, text, &limits, &json, NULL),
			 TB_ERR_INVALID);
	limits.allow_nul = true;
	assert_int_equal(tb_json_parse(*state, text, &limits, &json, NULL),
			 TB_OK);
	assert_int_equal(tb_json_string(*state, tb_json_root(&json), &got),
			 TB_OK);
	assert_true(tb_str_eq(got, TB_STR("a\0b")));
	/* As a byte it is a control character like others. */
	assert_int_equal(
		tb_json_parse(*state, TB_STR("\"a\0b\""), &limits, &json, NULL),
		TB_ERR_INVALID);
}

static void nodes_are_bounded_by_the_limit(void **state)
{
	struct tb_str text = TB_STR("[1,{\"a\":2},3]");
	struct tb_json_limits limits = { 64, 6, UINT32_MAX };
	struct tb_json_error error;
	struct tb_json json = { 0 };

	assert_int_equal(tb_json_parse(*state, text, &limits, &json, NULL),
			 TB_OK);
	assert_int_equal(json.n_nodes, 6);
	json.nodes = NULL;
	for (uint32_t n = 0; n < 6; n++) {
		limits.max_nodes = n;
		assert_int_equal(
			tb_json_parse(*state, text, &limits, &json, &error),
			TB_ERR_TOO_LARGE);
		assert_string_equal(error.what, "too many values");
		assert_null(json.nodes);
	}
	/* What gets no node is not counted. */
	limits.max_nodes = 1;
	limits.tape_depth = 0;
	assert_int_equal(tb_json_parse(*state, text, &limits, &json, NULL),
			 TB_OK);
}

static void tape_grows_to_exactly_the_limit(void **state)
{
	enum {
		ELEMENTS = 100000
	};
	struct tb_json_limits limits = { 64, ELEMENTS + 1, UINT32_MAX };
	struct tb_json json;
	struct tb_buf buf;

	tb_buf_init(&buf, 1 << 20);
	for (int i = 0; i < ELEMENTS; i++)
		tb_buf_append_z(&buf, i == 0 ? "[1" : ",1");
	tb_buf_append_z(&buf, "]");
	assert_int_equal(
		tb_json_parse(*state, tb_buf_str(&buf), &limits, &json, NULL),
		TB_OK);
	assert_int_equal(json.n_nodes, ELEMENTS + 1);
	limits.max_nodes--;
	assert_int_equal(
		tb_json_parse(*state, tb_buf_str(&buf), &limits, &json, NULL),
		TB_ERR_TOO_LARGE);
	tb_buf_fini(&buf);
}

static void tape_takes_no_more_memory_than_it_needs(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	struct tb_json json;

	(void)state;
	assert_int_equal(
		tb_json_parse(arena, TB_STR("\"x\""), NULL, &json, NULL),
		TB_OK);
	assert_int_equal(tb_arena_used(arena), sizeof(struct tb_json_node));
	tb_arena_destroy(arena);
}

/* From some ceiling on there is enough; below it the text is too large. */
static void arena_ceiling_is_too_large(void **state)
{
	enum tb_err err = TB_ERR_TOO_LARGE;

	(void)state;
	for (size_t max = 0; max < 10000; max += 50) {
		struct tb_arena *arena = tb_arena_create(max);
		struct tb_json_error error = { 0, "needs too much memory" };
		struct tb_json json;
		enum tb_err before = err;
		err = tb_json_parse(arena,
				    TB_STR("{\"a\":[1,2,3],\"\\u0062\":[]}"),
				    NULL, &json, &error);
		if (err != TB_OK || max == 0)
			assert_int_equal(err, TB_ERR_TOO_LARGE);
		assert_true(err == TB_OK || before != TB_OK);
		assert_string_equal(error.what, "needs too much memory");
		tb_arena_destroy(arena);
	}
	assert_int_equal(err, TB_OK);
}

static void text_over_four_gigabytes_is_not_even_read(void **state)
{
	struct tb_str text = tb_str("", (size_t)UINT32_MAX + 1);
	struct tb_json json;

	assert_int_equal(tb_json_parse(*state, text, NULL, &json, NULL),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(tb_json_parse(*state, TB_STR_NONE, NULL, &json, NULL),
			 TB_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tape_holds_every_value_in_order),
		cmocka_unit_test(deeper_values_are_checked_without_a_node),
		cmocka_unit_test(values_are_the_bytes_as_written),
		cmocka_unit_test(members_are_found_by_decoded_name),
		cmocka_unit_test(elements_are_not_members),
		cmocka_unit_test(containers_are_walked_in_order),
		cmocka_unit_test(values_of_a_container_are_counted),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(plain_string_is_a_slice_of_the_text),
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(comparison_sees_what_comes_behind),
		cmocka_unit_test(integers_are_read_where_they_fit),
		cmocka_unit_test(booleans_are_words_not_texts),
		cmocka_unit_test(what_is_no_string_has_no_text),
		cmocka_unit_test(depth_is_bounded_by_the_limit),
		cmocka_unit_test(depth_costs_no_stack),
		cmocka_unit_test(depth_zero_allows_scalars_alone),
		cmocka_unit_test(nul_is_taken_where_it_is_allowed),
		cmocka_unit_test(nodes_are_bounded_by_the_limit),
		cmocka_unit_test(tape_grows_to_exactly_the_limit),
		cmocka_unit_test(tape_takes_no_more_memory_than_it_needs),
		cmocka_unit_test(arena_ceiling_is_too_large),
		cmocka_unit_test(text_over_four_gigabytes_is_not_even_read),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
