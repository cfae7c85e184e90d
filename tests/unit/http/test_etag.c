#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "http/etag.h"

static bool has(const char *list, const char *etag)
{
	return tb_etag_list_has(tb_str_z(list), tb_str_z(etag));
}

/* The table of RFC 9110, 8.8.3.2; its column of the weak comparison. */
static void tags_compare_as_the_rfc_says(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool is_match;
	} rows[] = {
		{ "W/\"1\"", "W/\"1\"", true },
		{ "W/\"1\"", "W/\"2\"", false },
		{ "W/\"1\"", "\"1\"", true },
		{ "\"1\"", "\"1\"", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(rows); i++) {
		assert_int_equal(has(rows[i].a, rows[i].b), rows[i].is_match);
		assert_int_equal(has(rows[i].b, rows[i].a), rows[i].is_match);
	}
}

static void a_tag_is_found_anywhere_in_a_list(void **state)
{
	static const char *const lists[] = {
		"\"x\"",           "\"a\", \"x\"",
		"\"x\",\"a\"",     "\"a\"\t,\t\"x\" , W/\"b\"",
		",\"x\"",          " , , \"x\" ,, ",
		"\"a,b\", \"x\"",  "\"\", \"x\"",
		"\"\xe4\", \"x\"", "\"W/\\\", \"x\"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(lists); i++) {
		assert_true(has(lists[i], "\"x\""));
		assert_false(has(lists[i], "\"y\""));
		assert_false(has(lists[i], "\"X\""));
	}
}

static void a_star_is_any_tag_and_stands_alone(void **state)
{
	(void)state;
	assert_true(has("*", "\"x\""));
	assert_true(has(" * ", "W/\"x\""));
	assert_false(has("*, \"x\"", "\"x\""));
	assert_false(has("\"x\", *", "\"x\""));
	assert_false(has("**", "\"x\""));
	assert_true(has("\"*\"", "\"*\""));
	assert_false(has("\"*\"", "\"x\""));
}

static void a_list_that_is_none_has_nothing(void **state)
{
	static const char *const lists[] = {
		"",
		",",
		"x",
		"\"x",
		"x\"",
		"\"x\" \"x\"",
		"\"x\";",
		"\"x\", y",
		"\"x\", \"y",
		"w/\"x\"",
		"W /\"x\"",
		"W/ \"x\"",
		"W/",
		"\"x\", W/x",
		"\"x\", \"a b\"",
		"\"x\", \"\x7f\"",
		"'x'",
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(lists); i++)
		assert_false(has(lists[i], "\"x\""));
	assert_false(tb_etag_list_has(TB_STR_NONE, TB_STR("\"x\"")));
}

static void who_reads_and_holds_this_state_is_fresh(void **state)
{
	struct tb_header header = { TB_STR("if-none-match"),
				    TB_STR("W/\"x\"") };
	struct tb_request req = {
		.method = TB_GET,
		.headers = &header,
		.n_headers = 1,
	};

	(void)state;
	assert_true(tb_request_is_fresh(&req, TB_STR("\"x\"")));
	assert_false(tb_request_is_fresh(&req, TB_STR("\"y\"")));
	req.method = TB_HEAD;
	assert_true(tb_request_is_fresh(&req, TB_STR("\"x\"")));
	req.method = TB_POST;
	assert_false(tb_request_is_fresh(&req, TB_STR("\"x\"")));
	req.method = TB_GET;
	header.name = TB_STR("If-Match");
	assert_false(tb_request_is_fresh(&req, TB_STR("\"x\"")));
	req.n_headers = 0;
	assert_false(tb_request_is_fresh(&req, TB_STR("\"x\"")));
}

static void several_fields_are_one_list(void **state)
{
	struct tb_header headers[] = {
		{ TB_STR("If-None-Match"), TB_STR("\"a\"") },
		{ TB_STR("Accept"), TB_STR("*") },
		{ TB_STR("if-none-match"), TB_STR("\"b\", \"c\"") },
	};
	struct tb_request req = {
		.method = TB_GET,
		.headers = headers,
		.n_headers = TB_ARRAY_LEN(headers),
	};

	(void)state;
	assert_true(tb_request_is_fresh(&req, TB_STR("\"a\"")));
	assert_true(tb_request_is_fresh(&req, TB_STR("\"c\"")));
	assert_false(tb_request_is_fresh(&req, TB_STR("\"d\"")));
	headers[2].value = TB_STR("*");
	assert_false(tb_request_is_fresh(&req, TB_STR("\"a\"")));
	headers[2].value = TB_STR("\"b");
	assert_false(tb_request_is_fresh(&req, TB_STR("\"a\"")));
}

static bool matches(const char *list, const char *etag)
{
	struct tb_header headers[] = {
		{ TB_STR("If-None-Match"), TB_STR("\"y\"") },
		{ TB_STR("if-match"), tb_str_z(list) },
	};
	struct tb_request req = {
		.method = TB_PUT,
		.headers = headers,
		.n_headers = TB_ARRAY_LEN(headers),
	};
	bool has = false;
	bool is_match = tb_request_matches(&req, tb_str_z(etag), &has);

	assert_true(has);
	return is_match;
}

/* The table of RFC 9110, 8.8.3.2; its column of the strong comparison. */
static void if_match_compares_strongly(void **state)
{
	(void)state;
	assert_false(matches("W/\"1\"", "W/\"1\""));
	assert_false(matches("W/\"1\"", "W/\"2\""));
	assert_false(matches("W/\"1\"", "\"1\""));
	assert_false(matches("\"1\"", "W/\"1\""));
	assert_true(matches("\"1\"", "\"1\""));
	assert_true(matches("W/\"1\", \"2\" ,\"1\"", "\"1\""));
	assert_true(matches("\"1\", W/\"1\"", "\"1\""));
	assert_false(matches("\"y\"", "\"1\""));
}

static void if_match_with_a_star_takes_what_is_there(void **state)
{
	(void)state;
	assert_true(matches("*", "\"1\""));
	assert_true(matches("*", "W/\"1\""));
	assert_false(matches("*", NULL));
	assert_false(matches("\"1\"", NULL));
	assert_false(matches("*, \"1\"", "\"1\""));
}

static void an_if_match_that_is_no_list_matches_nothing(void **state)
{
	static const char *const lists[] = { "",        ",",       "1",
					     "\"1",     "'",       "\"1\";",
					     "\"1\" 2", "\"1\", x" };
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(lists); i++)
		assert_false(matches(lists[i], "\"1\""));
}

static void without_if_match_all_is_let_through(void **state)
{
	struct tb_header header = { TB_STR("If-None-Match"), TB_STR("\"x\"") };
	struct tb_request req = {
		.method = TB_PUT,
		.headers = &header,
		.n_headers = 1,
	};
	bool has = true;

	(void)state;
	assert_true(tb_request_matches(&req, TB_STR("\"1\""), &has));
	assert_false(has);
	has = true;
	assert_true(tb_request_matches(&req, TB_STR_NONE, &has));
	assert_false(has);
}

static void several_if_matches_are_one_list(void **state)
{
	struct tb_header headers[] = {
		{ TB_STR("If-Match"), TB_STR("\"a\"") },
		{ TB_STR("If-Match"), TB_STR("\"b\"") },
	};
	struct tb_request req = {
		.method = TB_DELETE,
		.headers = headers,
		.n_headers = TB_ARRAY_LEN(headers),
	};
	bool has;

	(void)state;
	assert_true(tb_request_matches(&req, TB_STR("\"a\""), &has));
	assert_true(tb_request_matches(&req, TB_STR("\"b\""), &has));
	headers[1].value = TB_STR("*");
	assert_false(tb_request_matches(&req, TB_STR("\"a\""), &has));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_compare_as_the_rfc_says),
		cmocka_unit_test(a_tag_is_found_anywhere_in_a_list),
		cmocka_unit_test(a_star_is_any_tag_and_stands_alone),
		cmocka_unit_test(a_list_that_is_none_has_nothing),
		cmocka_unit_test(who_reads_and_holds_this_state_is_fresh),
		cmocka_unit_test(several_fields_are_one_list),
		cmocka_unit_test(if_match_compares_strongly),
		cmocka_unit_test(if_match_with_a_star_takes_what_is_there),
		cmocka_unit_test(an_if_match_that_is_no_list_matches_nothing),
		cmocka_unit_test(without_if_match_all_is_let_through),
		cmocka_unit_test(several_if_matches_are_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
