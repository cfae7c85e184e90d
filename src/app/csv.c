#include "app/csv.h"

#include "base/assert.h"

struct tb_csv tb_csv(struct tb_str text)
{
	/* A byte order mark is what spreadsheets put in front. */
	if (tb_str_starts(text, TB_STR("\xef\xbb\xbf")))
		text = tb_str(text.p + 3, text.n - 3);
	return (struct tb_csv) { .rest = text, .next_line = 1 };
}

static void skip(struct tb_csv *csv, size_t n)
{
	TB_ASSERT(n <= csv->rest.n);
	csv->rest = tb_str(csv->rest.p + n, csv->rest.n - n);
}

static bool at(const struct tb_csv *csv, char c)
{
	return csv->rest.n > 0 && csv->rest.p[0] == c;
}

/* A field in quotes; two quotes in it are one. */
static enum tb_err take_quoted(struct tb_csv *csv, struct tb_arena *arena,
			       struct tb_str *ret)
{
	char *field = tb_arena_alloc(arena, csv->rest.n);
	size_t n = 0;

	if (!field)
		return TB_ERR_NOMEM;
	for (skip(csv, 1); csv->rest.n > 0; skip(csv, 1)) {
		if (at(csv, '"')) {
			skip(csv, 1);
			if (!at(csv, '"')) {
				*ret = tb_str(field, n);
				return TB_OK;
			}
		}
		csv->next_line += at(csv, '\n');
		field[n++] = csv->rest.p[0];
	}
	return TB_ERR_INVALID;
}

static enum tb_err take_plain(struct tb_csv *csv, struct tb_arena *arena,
			      struct tb_str *ret)
{
	size_t n = 0;
	enum tb_err err;

	while (n < csv->rest.n && csv->rest.p[n] != ',' &&
	       csv->rest.p[n] != '\n' && csv->rest.p[n] != '\r') {
		if (csv->rest.p[n] == '"')
			return TB_ERR_INVALID;
		n++;
	}
	err = tb_arena_strdup(arena, tb_str_trim(tb_str(csv->rest.p, n)), ret);
	skip(csv, n);
	return err;
}

/* The end of a line, if the text is at one. */
static bool take_line_end(struct tb_csv *csv)
{
	size_t n = at(csv, '\r') ? 1 : 0;

	if (csv->rest.n > n && csv->rest.p[n] != '\n')
		return false;
	if (csv->rest.n > n)
		n++;
	skip(csv, n);
	csv->next_line++;
	return true;
}

enum tb_err tb_csv_next(struct tb_csv *csv, struct tb_arena *arena,
			struct tb_csv_row *ret)
{
	struct tb_csv_row row = { .n = 0 };
	enum tb_err err;

	while (csv->rest.n > 0 && (at(csv, '\n') || at(csv, '\r')) &&
	       take_line_end(csv))
		;
	if (csv->rest.n == 0)
		return TB_ERR_NOT_FOUND;
	csv->line = csv->next_line;
	for (;;) {
		if (row.n == TB_CSV_FIELDS_MAX)
			return TB_ERR_TOO_LARGE;
		err = at(csv, '"') ? take_quoted(csv, arena, &row.fields[row.n])
				   : take_plain(csv, arena, &row.fields[row.n]);
		if (err)
			return err;
		row.n++;
		if (take_line_end(csv))
			break;
		if (!at(csv, ','))
			return TB_ERR_INVALID;
		skip(csv, 1);
	}
	*ret = row;
	return TB_OK;
}

void tb_csv_put(struct tb_buf *buf, struct tb_str field)
{
	bool quote = false;

	for (size_t i = 0; i < field.n; i++)
		quote |= strchr(",\"\r\n", field.p[i]) != NULL;
	if (!quote) {
		tb_buf_append_str(buf, field);
		return;
	}
	tb_buf_append_char(buf, '"');
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] == '"')
			tb_buf_append_char(buf, '"');
		tb_buf_append_char(buf, field.p[i]);
	}
	tb_buf_append_char(buf, '"');
}
