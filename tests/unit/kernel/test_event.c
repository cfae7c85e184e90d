/*
 * Events as clients send them and as they are kept: what is refused and why,
 * what a body looks like, and when two of them say the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/event.h"
#include "kernel/event_same.h"

#define ARENA_MAX ((size_t)64 << 20)
#define BUF_MAX ((size_t)1 << 20)
#define LATEST_S 2000
#define ALLOCATIONS_MAX 1000

struct fixture {
	struct tb_arena *arena;
	struct tb_buf buf;
	struct tb_event_fields fields;
	enum tb_event_flaw flaw;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture) { .arena = tb_arena_create(ARENA_MAX) };
	tb_buf_init(&f.buf, BUF_MAX);
	*state = &f;
	return f.arena == NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_buf_fini(&f->buf);
	tb_arena_destroy(f->arena);
	return 0;
}

static enum tb_err try_take(struct fixture *f, struct tb_str text)
{
	struct tb_json json;

	assert_int_equal(tb_json_parse(f->arena, text, NULL, &json, NULL),
			 TB_OK);
	return tb_event_take(f->arena, tb_json_root(&json), TB_STR("me"),
			     LATEST_S, &f->buf, &f->fields, &f->flaw);
}

static void take(struct fixture *f, const char *text)
{
	tb_buf_reset(&f->buf);
	assert_int_equal(try_take(f, tb_str_z(text)), TB_OK);
}

static void expect_flaw(struct fixture *f, const char *text,
			enum tb_event_flaw flaw)
{
	take(f, text);
	if (f->flaw != flaw)
		print_error("%s\n", text);
	assert_int_equal(f->flaw, flaw);
	if (flaw != TB_EVENT_GOOD)
		assert_int_equal(f->buf.n, 0);
}

static void expect_body(struct fixture *f, const char *text, const char *body)
{
	expect_flaw(f, text, TB_EVENT_GOOD);
	tb_buf_append_char(&f->buf, '\0');
	assert_string_equal(f->buf.p, body);
}

static void test_body_has_the_members_in_order(void **state)
{
	expect_body(*state,
		    "{\"payload\":\"{}\",\"action\":\"create\","
		    "\"itemUuid\":\"i\",\"userUuid\":\"someone\","
		    "\"timestamp\":7,\"uuid\":\"e\"}",
		    "{\"uuid\":\"e\",\"timestamp\":7,\"userUuid\":\"me\","
		    "\"itemUuid\":\"i\",\"action\":\"create\","
		    "\"payload\":\"{}\"}");
}

static void test_payload_and_user_may_be_missing_or_null(void **state)
{
	static const char body[] = "{\"uuid\":\"e\",\"timestamp\":7,"
				   "\"userUuid\":\"me\",\"itemUuid\":\"i\","
				   "\"action\":\"a\",\"payload\":\"\"}";

	expect_body(*state,
		    "{\"uuid\":\"e\",\"timestamp\":7,\"itemUuid\":\"i\","
		    "\"action\":\"a\"}",
		    body);
	expect_body(*state,
		    "{\"uuid\":\"e\",\"timestamp\":7,\"itemUuid\":\"i\","
		    "\"action\":\"a\",\"payload\":null,\"userUuid\":null}",
		    body);
}

static void test_values_stay_as_they_were_written(void **state)
{
	struct fixture *f = *state;

	expect_body(f,
		    " { \"zeta\" : [ 1.50, {\"b\":1e2} ],\n\"uuid\":"
		    "\"\\u0065\\/1\",\"\\u0074imestamp\":7,\"itemUuid\":"
		    "\"\\ud83d\\ude00\",\"action\":\"a\\\"\","
		    "\"payload\":\"\\n\",\"a\\u006cpha\":null}",
		    "{\"uuid\":\"\\u0065\\/1\",\"timestamp\":7,"
		    "\"userUuid\":\"me\",\"itemUuid\":\"\\ud83d\\ude00\","
		    "\"action\":\"a\\\"\",\"payload\":\"\\n\","
		    "\"zeta\":[ 1.50, {\"b\":1e2} ],\"a\\u006cpha\":null}");
	assert_true(tb_str_eq(f->fields.uuid, TB_STR("e/1")));
	assert_true(tb_str_eq(f->fields.user, TB_STR("me")));
	assert_true(tb_str_eq(f->fields.item, TB_STR("\xf0\x9f\x98\x80")));
	assert_true(tb_str_eq(f->fields.action, TB_STR("a\"")));
	assert_int_equal(f->fields.timestamp_s, 7);
}

#define EVENT(uuid, time, item, action)                                        \
	"{\"uuid\":" uuid ",\"timestamp\":" time ",\"itemUuid\":" item         \
	",\"action\":" action "}"
#define WITH(members)                                                          \
	"{\"uuid\":\"e\",\"timestamp\":7,\"itemUuid\":\"i\",\"action\":\"a\""  \
	"," members "}"

static void test_wrong_types_are_no_event(void **state)
{
	static const char *const wrong[] = {
		"null",
		"1",
		"\"e\"",
		"[]",
		EVENT("1", "7", "\"i\"", "\"a\""),
		EVENT("{}", "7", "\"i\"", "\"a\""),
		EVENT("\"e\"", "\"7\"", "\"i\"", "\"a\""),
		EVENT("\"e\"", "true", "\"i\"", "\"a\""),
		EVENT("\"e\"", "7", "[]", "\"a\""),
		EVENT("\"e\"", "7", "\"i\"", "false"),
		WITH("\"payload\":{}"),
		WITH("\"payload\":0"),
		WITH("\"userUuid\":1"),
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(wrong); i++)
		expect_flaw(*state, wrong[i], TB_EVENT_NOT_OBJECT);
}

static void test_missing_null_and_empty_are_missing(void **state)
{
	static const char *const missing[] = {
		"{}",
		"{\"timestamp\":7,\"itemUuid\":\"i\",\"action\":\"a\"}",
		"{\"uuid\":\"e\",\"itemUuid\":\"i\",\"action\":\"a\"}",
		"{\"uuid\":\"e\",\"timestamp\":7,\"action\":\"a\"}",
		"{\"uuid\":\"e\",\"timestamp\":7,\"itemUuid\":\"i\"}",
		EVENT("null", "7", "\"i\"", "\"a\""),
		EVENT("\"e\"", "null", "\"i\"", "\"a\""),
		EVENT("\"e\"", "7", "null", "\"a\""),
		EVENT("\"e\"", "7", "\"i\"", "null"),
		EVENT("\"\"", "7", "\"i\"", "\"a\""),
		EVENT("\"e\"", "7", "\"\"", "\"a\""),
		EVENT("\"e\"", "7", "\"i\"", "\"\""),
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(missing); i++)
		expect_flaw(*state, missing[i], TB_EVENT_MISSING);
}

static void test_timestamp_is_a_positive_integer_not_too_far_ahead(void **state)
{
	static const char *const bad[] = {
		"0",
		"-1",
		"-0",
		"1.0",
		"1e3",
		"2001",
		"9223372036854775808",
		"1.5",
		"18446744073709551617",
	};
	struct fixture *f = *state;
	char text[128];

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text),
			       EVENT("\"e\"", "%s", "\"i\"", "\"a\""), bad[i]);
		expect_flaw(f, text, TB_EVENT_BAD_TIME);
	}
	expect_flaw(f, EVENT("\"e\"", "2000", "\"i\"", "\"a\""), TB_EVENT_GOOD);
	expect_flaw(f, EVENT("\"e\"", "1", "\"i\"", "\"a\""), TB_EVENT_GOOD);
}

static void put_long(struct tb_buf *buf, const char *name, size_t n,
		     const char *unit)
{
	static const char *const names[] = { "uuid", "itemUuid", "action" };

	tb_buf_reset(buf);
	tb_buf_append_z(buf, "{\"timestamp\":7");
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		bool is_it = strcmp(names[i], name) == 0;

		tb_buf_printf(buf, ",\"%s\":\"", names[i]);
		for (size_t k = 0; k < (is_it ? n : 1); k++)
			tb_buf_append_z(buf, is_it ? unit : "x");
		tb_buf_append_char(buf, '"');
	}
	tb_buf_append_z(buf, "}");
}

static void test_ids_have_512_bytes_at_most(void **state)
{
	static const char *const names[] = { "uuid", "itemUuid", "action" };
	struct fixture *f = *state;
	struct tb_buf text;

	tb_buf_init(&text, BUF_MAX);
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		put_long(&text, names[i], 512, "x");
		assert_int_equal(try_take(f, tb_buf_str(&text)), TB_OK);
		assert_int_equal(f->flaw, TB_EVENT_GOOD);
		/* It is the decoded bytes that count. */
		put_long(&text, names[i], 512, "\\u0041");
		assert_int_equal(try_take(f, tb_buf_str(&text)), TB_OK);
		assert_int_equal(f->flaw, TB_EVENT_GOOD);
		put_long(&text, names[i], 257, "\\u00e9");
		assert_int_equal(try_take(f, tb_buf_str(&text)), TB_OK);
		assert_int_equal(f->flaw, TB_EVENT_TOO_LONG);
		put_long(&text, names[i], 10240, "x");
		assert_int_equal(try_take(f, tb_buf_str(&text)), TB_OK);
		assert_int_equal(f->flaw, TB_EVENT_TOO_LONG);
	}
	tb_buf_fini(&text);
}

static void test_first_flaw_is_told_and_the_uuid_if_it_can_be_read(void **state)
{
	struct fixture *f = *state;

	expect_flaw(f, EVENT("\"e\"", "\"0\"", "\"\"", "1"),
		    TB_EVENT_NOT_OBJECT);
	assert_true(tb_str_eq(f->fields.uuid, TB_STR("e")));
	expect_flaw(f, EVENT("\"e\"", "0", "\"\"", "\"a\""), TB_EVENT_MISSING);
	assert_true(tb_str_eq(f->fields.uuid, TB_STR("e")));
	expect_flaw(f, "7", TB_EVENT_NOT_OBJECT);
	assert_null(f->fields.uuid.p);
	expect_flaw(f, EVENT("1", "0", "\"\"", "\"a\""), TB_EVENT_NOT_OBJECT);
	assert_null(f->fields.uuid.p);
}

static void test_peek_reads_what_take_made(void **state)
{
	static const struct {
		const char *text;
		struct tb_str item;
	} cases[] = {
		{ EVENT("\"e\"", "7", "\"i\"", "\"a\""), TB_STR_INIT("i") },
		{ EVENT("\"\\\"\\\\\"", "7", "\"x\\\\\"", "\"a\""),
		  TB_STR_INIT("x\\") },
		{ EVENT("\"e,\\\"itemUuid\\\":\"", "7", "\"\\u0041\\\"\"",
			"\"\\\\\""),
		  TB_STR_INIT("A\"") },
		{ WITH("\"payload\":\"\\\\\",\"x\":{\"itemUuid\":\"no\"}"),
		  TB_STR_INIT("i") },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_str item;
		int64_t time_s;

		expect_flaw(f, cases[i].text, TB_EVENT_GOOD);
		assert_int_equal(tb_event_peek(f->arena, tb_buf_str(&f->buf),
					       &item, &time_s),
				 TB_OK);
		assert_true(tb_str_eq(item, cases[i].item));
		assert_int_equal(time_s, 7);
	}
}

static void test_peek_of_anything_else_is_corrupt(void **state)
{
	struct fixture *f = *state;
	struct tb_str item;
	int64_t time_s;

	expect_flaw(f, EVENT("\"e\"", "7", "\"\\u0041\"", "\"a\""),
		    TB_EVENT_GOOD);
	for (size_t n = 0; n < f->buf.n; n++) {
		char *copy = tb_malloc(n);

		memcpy(copy, f->buf.p, n);
		assert_int_equal(tb_event_peek(f->arena, tb_str(copy, n), &item,
					       &time_s),
				 TB_ERR_CORRUPT);
		tb_free(copy);
	}
	assert_int_equal(tb_event_peek(f->arena,
				       TB_STR("{\"uuid\":\"e\",\"timestamp\":"
					      "99999999999999999999,"
					      "\"userUuid\":\"u\","
					      "\"itemUuid\":\"i\","
					      "\"action\":\"a\"}"),
				       &item, &time_s),
			 TB_ERR_CORRUPT);
	assert_int_equal(tb_event_peek(f->arena,
				       TB_STR("{\"uuid\":\"e\",\"timestamp\":1,"
					      "\"userUuid\":\"u\","
					      "\"itemUuid\":\"\\x\","
					      "\"action\":\"a\"}"),
				       &item, &time_s),
			 TB_ERR_CORRUPT);
}

static void expect_same(struct fixture *f, const char *a, const char *b,
			bool expected)
{
	uint8_t x[TB_SHA256_BYTES], y[TB_SHA256_BYTES];

	assert_int_equal(tb_event_digest(f->arena, tb_str_z(a), x), TB_OK);
	assert_int_equal(tb_event_digest(f->arena, tb_str_z(b), y), TB_OK);
	assert_int_equal(memcmp(x, y, sizeof(x)) == 0, expected);
}

static void test_same_content_however_it_is_written(void **state)
{
	struct fixture *f = *state;

	expect_same(f, "{\"a\":1}", "{\"a\":1}", true);
	expect_same(f, "{\"a\":\"\\u0041\"}", "{\"a\":\"A\"}", true);
	expect_same(f, "{\"a\":1,\"b\":[{}, null]}",
		    "{\"b\":[{},null],\"a\":1}", true);
	expect_same(f, "{\"a\":{\"x\":1,\"y\":2}}",
		    "{\"a\":{ \"y\":2,\"\\u0078\":1}}", true);
	expect_same(f, "{\"a\":\"\\u0000\"}", "{\"a\": \"\\u0000\"}", true);
	expect_same(f, "{\"a\":\"\\u0000\"}", "{\"a\":\"\"}", false);
	expect_same(f, "{\"a\":1}", "{\"a\":1.0}", false);
	expect_same(f, "{\"a\":1}", "{\"a\":\"1\"}", false);
	expect_same(f, "{\"a\":1}", "{\"b\":1}", false);
	expect_same(f, "{\"a\":1}", "{\"a\":1,\"b\":1}", false);
	expect_same(f, "{\"a\":[1,2]}", "{\"a\":[2,1]}", false);
	expect_same(f, "{\"a\":[1,2]}", "{\"a\":[1]}", false);
	expect_same(f, "{\"a\":true}", "{\"a\":false}", false);
	expect_same(f, "{\"a\":[{\"x\":1}]}", "{\"a\":[{\"x\":2}]}", false);
	expect_same(f, "{\"a\":\"b\\\",\\\"c\"}", "{\"a\":\"b\",\"c\":\"\"}",
		    false);
	expect_same(f, "{\"a\":[1,[2]]}", "{\"a\":[[1],2]}", false);
}

static void test_no_json_is_corrupt(void **state)
{
	struct fixture *f = *state;
	uint8_t digest[TB_SHA256_BYTES];

	assert_int_equal(tb_event_digest(f->arena, TB_STR("{\"a\":"), digest),
			 TB_ERR_CORRUPT);
}

static void test_nth_allocation_fails(void **state)
{
	struct fixture *f = *state;
	uint64_t n = 1;
	enum tb_err err;

	do {
		struct tb_json json;

		tb_arena_destroy(f->arena);
		f->arena = tb_arena_create(ARENA_MAX);
		tb_buf_fini(&f->buf);
		assert_true(n < ALLOCATIONS_MAX);
		tb_alloc_fail_at(n++);
		err = tb_json_parse(f->arena,
				    TB_STR(EVENT("\"\\u0041\"", "7",
						 "\"\\u0041\"", "\"a\"")),
				    NULL, &json, NULL);
		if (err == TB_OK)
			err = tb_event_take(f->arena, tb_json_root(&json),
					    TB_STR("me"), LATEST_S, &f->buf,
					    &f->fields, &f->flaw);
		tb_alloc_fail_at(0);
		if (err != TB_OK)
			assert_int_equal(err, TB_ERR_NOMEM);
	} while (err != TB_OK);
	assert_true(n > 2);
	assert_int_equal(f->flaw, TB_EVENT_GOOD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_body_has_the_members_in_order),
		TEST(test_payload_and_user_may_be_missing_or_null),
		TEST(test_values_stay_as_they_were_written),
		TEST(test_wrong_types_are_no_event),
		TEST(test_missing_null_and_empty_are_missing),
		TEST(test_timestamp_is_a_positive_integer_not_too_far_ahead),
		TEST(test_ids_have_512_bytes_at_most),
		TEST(test_first_flaw_is_told_and_the_uuid_if_it_can_be_read),
		TEST(test_peek_reads_what_take_made),
		TEST(test_peek_of_anything_else_is_corrupt),
		TEST(test_same_content_however_it_is_written),
		TEST(test_no_json_is_corrupt),
		TEST(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
