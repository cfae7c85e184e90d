/*
 * Duplicate keys in objects that are wide, and in those made to be slow. A
 * search that is not linear does not end before the tests' time limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "codec/json.h"

#include <stdio.h>

#define TEXT_MAX ((size_t)64 << 20)
#define ARENA_MAX ((size_t)256 << 20)
#define WIDE 100000

/* Writes the i-th key of some family, without its quotes. */
typedef void put_key(struct tb_buf *buf, unsigned i);

static void put_counted(struct tb_buf *buf, unsigned i)
{
	tb_buf_printf(buf, "key %u", i);
}

static void put_short(struct tb_buf *buf, unsigned i)
{
	for (; i > 0; i /= 64)
		tb_buf_append_char(
			buf, (char)('0' + i % 64 + (i % 64 + '0' >= '\\')));
}

/* Alike at both ends and of one length. */
static void put_alike(struct tb_buf *buf, unsigned i)
{
	tb_buf_printf(buf, "the same beginning %08u the same end", i);
}

static void put_escaped(struct tb_buf *buf, unsigned i)
{
	tb_buf_printf(buf, "\\u0061\\n%u", i);
}

static struct tb_str put_object(struct tb_buf *buf, put_key *put, unsigned n,
				const char *last_key)
{
	tb_buf_append_char(buf, '{');
	for (unsigned i = 0; i < n; i++) {
		tb_buf_append_char(buf, '"');
		put(buf, i);
		tb_buf_append_z(buf, "\":1,");
	}
	tb_buf_printf(buf, "\"%s\":1}", last_key);
	assert_int_equal(tb_buf_err(buf), TB_OK);
	return tb_buf_str(buf);
}

static enum tb_err parse_object(put_key *put, unsigned n, const char *last_key,
				struct tb_json_error *error, size_t *ret_n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_json json;
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX);
	struct tb_str text = put_object(&buf, put, n, last_key);
	enum tb_err err = tb_json_parse(arena, text, NULL, &json, error);
	*ret_n = text.n;
	tb_arena_destroy(arena);
	tb_buf_fini(&buf);
	return err;
}

static void assert_distinct(put_key *put, unsigned n)
{
	struct tb_json_error error = { 0 };
	size_t text_n;

	assert_int_equal(parse_object(put, n, "the last", &error, &text_n),
			 TB_OK);
}

/* The last key is there already, and that is where the error is. */
static void assert_duplicate(put_key *put, unsigned n, const char *last_key)
{
	struct tb_json_error error = { 0 };
	size_t text_n;

	assert_int_equal(parse_object(put, n, last_key, &error, &text_n),
			 TB_ERR_INVALID);
	assert_string_equal(error.what, "duplicate key");
	assert_int_equal(error.offset,
			 text_n - strlen(last_key) - strlen("\"\":1}"));
}

static void every_width_finds_its_duplicates(void **state)
{
	char last_key[32];

	(void)state;
	for (unsigned n = 1; n < 300; n++) {
		assert_distinct(put_counted, n);
		for (unsigned i = 0; i < n; i += 1 + n / 7) {
			snprintf(last_key, sizeof(last_key), "key %u", i);
			assert_duplicate(put_counted, n, last_key);
			snprintf(last_key, sizeof(last_key), "k\\u0065y %u", i);
			assert_duplicate(put_counted, n, last_key);
		}
	}
}

static void short_keys_of_all_lengths_are_distinct(void **state)
{
	(void)state;
	assert_distinct(put_short, 32);
	assert_distinct(put_short, WIDE);
	assert_duplicate(put_short, WIDE, "1");
	assert_duplicate(put_short, WIDE, "");
	assert_duplicate(put_short, WIDE, "11");
}

static void wide_object_is_linear(void **state)
{
	(void)state;
	assert_distinct(put_counted, WIDE);
	assert_duplicate(put_counted, WIDE, "key 0");
	assert_duplicate(put_counted, WIDE, "key 99999");
}

static void keys_alike_at_both_ends_are_linear(void **state)
{
	(void)state;
	assert_distinct(put_alike, 31);
	assert_distinct(put_alike, WIDE);
	assert_duplicate(put_alike, WIDE,
			 "the same beginning 00000000 the same end");
	assert_duplicate(put_alike, WIDE,
			 "the same beginning 00099999 the same end");
}

static void escaped_keys_are_linear(void **state)
{
	(void)state;
	assert_distinct(put_escaped, WIDE);
	assert_duplicate(put_escaped, WIDE, "a\\u000A77777");
}

/* Many objects, each just too narrow for a set, with keys alike. */
static void narrow_objects_full_of_like_keys_are_linear(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_json json;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, TEXT_MAX);
	for (int i = 0; i < 5000; i++) {
		tb_buf_append_char(&buf, i == 0 ? '[' : ',');
		put_object(&buf, put_alike, 31, "the last");
	}
	tb_buf_append_char(&buf, ']');
	assert_int_equal(
		tb_json_parse(arena, tb_buf_str(&buf), NULL, &json, NULL),
		TB_OK);
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

/* An outer object's set and list survive what happens inside. */
static void wide_objects_nest(void **state)
{
	static const char *const ends[] = { "\"key 199\":1}", "\"inner\":1}",
					    "\"key 200\":1}" };
	static const enum tb_err expected[] = { TB_ERR_INVALID, TB_ERR_INVALID,
						TB_OK };
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_json json;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, TEXT_MAX);
	for (size_t i = 0; i < 3; i++) {
		tb_buf_reset(&buf);
		tb_buf_append_char(&buf, '{');
		for (unsigned k = 0; k < 200; k++)
			tb_buf_printf(&buf, "\"key %u\":1,", k);
		tb_buf_append_z(&buf, "\"inner\":");
		put_object(&buf, put_counted, 200, "inner");
		tb_buf_append_char(&buf, ',');
		tb_buf_append_z(&buf, ends[i]);
		assert_int_equal(tb_json_parse(arena, tb_buf_str(&buf), NULL,
					       &json, NULL),
				 expected[i]);
	}
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_width_finds_its_duplicates),
		cmocka_unit_test(short_keys_of_all_lengths_are_distinct),
		cmocka_unit_test(wide_object_is_linear),
		cmocka_unit_test(keys_alike_at_both_ends_are_linear),
		cmocka_unit_test(escaped_keys_are_linear),
		cmocka_unit_test(narrow_objects_full_of_like_keys_are_linear),
		cmocka_unit_test(wide_objects_nest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
