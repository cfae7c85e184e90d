/* Lines of exports: each kind is read as it was written, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/import_line.h"
#include "base/alloc.h"
#include "base/assert.h"

#define LATEST_US 2000000000000000

#define BODY                                                                   \
	"{\"uuid\":\"e\",\"timestamp\":5,\"userUuid\":\"u\",\"itemUuid\":"     \
	"\"i\",\"action\":\"a\",\"payload\":\"p\"}"

static struct tb_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = tb_arena_create((size_t)1 << 20);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static enum tb_err read_line(struct tb_str text, struct tb_import_line *ret)
{
	struct tb_str problem = TB_STR_NONE;
	enum tb_err err =
		tb_import_line_read(arena, text, LATEST_US, ret, &problem);

	assert_int_equal(err != TB_OK, problem.n > 0 && err != TB_OK);
	return err;
}

static struct tb_import_line line_of(const char *text)
{
	struct tb_import_line line;

	assert_int_equal(read_line(tb_str_z(text), &line), TB_OK);
	return line;
}

#define EXPECT_STR(s, z) assert_true(tb_str_eq(s, TB_STR(z)))

static void records_are_read_as_ever(void **state)
{
	struct tb_import_line line = line_of(
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":{ \"a\":1.10},"
		"\"created_at\":\"1970-01-01T00:00:01Z\","
		"\"updated_at\":\"1970-01-01T00:00:02.5Z\",\"more\":1}");

	(void)state;
	assert_int_equal(line.kind, TB_IMPORT_RECORD);
	EXPECT_STR(line.record.table, "t");
	EXPECT_STR(line.record.id, "r");
	EXPECT_STR(line.record.data, "{ \"a\":1.10}");
	assert_int_equal(line.record.created_us, 1000000);
	assert_int_equal(line.updated_us, 2500000);
	line = line_of("{\"table\":\"t\",\"recordID\":\"r\",\"deleted\":true}");
	assert_int_equal(line.record.action, TB_PUSH_DELETE);
	EXPECT_STR(line.record.data, "{}");
	assert_int_equal(line.updated_us, INT64_MAX);
	line = line_of("{\"table\":\"t\",\"recordID\":\"r\",\"data\":{},"
		       "\"event\":1,\"acl\":2}");
	assert_int_equal(line.kind, TB_IMPORT_RECORD);
}

static void records_have_the_id_that_they_were_known_by(void **state)
{
	static const char *const bad[] = {
		"0",
		"-1",
		"1.0",
		"1e3",
		"\"7\"",
		"true",
		"[7]",
		"9223372036854775807",
		"18446744073709551617",
	};
	struct tb_import_line line =
		line_of("{\"table\":\"t\",\"recordID\":\"r\",\"data\":{},"
			"\"id\":9223372036854775806}");
	char text[128];

	(void)state;
	assert_true(line.record.number == INT64_MAX - 1);
	line = line_of("{\"table\":\"t\",\"recordID\":\"r\",\"data\":{},"
		       "\"id\":null}");
	assert_int_equal(line.record.number, 0);
	line = line_of("{\"table\":\"t\",\"recordID\":\"r\",\"id\":7,"
		       "\"deleted\":true}");
	assert_int_equal(line.record.number, 7);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"table\":\"t\",\"recordID\":\"r\","
			       "\"data\":{},\"id\":%s}",
			       bad[i]);
		assert_int_equal(read_line(tb_str_z(text), &line),
				 TB_ERR_INVALID);
	}
}

static void next_ids_are_lines_of_their_own(void **state)
{
	struct tb_import_line line =
		line_of("{\"table\":\"t\",\"next_id\":12}");

	(void)state;
	assert_int_equal(line.kind, TB_IMPORT_NEXT_ID);
	EXPECT_STR(line.next_id.table, "t");
	assert_true(line.next_id.id == 12);
	assert_int_equal(
		read_line(TB_STR("{\"table\":\"t\",\"next_id\":0}"), &line),
		TB_ERR_INVALID);
	assert_int_equal(
		read_line(TB_STR("{\"table\":7,\"next_id\":1}"), &line),
		TB_ERR_INVALID);
	/* A record may have members of any name. */
	line = line_of("{\"table\":\"t\",\"recordID\":\"r\",\"data\":{},"
		       "\"next_id\":\"x\"}");
	assert_int_equal(line.kind, TB_IMPORT_RECORD);
}

static void events_keep_every_byte(void **state)
{
	static const char *const bodies[] = {
		BODY,
		"{\"uuid\":\"\\u00e9\",\"timestamp\":5,\"userUuid\":\"\\\"\","
		"\"itemUuid\":\"\\/\",\"action\":\"a\",\"payload\":"
		"\"\\u0000\",\"more\":[ 1.0,{} ]}",
		"{\"uuid\":\"e\",\"timestamp\":5,\"userUuid\":\"u\","
		"\"itemUuid\":\"i\",\"action\":\"a\",\"payload\":\"p\","
		"\"more\":{\n\r}}",
	};
	struct tb_import_line line;
	struct tb_buf buf;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bodies); i++) {
		struct tb_json_writer w = tb_json_writer(&buf);

		tb_buf_init(&buf, 4096);
		tb_json_begin_object(&w);
		tb_import_line_put(&w, "event", tb_str_z(bodies[i]));
		tb_json_end_object(&w);
		assert_int_equal(tb_buf_err(&buf), TB_OK);
		assert_null(memchr(buf.p, '\n', buf.n));
		assert_int_equal(read_line(tb_buf_str(&buf), &line), TB_OK);
		assert_int_equal(line.kind, TB_IMPORT_EVENT);
		assert_true(tb_str_eq(line.event.body, tb_str_z(bodies[i])));
		tb_buf_fini(&buf);
	}
	line = line_of("{\"event\":" BODY "}");
	EXPECT_STR(line.event.uuid, "e");
}

static void an_event_that_was_never_stored_gets_its_form(void **state)
{
	struct tb_import_line line = line_of(
		"{\"event\":{ \"action\" : \"a\", \"itemUuid\":\"i\", "
		"\"userUuid\":\"u\", \"timestamp\":5, \"uuid\":\"e\"}}");

	(void)state;
	EXPECT_STR(line.event.body,
		   "{\"uuid\":\"e\",\"timestamp\":5,\"userUuid\":\"u\","
		   "\"itemUuid\":\"i\",\"action\":\"a\",\"payload\":\"\"}");
}

static void rules_keep_the_space_around_them(void **state)
{
	static const char *const lists[] = { "{\"rules\":[]}",
					     " { \"rules\" : [\n] }\n" };
	struct tb_import_line line;
	struct tb_buf buf;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(lists); i++) {
		struct tb_json_writer w = tb_json_writer(&buf);

		tb_buf_init(&buf, 4096);
		tb_json_begin_object(&w);
		tb_import_line_put(&w, "acl", tb_str_z(lists[i]));
		tb_json_end_object(&w);
		assert_int_equal(read_line(tb_buf_str(&buf), &line), TB_OK);
		assert_int_equal(line.kind, TB_IMPORT_RULES);
		assert_true(tb_str_eq(line.rules, tb_str_z(lists[i])));
		tb_buf_fini(&buf);
	}
}

static void bad_lines_are_refused_with_a_reason(void **state)
{
	static const char *const texts[] = {
		"",
		"nonsense",
		"[]",
		"{}",
		"{\"table\":\"t\"}",
		"{\"table\":\"t\",\"recordID\":\"r\"}",
		"{\"table\":\"t\",\"recordID\":\"\",\"data\":{}}",
		"{\"table\":\"t\\u0000\",\"recordID\":\"r\",\"data\":{}}",
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":[]}",
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":\"[]\"}",
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":\"{\"}",
		"{\"table\":\"t\",\"recordID\":\"r\","
		"\"data\":{\"a\":\"\\u0000\"}}",
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":{},"
		"\"updated_at\":\"2033-05-18T03:33:21Z\"}",
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":{},"
		"\"created_at\":1}",
		"{\"event\":null}",
		"{\"event\":[]}",
		"{\"event\":\"[]\"}",
		"{\"event\":{\"uuid\":\"e\"}}",
		"{\"event\":{\"uuid\":\"e\",\"timestamp\":5,\"itemUuid\":\"i\","
		"\"action\":\"a\"}}",
		"{\"event\":{\"uuid\":\"e\",\"timestamp\":5,\"itemUuid\":\"i\","
		"\"action\":\"a\",\"userUuid\":\"\"}}",
		"{\"event\":{\"uuid\":\"e\",\"timestamp\":5.5,\"itemUuid\":"
		"\"i\",\"action\":\"a\",\"userUuid\":\"u\"}}",
		"{\"event\":{\"uuid\":\"e\",\"timestamp\":5,\"itemUuid\":\"i\","
		"\"action\":\"a\",\"userUuid\":\"u\",\"payload\":1}}",
		"{\"event\":{\"uuid\":\"e\",\"timestamp\":5,\"itemUuid\":\"i\","
		"\"action\":\"a\",\"userUuid\":\"u\",\"uuid\":\"e\"}}",
		"{\"acl\":null}",
		"{\"acl\":{}}",
		"{\"acl\":\"\"}",
		"{\"acl\":{\"rules\":[{}]}}",
	};
	struct tb_import_line line;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		if (read_line(tb_str_z(texts[i]), &line) != TB_ERR_INVALID)
			fail_msg("%s", texts[i]);
}

/* `before`, an array of this depth, `behind`. */
static enum tb_err read_deep(const char *before, size_t depth,
			     const char *behind)
{
	struct tb_import_line line;
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, 4096);
	tb_buf_append_z(&buf, before);
	for (size_t i = 0; i < depth; i++)
		tb_buf_append_char(&buf, '[');
	for (size_t i = 0; i < depth; i++)
		tb_buf_append_char(&buf, ']');
	tb_buf_append_z(&buf, behind);
	err = read_line(tb_buf_str(&buf), &line);
	tb_buf_fini(&buf);
	return err;
}

static void depth_is_limited_however_it_is_written(void **state)
{
	static const char bare[] =
		"{\"table\":\"t\",\"recordID\":\"r\",\"data\":{\"a\":";
	static const char quoted[] = "{\"table\":\"t\",\"recordID\":\"r\","
				     "\"data\":\"{\\\"a\\\":";

	(void)state;
	assert_int_equal(read_deep(bare, 63, "}}"), TB_OK);
	assert_int_equal(read_deep(quoted, 63, "}\"}"), TB_OK);
	assert_int_equal(read_deep(bare, 64, "}}"), TB_ERR_TOO_DEEP);
	assert_int_equal(read_deep(quoted, 64, "}\"}"), TB_ERR_TOO_DEEP);
}

static void a_bad_rule_is_named(void **state)
{
	struct tb_str problem = TB_STR_NONE;
	struct tb_import_line line;

	(void)state;
	assert_int_equal(
		tb_import_line_read(
			arena,
			TB_STR("{\"acl\":{\"rules\":[{\"user\":\"u\",\"item\":"
			       "\"i\",\"action\":\"a\",\"allow\":true},{}]}}"),
			LATEST_US, &line, &problem),
		TB_ERR_INVALID);
	assert_true(tb_str_starts(problem, TB_STR("rule 2: ")));
}

static void a_line_without_memory_is_not_half_read(void **state)
{
	static const char *const texts[] = {
		"{\"table\":\"\\n\",\"recordID\":\"r\",\"data\":\"{}\"}",
		"{\"event\":" BODY "}",
		"{\"acl\":\"{\\\"rules\\\":[]}\"}",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++) {
		struct tb_import_line line = { .updated_us = -1 };
		enum tb_err err = TB_ERR_NOMEM;
		uint64_t n = 0;

		while (err == TB_ERR_NOMEM) {
			struct tb_arena *own = tb_arena_create(1u << 20);
			struct tb_str problem;

			assert_non_null(own);
			assert_int_equal(line.updated_us, -1);
			tb_alloc_fail_at(++n);
			err = tb_import_line_read(own, tb_str_z(texts[i]),
						  LATEST_US, &line, &problem);
			tb_alloc_fail_at(0);
			tb_arena_destroy(own);
		}
		assert_int_equal(err, TB_OK);
		assert_true(n > 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_read_as_ever),
		TEST(records_have_the_id_that_they_were_known_by),
		TEST(next_ids_are_lines_of_their_own),
		TEST(events_keep_every_byte),
		TEST(an_event_that_was_never_stored_gets_its_form),
		TEST(rules_keep_the_space_around_them),
		TEST(bad_lines_are_refused_with_a_reason),
		TEST(depth_is_limited_however_it_is_written),
		TEST(a_bad_rule_is_named),
		TEST(a_line_without_memory_is_not_half_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
