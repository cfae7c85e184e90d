#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "codec/json.h"
#include "codec/json_members.h"

/* The members as "key=value;" one behind the other, "!" if it was broken. From
 * a copy that is just as long, so that the sanitizer sees a step too far. */
static void assert_members_of(struct tb_str text, const char *expected)
{
	char *copy = tb_malloc(text.n);
	struct tb_json_members it;
	struct tb_buf buf;

	assert_non_null(copy);
	memcpy(copy, text.p, text.n);
	tb_buf_init(&buf, 10000);
	it = tb_json_members(tb_str(copy, text.n));
	while (tb_json_members_next(&it)) {
		tb_buf_append_str(&buf, it.key);
		tb_buf_append_char(&buf, '=');
		tb_buf_append_str(&buf, it.value);
		tb_buf_append_char(&buf, ';');
	}
	assert_false(tb_json_members_next(&it));
	if (it.is_broken)
		tb_buf_append_char(&buf, '!');
	tb_buf_append_char(&buf, '\0');
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_string_equal(buf.p, expected);
	tb_buf_fini(&buf);
	tb_free(copy);
}

static void assert_elements_of(const char *text, const char *expected)
{
	size_t n = strlen(text);
	char *copy = tb_malloc(n);
	struct tb_json_members it;
	struct tb_buf buf;

	assert_non_null(copy);
	memcpy(copy, text, n);
	tb_buf_init(&buf, 10000);
	it = tb_json_members(tb_str(copy, n));
	while (tb_json_elements_next(&it)) {
		assert_int_equal(it.key.n, 0);
		tb_buf_append_str(&buf, it.value);
		tb_buf_append_char(&buf, ';');
	}
	assert_false(tb_json_elements_next(&it));
	if (it.is_broken)
		tb_buf_append_char(&buf, '!');
	tb_buf_append_char(&buf, '\0');
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_string_equal(buf.p, expected);
	tb_buf_fini(&buf);
	tb_free(copy);
}

static void elements_are_slices_as_written(void **state)
{
	static const char *const rows[][2] = {
		{ "[]", "" },
		{ " [ \n] ", "" },
		{ "[1]", "1;" },
		{ "[1,-2.50e3,true,null]", "1;-2.50e3;true;null;" },
		{ " [ {\"a\" : [1, 2]} , \"],\\\"[\" , [[]] ] ",
		  "{\"a\" : [1, 2]};\"],\\\"[\";[[]];" },
		/* Broken within, and the others are found. */
		{ "[{\"a\":},{a},{\"b\":2}]", "{\"a\":};{a};{\"b\":2};" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		assert_elements_of(rows[i][0], rows[i][1]);
}

static void what_is_no_array_is_broken(void **state)
{
	static const char *const rows[][2] = {
		{ "", "!" },
		{ "{}", "!" },
		{ "null", "!" },
		{ "[", "!" },
		{ "]", "!" },
		{ "[,]", "!" },
		{ "[1,]", "1;!" },
		{ "[1,,2]", "1;!" },
		{ "[1 2]", "1;!" },
		{ "[1}", "1;!" },
		{ "[1]]", "1;!" },
		{ "[1] x", "1;!" },
		{ "[{\"a\":1]", "{\"a\":1];!" },
		{ "[1", "1;!" },
		{ "[\"a]", "!" },
		{ "[1,{\"a\":\"]}", "1;!" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		assert_elements_of(rows[i][0], rows[i][1]);
}

static void members_are_slices_as_written(void **state)
{
	static const char *const rows[][2] = {
		{ "{}", "" },
		{ " \n{\t} \r", "" },
		{ "{\"a\":1}", "\"a\"=1;" },
		{ "{\"a\":1,\"b\":\"x\"}", "\"a\"=1;\"b\"=\"x\";" },
		{ " { \"a\" : -1.50E+3 , \"b\"\n:\ttrue } ",
		  "\"a\"=-1.50E+3;\"b\"=true;" },
		{ "{\"a\":null,\"b\":false}", "\"a\"=null;\"b\"=false;" },
		{ "{\"\":\"\"}", "\"\"=\"\";" },
		{ "{\"a\\\"b\":\"\\\\\",\"c\":\"\\\\\\\"}\"}",
		  "\"a\\\"b\"=\"\\\\\";\"c\"=\"\\\\\\\"}\";" },
		{ "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
		  "\"\xc3\xa9\"=\"\xf0\x9f\x98\x80\";" },
		{ "{\"a\":{\"b\":[1,{\"c\":\"}]\"}]},\"d\":[]}",
		  "\"a\"={\"b\":[1,{\"c\":\"}]\"}]};\"d\"=[];" },
		{ "{\"a\":[ \"\\\"]\" , {} ] }", "\"a\"=[ \"\\\"]\" , {} ];" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		assert_members_of(tb_str_z(rows[i][0]), rows[i][1]);
}

static void what_is_no_object_is_broken(void **state)
{
	static const char *const rows[][2] = {
		{ "", "!" },
		{ "  ", "!" },
		{ "null", "!" },
		{ "[]", "!" },
		{ "\"a\"", "!" },
		{ "}", "!" },
		{ "{", "!" },
		{ "{,}", "!" },
		{ "{a:1}", "!" },
		{ "{1:1}", "!" },
		{ "{\"a\"}", "!" },
		{ "{\"a\",1}", "!" },
		{ "{\"a\":}", "!" },
		{ "{\"a\":,\"b\":1}", "!" },
		{ "{\"a\":\"}", "!" },
		{ "{\"a\":\"\\", "!" },
		{ "{\"a\":\"\\\"", "!" },
		/* Brackets are counted, whichever they are. */
		{ "{\"a\":[}", "\"a\"=[};!" },
		{ "{\"a\":[\"]}", "!" },
		{ "{\"a\":1", "\"a\"=1;!" },
		{ "{\"a\":1,}", "\"a\"=1;!" },
		{ "{\"a\":1,,\"b\":2}", "\"a\"=1;!" },
		{ "{\"a\":1 \"b\":2}", "\"a\"=1;!" },
		{ "{\"a\":1}}", "\"a\"=1;!" },
		{ "{\"a\":1}x", "\"a\"=1;!" },
		/* Words are not looked into. */
		{ "{\"a\":1{", "\"a\"=1{;!" },
		{ "{}{}", "!" },
		{ "{}1", "!" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		assert_members_of(tb_str_z(rows[i][0]), rows[i][1]);
}

static void nothing_is_an_object_without_a_pointer(void **state)
{
	struct tb_json_members it = tb_json_members(TB_STR_NONE);

	(void)state;
	assert_false(tb_json_members_next(&it));
	assert_true(it.is_broken);
	assert_null(it.key.p);
	assert_null(it.value.p);
}

/* What the strict reader finds, which is what there is. */
static void assert_as_parsed(struct tb_str text)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_arena *arena = tb_arena_create(1 << 20);
	struct tb_json_members it = tb_json_members(text);
	struct tb_json_iter expected;
	struct tb_json json;

	limits.tape_depth = 1;
	assert_non_null(arena);
	assert_int_equal(tb_json_parse(arena, text, &limits, &json, NULL),
			 TB_OK);
	expected = tb_json_iter(tb_json_root(&json));
	while (tb_json_next(&expected)) {
		assert_true(tb_json_members_next(&it));
		assert_true(tb_str_eq(it.key, tb_json_raw(expected.key)));
		assert_true(tb_str_eq(it.value, tb_json_raw(expected.value)));
	}
	assert_false(tb_json_members_next(&it));
	assert_false(it.is_broken);
	tb_arena_destroy(arena);
}

static void put_filler(struct tb_buf *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tb_buf_append_char(buf, 'x');
}

/* What matters lies at every place of a block once, and every length of text
 * around that of a block is tried; cut short anywhere, it is broken. */
static void blocks_have_no_seams(void **state)
{
	static const char *const values[] = {
		"\"\\\\\"", "\"\\\"\"", "[\"]\",{}]", "12", "\"\\\\\\\"\"",
	};

	(void)state;
	for (size_t v = 0; v < TB_ARRAY_LEN(values); v++) {
		for (size_t n = 0; n < 140; n++) {
			struct tb_buf buf;

			tb_buf_init(&buf, 1000);
			tb_buf_append_z(&buf, "{\"");
			put_filler(&buf, n);
			tb_buf_append_z(&buf, "\":");
			tb_buf_append_z(&buf, values[v]);
			tb_buf_append_z(&buf, ",\"y\":\"");
			put_filler(&buf, n % 71);
			tb_buf_append_z(&buf, "\"}");
			assert_as_parsed(tb_buf_str(&buf));
			tb_buf_fini(&buf);
		}
	}
}

static void cut_short_it_is_broken(void **state)
{
	const struct tb_str text =
		TB_STR("{\"ID\":\"0B8A6C5E2F\",\"name\":\"a \\\"b\\\" \\\\\","
		       "\"nested\":{\"a\":[1,2,\"]\"],\"b\":{}},"
		       "\"quantity\":-12.5e3 , \"is_active\" : true }");

	(void)state;
	assert_as_parsed(text);
	for (size_t n = 0; n < text.n; n++) {
		char *copy = tb_malloc(n);
		struct tb_json_members it;

		assert_non_null(copy);
		memcpy(copy, text.p, n);
		it = tb_json_members(tb_str(copy, n));
		while (tb_json_members_next(&it)) {
		}
		assert_true(it.is_broken);
		tb_free(copy);
	}
}

static void a_member_that_is_expected_is_met(void **state)
{
	struct tb_str text = TB_STR("{\"a\":1,\"b\":\"x,\\\"\",\"c\" :2,"
				    "\"d\": 3,\"e\":{\"f\":[]}}");
	struct tb_json_members it = tb_json_members(text);

	(void)state;
	assert_false(tb_json_members_meet(&it, TB_STR(",\"b\":")));
	assert_true(tb_json_members_meet(&it, TB_STR(",\"a\":")));
	assert_true(tb_str_eq(it.key, TB_STR("\"a\"")));
	assert_true(tb_str_eq(it.value, TB_STR("1")));
	assert_false(tb_json_members_meet(&it, TB_STR(",\"a\":")));
	assert_false(tb_json_members_meet(&it, TB_STR(",\"bb\":")));
	assert_true(tb_json_members_meet(&it, TB_STR(",\"b\":")));
	assert_true(tb_str_eq(it.value, TB_STR("\"x,\\\"\"")));
	/* With spaces it is not met, and not lost. */
	assert_false(tb_json_members_meet(&it, TB_STR(",\"c\":")));
	assert_true(tb_json_members_next(&it));
	assert_true(tb_str_eq(it.value, TB_STR("2")));
	assert_false(tb_json_members_meet(&it, TB_STR(",\"d\":")));
	assert_true(tb_json_members_next(&it));
	assert_true(tb_json_members_meet(&it, TB_STR(",\"e\":")));
	assert_true(tb_str_eq(it.value, TB_STR("{\"f\":[]}")));
	assert_false(tb_json_members_meet(&it, TB_STR(",\"e\":")));
	assert_false(tb_json_members_next(&it));
	assert_false(it.is_broken);
}

static void a_member_is_met_in_a_whole_text_only(void **state)
{
	static const char *const rows[] = {
		"",           "{",         "{\"a\":",   "{\"a\": ",
		"{\"a\":\"x", ",\"a\":1}", "{\"a\":[1", "{\"a\":,",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_str text = tb_str_z(rows[i]);
		char *copy = tb_malloc(text.n);
		struct tb_json_members it;

		assert_non_null(copy);
		memcpy(copy, text.p, text.n);
		it = tb_json_members(tb_str(copy, text.n));
		assert_false(tb_json_members_meet(&it, TB_STR(",\"a\":")));
		assert_false(tb_json_members_next(&it));
		assert_true(it.is_broken);
		tb_free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_slices_as_written),
		cmocka_unit_test(what_is_no_array_is_broken),
		cmocka_unit_test(members_are_slices_as_written),
		cmocka_unit_test(what_is_no_object_is_broken),
		cmocka_unit_test(nothing_is_an_object_without_a_pointer),
		cmocka_unit_test(blocks_have_no_seams),
		cmocka_unit_test(cut_short_it_is_broken),
		cmocka_unit_test(a_member_that_is_expected_is_met),
		cmocka_unit_test(a_member_is_met_in_a_whole_text_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
