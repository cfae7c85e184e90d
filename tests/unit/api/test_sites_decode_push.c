/*
 * Bodies of pushes: what is read from them, what is refused whole, and what is
 * marked so that it harms itself alone.
 */
#include "../base/torture.h"

#include <stdio.h>
#include <string.h>

#include "api/sites/decode_push.h"
#include "base/assert.h"

#define ARENA_MAX ((size_t)16 << 20)
#define RECORDS_MAX 8

struct fixture {
	struct tb_arena *arena;
	struct tb_push_body body;
	struct tb_json_error error;
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

static enum tb_err decode(struct fixture *f, enum tb_sites_dialect dialect,
			  const char *text)
{
	f->error = (struct tb_json_error) { .what = NULL };
	return tb_sites_decode_push(f->arena, tb_str_z(text), dialect,
				    RECORDS_MAX, &f->body, &f->error);
}

static void assert_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

/* The only record of a plain body. */
static struct tb_push_item *one(struct fixture *f, const char *text)
{
	assert_int_equal(decode(f, TB_SITES_PLAIN, text), TB_OK);
	assert_int_equal(f->body.n, 1);
	return &f->body.items[0];
}

static void test_the_plain_record_is_read(void **state)
{
	const char *text = "[{\"site_id\":\"63\",\"table\":\"trans_line\","
			   "\"recordID\":\"someUUID\",\"action\":\"insert\","
			   "\"sequence\":\"978987\","
			   "\"data\":{\"cost_price\": 65.50}}]";
	struct tb_push_item *item = one(*state, text);

	assert_null(item->refused);
	assert_str(item->table, "trans_line");
	assert_str(item->id, "someUUID");
	assert_int_equal(item->action, TB_PUSH_UPSERT);
	assert_str(item->data, "{\"cost_price\": 65.50}");
	assert_int_equal(item->record.n, strlen(text) - 2);
	assert_memory_equal(item->record.p, text + 1, item->record.n);
}

static void test_the_versioned_batch_is_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		decode(f, TB_SITES_VERSIONED,
		       "{\"queueLength\":17,\"data\":[{\"syncOutId\":7,"
		       "\"tableName\":\"item\",\"recordId\":\"a\","
		       "\"action\":\"Update\",\"recordData\":{\"n\":1}}]}"),
		TB_OK);
	assert_int_equal(f->body.queue_length, 17);
	assert_int_equal(f->body.n, 1);
	assert_null(f->body.items[0].refused);
	assert_str(f->body.items[0].table, "item");
	assert_str(f->body.items[0].id, "a");
	assert_str(f->body.items[0].data, "{\"n\":1}");
}

static void test_empty_lists_are_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, TB_SITES_PLAIN, " [ ] "), TB_OK);
	assert_int_equal(f->body.n, 0);
	assert_int_equal(decode(f, TB_SITES_VERSIONED,
				"{\"data\":[],\"queueLength\":0}"),
			 TB_OK);
	assert_int_equal(f->body.n, 0);
}

static void test_what_is_no_list_is_refused_whole(void **state)
{
	static const char *const plain[] = {
		"",     "{}",  "17",    "null",    "[1]",
		"[[]]", "[{}", "[{}]x", "[{},17]", "{\"data\":[]}",
	};
	static const char *const versioned[] = {
		"[]",
		"{}",
		"{\"queueLength\":1}",
		"{\"data\":[]}",
		"{\"queueLength\":\"1\",\"data\":[]}",
		"{\"queueLength\":-1,\"data\":[]}",
		"{\"queueLength\":1.5,\"data\":[]}",
		"{\"queueLength\":1,\"data\":{}}",
		"{\"queueLength\":1,\"data\":[1]}",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(plain); i++) {
		struct fixture *f = *state;

		assert_int_equal(decode(f, TB_SITES_PLAIN, plain[i]),
				 TB_ERR_INVALID);
		assert_non_null(f->error.what);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(versioned); i++) {
		struct fixture *f = *state;

		assert_int_equal(decode(f, TB_SITES_VERSIONED, versioned[i]),
				 TB_ERR_INVALID);
		assert_non_null(f->error.what);
	}
}

static void test_the_error_says_where_it_is(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, TB_SITES_PLAIN, "[{},  17]"),
			 TB_ERR_INVALID);
	assert_int_equal(f->error.offset, 6);
}

static void test_more_records_than_the_ceiling_are_too_large(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, TB_SITES_PLAIN, "[{},{},{},{},{},{},{},{}]"),
			 TB_OK);
	assert_int_equal(
		decode(f, TB_SITES_PLAIN, "[{},{},{},{},{},{},{},{},{}]"),
		TB_ERR_TOO_LARGE);
}

static void test_actions_are_read_in_any_letter_case(void **state)
{
	static const struct {
		const char *name;
		enum tb_push_action action;
	} cases[] = {
		{ "insert", TB_PUSH_UPSERT },
		{ "INSERT", TB_PUSH_UPSERT },
		{ "uPdAtE", TB_PUSH_UPSERT },
		{ "Delete", TB_PUSH_DELETE },
		{ "PATCH", TB_PUSH_PATCH },
		{ "Merge", TB_PUSH_MERGE },
		{ "in\\u0073ert", TB_PUSH_UPSERT },
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_push_item *item;
		char text[128];

		snprintf(text, sizeof(text),
			 "[{\"table\":\"t\",\"recordID\":\"r\","
			 "\"action\":\"%s\",\"data\":{}}]",
			 cases[i].name);
		item = one(*state, text);
		assert_null(item->refused);
		assert_int_equal(item->action, cases[i].action);
	}
}

static void test_numbers_are_strings_or_numbers_or_missing(void **state)
{
	static const char *const good[] = {
		"\"sequence\":1",
		"\"sequence\":\"1\"",
		"\"sequence\":18446744073709551615",
		"\"sequence\":null",
		"\"site_id\":63,\"sequence\":\"0\"",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		char text[160];

		snprintf(text, sizeof(text),
			 "[{\"table\":\"t\",\"recordID\":\"r\","
			 "\"action\":\"insert\",\"data\":{},%s}]",
			 good[i]);
		assert_null(one(*state, text)->refused);
	}
}

static void test_an_unusable_element_is_marked_and_named(void **state)
{
	static const char *const bad[] = {
		"\"recordID\":\"r\",\"action\":\"insert\",\"data\":{}",
		"\"table\":\"t\",\"action\":\"insert\",\"data\":{}",
		"\"table\":\"t\",\"recordID\":\"r\",\"data\":{}",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"insert\"",
		"\"table\":1,\"recordID\":\"r\",\"action\":\"insert\","
		"\"data\":{}",
		"\"table\":\"\",\"recordID\":\"r\",\"action\":\"insert\","
		"\"data\":{}",
		"\"table\":\"t\",\"recordID\":\"\",\"action\":\"insert\","
		"\"data\":{}",
		"\"table\":\"t\",\"recordID\":\"a\\u0001\","
		"\"action\":\"insert\",\"data\":{}",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"upsert\","
		"\"data\":{}",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"insert\","
		"\"data\":[]",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"patch\","
		"\"data\":\"x\"",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"insert\","
		"\"data\":{},\"sequence\":\"abc\"",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"insert\","
		"\"data\":{},\"site_id\":{}",
		"\"table\":\"t\",\"recordID\":\"r\",\"action\":\"insert\","
		"\"data\":{},\"sequence\":18446744073709551616",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_push_item *item;
		char text[256];

		snprintf(text, sizeof(text), "[{%s}]", bad[i]);
		item = one(*state, text);
		assert_string_equal(item->refused, TB_PUSH_CODE_INVALID);
		assert_true(item->refused_message.n > 0);
		assert_int_equal(item->record.n, strlen(text) - 2);
		assert_non_null(item->data.p);
	}
	assert_str(one(*state, "[{\"table\":\"t\",\"recordID\":\"r\"}]")->id,
		   "r");
}

/* An id of `n` bytes, usable or not. */
static bool is_usable_id(struct fixture *f, size_t n)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[{\"table\":\"t\",\"recordID\":\"%.*s\","
		 "\"action\":\"insert\",\"data\":{}}]",
		 (int)n,
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	return !one(f, text)->refused;
}

static void test_ids_have_a_ceiling(void **state)
{
	assert_true(is_usable_id(*state, TB_SITES_ID_MAX_BYTES));
	assert_false(is_usable_id(*state, TB_SITES_ID_MAX_BYTES + 1));
}

static void test_a_deletion_needs_no_data(void **state)
{
	struct tb_push_item *item =
		one(*state, "[{\"table\":\"t\",\"recordID\":\"r\","
			    "\"action\":\"delete\",\"data\":null}]");

	assert_null(item->refused);
	assert_str(item->data, "{}");
}

static void test_a_merge_names_its_survivor_either_way(void **state)
{
	assert_null(one(*state, "[{\"table\":\"t\",\"recordID\":\"r\","
				"\"action\":\"merge\",\"data\":\"k\"}]")
			    ->refused);
	assert_null(one(*state, "[{\"table\":\"t\",\"recordID\":\"r\","
				"\"action\":\"merge\","
				"\"data\":{\"mergeIdToKeep\":\"k\"}}]")
			    ->refused);
}

static void test_escaped_names_and_values_are_decoded(void **state)
{
	struct tb_push_item *item =
		one(*state, "[{\"t\\u0061ble\":\"t\\\"\",\"recordID\":"
			    "\"\\u00e9\",\"action\":\"insert\","
			    "\"data\":{\"\\u0061\":\"\\u0062\"}}]");

	assert_null(item->refused);
	assert_str(item->table, "t\"");
	assert_str(item->id, "\xc3\xa9");
	assert_str(item->data, "{\"\\u0061\":\"\\u0062\"}");
}

static void test_a_kept_element_is_read_in_either_dialect(void **state)
{
	struct fixture *f = *state;
	struct tb_push_item item;

	assert_int_equal(
		tb_sites_decode_record(f->arena,
				       TB_STR("{\"table\":\"t\",\"recordID\":"
					      "\"r\",\"action\":\"insert\","
					      "\"data\":{\"a\":1}}"),
				       &item),
		TB_OK);
	assert_null(item.refused);
	assert_str(item.data, "{\"a\":1}");
	assert_int_equal(
		tb_sites_decode_record(f->arena,
				       TB_STR("{\"tableName\":\"t\","
					      "\"recordId\":\"r\",\"action\":"
					      "\"delete\"}"),
				       &item),
		TB_OK);
	assert_null(item.refused);
	assert_str(item.id, "r");
	assert_int_equal(tb_sites_decode_record(f->arena, TB_STR("[]"), &item),
			 TB_ERR_INVALID);
	assert_int_equal(tb_sites_decode_record(f->arena, TB_STR("{"), &item),
			 TB_ERR_INVALID);
}

static enum tb_err decode_with_escapes(void)
{
	static const char text[] =
		"[{\"table\":\"\\u0061\",\"recordID\":\"\\u0062\","
		"\"action\":\"in\\u0073ert\",\"sequence\":\"\\u0031\","
		"\"data\":{}}]";
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_json_error error;
	struct tb_push_body body;
	enum tb_err err = TB_ERR_NOMEM;

	if (arena)
		err = tb_sites_decode_push(arena, tb_str_z(text),
					   TB_SITES_PLAIN, RECORDS_MAX, &body,
					   &error);
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
		TEST(test_the_plain_record_is_read),
		TEST(test_the_versioned_batch_is_read),
		TEST(test_empty_lists_are_read),
		TEST(test_what_is_no_list_is_refused_whole),
		TEST(test_the_error_says_where_it_is),
		TEST(test_more_records_than_the_ceiling_are_too_large),
		TEST(test_actions_are_read_in_any_letter_case),
		TEST(test_numbers_are_strings_or_numbers_or_missing),
		TEST(test_an_unusable_element_is_marked_and_named),
		TEST(test_ids_have_a_ceiling),
		TEST(test_a_deletion_needs_no_data),
		TEST(test_a_merge_names_its_survivor_either_way),
		TEST(test_escaped_names_and_values_are_decoded),
		TEST(test_a_kept_element_is_read_in_either_dialect),
		TEST(test_each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
