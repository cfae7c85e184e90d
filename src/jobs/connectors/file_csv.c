#include "jobs/connectors/file_csv.h"

#include <string.h>

#include "base/alloc.h"
#include "codec/csv.h"
#include "codec/json.h"

#define COLUMNS_MAX 4096
/* What a row is read into beside the window: its fields with quotes in them,
 * and once more as an object. */
#define SCRATCH_FACTOR 2
#define SCRATCH_MIN_BYTES ((size_t)1 << 20)

struct tb_file_csv {
	struct tb_arena *names; /* what `keys` are in */
	struct tb_arena *scratch;
	struct tb_str *keys; /* `"name":` as JSON */
	size_t n;
	struct tb_str *cells; /* COLUMNS_MAX */
	struct tb_buf object; /* of the row that was found last */
};

void tb_file_csv_destroy(struct tb_file_csv *csv)
{
	if (csv == NULL)
		return;
	tb_arena_destroy(csv->names);
	tb_arena_destroy(csv->scratch);
	tb_buf_fini(&csv->object);
	tb_free(csv);
}

/* ---- rows ---- */

/* Finds the next whole row. What is in front of it and no row is taken. `csv`
 * is then behind it. INVALID: it is none. */
static enum tb_err find_row(struct tb_file_csv *self,
			    struct tb_file_input *input, struct tb_csv *csv,
			    struct tb_csv_row *row)
{
	for (;;) {
		struct tb_str text = tb_window_text(&input->window);
		enum tb_err err;

		*csv = (struct tb_csv) { .rest = text,
					 .next_line = (size_t)input->line,
					 .goes_on = !input->window.at_end };
		tb_arena_reset(self->scratch);
		err = tb_csv_next(csv, self->scratch, row);
		if (err != TB_ERR_NOT_FOUND)
			return err;
		/* Empty lines. */
		tb_window_take(&input->window, (size_t)(csv->rest.p - text.p));
		input->line = csv->next_line;
		if (input->window.at_end)
			return TB_ERR_NOT_FOUND;
		err = tb_file_input_fill(input);
		if (err != TB_OK)
			return err;
	}
}

/* What was read of the input by then. */
static void measure(const struct tb_file_input *input, const struct tb_csv *csv,
		    struct tb_file_item *item)
{
	item->n_bytes =
		(size_t)(csv->rest.p - tb_window_text(&input->window).p);
	item->n_lines = csv->next_line - input->line;
	item->line = csv->line;
}

static void put_object(struct tb_buf *buf, const struct tb_str *keys,
		       const struct tb_str *values, size_t n)
{
	tb_buf_append_char(buf, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			tb_buf_append_char(buf, ',');
		tb_buf_append_str(buf, keys[i]);
		tb_json_put_string(buf, values[i]);
	}
	tb_buf_append_char(buf, '}');
}

static enum tb_err take_apart(struct tb_file_csv *csv,
			      const struct tb_csv_row *row,
			      struct tb_arena *arena, struct tb_file_item *item)
{
	if (row->n != csv->n) {
		item->refused = TB_FILE_CSV_FIELDS;
		return tb_arena_printf(arena, &item->message,
				       "%zu fields where the first line has "
				       "%zu",
				       row->n, csv->n);
	}
	tb_buf_reset(&csv->object);
	put_object(&csv->object, csv->keys, csv->cells, csv->n);
	if (tb_buf_err(&csv->object) == TB_ERR_TOO_LARGE) {
		item->refused = TB_FILE_LINE_TOO_LONG;
		item->message = TB_STR("its object is over page_max_bytes");
		return TB_OK;
	}
	item->text = tb_buf_str(&csv->object);
	return tb_buf_err(&csv->object);
}

enum tb_err tb_file_csv_find(struct tb_file_csv *csv,
			     struct tb_file_input *input,
			     struct tb_arena *arena, struct tb_file_item *ret)
{
	struct tb_csv_row row = { .fields = csv->cells, .max = COLUMNS_MAX };
	struct tb_file_item item = { .line = input->line };
	struct tb_csv reader;
	enum tb_err err = find_row(csv, input, &reader, &row);

	if (err == TB_OK) {
		measure(input, &reader, &item);
		err = take_apart(csv, &row, arena, &item);
	} else if (err == TB_ERR_INVALID) {
		measure(input, &reader, &item);
		item.refused = TB_FILE_CSV_INVALID;
		item.message = TB_STR("a quote that does not end, or text "
				      "around one");
		err = TB_OK;
	} else if (err == TB_ERR_TOO_LARGE) {
		/* A row that does not end: its first line is no row, and the
		 * next one may be. */
		item.line = input->line;
		item.refused = TB_FILE_LINE_TOO_LONG;
		item.message = TB_STR("it is over page_max_bytes");
		item.is_endless = true;
		err = TB_OK;
	}
	if (err == TB_OK)
		*ret = item;
	return err;
}

/* ---- the first row ---- */

static enum tb_err keep_name(struct tb_file_csv *csv, struct tb_str name,
			     struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, SIZE_MAX / 2);
	tb_json_put_string(&buf, name);
	tb_buf_append_char(&buf, ':');
	return tb_buf_copy_out(&buf, csv->names, ret);
}

/* The names are right if an object of them is JSON: of UTF-8, each once. */
static enum tb_err check_names(struct tb_file_csv *csv, struct tb_arena *arena,
			       struct tb_str *ret_problem)
{
	struct tb_json_error error = { .what = "" };
	struct tb_json json;
	enum tb_err err;

	memset(csv->cells, 0, csv->n * sizeof(*csv->cells));
	tb_buf_reset(&csv->object);
	put_object(&csv->object, csv->keys, csv->cells, csv->n);
	err = tb_buf_err(&csv->object);
	if (err == TB_OK)
		err = tb_json_parse(csv->scratch, tb_buf_str(&csv->object),
				    NULL, &json, &error);
	if (err != TB_ERR_INVALID)
		return err;
	err = tb_arena_printf(arena, ret_problem,
			      "the names in the first line: %s", error.what);
	return err == TB_OK ? TB_ERR_INVALID : err;
}

static enum tb_err read_names(struct tb_file_csv *csv,
			      struct tb_file_input *input,
			      struct tb_arena *arena,
			      struct tb_str *ret_problem)
{
	struct tb_csv_row row = { .fields = csv->cells, .max = COLUMNS_MAX };
	struct tb_file_item item = { .n_lines = 0 };
	struct tb_csv reader;
	enum tb_err err = find_row(csv, input, &reader, &row);

	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	*ret_problem = TB_STR("the first line is no row of CSV");
	if (err == TB_OK && row.n > COLUMNS_MAX)
		err = TB_ERR_TOO_LARGE;
	if (err == TB_ERR_TOO_LARGE) {
		*ret_problem = TB_STR("the first line is too long");
		err = TB_ERR_INVALID;
	}
	if (err != TB_OK)
		return err;
	measure(input, &reader, &item);
	csv->n = row.n;
	csv->keys = tb_arena_calloc(csv->names, csv->n, sizeof(*csv->keys));
	if (csv->keys == NULL)
		return tb_arena_err(csv->names);
	for (size_t i = 0; err == TB_OK && i < csv->n; i++)
		err = keep_name(csv, csv->cells[i], &csv->keys[i]);
	if (err == TB_OK)
		err = check_names(csv, arena, ret_problem);
	return err == TB_OK ? tb_file_input_take(input, &item) : err;
}

enum tb_err tb_file_csv_create(struct tb_file_input *input,
			       struct tb_arena *arena, struct tb_file_csv **ret,
			       struct tb_str *ret_problem)
{
	size_t scratch_max =
		SCRATCH_FACTOR * input->window.max + SCRATCH_MIN_BYTES;
	struct tb_file_csv *csv = tb_calloc(1, sizeof(*csv));
	enum tb_err err = TB_ERR_NOMEM;

	if (csv == NULL)
		return TB_ERR_NOMEM;
	tb_buf_init(&csv->object, input->window.max);
	csv->names = tb_arena_create(scratch_max);
	csv->scratch = tb_arena_create(scratch_max);
	if (csv->names != NULL && csv->scratch != NULL)
		csv->cells = tb_arena_calloc(csv->names, COLUMNS_MAX,
					     sizeof(*csv->cells));
	if (csv->cells != NULL)
		err = read_names(csv, input, arena, ret_problem);
	if (err != TB_OK)
		tb_file_csv_destroy(csv);
	else
		*ret = csv;
	return err;
}
