#include "../base/torture.h"

#include "base/assert.h"
#include "jobs/connectors/envelope.h"

#define ARENA_MAX ((size_t)1 << 20)

static const struct tb_envelope_form form = {
	.items = TB_STR_INIT("items"),
	.total = TB_STR_INIT("total"),
	.cursor = TB_STR_INIT("next"),
};

/* An answer, and what it says; items NULL: it is refused. */
static const struct {
	const char *answer;
	const char *items;
	uint64_t total;
	const char *cursor;
} rows[] = {
	{ "{\"items\":[]}", "[]", 0, "" },
	{ " {\"total\":7,\"items\" : [ {\"a\":1} ] ,\"next\":\"x\"} ",
	  "[ {\"a\":1} ]", 7, "x" },
	{ "{\"next\":12,\"items\":[1]}", "[1]", 0, "12" },
	{ "{\"next\":\"\\u00e9\",\"items\":[1]}", "[1]", 0, "\xc3\xa9" },
	{ "{\"next\":null,\"total\":null,\"items\":[]}", "[]", 0, "" },
	{ "{\"next\":\"\",\"total\":\"9\",\"items\":[]}", "[]", 0, "" },
	{ "{\"n\":{\"items\":[1]},\"\\u0069tems\":[2]}", "[2]", 0, "" },
	{ "{\"x\":\"\\\"items\\\":[1]\",\"items\":[2]}", "[2]", 0, "" },
	/* What is inside of the array is not looked at. */
	{ "{\"items\":[{\"a\":1,\"a\":1},nope,\"\\ud800\"]}",
	  "[{\"a\":1,\"a\":1},nope,\"\\ud800\"]", 0, "" },
	{ "", NULL, 0, NULL },
	{ "[]", NULL, 0, NULL },
	{ "{}", NULL, 0, NULL },
	{ "{\"Items\":[]}", NULL, 0, NULL },
	{ "{\"items\":{}}", NULL, 0, NULL },
	{ "{\"items\":\"[]\"}", NULL, 0, NULL },
	{ "{\"items\":[}", NULL, 0, NULL },
	{ "{\"items\":[],\"items\":[]}", NULL, 0, NULL },
	{ "{\"items\":[],\"\\u0069tems\":[]}", NULL, 0, NULL },
	{ "{\"items\":[],\"a\":1,\"a\":1}", NULL, 0, NULL },
	{ "{\"items\":[],\"a\":tru}", NULL, 0, NULL },
	{ "{\"a\":\"\xff\",\"items\":[]}", NULL, 0, NULL },
	{ "{\"\\x\":1,\"items\":[]}", NULL, 0, NULL },
	{ "{\"items\":[]},", NULL, 0, NULL },
	{ "{\"items\":[],\"next\":true}", NULL, 0, NULL },
	{ "{\"items\":[],\"next\":[\"x\"]}", NULL, 0, NULL },
};

static void assert_row(struct tb_arena *arena, size_t i)
{
	struct tb_envelope envelope;
	const char *problem = NULL;
	enum tb_err err = tb_envelope_open(arena, tb_str_z(rows[i].answer),
					   &form, &envelope, &problem);

	if (rows[i].items == NULL) {
		if (err != TB_ERR_INVALID || problem == NULL)
			fail_msg("%s", rows[i].answer);
		return;
	}
	if (err != TB_OK)
		fail_msg("%s: %s", rows[i].answer, problem);
	assert_true(tb_str_eq(envelope.items, tb_str_z(rows[i].items)));
	assert_int_equal(envelope.total, rows[i].total);
	assert_true(tb_str_eq(envelope.cursor, tb_str_z(rows[i].cursor)));
}

static void what_stands_around_the_records_is_read(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		assert_row(arena, i);
	tb_arena_destroy(arena);
}

static void an_answer_may_be_the_array_itself(void **state)
{
	struct tb_envelope_form bare = { .items = TB_STR_NONE };
	struct tb_str answer = TB_STR("[1]");
	struct tb_envelope envelope;
	const char *problem = NULL;

	(void)state;
	assert_int_equal(
		tb_envelope_open(NULL, answer, &bare, &envelope, &problem),
		TB_OK);
	assert_ptr_equal(envelope.items.p, answer.p);
	bare.cursor = TB_STR("next");
	assert_int_equal(
		tb_envelope_open(NULL, answer, &bare, &envelope, &problem),
		TB_ERR_INVALID);
	assert_non_null(problem);
}

static enum tb_err open_one(void)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_envelope envelope;
	const char *problem;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_envelope_open(
		arena, TB_STR("{\"a\":1,\"items\":[1],\"next\":\"\\u0061\"}"),
		&form, &envelope, &problem);
	tb_arena_destroy(arena);
	return err;
}

static void want_of_memory_is_no_answers_fault(void **state)
{
	(void)state;
	assert_true(torture(open_one) >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_around_the_records_is_read),
		cmocka_unit_test(an_answer_may_be_the_array_itself),
		cmocka_unit_test(want_of_memory_is_no_answers_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
