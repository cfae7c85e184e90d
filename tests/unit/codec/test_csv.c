/* CSV as RFC 4180 has it, and what spreadsheets make of it; read as a whole and
 * in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/csv.h"

#define FIELDS_MAX 8

static struct tb_arena *arena;
static struct tb_str cells[FIELDS_MAX];

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

static struct tb_csv_row room(void)
{
	return (struct tb_csv_row) { .fields = cells, .max = FIELDS_MAX };
}

/* The next row's fields joined by `|`. */
static void assert_row(struct tb_csv *csv, size_t line, const char *expected)
{
	struct tb_csv_row row = room();
	struct tb_buf joined;

	assert_int_equal(tb_csv_next(csv, arena, &row), TB_OK);
	assert_int_equal(csv->line, line);
	tb_buf_init(&joined, 1024);
	for (size_t i = 0; i < row.n; i++) {
		if (i > 0)
			tb_buf_append_char(&joined, '|');
		tb_buf_append_str(&joined, row.fields[i]);
	}
	tb_buf_append_char(&joined, '\0');
	assert_string_equal(joined.p, expected);
	tb_buf_fini(&joined);
}

static void assert_fails(struct tb_csv *csv, enum tb_err expected)
{
	struct tb_csv_row row = room();

	assert_int_equal(tb_csv_next(csv, arena, &row), expected);
}

static void rows_and_fields_are_taken_apart(void **state)
{
	struct tb_csv csv = tb_csv(TB_STR("name,id\r\na, 1 \n\r\n\nb,\n,2"));

	(void)state;
	assert_row(&csv, 1, "name|id");
	assert_row(&csv, 2, "a| 1 ");
	assert_row(&csv, 5, "b|");
	assert_row(&csv, 6, "|2");
	assert_fails(&csv, TB_ERR_NOT_FOUND);
	assert_fails(&csv, TB_ERR_NOT_FOUND);
}

static void quoted_fields_hold_anything(void **state)
{
	struct tb_csv csv = tb_csv(
		TB_STR("\xef\xbb\xbf\"a,\"\"b\"\"\r\nc\",\"\"\nnext,\"\"\"\""));

	(void)state;
	assert_row(&csv, 1, "a,\"b\"\r\nc|");
	assert_row(&csv, 3, "next|\"");
	assert_fails(&csv, TB_ERR_NOT_FOUND);
}

static void what_is_no_csv_is_refused_and_holds_up_no_other(void **state)
{
	static const char *const bad[] = {
		"\"open", "\"open,1,2", "a\"b",   "a,\"b\"c",
		"a\rb",   "\"a\" ,",    "\"\"\"", "\r\r",
	};
	struct tb_buf text;
	struct tb_csv csv;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tb_buf_init(&text, 1024);
		tb_buf_append_z(&text, "x\n");
		tb_buf_append_z(&text, bad[i]);
		tb_buf_append_z(&text, "\ny,z\n");
		csv = tb_csv(tb_buf_str(&text));
		assert_row(&csv, 1, "x");
		assert_fails(&csv, TB_ERR_INVALID);
		assert_int_equal(csv.line, 2);
		assert_row(&csv, 3, "y|z");
		assert_fails(&csv, TB_ERR_NOT_FOUND);
		tb_buf_fini(&text);
	}
}

static void fields_without_room_are_counted(void **state)
{
	struct tb_csv csv = tb_csv(TB_STR("a,b,c\nd,\"e\"\"\",f\n"));
	struct tb_csv_row row = { .fields = cells, .max = 2 };

	(void)state;
	cells[2] = TB_STR("untouched");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tb_csv_next(&csv, arena, &row), TB_OK);
		assert_int_equal(row.n, 3);
		assert_true(tb_str_eq(cells[2], TB_STR("untouched")));
	}
	assert_true(tb_str_eq(cells[0], TB_STR("d")));
	assert_true(tb_str_eq(cells[1], TB_STR("e\"")));
}

/* Reads a text of which `n` bytes more are seen whenever no row is whole, and
 * writes down what came of it. */
static void read_in_pieces(struct tb_str text, size_t n, struct tb_buf *log)
{
	struct tb_csv csv = tb_csv(tb_str(text.p, 0));
	struct tb_csv_row row = room();
	size_t seen = 0;
	enum tb_err err;

	for (;;) {
		csv.goes_on = seen < text.n;
		err = tb_csv_next(&csv, arena, &row);
		if (err == TB_ERR_NOT_FOUND) {
			if (!csv.goes_on)
				return;
			seen = text.n - seen < n ? text.n : seen + n;
			csv.rest.n = (size_t)(text.p + seen - csv.rest.p);
			continue;
		}
		tb_buf_printf(log, "%zu:%d", csv.line, (int)err);
		for (size_t i = 0; err == TB_OK && i < row.n; i++)
			tb_buf_printf(log, "<%.*s>", TB_STR_ARG(cells[i]));
		tb_buf_append_char(log, '\n');
	}
}

static void pieces_of_any_size_make_the_same_rows(void **state)
{
	struct tb_str text = TB_STR(
		"a,b\r\n\r\n\"c\r\n\"\"d\",e\nbad\"\n\"x\"y\nf,\"\"\n\rg\n"
		"\"open\nh,i\n");
	struct tb_buf whole, pieces;

	(void)state;
	tb_buf_init(&whole, 4096);
	read_in_pieces(text, text.n, &whole);
	assert_non_null(
		strstr(whole.p, "3:0<c\r\n\"d><e>\n5:2\n6:2\n7:0<f><>"));
	assert_non_null(strstr(whole.p, "0<h><i>"));
	for (size_t n = 1; n < text.n; n++) {
		tb_buf_init(&pieces, 4096);
		read_in_pieces(text, n, &pieces);
		assert_int_equal(pieces.n, whole.n);
		assert_memory_equal(pieces.p, whole.p, whole.n);
		tb_buf_fini(&pieces);
	}
	tb_buf_fini(&whole);
}

static void what_is_written_is_read_back(void **state)
{
	static const char *const fields[] = { "plain", "with,comma",
					      "with\"quote", "two\nlines", "" };
	struct tb_csv csv;
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 1024);
	for (size_t i = 0; i < 5; i++) {
		tb_csv_put(&buf, tb_str_z(fields[i]));
		tb_buf_append_char(&buf, i < 4 ? ',' : '\n');
	}
	csv = tb_csv(tb_buf_str(&buf));
	assert_row(&csv, 1, "plain|with,comma|with\"quote|two\nlines|");
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_fields_are_taken_apart),
		cmocka_unit_test(quoted_fields_hold_anything),
		cmocka_unit_test(
			what_is_no_csv_is_refused_and_holds_up_no_other),
		cmocka_unit_test(fields_without_room_are_counted),
		cmocka_unit_test(pieces_of_any_size_make_the_same_rows),
		cmocka_unit_test(what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
