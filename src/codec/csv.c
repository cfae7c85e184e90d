#include "codec/csv.h"

#include <string.h>

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

/* What the end of `rest` means to who stands there inside a row. */
static enum tb_err cut_off(const struct tb_csv *csv)
{
	return csv->goes_on ? TB_ERR_NOT_FOUND : TB_ERR_INVALID;
}

/* The inside of quotes with each two of them made one. */
static enum tb_err undouble(struct tb_arena *arena, struct tb_str inside,
			    struct tb_str *ret)
{
	char *field = tb_arena_alloc(arena, inside.n);
	size_t n = 0;

	if (field == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < inside.n; i++) {
		i += inside.p[i] == '"';
		field[n++] = inside.p[i];
	}
	*ret = tb_str(field, n);
	return TB_OK;
}

static size_t count_lines(struct tb_str text)
{
	const char *end = text.p + text.n;
	const char *p = text.p;
	size_t n = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	return n;
}

/* A field in quotes. */
static enum tb_err take_quoted(struct tb_csv *csv, struct tb_arena *arena,
			       struct tb_str *ret)
{
	struct tb_str inside = tb_str(csv->rest.p + 1, 0);
	bool has_doubled = false;

	for (skip(csv, 1);; skip(csv, 1)) {
		const char *quote =
			csv->rest.n > 0 ? memchr(csv->rest.p, '"', csv->rest.n)
					: NULL;

		if (quote == NULL)
			return cut_off(csv);
		skip(csv, (size_t)(quote - csv->rest.p) + 1);
		if (csv->rest.n == 0 && csv->goes_on)
			return TB_ERR_NOT_FOUND;
		if (!at(csv, '"')) {
			inside.n = (size_t)(quote - inside.p);
			break;
		}
		has_doubled = true;
	}
	csv->next_line += count_lines(inside);
	*ret = inside;
	return has_doubled ? undouble(arena, inside, ret) : TB_OK;
}

static enum tb_err take_plain(struct tb_csv *csv, struct tb_str *ret)
{
	size_t n = 0;

	while (n < csv->rest.n && csv->rest.p[n] != ',' &&
	       csv->rest.p[n] != '\n' && csv->rest.p[n] != '\r') {
		if (csv->rest.p[n] == '"')
			return TB_ERR_INVALID;
		n++;
	}
	*ret = tb_str(csv->rest.p, n);
	skip(csv, n);
	return TB_OK;
}

/* NOT_FOUND: it goes on with what is not there yet. INVALID: no line ends
 * here. */
static enum tb_err take_line_end(struct tb_csv *csv)
{
	size_t n = at(csv, '\r') ? 1 : 0;

	if (csv->rest.n == n && csv->goes_on)
		return TB_ERR_NOT_FOUND;
	if (csv->rest.n > n && csv->rest.p[n] != '\n')
		return TB_ERR_INVALID;
	if (csv->rest.n > n)
		n++;
	skip(csv, n);
	csv->next_line++;
	return TB_OK;
}

static enum tb_err take_field(struct tb_csv *csv, struct tb_arena *arena,
			      struct tb_csv_row *row)
{
	struct tb_str field = TB_STR_NONE;
	enum tb_err err = at(csv, '"') ? take_quoted(csv, arena, &field)
				       : take_plain(csv, &field);

	if (err != TB_OK)
		return err;
	if (row->n < row->max)
		row->fields[row->n] = field;
	row->n++;
	return TB_OK;
}

static enum tb_err take_row(struct tb_csv *csv, struct tb_arena *arena,
			    struct tb_csv_row *row)
{
	enum tb_err err;

	csv->line = csv->next_line;
	row->n = 0;
	while ((err = take_field(csv, arena, row)) == TB_OK && at(csv, ','))
		skip(csv, 1);
	return err == TB_OK ? take_line_end(csv) : err;
}

/* Goes on behind the line that begins here, which holds no row. */
static enum tb_err refuse_line(struct tb_csv *csv)
{
	const char *end = memchr(csv->rest.p, '\n', csv->rest.n);

	if (end == NULL && csv->goes_on)
		return TB_ERR_NOT_FOUND;
	skip(csv, end != NULL ? (size_t)(end - csv->rest.p) + 1 : csv->rest.n);
	csv->next_line++;
	return TB_ERR_INVALID;
}

enum tb_err tb_csv_next(struct tb_csv *csv, struct tb_arena *arena,
			struct tb_csv_row *row)
{
	struct tb_csv before;
	enum tb_err err;

	do {
		before = *csv;
		if (csv->rest.n == 0)
			return TB_ERR_NOT_FOUND;
	} while ((at(csv, '\n') || at(csv, '\r')) &&
		 take_line_end(csv) == TB_OK);
	err = take_row(csv, arena, row);
	if (err == TB_OK)
		return TB_OK;
	before.line = csv->line;
	*csv = before;
	return err == TB_ERR_INVALID ? refuse_line(csv) : err;
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
