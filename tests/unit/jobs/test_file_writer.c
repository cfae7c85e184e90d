/* Files as targets: each record once in it, whatever the sender and the disk
 * went through, and nobody sees half of it. */
#include "../base/torture.h"
#include "file_world.h"

#include <signal.h>
#include <sys/resource.h>

#define RECORDS_MAX 8

/* Pages of records with these keys, one letter each. */
static enum tb_err send_keys(struct file_world *w, const char *keys,
			     const char *cursor)
{
	struct tb_connector_record records[RECORDS_MAX] = { 0 };
	size_t n = strlen(keys);

	tb_arena_reset(w->arena);
	for (size_t i = 0; i < n; i++) {
		records[i].key = tb_str(&keys[i], 1);
		MUST(tb_arena_printf(w->arena, &records[i].body,
				     "{\"id\":\"%c\"}", keys[i]));
	}
	return tb_connector_file.send(w->connection, w->arena, records, n,
				      tb_str_z(cursor), &w->failure);
}

static enum tb_err finish(struct file_world *w)
{
	tb_arena_reset(w->arena);
	return tb_connector_file.finish(w->connection, w->arena, &w->failure);
}

/* What a file holds; p NULL: it is not there. */
static struct tb_str content(struct file_world *w, const char *name)
{
	FILE *file = fopen(path_in(w, name), "rb");
	char *text = tb_arena_alloc(w->long_lived, 1u << 16);
	size_t n;

	assert_non_null(text);
	if (file == NULL)
		return TB_STR_NONE;
	n = fread(text, 1, 1u << 16, file);
	fclose(file);
	return tb_str(text, n);
}

/* The file is there and holds records with these keys. */
static void assert_keys(struct file_world *w, const char *keys)
{
	struct tb_str text = content(w, "items.ndjson");
	struct tb_buf expected;

	assert_non_null(text.p);
	tb_buf_init(&expected, 1024);
	for (size_t i = 0; keys[i] != '\0'; i++)
		tb_buf_printf(&expected, "{\"id\":\"%c\"}\n", keys[i]);
	assert_true(tb_str_eq(text, tb_buf_str(&expected)));
	tb_buf_fini(&expected);
}

static void assert_is_not_there(struct file_world *w)
{
	assert_null(content(w, "items.ndjson").p);
}

static void assert_send_fails(struct file_world *w, const char *cursor,
			      enum tb_err expected, const char *code,
			      bool may_pass)
{
	assert_int_equal(send_keys(w, "x", cursor), expected);
	assert_string_equal(w->failure.code, code);
	assert_int_equal(w->failure.may_pass, may_pass);
	assert_true(w->failure.message.n > 0);
}

static void a_file_is_seen_when_all_was_sent(void **state)
{
	struct file_world *w = *state;

	put_file(w, "items.ndjson", TB_STR("yesterday's\n"));
	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "ab", "1"));
	MUST(send_keys(w, "c", "2"));
	assert_text(content(w, "items.ndjson"), "yesterday's\n");
	MUST(finish(w));
	assert_keys(w, "abc");
	assert_null(content(w, ".items.ndjson.part").p);
	/* And where there was nothing to be sent. */
	open_at(w, TB_STR_NONE);
	MUST(finish(w));
	assert_keys(w, "");
}

static void a_page_that_comes_again_is_there_once(void **state)
{
	struct file_world *w = *state;

	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	MUST(send_keys(w, "b", "2"));
	MUST(send_keys(w, "c", "2"));
	MUST(finish(w));
	MUST(finish(w));
	assert_keys(w, "ac");
}

/* Of a source that finds out only then that there is no more. */
static void an_empty_page_at_the_same_place_takes_nothing_away(void **state)
{
	struct file_world *w = *state;

	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	MUST(send_keys(w, "b", "2"));
	MUST(send_keys(w, "", "2"));
	/* And one that comes again, over another connection. */
	open_at(w, TB_STR("2"));
	MUST(send_keys(w, "", "2"));
	MUST(send_keys(w, "", "2"));
	MUST(finish(w));
	assert_keys(w, "ab");
}

static void who_goes_on_cuts_off_what_was_not_noted(void **state)
{
	struct file_world *w = *state;
	FILE *file;

	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	MUST(send_keys(w, "b", "2"));
	/* Page 2 was sent, but the sender does not know. */
	open_at(w, TB_STR("1"));
	MUST(send_keys(w, "c", "2"));
	/* Page 3 was half written. */
	file = fopen(path_in(w, ".items.ndjson.part"), "ab");
	assert_non_null(file);
	fputs("{\"id\":\"ha", file);
	fclose(file);
	open_at(w, TB_STR("2"));
	MUST(send_keys(w, "d", "3"));
	open_at(w, TB_STR("3"));
	MUST(finish(w));
	assert_keys(w, "acd");
}

static void who_starts_over_begins_a_new_file(void **state)
{
	struct file_world *w = *state;

	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "abc", "1"));
	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "d", "1"));
	MUST(finish(w));
	assert_keys(w, "d");
	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "abc", "1"));
	open_at(w, TB_STR_NONE);
	MUST(finish(w));
	assert_keys(w, "");
}

static void an_end_that_was_not_noted_is_an_end(void **state)
{
	static const char *const cursors[] = { "1", "2" };
	struct file_world *w = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(cursors); i++) {
		open_at(w, TB_STR_NONE);
		MUST(send_keys(w, "a", "1"));
		MUST(send_keys(w, "b", "2"));
		MUST(finish(w));
		open_at(w, tb_str_z(cursors[i]));
		MUST(send_keys(w, "b", "2"));
		MUST(finish(w));
		assert_keys(w, "ab");
		assert_null(content(w, ".items.ndjson.part").p);
	}
}

static void an_end_that_was_cut_short_is_made_good(void **state)
{
	struct file_world *w = *state;

	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	/* Nothing takes a folder's place. */
	assert_int_equal(mkdir(path_in(w, "items.ndjson"), 0700), 0);
	assert_int_equal(finish(w), TB_ERR_DENIED);
	assert_int_equal(rmdir(path_in(w, "items.ndjson")), 0);
	open_at(w, TB_STR("1"));
	MUST(finish(w));
	assert_keys(w, "a");
}

static void what_is_not_there_any_more_is_told(void **state)
{
	struct file_world *w = *state;

	open_at(w, TB_STR("1"));
	assert_send_fails(w, "2", TB_ERR_RESYNC, "file_changed", false);
	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	MUST(send_keys(w, "b", "2"));
	MUST(send_keys(w, "c", "3"));
	open_at(w, TB_STR("1"));
	assert_send_fails(w, "2", TB_ERR_RESYNC, "file_changed", false);
	w->task.job = TB_STR("job2/1");
	open_at(w, TB_STR("3"));
	assert_send_fails(w, "4", TB_ERR_RESYNC, "file_changed", false);
	w->task.job = TB_STR("job1/1");
	assert_int_equal(truncate(path_in(w, ".items.ndjson.part"), 3), 0);
	open_at(w, TB_STR("3"));
	assert_send_fails(w, "4", TB_ERR_RESYNC, "file_changed", false);
	put_file(w, ".items.ndjson.sent", TB_STR("{\"job\":1}"));
	open_at(w, TB_STR("3"));
	assert_send_fails(w, "4", TB_ERR_RESYNC, "file_changed", false);
	assert_is_not_there(w);
}

static void one_at_a_time_writes_a_file(void **state)
{
	struct file_world *w = *state;
	struct tb_connection *first;

	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	first = w->connection;
	w->connection = NULL;
	open_at(w, TB_STR_NONE);
	assert_send_fails(w, "1", TB_ERR_BUSY, "file_busy", true);
	tb_connector_file.close(first);
	MUST(send_keys(w, "b", "1"));
	MUST(finish(w));
	assert_keys(w, "b");
}

static void a_disk_that_is_full_doubles_nothing(void **state)
{
	struct file_world *w = *state;
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	limit.rlim_cur = 15;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_send_fails(w, "2", TB_ERR_IO, "file", true);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	MUST(send_keys(w, "b", "2"));
	MUST(finish(w));
	assert_keys(w, "ab");
}

static void bodies_become_lines(void **state)
{
	struct file_world *w = *state;
	struct tb_connector_record records[] = {
		{ .key = TB_STR("1"),
		  .body = TB_STR("{\n\"id\": 1,\r\n\"t\":"
				 "\"a\\nb\"\n}") },
		{ .key = TB_STR("a\"b"), .body = TB_STR("{ \"x\":1.0}") },
		{ .key = TB_STR("c"), .body = TB_STR("{}") },
		{ .key = TB_STR("d"), .body = TB_STR("{}"), .deleted = true },
		{ .key = TB_STR("e"), .body = TB_STR("{}"), .refused = "bad" },
		{ .key = TB_STR("f"), .body = TB_STR("[1]") },
		{ .key = TB_STR("g"), .body = TB_STR("{\"\\u0069d\":\"g\"}") },
	};
	size_t n = TB_ARRAY_LEN(records);

	open_at(w, TB_STR_NONE);
	MUST(tb_connector_file.send(w->connection, w->arena, records, n,
				    TB_STR("1"), &w->failure));
	MUST(finish(w));
	assert_text(content(w, "items.ndjson"),
		    "{ \"id\": 1,  \"t\":\"a\\nb\" }\n"
		    "{\"id\":\"a\\\"b\", \"x\":1.0}\n"
		    "{\"id\":\"c\"}\n"
		    "{\"\\u0069d\":\"g\"}\n");
	assert_string_equal(records[5].refused, "record_invalid");
	assert_null(records[6].refused);
}

static void deletions_are_lines_where_they_are_declared(void **state)
{
	struct file_world *w = *state;
	struct tb_connector_record records[] = {
		{ .key = TB_STR("1"), .body = TB_STR("{}"), .deleted = true },
	};

	w->entity.deleted_field = TB_STR("gone");
	open_at(w, TB_STR_NONE);
	MUST(tb_connector_file.send(w->connection, w->arena, records, 1,
				    TB_STR("1"), &w->failure));
	w->entity.deleted_value = TB_STR("yes");
	MUST(tb_connector_file.send(w->connection, w->arena, records, 1,
				    TB_STR("2"), &w->failure));
	w->entity.on_delete = TB_ON_DELETE_IGNORE;
	MUST(tb_connector_file.send(w->connection, w->arena, records, 1,
				    TB_STR("3"), &w->failure));
	MUST(finish(w));
	assert_text(content(w, "items.ndjson"),
		    "{\"id\":\"1\",\"gone\":true}\n"
		    "{\"id\":\"1\",\"gone\":\"yes\"}\n");
}

static void what_cannot_be_written_is_told(void **state)
{
	struct file_world *w = *state;

	w->entity.format = TB_FILE_CSV;
	open_at(w, TB_STR_NONE);
	assert_send_fails(w, "1", TB_ERR_UNSUPPORTED, "file_format", false);
	w->entity.format = TB_FILE_NDJSON;
	w->entity.path = TB_STR("../items.ndjson");
	open_at(w, TB_STR_NONE);
	assert_send_fails(w, "1", TB_ERR_DENIED, "file_path", false);
	w->entity.path = TB_STR("none/items.ndjson");
	open_at(w, TB_STR_NONE);
	assert_send_fails(w, "1", TB_ERR_NOT_FOUND, "file_missing", false);
	w->entity.path = TB_STR("items.ndjson");
	assert_int_equal(
		symlink("/tmp/elsewhere", path_in(w, ".items.ndjson.part")), 0);
	open_at(w, TB_STR_NONE);
	assert_send_fails(w, "1", TB_ERR_DENIED, "file_path", false);
	assert_int_equal(unlink(path_in(w, ".items.ndjson.part")), 0);
	w->source.n_entities = 0;
	open_at(w, TB_STR_NONE);
	assert_send_fails(w, "1", TB_ERR_NOT_FOUND, "entity_unknown", false);
}

static struct file_world *tortured;

static enum tb_err write_once(void)
{
	struct tb_connector_record record = { .key = TB_STR("1"),
					      .body = TB_STR("{\"a\":1}") };
	struct file_world *w = tortured;
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connection *c = NULL;
	enum tb_err err = TB_ERR_NOMEM;

	w->failure.code = "memory";
	if (arena != NULL)
		err = tb_connector_file.open(&w->task, arena, TB_STR("1"), &c,
					     &w->failure);
	if (err == TB_OK)
		err = tb_connector_file.send(c, arena, &record, 1, TB_STR("2"),
					     &w->failure);
	if (err != TB_OK)
		assert_string_equal(w->failure.code, "memory");
	tb_connector_file.close(c);
	tb_arena_destroy(arena);
	return err;
}

static void every_allocation_may_fail(void **state)
{
	struct file_world *w = *state;

	tortured = w;
	open_at(w, TB_STR_NONE);
	MUST(send_keys(w, "a", "1"));
	file_world_close(w);
	torture(write_once);
}

#define FILE_TEST(name)                                                        \
	cmocka_unit_test_setup_teardown(name, file_world_set_up,               \
					file_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(a_file_is_seen_when_all_was_sent),
		FILE_TEST(a_page_that_comes_again_is_there_once),
		FILE_TEST(an_empty_page_at_the_same_place_takes_nothing_away),
		FILE_TEST(who_goes_on_cuts_off_what_was_not_noted),
		FILE_TEST(who_starts_over_begins_a_new_file),
		FILE_TEST(an_end_that_was_not_noted_is_an_end),
		FILE_TEST(an_end_that_was_cut_short_is_made_good),
		FILE_TEST(what_is_not_there_any_more_is_told),
		FILE_TEST(one_at_a_time_writes_a_file),
		FILE_TEST(a_disk_that_is_full_doubles_nothing),
		FILE_TEST(bodies_become_lines),
		FILE_TEST(deletions_are_lines_where_they_are_declared),
		FILE_TEST(what_cannot_be_written_is_told),
		FILE_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
