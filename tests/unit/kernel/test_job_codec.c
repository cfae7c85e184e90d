/* Structs as JSON objects by a table, and texts that are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "kernel/job.h"
#include "kernel/job_codec.h"

#define ARENA_MAX ((size_t)1 << 20)

struct thing {
	uint64_t count;
	int64_t at_us;
	uint32_t level;
	bool is_set;
	struct tb_str name;
};

static const struct tb_job_member members[] = {
	{ "count", offsetof(struct thing, count), TB_JOB_U64 },
	{ "at", offsetof(struct thing, at_us), TB_JOB_I64 },
	{ "level", offsetof(struct thing, level), TB_JOB_U32 },
	{ "set", offsetof(struct thing, is_set), TB_JOB_FLAG },
	{ "name", offsetof(struct thing, name), TB_JOB_TEXT },
};

static struct tb_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = tb_arena_create(ARENA_MAX);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static enum tb_err take(const char *text, struct thing *ret)
{
	struct tb_json json;

	*ret = (struct thing) { .count = 0 };
	assert_int_equal(tb_json_parse(arena, tb_str_z(text),
				       &tb_job_json_limits, &json, NULL),
			 TB_OK);
	return tb_job_members_take(arena, tb_json_root(&json), members,
				   TB_ARRAY_LEN(members), ret);
}

static void assert_whole(const struct thing *thing)
{
	assert_int_equal(thing->count, 7);
	assert_true(thing->at_us == -5);
	assert_int_equal(thing->level, 3);
	assert_true(thing->is_set);
	assert_true(tb_str_eq(thing->name, TB_STR("a\"b")));
}

static void what_is_put_is_taken(void **state)
{
	const struct thing thing = { 7, -5, 3, true, TB_STR("a\"b") };
	struct thing again;
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)state;
	tb_buf_init(&buf, ARENA_MAX);
	tb_json_begin_object(&w);
	tb_job_members_put(&w, members, TB_ARRAY_LEN(members), &thing);
	tb_json_end_object(&w);
	tb_buf_append_char(&buf, '\0');
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_int_equal(take(buf.p, &again), TB_OK);
	assert_whole(&again);
	tb_buf_fini(&buf);
}

/* As another version of the program may have written them, whose table has
 * another order and more members. */
static void members_may_come_in_any_order(void **state)
{
	static const char *const texts[] = {
		"{\"name\":\"a\\\"b\",\"set\":true,\"level\":3,\"at\":-5,"
		"\"count\":7}",
		"{\"set\":true,\"other\":[1,{}],\"count\":7,\"at\":-5,"
		"\"more\":null,\"name\":\"a\\\"b\",\"level\":3}",
	};
	struct thing thing;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++) {
		assert_int_equal(take(texts[i], &thing), TB_OK);
		assert_whole(&thing);
	}
}

static void what_is_no_such_member_is_corrupt(void **state)
{
	static const char *const texts[] = {
		"[]",
		"{\"count\":-1}",
		"{\"count\":\"1\"}",
		"{\"at\":1.5}",
		"{\"level\":4294967296}",
		"{\"set\":1}",
		"{\"name\":null}",
	};
	struct thing thing;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		assert_int_equal(take(texts[i], &thing), TB_ERR_CORRUPT);
}

/* "cut at a character to TB_JOB_TEXT_MAX_BYTES, bytes that are no UTF-8
 * replaced" */
static void texts_are_cut_at_a_character(void **state)
{
	char text[TB_JOB_TEXT_MAX_BYTES + 1];
	struct tb_str got;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + TB_JOB_TEXT_MAX_BYTES - 1, "\xc3\xa9", 2);
	assert_int_equal(tb_job_text(arena, tb_str(text, sizeof(text)), &got),
			 TB_OK);
	assert_true(tb_str_eq(got, tb_str(text, TB_JOB_TEXT_MAX_BYTES - 1)));
	assert_int_equal(tb_job_text(arena, TB_STR("a\xff\xc3.b"), &got),
			 TB_OK);
	assert_true(tb_str_eq(got, TB_STR("a??.b")));
	assert_int_equal(tb_job_text(arena, TB_STR("\xc3\xa9"), &got), TB_OK);
	assert_true(tb_str_eq(got, TB_STR("\xc3\xa9")));
	assert_int_equal(tb_job_text(arena, TB_STR_NONE, &got), TB_OK);
	assert_int_equal(got.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_put_is_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(members_may_come_in_any_order,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_no_such_member_is_corrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_are_cut_at_a_character,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
