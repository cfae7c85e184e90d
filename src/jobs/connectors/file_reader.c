#include "jobs/connectors/file_reader.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "jobs/connectors/beneath.h"
#include "jobs/connectors/failure.h"
#include "jobs/connectors/file_csv.h"
#include "jobs/connectors/file_cursor.h"
#include "jobs/connectors/file_input.h"
#include "jobs/connectors/records.h"

#define BYTE_ORDER_MARK TB_STR("\xef\xbb\xbf")
/* Behind a line of the ceiling there is room for its end. */
#define LINE_END_BYTES 2

struct tb_file_reader {
	const struct tb_connector_task *task;
	int fd;
	struct tb_file_input input;
	struct tb_file_csv *csv; /* NULL: NDJSON */
};

enum tb_file_format tb_file_format_of(const struct tb_source_entity *entity)
{
	struct tb_str end = TB_STR(".csv");
	struct tb_str path = entity->path;

	if (entity->format != TB_FILE_BY_NAME)
		return entity->format;
	if (path.n > end.n &&
	    tb_str_eq_nocase(tb_str(path.p + path.n - end.n, end.n), end))
		return TB_FILE_CSV;
	return TB_FILE_NDJSON;
}

void tb_file_reader_destroy(struct tb_file_reader *reader)
{
	if (reader == NULL)
		return;
	tb_file_csv_destroy(reader->csv);
	tb_window_fini(&reader->input.window);
	if (reader->fd >= 0)
		close(reader->fd);
	tb_free(reader);
}

/* Why the file could not be read on. */
static enum tb_err fail(const struct tb_file_reader *reader,
			struct tb_arena *arena, enum tb_err err,
			struct tb_connector_failure *ret_failure)
{
	switch (err) {
	case TB_ERR_IO:
		return tb_beneath_failed(reader->task->entity->path, arena,
					 ret_failure);
	case TB_ERR_RESYNC:
		return tb_failure_set(ret_failure, arena, err, "file_changed",
				      true,
				      "the file is shorter than what was "
				      "read of it");
	case TB_ERR_CLOSED:
		return tb_failure_set(ret_failure, arena, err, "stopped", true,
				      "the job is to stop");
	default:
		return tb_failure_of(ret_failure, err);
	}
}

/* ---- opening ---- */

static enum tb_err skip_mark(struct tb_file_input *input)
{
	struct tb_str mark = BYTE_ORDER_MARK;
	enum tb_err err = tb_file_input_fill(input);

	if (err == TB_OK && tb_str_starts(tb_window_text(&input->window), mark))
		tb_window_take(&input->window, mark.n);
	return err;
}

/* Goes behind what stands in front of the records. */
static enum tb_err begin(struct tb_file_reader *reader, struct tb_arena *arena,
			 struct tb_connector_failure *ret_failure)
{
	struct tb_str problem = TB_STR_NONE;
	enum tb_err err = skip_mark(&reader->input);

	if (err == TB_OK &&
	    tb_file_format_of(reader->task->entity) == TB_FILE_CSV)
		err = tb_file_csv_create(&reader->input, arena, &reader->csv,
					 &problem);
	if (err == TB_ERR_INVALID)
		return tb_failure_set(ret_failure, arena, err, "csv_header",
				      false, "%.*s", TB_STR_ARG(problem));
	return err == TB_OK ? err : fail(reader, arena, err, ret_failure);
}

/* Goes to where the reading was. Of another file everything is to be read:
 * records are put under their keys, so nothing is doubled. */
static enum tb_err resume(struct tb_file_reader *reader, struct tb_arena *arena,
			  struct tb_str cursor,
			  struct tb_connector_failure *ret_failure)
{
	struct tb_file_place place;
	enum tb_err err =
		tb_file_cursor_read(reader->fd, cursor, arena, &place);

	if (err == TB_ERR_RESYNC ||
	    (err == TB_OK && place.offset < reader->input.window.offset))
		return TB_OK;
	if (err != TB_OK)
		return fail(reader, arena, err, ret_failure);
	tb_window_seek(&reader->input.window, place.offset);
	reader->input.line = place.line;
	return TB_OK;
}

enum tb_err tb_file_reader_create(const struct tb_connector_task *task,
				  struct tb_arena *arena, struct tb_str cursor,
				  struct tb_file_reader **ret,
				  struct tb_connector_failure *ret_failure)
{
	size_t line_max = (size_t)task->source->page_max_bytes;
	struct tb_file_reader *reader = tb_calloc(1, sizeof(*reader));
	enum tb_err err;

	if (reader == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	reader->task = task;
	reader->fd = -1;
	reader->input.line = 1;
	reader->input.line_max_bytes = line_max;
	reader->input.is_stopped = task->is_stopped;
	err = tb_beneath_open(task->source, task->entity->path, arena,
			      &reader->fd, ret_failure);
	tb_window_init(&reader->input.window, reader->fd, 0,
		       line_max + LINE_END_BYTES);
	if (err == TB_OK)
		err = begin(reader, arena, ret_failure);
	if (err == TB_OK && cursor.n > 0)
		err = resume(reader, arena, cursor, ret_failure);
	if (err != TB_OK)
		tb_file_reader_destroy(reader);
	else
		*ret = reader;
	return err;
}

/* ---- a page ---- */

struct page {
	struct tb_file_reader *reader;
	struct tb_arena *arena;
	struct tb_records_reader cut;
	struct tb_records records;
	size_t bytes_max;
	size_t n_bytes; /* of the records' texts */
	bool is_full;
	bool is_last;
};

static enum tb_err find(struct page *page, struct tb_file_item *ret)
{
	struct tb_file_reader *reader = page->reader;

	if (reader->csv != NULL)
		return tb_file_csv_find(reader->csv, &reader->input,
					page->arena, ret);
	return tb_file_input_find(&reader->input, ret);
}

/* The record of a line, or what is refused of it, and its line number. */
static enum tb_err add(struct page *page, const struct tb_file_item *item)
{
	struct tb_connector_record *record;
	struct tb_str text;
	enum tb_err err = tb_arena_strdup(page->arena, item->text, &text);

	if (err == TB_OK)
		err = tb_records_add(&page->cut, &page->records, text);
	if (err != TB_OK)
		return err;
	page->n_bytes += item->text.n;
	record = &page->records.list[page->records.n - 1];
	if (item->refused != NULL) {
		record->refused = item->refused;
		record->message = item->message;
	}
	if (record->refused == NULL)
		return TB_OK;
	return tb_arena_printf(page->arena, &record->message,
			       "line %" PRIu64 ": %.*s", item->line,
			       TB_STR_ARG(record->message));
}

static enum tb_err take_item(struct page *page)
{
	struct tb_file_item item;
	enum tb_err err = find(page, &item);

	page->is_last = err == TB_ERR_NOT_FOUND;
	if (page->is_last)
		return TB_OK;
	if (err != TB_OK)
		return err;
	page->is_full = page->records.n > 0 &&
			page->n_bytes + item.text.n > page->bytes_max;
	if (page->is_full)
		return TB_OK;
	if (item.text.n > 0 || item.refused != NULL)
		err = add(page, &item);
	return err == TB_OK ? tb_file_input_take(&page->reader->input, &item)
			    : err;
}

/* Also an end that was not come upon yet, because the page was full before. */
static enum tb_err look_for_end(struct page *page)
{
	struct tb_file_input *input = &page->reader->input;
	enum tb_err err = TB_OK;

	if (tb_window_text(&input->window).n == 0 && !input->window.at_end)
		err = tb_file_input_fill(input);
	page->is_last |=
		tb_window_text(&input->window).n == 0 && input->window.at_end;
	return err;
}

static enum tb_err read_items(struct page *page)
{
	const struct tb_source *source = page->reader->task->source;
	const struct tb_window *window = &page->reader->input.window;
	uint64_t until = window->offset + page->bytes_max;
	enum tb_err err = TB_OK;

	while (err == TB_OK && page->records.n < source->page_size &&
	       !page->is_full && !page->is_last && window->offset < until)
		err = take_item(page);
	return err == TB_OK ? look_for_end(page) : err;
}

static enum tb_err finish(const struct page *page,
			  struct tb_connector_page *ret)
{
	const struct tb_file_reader *reader = page->reader;
	struct tb_file_place place = { reader->input.window.offset,
				       reader->input.line };
	struct tb_str cursor;
	struct stat st;
	enum tb_err err =
		tb_file_cursor_make(reader->fd, &place, page->arena, &cursor);

	if (err == TB_OK && fstat(reader->fd, &st) != 0)
		err = TB_ERR_IO;
	if (err == TB_OK)
		*ret = (struct tb_connector_page) {
			.records = page->records.list,
			.n = page->records.n,
			.cursor = cursor,
			.position = place.offset,
			.total = (uint64_t)st.st_size,
			.is_last = page->is_last,
		};
	return err;
}

enum tb_err tb_file_reader_next(struct tb_file_reader *reader,
				struct tb_arena *arena,
				struct tb_connector_page *ret,
				struct tb_connector_failure *ret_failure)
{
	struct page page = {
		.reader = reader,
		.arena = arena,
		.bytes_max = (size_t)reader->task->source->page_max_bytes,
	};
	struct tb_file_place before = { reader->input.window.offset,
					reader->input.line };
	enum tb_err err =
		tb_records_reader_init(&page.cut, reader->task->entity, arena);

	if (err == TB_OK)
		err = read_items(&page);
	if (err == TB_OK)
		err = finish(&page, ret);
	if (err != TB_OK) {
		err = fail(reader, arena, err, ret_failure);
		/* The same page may be asked for again. */
		tb_window_seek(&reader->input.window, before.offset);
		reader->input.line = before.line;
	}
	tb_records_reader_fini(&page.cut);
	return err;
}
