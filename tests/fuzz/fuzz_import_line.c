/*
 * Lines of imports: what is accepted is written again by an export, on one
 * line, and read back as it was.
 */
#include "fuzz.h"

#include "app/import_line.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define LINE_MAX_BYTES ((size_t)1 << 24)
#define LATEST_US 2000000000000000

static struct tb_str content(const struct tb_import_line *line)
{
	switch (line->kind) {
	case TB_IMPORT_RECORD:
		return line->record.data;
	case TB_IMPORT_EVENT:
		return line->event.body;
	case TB_IMPORT_RULES:
	case TB_IMPORT_NEXT_ID:
		break;
	}
	return line->rules;
}

static void write_line(struct tb_buf *buf, const struct tb_import_line *line)
{
	static const char *const names[] = { [TB_IMPORT_RECORD] = "data",
					     [TB_IMPORT_EVENT] = "event",
					     [TB_IMPORT_RULES] = "acl" };
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	if (line->kind == TB_IMPORT_NEXT_ID) {
		tb_json_kv_str(&w, "table", line->next_id.table);
		tb_json_kv_uint(&w, "next_id", line->next_id.id);
	}
	if (line->kind == TB_IMPORT_RECORD) {
		tb_json_kv_str(&w, "table", line->record.table);
		tb_json_kv_str(&w, "recordID", line->record.id);
		if (line->record.number != 0)
			tb_json_kv_uint(&w, "id", line->record.number);
	}
	if (line->kind != TB_IMPORT_NEXT_ID)
		tb_import_line_put(&w, names[line->kind], content(line));
	tb_json_end_object(&w);
	TB_ASSERT(tb_buf_err(buf) == TB_OK);
	TB_ASSERT(memchr(buf->p, '\n', buf->n) == NULL);
}

static void check_again(struct tb_arena *arena,
			const struct tb_import_line *line)
{
	struct tb_import_line again;
	struct tb_str problem;
	struct tb_buf buf;

	tb_buf_init(&buf, LINE_MAX_BYTES);
	write_line(&buf, line);
	TB_ASSERT(tb_import_line_read(arena, tb_buf_str(&buf), LATEST_US,
				      &again, &problem) == TB_OK);
	TB_ASSERT(again.kind == line->kind);
	TB_ASSERT(tb_str_eq(content(&again), content(line)));
	TB_ASSERT(again.next_id.id == line->next_id.id);
	TB_ASSERT(again.record.number == line->record.number);
	tb_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_import_line line;
	struct tb_str problem = TB_STR_NONE;

	if (arena == NULL)
		return 0;
	if (tb_import_line_read(arena, fuzz_input(data, n), LATEST_US, &line,
				&problem) == TB_OK)
		check_again(arena, &line);
	else
		TB_ASSERT(problem.n > 0);
	tb_arena_destroy(arena);
	return 0;
}
