#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"

static void assert_written(struct tb_buf *buf, const char *expected)
{
	assert_int_equal(tb_buf_err(buf), TB_OK);
	tb_buf_append_char(buf, '\0');
	assert_string_equal(buf->p, expected);
	tb_buf_fini(buf);
}

static void assert_string(struct tb_str s, const char *expected)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 1000);
	tb_json_put_string(&buf, s);
	assert_written(&buf, expected);
}

static void strings_are_quoted_and_escaped(void **state)
{
	(void)state;
	assert_string(TB_STR_NONE, "\"\"");
	assert_string(TB_STR("plain"), "\"plain\"");
	assert_string(TB_STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	assert_string(TB_STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
	assert_string(TB_STR("\x01\x0b\x1f\x7f"),
		      "\"\\u0001\\u000b\\u001f\x7f\"");
	assert_string(TB_STR("a\0b"), "\"a\\u0000b\"");
	assert_string(TB_STR("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
		      "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
	assert_string(TB_STR("\xc3\xa9\"\xc3\xa9\n"),
		      "\"\xc3\xa9\\\"\xc3\xa9\\n\"");
	assert_string(TB_STR("longer than one block of bytes\nand again longer"
			     " than one\""),
		      "\"longer than one block of bytes\\nand again longer"
		      " than one\\\"\"");
}

/* Random text, much of which must be escaped. */
static size_t random_text(uint32_t *random, char *text, size_t max)
{
	static const char *const pieces[] = { "\"",
					      "\\",
					      "\n",
					      "\x01",
					      "plain",
					      "\xc3\xa9",
					      "\x7f",
					      "a longer piece of plain text",
					      "\xf0\x9f\x98\x80" };
	size_t n = 0;

	for (;;) {
		*random = *random * 1664525 + 1013904223;
		const char *piece =
			pieces[(*random >> 16) % TB_ARRAY_LEN(pieces)];
		if (n + strlen(piece) > max || *random >> 28 == 0)
			return n;
		memcpy(text + n, piece, strlen(piece));
		n += strlen(piece);
	}
}

static void what_is_written_is_read_back(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	uint32_t random = 7;
	struct tb_buf buf;
	char text[300];

	(void)state;
	tb_buf_init(&buf, 1 << 16);
	for (int i = 0; i < 3000; i++) {
		struct tb_json json;
		struct tb_str s =
			tb_str(text, random_text(&random, text, sizeof(text)));
		struct tb_str back;
		tb_buf_reset(&buf);
		tb_arena_reset(arena);
		tb_json_put_string(&buf, s);
		assert_int_equal(tb_json_parse(arena, tb_buf_str(&buf), NULL,
					       &json, NULL),
				 TB_OK);
		assert_int_equal(
			tb_json_string(arena, tb_json_root(&json), &back),
			TB_OK);
		assert_true(tb_str_eq(back, s));
		assert_true(tb_json_string_is(tb_json_root(&json), s));
	}
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

static void an_array_goes_on_behind_values(void **state)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)state;
	tb_buf_init(&buf, 1000);
	tb_json_continue_array(&w);
	tb_json_int(&w, 2);
	tb_json_end_array(&w);
	assert_written(&buf, ",2]");
}

static void commas_are_set_between_values(void **state)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)state;
	tb_buf_init(&buf, 1000);
	tb_json_begin_array(&w);
	tb_json_begin_object(&w);
	tb_json_end_object(&w);
	tb_json_begin_array(&w);
	tb_json_end_array(&w);
	tb_json_str(&w, TB_STR("s"));
	tb_json_int(&w, INT64_MIN);
	tb_json_uint(&w, UINT64_MAX);
	tb_json_boolean(&w, true);
	tb_json_boolean(&w, false);
	tb_json_null(&w);
	tb_json_rawval(&w, TB_STR("1.50"));
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("a\n"));
	tb_json_begin_array(&w);
	tb_json_int(&w, 1);
	tb_json_int(&w, 2);
	tb_json_end_array(&w);
	tb_json_key(&w, TB_STR(""));
	tb_json_begin_object(&w);
	tb_json_end_object(&w);
	tb_json_end_object(&w);
	tb_json_int(&w, 0);
	tb_json_end_array(&w);
	assert_written(&buf, "[{},[],\"s\",-9223372036854775808,"
			     "18446744073709551615,true,false,null,1.50,"
			     "{\"a\\n\":[1,2],\"\":{}},0]");
}

static void pairs_are_written_in_one_call(void **state)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)state;
	tb_buf_init(&buf, 1000);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "s", TB_STR("x\"y"));
	tb_json_kv_int(&w, "i", -5);
	tb_json_kv_uint(&w, "u", 5);
	tb_json_kv_bool(&w, "b", true);
	tb_json_kv_null(&w, "n");
	tb_json_kv_raw(&w, "r", TB_STR("[1]"));
	tb_json_kv_time(&w, "t", 1500000);
	tb_json_kv_int(&w, "z", 0);
	tb_json_end_object(&w);
	assert_written(&buf, "{\"s\":\"x\\\"y\",\"i\":-5,\"u\":5,\"b\":true,"
			     "\"n\":null,\"r\":[1],"
			     "\"t\":\"1970-01-01T00:00:01.5Z\",\"z\":0}");
}

static void ceiling_shows_at_the_end(void **state)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)state;
	tb_buf_init(&buf, 10);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "key", TB_STR("a text too long"));
	tb_json_end_object(&w);
	assert_int_equal(tb_buf_err(&buf), TB_ERR_TOO_LARGE);
	assert_true(buf.n <= 10);
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_quoted_and_escaped),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(an_array_goes_on_behind_values),
		cmocka_unit_test(commas_are_set_between_values),
		cmocka_unit_test(pairs_are_written_in_one_call),
		cmocka_unit_test(ceiling_shows_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
