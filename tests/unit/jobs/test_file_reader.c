/* Files of NDJSON and CSV as sources: every line once, whatever it holds, in
 * pages of any size, from wherever the reading was. */
#include "../base/torture.h"
#include "file_world.h"

/* What pages said, a line for each record: its key, and its body or why it was
 * refused. */
static void put_page(struct tb_buf *log, const struct tb_connector_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct tb_connector_record *r = &page->records[i];

		tb_buf_printf(log, "%.*s ", TB_STR_ARG(r->key));
		if (r->deleted)
			tb_buf_append_z(log, "deleted ");
		if (r->refused != NULL)
			tb_buf_printf(log, "%s %.*s", r->refused,
				      TB_STR_ARG(r->message));
		else
			tb_buf_append_str(log, r->body);
		tb_buf_append_char(log, '\n');
	}
}

/* Reads to the end; with `reopen` each page over a connection of its own. */
static void read_all(struct file_world *w, bool reopen, struct tb_buf *log)
{
	struct tb_str cursor = TB_STR_NONE;
	uint64_t position = 0;

	tb_buf_init(log, (size_t)64 << 20);
	open_at(w, cursor);
	do {
		if (reopen)
			open_at(w, cursor);
		MUST(next_page(w));
		put_page(log, &w->page);
		assert_true(w->page.position >= position);
		position = w->page.position;
		cursor = keep(w, w->page.cursor);
	} while (!w->page.is_last);
	assert_int_equal(w->page.position, w->page.total);
	tb_buf_append_char(log, '\0');
	assert_int_equal(tb_buf_err(log), TB_OK);
}

/* The same comes of it whatever the size of pages, and whoever is interrupted
 * between them. */
static void assert_reads(struct file_world *w, const char *expected)
{
	static const uint32_t sizes[] = { 100, 1, 2, 3 };
	struct tb_buf log;

	for (size_t i = 0; i < 2 * TB_ARRAY_LEN(sizes); i++) {
		w->source.page_size = sizes[i / 2];
		read_all(w, i % 2, &log);
		assert_string_equal(log.p, expected);
		tb_buf_fini(&log);
	}
}

static void lines_are_taken_byte_for_byte(void **state)
{
	struct file_world *w = *state;

	put_file(w, "items.ndjson",
		 TB_STR("\xef\xbb\xbf{\"id\":\"a\", \"n\":1.50 }\r\n"
			"\n \t\r\n"
			"  {\"x\":[1, 2],\"id\":7}  \n"
			"{\"id\":\"\\u00e9\",\"y\":1e400}"));
	assert_reads(w, "a {\"id\":\"a\", \"n\":1.50 }\n"
			"7 {\"x\":[1, 2],\"id\":7}\n"
			"\xc3\xa9 {\"id\":\"\\u00e9\",\"y\":1e400}\n");
}

static void a_bad_line_is_refused_and_holds_up_no_other(void **state)
{
	struct file_world *w = *state;

	put_file(w, "items.ndjson",
		 TB_STR("{\"id\":1}\n"
			"{\"id\":2\n"
			"\n"
			"[3]\n"
			"{\"id\":4,\"id\":5}\n"
			"{\"name\":\"no key\"}\n"
			"{\"id\":\"\xff\"}\n"
			"nonsense\n"
			"{\"id\":9}\n"));
	assert_reads(w, "1 {\"id\":1}\n"
			" record_invalid line 2: unexpected end of the text at "
			"byte 7\n"
			" record_invalid line 4: no object at byte 0\n"
			" record_invalid line 5: duplicate key at byte 8\n"
			" key_missing line 6: id is neither a text nor a whole "
			"number\n"
			" record_invalid line 7: malformed UTF-8 at byte 7\n"
			" record_invalid line 8: a value is missing at byte 1\n"
			"9 {\"id\":9}\n");
}

static void nothing_is_an_end(void **state)
{
	struct file_world *w = *state;

	put_file(w, "items.ndjson", TB_STR(""));
	assert_reads(w, "");
	put_file(w, "items.ndjson", TB_STR("\n\n\r\n"));
	assert_reads(w, "");
	put_file(w, "items.ndjson", TB_STR("\xef\xbb\xbf"));
	assert_reads(w, "");
	w->entity.path = TB_STR("items.csv");
	put_file(w, "items.csv", TB_STR(""));
	assert_reads(w, "");
	put_file(w, "items.csv", TB_STR("id,name"));
	assert_reads(w, "");
}

static void a_line_that_is_too_long_is_refused(void **state)
{
	struct file_world *w = *state;
	struct tb_buf text;

	w->source.page_max_bytes = 2000;
	tb_buf_init(&text, (size_t)8 << 20);
	tb_buf_append_z(&text, "{\"id\":1}\n");
	for (size_t n = 1990; n < 2000; n++) {
		/* With its line end it is over some ceilings, without under. */
		size_t begin = text.n;

		tb_buf_printf(&text, "{\"id\":%zu}", n);
		while (text.n - begin < n)
			tb_buf_append_char(&text, ' ');
		tb_buf_append_z(&text, n % 2 ? "\n" : "\r\n");
	}
	tb_buf_append_z(&text, "{\"id\":2,\"text\":\"");
	for (size_t i = 0; i < 3000000; i++)
		tb_buf_append_char(&text, 'x');
	tb_buf_append_z(&text, "\"}\n{\"id\":3}\n");
	for (size_t i = 0; i < 1500; i++)
		tb_buf_append_z(&text, "{}");
	put_file(w, "items.ndjson", tb_buf_str(&text));
	tb_buf_fini(&text);
	assert_reads(w, "1 {\"id\":1}\n"
			"1990 {\"id\":1990}\n1991 {\"id\":1991}\n"
			"1992 {\"id\":1992}\n1993 {\"id\":1993}\n"
			"1994 {\"id\":1994}\n1995 {\"id\":1995}\n"
			"1996 {\"id\":1996}\n1997 {\"id\":1997}\n"
			"1998 {\"id\":1998}\n1999 {\"id\":1999}\n"
			" line_too_long line 12: it is over page_max_bytes\n"
			"3 {\"id\":3}\n"
			" line_too_long line 14: it is over page_max_bytes\n");
}

static void a_page_is_bounded_in_bytes(void **state)
{
	struct file_world *w = *state;
	struct tb_buf text;
	size_t pages = 0;
	size_t n = 0;

	w->source.page_max_bytes = 10000;
	tb_buf_init(&text, 1u << 20);
	for (size_t i = 0; i < 50; i++)
		tb_buf_printf(&text, "{\"id\":%zu,\"text\":\"%01000zu\"}\n", i,
			      i);
	put_file(w, "items.ndjson", tb_buf_str(&text));
	tb_buf_fini(&text);
	open_at(w, TB_STR_NONE);
	do {
		size_t bytes = 0;

		MUST(next_page(w));
		for (size_t i = 0; i < w->page.n; i++)
			bytes += w->page.records[i].body.n;
		assert_true(bytes <= 10000);
		n += w->page.n;
		pages++;
	} while (!w->page.is_last);
	assert_int_equal(n, 50);
	assert_true(pages > 5 && pages < 10);
}

static void rows_become_objects_of_strings(void **state)
{
	struct file_world *w = *state;

	w->entity.path = TB_STR("items.CSV");
	put_file(w, "items.CSV",
		 TB_STR("\xef\xbb\xbf"
			"id,\"the \"\"name\"\"\",empty\r\n"
			"1,plain,\r\n"
			"\r\n"
			"\"2\",\"with, comma\r\nand \"\"line\"\"\",\"\"\n"
			"3, spaces ,\x01"));
	assert_reads(
		w,
		"1 {\"id\":\"1\",\"the \\\"name\\\"\":\"plain\",\"empty\":"
		"\"\"}\n"
		"2 {\"id\":\"2\",\"the \\\"name\\\"\":\"with, comma\\r\\n"
		"and \\\"line\\\"\",\"empty\":\"\"}\n"
		"3 {\"id\":\"3\",\"the \\\"name\\\"\":\" spaces \",\"empty\":"
		"\"\\u0001\"}\n");
}

static void a_bad_row_is_refused_and_holds_up_no_other(void **state)
{
	struct file_world *w = *state;
	struct tb_buf text;

	w->entity.format = TB_FILE_CSV;
	w->source.page_max_bytes = 200000;
	tb_buf_init(&text, (size_t)8 << 20);
	tb_buf_append_str(&text, TB_STR("id,n\n"
					"1,a\n"
					"2\n"
					"\n"
					"3,b,c\n"
					"4,5\" pipe\n"
					"5,\"x\"y\n"
					",no key\n"
					"6,\xff\n"
					"7,c\n"
					"8,\"open\n"
					"9,d\n"));
	for (size_t i = 0; i < 30000; i++)
		tb_buf_append_z(&text, "10,dddddd\n");
	put_file(w, "items.ndjson", tb_buf_str(&text));
	tb_buf_fini(&text);
	w->source.page_size = 10;
	open_at(w, TB_STR_NONE);
	MUST(next_page(w));
	tb_buf_init(&text, 1u << 20);
	put_page(&text, &w->page);
	tb_buf_append_char(&text, '\0');
	assert_string_equal(
		text.p,
		"1 {\"id\":\"1\",\"n\":\"a\"}\n"
		" csv_fields line 3: 1 fields where the first line has 2\n"
		" csv_fields line 5: 3 fields where the first line has 2\n"
		" csv_invalid line 6: a quote that does not end, or text "
		"around one\n"
		" csv_invalid line 7: a quote that does not end, or text "
		"around one\n"
		" key_missing line 8: id is neither a text nor a whole number\n"
		" record_invalid line 9: malformed UTF-8 at byte 15\n"
		"7 {\"id\":\"7\",\"n\":\"c\"}\n"
		" line_too_long line 11: it is over page_max_bytes\n"
		"9 {\"id\":\"9\",\"n\":\"d\"}\n");
	tb_buf_fini(&text);
}

static void rows_are_the_same_in_pages_of_any_size(void **state)
{
	struct file_world *w = *state;

	w->entity.format = TB_FILE_CSV;
	put_file(w, "items.ndjson",
		 TB_STR("id,n\n1,\"a\n\nb\"\n\n2\n3,\"x\"y\n4,\"c\"\n\n"));
	assert_reads(w, "1 {\"id\":\"1\",\"n\":\"a\\n\\nb\"}\n"
			" csv_fields line 6: 1 fields where the first line has "
			"2\n"
			" csv_invalid line 7: a quote that does not end, or "
			"text around one\n"
			"4 {\"id\":\"4\",\"n\":\"c\"}\n");
}

static void the_first_row_must_name_members(void **state)
{
	static const char *const bad[] = { "id,id\n", "id,\xff\n", "id,\"x\n",
					   "id,a\"b\n" };
	struct file_world *w = *state;
	struct tb_buf text;

	w->entity.format = TB_FILE_CSV;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		put_file(w, "items.ndjson", tb_str_z(bad[i]));
		open_at(w, TB_STR_NONE);
		assert_fails(w, TB_ERR_INVALID, "csv_header", false);
	}
	tb_buf_init(&text, 1u << 20);
	for (size_t i = 0; i < 5000; i++)
		tb_buf_printf(&text, "%zu,", i);
	put_file(w, "items.ndjson", tb_buf_str(&text));
	tb_buf_fini(&text);
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_INVALID, "csv_header", false);
}

static void deletions_and_renames_are_the_entitys(void **state)
{
	static const struct tb_rename renames[] = {
		{ TB_STR_INIT("n"), TB_STR_INIT("name") },
	};
	struct file_world *w = *state;

	w->entity.deleted_field = TB_STR("gone");
	w->entity.renames = renames;
	w->entity.n_renames = 1;
	put_file(w, "items.ndjson",
		 TB_STR("{\"id\":1,\"n\":2}\n{\"id\":2,\"gone\":true}\n"));
	assert_reads(w, "1 {\"id\":1,\"name\":2}\n"
			"2 deleted {\"id\":2,\"gone\":true}\n");
}

/* Reads one page of one line and keeps where it ends. */
static struct tb_str read_one(struct file_world *w)
{
	w->source.page_size = 1;
	open_at(w, TB_STR_NONE);
	MUST(next_page(w));
	assert_int_equal(w->page.n, 1);
	return keep(w, w->page.cursor);
}

static void assert_next_key(struct file_world *w, const char *key)
{
	MUST(next_page(w));
	assert_int_equal(w->page.n, 1);
	assert_text(w->page.records[0].key, key);
}

static void a_file_that_grew_is_read_on(void **state)
{
	struct file_world *w = *state;
	struct tb_str cursor;

	put_file(w, "items.ndjson", TB_STR("{\"id\":1}\n{\"id\":2}\n"));
	cursor = read_one(w);
	put_file(w, "items.ndjson",
		 TB_STR("{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"));
	open_at(w, cursor);
	assert_next_key(w, "2");
	assert_next_key(w, "3");
	assert_true(w->page.is_last);
}

static void a_file_that_was_replaced_is_read_from_its_beginning(void **state)
{
	static const struct tb_str others[] = {
		TB_STR_INIT("{\"id\":7}\n{\"id\":8}\n"), /* other bytes */
		TB_STR_INIT("{\"id\":7}"),               /* fewer */
		TB_STR_INIT("\xef\xbb\xbf{\"id\":7}\n"),
	};
	struct file_world *w = *state;
	struct tb_str cursor;

	put_file(w, "items.ndjson", TB_STR("{\"id\":1}\n{\"id\":2}\n"));
	cursor = read_one(w);
	for (size_t i = 0; i < TB_ARRAY_LEN(others); i++) {
		put_file(w, "items.ndjson", others[i]);
		open_at(w, cursor);
		assert_next_key(w, "7");
	}
	/* So is one that is of this job no more, and nonsense. */
	open_at(w, TB_STR("9 9"));
	assert_next_key(w, "7");
	open_at(w, TB_STR("18446744073709551615 1 x"));
	assert_next_key(w, "7");
}

/* What lies far from both ends of what was read is not looked at; what lies
 * near them is. */
static void a_change_near_the_place_is_seen(void **state)
{
	struct file_world *w = *state;
	struct tb_str cursor;
	struct tb_buf text;

	tb_buf_init(&text, 1u << 20);
	for (size_t i = 0; i < 2000; i++)
		tb_buf_printf(&text, "{\"id\":%zu}\n", 1000 + i);
	put_file(w, "items.ndjson", tb_buf_str(&text));
	w->source.page_size = 1500;
	open_at(w, TB_STR_NONE);
	MUST(next_page(w));
	cursor = keep(w, w->page.cursor);
	text.p[strlen("{\"id\":1000}\n") * 1499 + 6] = '9';
	put_file(w, "items.ndjson", tb_buf_str(&text));
	tb_buf_fini(&text);
	w->source.page_size = 1;
	open_at(w, cursor);
	assert_next_key(w, "1000");
}

static void a_file_that_shrinks_under_the_reader_is_told(void **state)
{
	struct file_world *w = *state;
	struct tb_buf text;

	tb_buf_init(&text, (size_t)4 << 20);
	for (size_t i = 0; i < 100000; i++)
		tb_buf_printf(&text, "{\"id\":%zu}\n", i);
	put_file(w, "items.ndjson", tb_buf_str(&text));
	tb_buf_fini(&text);
	open_at(w, TB_STR_NONE);
	MUST(next_page(w));
	assert_int_equal(truncate(path_in(w, "items.ndjson"), 10), 0);
	assert_fails(w, TB_ERR_RESYNC, "file_changed", true);
	/* And is the same page, if it is there after all. */
	assert_fails(w, TB_ERR_RESYNC, "file_changed", true);
}

static void nothing_leads_out_of_the_folder(void **state)
{
	static const char *const bad[] = {
		"../items.ndjson",
		"/etc/passwd",
		"a/../items.ndjson",
		".",
		"",
		"a//b",
		"./items.ndjson",
		"a/",
	};
	struct file_world *w = *state;
	char outside[2 * PATH_BYTES];

	put_file(w, "items.ndjson", TB_STR("{\"id\":1}\n"));
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		w->entity.path = tb_str_z(bad[i]);
		open_at(w, TB_STR_NONE);
		assert_fails(w, TB_ERR_DENIED, "file_path", false);
	}
	snprintf(outside, sizeof(outside), "%s", w->folder);
	assert_int_equal(symlink("items.ndjson", path_in(w, "link")), 0);
	assert_int_equal(symlink(outside, path_in(w, "folder")), 0);
	w->entity.path = TB_STR("link");
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_DENIED, "file_path", false);
	w->entity.path = TB_STR("folder/items.ndjson");
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_DENIED, "file_path", false);
}

static void what_is_no_file_is_told(void **state)
{
	struct file_world *w = *state;

	assert_int_equal(mkdir(path_in(w, "sub"), 0700), 0);
	put_file(w, "sub/deep.ndjson", TB_STR("{\"id\":1}\n"));
	w->entity.path = TB_STR("sub/deep.ndjson");
	assert_reads(w, "1 {\"id\":1}\n");
	w->entity.path = TB_STR("sub");
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_DENIED, "file_path", false);
	w->entity.path = TB_STR("none.ndjson");
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_NOT_FOUND, "file_missing", false);
	w->entity.path = TB_STR("none/none.ndjson");
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_NOT_FOUND, "file_missing", false);
	assert_int_equal(mkfifo(path_in(w, "pipe"), 0600), 0);
	w->entity.path = TB_STR("pipe");
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_DENIED, "file_path", false);
	w->source.path = "/nowhere/at/all";
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_NOT_FOUND, "file_missing", false);
}

static void it_stops_when_it_is_told_to(void **state)
{
	struct file_world *w = *state;

	put_file(w, "items.ndjson", TB_STR("{\"id\":1}\n"));
	atomic_store(&w->is_stopped, true);
	open_at(w, TB_STR_NONE);
	assert_fails(w, TB_ERR_CLOSED, "stopped", true);
	atomic_store(&w->is_stopped, false);
	assert_next_key(w, "1");
}

static struct file_world *tortured;

static enum tb_err read_once(void)
{
	struct file_world *w = tortured;
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connection *connection = NULL;
	struct tb_connector_page page;
	enum tb_err err = TB_ERR_NOMEM;

	w->failure.code = "memory";
	if (arena != NULL)
		err = tb_connector_file.open(&w->task, arena, TB_STR("0 1 x"),
					     &connection, &w->failure);
	if (err == TB_OK)
		err = tb_connector_file.next(connection, arena, &page,
					     &w->failure);
	if (err == TB_OK)
		assert_int_equal(page.n, 2);
	else
		assert_string_equal(w->failure.code, "memory");
	tb_connector_file.close(connection);
	tb_arena_destroy(arena);
	return err;
}

static void every_allocation_may_fail(void **state)
{
	struct file_world *w = *state;

	tortured = w;
	put_file(w, "items.ndjson", TB_STR("{\"id\":1}\n{\"id\":\n"));
	torture(read_once);
	w->entity.format = TB_FILE_CSV;
	put_file(w, "items.ndjson", TB_STR("id,n\n1,\"\"\"\"\n2\n"));
	torture(read_once);
}

#define FILE_TEST(name)                                                        \
	cmocka_unit_test_setup_teardown(name, file_world_set_up,               \
					file_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(lines_are_taken_byte_for_byte),
		FILE_TEST(a_bad_line_is_refused_and_holds_up_no_other),
		FILE_TEST(nothing_is_an_end),
		FILE_TEST(a_line_that_is_too_long_is_refused),
		FILE_TEST(a_page_is_bounded_in_bytes),
		FILE_TEST(rows_become_objects_of_strings),
		FILE_TEST(a_bad_row_is_refused_and_holds_up_no_other),
		FILE_TEST(rows_are_the_same_in_pages_of_any_size),
		FILE_TEST(the_first_row_must_name_members),
		FILE_TEST(deletions_and_renames_are_the_entitys),
		FILE_TEST(a_file_that_grew_is_read_on),
		FILE_TEST(a_file_that_was_replaced_is_read_from_its_beginning),
		FILE_TEST(a_change_near_the_place_is_seen),
		FILE_TEST(a_file_that_shrinks_under_the_reader_is_told),
		FILE_TEST(nothing_leads_out_of_the_folder),
		FILE_TEST(what_is_no_file_is_told),
		FILE_TEST(it_stops_when_it_is_told_to),
		FILE_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
