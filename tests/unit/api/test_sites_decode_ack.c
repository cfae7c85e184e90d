/*
 * Bodies of acknowledgements: every form of an element, and what is none.
 */
#include "../base/torture.h"

#include <string.h>

#include "api/sites/decode_ack.h"
#include "base/assert.h"

#define ARENA_MAX ((size_t)16 << 20)
#define ELEMENTS_MAX 4

struct fixture {
	struct tb_arena *arena;
	struct tb_ack_body body;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .arena = tb_arena_create(ARENA_MAX) };
	assert_non_null(f.arena);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_arena_destroy(f->arena);
	return 0;
}

static enum tb_err decode(struct fixture *f, const char *text)
{
	struct tb_json_error error;

	return tb_sites_decode_ack(f->arena, tb_str_z(text), ELEMENTS_MAX,
				   &f->body, &error);
}

static struct tb_ack_item one(struct fixture *f, const char *text)
{
	assert_int_equal(decode(f, text), TB_OK);
	assert_int_equal(f->body.n, 1);
	return f->body.items[0];
}

static void assert_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static void test_a_string_is_a_record_id(void **state)
{
	struct tb_ack_item item = one(*state, "[\"someUUID\"]");

	assert_int_equal(item.sequence, 0);
	assert_null(item.table.p);
	assert_str(item.id, "someUUID");
	/* Whatever it looks like. */
	assert_int_equal(one(*state, "[\"17\"]").sequence, 0);
}

static void test_a_sequence_is_a_string_or_a_number(void **state)
{
	assert_int_equal(one(*state, "[{\"sequence\":17}]").sequence, 17);
	assert_int_equal(one(*state, "[{\"sequence\":\"18\"}]").sequence, 18);
}

static void test_table_and_id_name_a_record(void **state)
{
	struct tb_ack_item item =
		one(*state, "[{\"recordID\":\"r\",\"table\":\"t\"}]");

	assert_int_equal(item.sequence, 0);
	assert_str(item.table, "t");
	assert_str(item.id, "r");
}

static void test_sync_ids_are_sequences_if_they_are_numbers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, "{\"syncIDs\":[\"17\",\"a1\"]}"), TB_OK);
	assert_int_equal(f->body.n, 2);
	assert_int_equal(f->body.items[0].sequence, 17);
	assert_int_equal(f->body.items[1].sequence, 0);
	assert_str(f->body.items[1].id, "a1");
}

static void test_the_sequence_0_names_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, "[{\"sequence\":0},\"x\"]"), TB_OK);
	assert_int_equal(f->body.n, 1);
	assert_str(f->body.items[0].id, "x");
}

static void test_an_empty_list_is_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, "[]"), TB_OK);
	assert_int_equal(f->body.n, 0);
	assert_int_equal(decode(f, "{\"syncIDs\":[]}"), TB_OK);
	assert_int_equal(f->body.n, 0);
}

static void test_what_names_no_entry_is_refused_whole(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"17",
		"\"x\"",
		"null",
		"[null]",
		"[1]",
		"[1.5]",
		"[[]]",
		"[{}]",
		"[\"x\"",
		"[{\"sequence\":\"abc\"}]",
		"[{\"sequence\":-1}]",
		"[{\"sequence\":1.0}]",
		"[{\"sequence\":18446744073709551616}]",
		"[\"x\",{\"sequence\":[]}]",
		"[{\"table\":\"t\"}]",
		"[{\"recordID\":\"r\"}]",
		"[{\"table\":1,\"recordID\":\"r\"}]",
		"{\"syncIDs\":\"x\"}",
		"{\"syncIDs\":{}}",
		"{\"syncIDs\":[1]}",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_int_equal(decode(*state, bad[i]), TB_ERR_INVALID);
}

static void test_more_elements_than_the_ceiling_are_too_large(void **state)
{
	assert_int_equal(decode(*state, "[\"a\",\"b\",\"c\",\"d\"]"), TB_OK);
	assert_int_equal(decode(*state, "[\"a\",\"b\",\"c\",\"d\",\"e\"]"),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(
		decode(*state, "{\"syncIDs\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}"),
		TB_ERR_TOO_LARGE);
}

static enum tb_err decode_with_escapes(void)
{
	static const char text[] =
		"[\"\\u0061\",{\"sequence\":\"\\u0031\"},"
		"{\"table\":\"\\u0061\",\"recordID\":\"\\u0062\"}]";
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_json_error error;
	struct tb_ack_body body;
	enum tb_err err = TB_ERR_NOMEM;

	if (arena)
		err = tb_sites_decode_ack(arena, tb_str_z(text), ELEMENTS_MAX,
					  &body, &error);
	tb_arena_destroy(arena);
	return err;
}

static void test_each_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(torture(decode_with_escapes) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_string_is_a_record_id),
		TEST(test_a_sequence_is_a_string_or_a_number),
		TEST(test_table_and_id_name_a_record),
		TEST(test_sync_ids_are_sequences_if_they_are_numbers),
		TEST(test_the_sequence_0_names_nothing),
		TEST(test_an_empty_list_is_read),
		TEST(test_what_names_no_entry_is_refused_whole),
		TEST(test_more_elements_than_the_ceiling_are_too_large),
		TEST(test_each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
