/* CSV as RFC 4180 has it, and what spreadsheets make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/csv.h"

static struct tb_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = tb_arena_create(1024 * 1024);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static void assert_field(const struct tb_csv_row *row, size_t i,
			 const char *expected)
{
	assert_true(i < row->n);
	assert_int_equal(row->fields[i].n, strlen(expected));
	assert_memory_equal(row->fields[i].p, expected, strlen(expected));
}

static void rows_and_fields_are_taken_apart(void **state)
{
	struct tb_csv csv = tb_csv(TB_STR("name,id\r\na, 1 \n\nb,\n,2"));
	struct tb_csv_row row;

	(void)state;
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_int_equal(row.n, 2);
	assert_field(&row, 0, "name");
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_field(&row, 1, "1");
	assert_int_equal(csv.line, 2);
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_field(&row, 0, "b");
	assert_field(&row, 1, "");
	assert_int_equal(csv.line, 4);
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_field(&row, 0, "");
	assert_field(&row, 1, "2");
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_ERR_NOT_FOUND);
}

static void quoted_fields_hold_anything(void **state)
{
	struct tb_csv csv =
		tb_csv(TB_STR("\xef\xbb\xbf\"a,\"\"b\"\"\r\nc\",\"\"\nnext"));
	struct tb_csv_row row;

	(void)state;
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_field(&row, 0, "a,\"b\"\r\nc");
	assert_field(&row, 1, "");
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_int_equal(csv.line, 3);
}

static void what_is_no_csv_is_refused(void **state)
{
	static const char *const texts[] = { "\"open", "\"a\"b,c", "a\"b",
					     "a\rb" };
	struct tb_csv_row row;
	struct tb_csv csv;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		csv = tb_csv(tb_str_z(texts[i]));
		assert_int_equal(tb_csv_next(&csv, arena, &row),
				 TB_ERR_INVALID);
	}
}

static void too_many_fields_are_refused(void **state)
{
	char text[2 * TB_CSV_FIELDS_MAX + 1];
	struct tb_csv_row row;
	struct tb_csv csv;

	(void)state;
	memset(text, ',', sizeof(text));
	csv = tb_csv(tb_str(text, TB_CSV_FIELDS_MAX - 1));
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_int_equal(row.n, TB_CSV_FIELDS_MAX);
	csv = tb_csv(tb_str(text, TB_CSV_FIELDS_MAX));
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_ERR_TOO_LARGE);
}

static void what_is_written_is_read_back(void **state)
{
	static const char *const fields[] = { "plain", "with,comma",
					      "with\"quote", "two\nlines", "" };
	struct tb_csv_row row;
	struct tb_csv csv;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 1024);
	for (size_t i = 0; i < 5; i++) {
		tb_csv_put(&buf, tb_str_z(fields[i]));
		tb_buf_append_char(&buf, i < 4 ? ',' : '\n');
	}
	csv = tb_csv(tb_buf_str(&buf));
	assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
	assert_int_equal(row.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_field(&row, i, fields[i]);
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_fields_are_taken_apart),
		cmocka_unit_test(quoted_fields_hold_anything),
		cmocka_unit_test(what_is_no_csv_is_refused),
		cmocka_unit_test(too_many_fields_are_refused),
		cmocka_unit_test(what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
