/*
 * CSV: a text read in two pieces gives the rows that it gives as a whole; each
 * row is where it says; what is written again is read back.
 */
#include "fuzz.h"

#include "codec/csv.h"

#define ARENA_MAX ((size_t)8 << 20)
#define FIELDS_MAX 64

static struct tb_str cells[FIELDS_MAX];
static struct tb_str cells_again[FIELDS_MAX];

static void write_and_read(struct tb_arena *arena, const struct tb_csv_row *row)
{
	struct tb_csv_row back = { .fields = cells_again, .max = FIELDS_MAX };
	struct tb_csv csv;
	struct tb_buf buf;

	tb_buf_init(&buf, ARENA_MAX);
	for (size_t i = 0; i < row->n; i++) {
		if (i > 0)
			tb_buf_append_char(&buf, ',');
		tb_csv_put(&buf, row->fields[i]);
	}
	/* One empty field alone is an empty line, which is no row, and what
	 * begins with a byte order mark loses it. */
	if (buf.n > 0 && !tb_str_starts(tb_buf_str(&buf), TB_STR("\xef"))) {
		csv = tb_csv(tb_buf_str(&buf));
		TB_ASSERT(tb_csv_next(&csv, arena, &back) == TB_OK);
		TB_ASSERT(back.n == row->n);
		for (size_t i = 0; i < back.n; i++)
			TB_ASSERT(tb_str_eq(back.fields[i], row->fields[i]));
	}
	tb_buf_fini(&buf);
}

/* What both readers say must be the same; `split` ends when it needs the second
 * piece, and goes on with it. */
static void read_both(struct tb_arena *arena, struct tb_str text, size_t first)
{
	struct tb_csv whole = { .rest = text, .next_line = 1 };
	struct tb_csv split = { .rest = tb_str(text.p, first),
				.next_line = 1,
				.goes_on = true };
	struct tb_csv_row row = { .fields = cells, .max = FIELDS_MAX };
	struct tb_csv_row again = { .fields = cells_again, .max = FIELDS_MAX };
	enum tb_err err, err_again;

	do {
		err = tb_csv_next(&whole, arena, &row);
		err_again = tb_csv_next(&split, arena, &again);
		if (err_again == TB_ERR_NOT_FOUND && split.goes_on) {
			split.goes_on = false;
			split.rest.n = (size_t)(text.p + text.n - split.rest.p);
			err_again = tb_csv_next(&split, arena, &again);
		}
		TB_ASSERT(err == err_again);
		if (err == TB_ERR_NOT_FOUND)
			break;
		TB_ASSERT(err == TB_OK || err == TB_ERR_INVALID);
		TB_ASSERT(whole.line == split.line);
		if (err == TB_OK && row.n <= FIELDS_MAX) {
			TB_ASSERT(row.n == again.n);
			for (size_t i = 0; i < row.n; i++)
				TB_ASSERT(tb_str_eq(row.fields[i],
						    again.fields[i]));
			write_and_read(arena, &row);
		}
	} while (true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str text = fuzz_input(data, n);
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	size_t first = n > 0 ? data[0] % (n + 1) : 0;

	TB_ASSERT(arena != NULL);
	/* An empty text has no bytes to point at. */
	if (text.n > 0)
		read_both(arena, text, first);
	tb_arena_destroy(arena);
	return 0;
}
