#include "jobs/connectors/file_input.h"

#include <string.h>

enum tb_err tb_file_input_fill(struct tb_file_input *input)
{
	if (atomic_load(input->is_stopped))
		return TB_ERR_CLOSED;
	return tb_window_fill(&input->window);
}

enum tb_err tb_file_input_line(struct tb_file_input *input, size_t *ret_n,
			       bool *ret_has_end)
{
	size_t looked_at = 0;

	for (;;) {
		struct tb_str text = tb_window_text(&input->window);
		const char *end =
			memchr(text.p + looked_at, '\n', text.n - looked_at);
		enum tb_err err;

		if (end != NULL || input->window.at_end) {
			*ret_n = end != NULL ? (size_t)(end - text.p) : text.n;
			*ret_has_end = end != NULL;
			return TB_OK;
		}
		looked_at = text.n;
		err = tb_file_input_fill(input);
		if (err != TB_OK)
			return err;
	}
}

/* What of a line may be a record. */
static struct tb_str line_text(const struct tb_window *window, size_t n)
{
	struct tb_str line = tb_str(tb_window_text(window).p, n);

	if (tb_str_ends(line, TB_STR("\r")))
		line.n--;
	return tb_str_trim(line);
}

enum tb_err tb_file_input_find(struct tb_file_input *input,
			       struct tb_file_item *ret)
{
	struct tb_file_item item = { .line = input->line, .n_lines = 1 };
	bool has_end = false;
	size_t n = 0;
	enum tb_err err = tb_file_input_line(input, &n, &has_end);

	item.is_endless = err == TB_ERR_TOO_LARGE;
	if (err != TB_OK && !item.is_endless)
		return err;
	if (err == TB_OK && n == 0 && !has_end)
		return TB_ERR_NOT_FOUND;
	item.n_bytes = n + has_end;
	if (item.is_endless || n > input->line_max_bytes) {
		item.refused = TB_FILE_LINE_TOO_LONG;
		item.message = TB_STR("it is over page_max_bytes");
	} else {
		item.text = line_text(&input->window, n);
	}
	*ret = item;
	return TB_OK;
}

/* Takes a line whose end is not in sight yet. */
static enum tb_err take_endless(struct tb_file_input *input)
{
	bool has_end = false;

	while (!has_end && !input->window.at_end) {
		struct tb_str text = tb_window_text(&input->window);
		const char *end = memchr(text.p, '\n', text.n);
		enum tb_err err = TB_OK;

		has_end = end != NULL;
		tb_window_take(&input->window,
			       has_end ? (size_t)(end - text.p) + 1 : text.n);
		if (!has_end)
			err = tb_file_input_fill(input);
		if (err != TB_OK)
			return err;
	}
	input->line++;
	return TB_OK;
}

enum tb_err tb_file_input_take(struct tb_file_input *input,
			       const struct tb_file_item *item)
{
	if (item->is_endless)
		return take_endless(input);
	tb_window_take(&input->window, item->n_bytes);
	input->line += item->n_lines;
	return TB_OK;
}
