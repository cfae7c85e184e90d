#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/events/errors.h"
#include "api/events/user_form.h"
#include "base/assert.h"
#include "base/buf.h"

#define ARENA_MAX_BYTES ((size_t)16 << 20)

static int setup(void **state)
{
	*state = tb_arena_create(ARENA_MAX_BYTES);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static void assert_str(struct tb_str s, const char *expected)
{
	assert_true(tb_str_eq(s, tb_str_z(expected)));
}

typedef enum tb_err decode_fn(struct tb_arena *arena, struct tb_str body,
			      struct tb_user_form *ret, const char **ret_flaw);

static void must_refuse(decode_fn *decode, struct tb_arena *arena,
			struct tb_str body, const char *flaw)
{
	struct tb_user_form form;
	const char *what = NULL;

	assert_int_equal(decode(arena, body, &form, &what), TB_ERR_INVALID);
	assert_non_null(what);
	if (flaw)
		assert_string_equal(what, flaw);
}

static void must_take(decode_fn *decode, struct tb_arena *arena,
		      struct tb_str body, struct tb_user_form *ret)
{
	const char *what = NULL;

	assert_int_equal(decode(arena, body, ret, &what), TB_OK);
	assert_null(what);
	assert_int_equal(ret->account.kind, TB_ACCOUNT_USER);
}

/* A text with a member of `n` bytes of x in the place of the `%`. */
static struct tb_str with_long(struct tb_arena *arena, const char *pattern,
			       size_t n)
{
	struct tb_str all = tb_str_z(pattern);
	struct tb_str front = tb_str_cut(&all, '%');
	struct tb_str text;
	struct tb_buf buf;

	tb_buf_init(&buf, ARENA_MAX_BYTES);
	tb_buf_append_str(&buf, front);
	for (size_t i = 0; i < n; i++)
		tb_buf_append_char(&buf, 'x');
	tb_buf_append_str(&buf, all);
	assert_int_equal(tb_arena_strdup(arena, tb_buf_str(&buf), &text),
			 TB_OK);
	tb_buf_fini(&buf);
	return text;
}

/* A list of `n` roles. */
static struct tb_str with_roles(struct tb_arena *arena, size_t n)
{
	struct tb_str text;
	struct tb_buf buf;

	tb_buf_init(&buf, ARENA_MAX_BYTES);
	tb_buf_append_z(&buf, "{\"roles\":[\"r\"");
	for (size_t i = 1; i < n; i++)
		tb_buf_append_z(&buf, ",\"r\"");
	tb_buf_append_z(&buf, "]}");
	assert_int_equal(tb_arena_strdup(arena, tb_buf_str(&buf), &text),
			 TB_OK);
	tb_buf_fini(&buf);
	return text;
}

static void test_a_new_user_is_read_whole(void **state)
{
	struct tb_user_form form;

	must_take(tb_user_form_decode_new, *state,
		  TB_STR("{\"uuid\":\"u\\u00e4 1\",\"username\":\"New-user_1\","
			 "\"password\":\"\\u0041bcdefgh\",\"roles\":[\"a\","
			 "\"b c\"],\"isAdmin\":true,\"disabled\":1,\"x\":[]}"),
		  &form);
	assert_str(form.account.key, "u\xc3\xa4 1");
	assert_str(form.account.username, "New-user_1");
	assert_str(form.password, "Abcdefgh");
	assert_int_equal(form.account.n_roles, 2);
	assert_str(form.account.roles[1], "b c");
	assert_true(form.account.is_admin);
	assert_false(form.account.disabled);
}

static void test_a_new_user_may_be_just_a_name_and_a_password(void **state)
{
	struct tb_user_form form;

	must_take(tb_user_form_decode_new, *state,
		  TB_STR("{\"uuid\":\"u\",\"username\":\"abc\","
			 "\"password\":\"12345678\"}"),
		  &form);
	assert_int_equal(form.account.n_roles, 0);
	assert_false(form.account.is_admin);
}

static void test_a_new_user_lacks_nothing(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"uuid\":\"u\",\"username\":\"abc\"}",
		"{\"uuid\":\"u\",\"password\":\"12345678\"}",
		"{\"username\":\"abc\",\"password\":\"12345678\"}",
		"{\"Uuid\":1,\"username\":\"abc\",\"password\":\"12345678\"}",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(bodies); i++)
		must_refuse(tb_user_form_decode_new, *state,
			    tb_str_z(bodies[i]), TB_EVENTS_MISSING);
}

static void test_what_is_no_object_is_refused(void **state)
{
	static const char *const bodies[] = {
		"",  "[]", "null", "\"x\"",
		"1", "{",  "{}{}", "{\"uuid\":\"u\",\"uuid\":\"u\"}",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(bodies); i++) {
		must_refuse(tb_user_form_decode_new, *state,
			    tb_str_z(bodies[i]), TB_EVENTS_BAD_REQUEST);
		must_refuse(tb_user_form_decode_change, *state,
			    tb_str_z(bodies[i]), TB_EVENTS_BAD_REQUEST);
	}
}

static void test_a_member_of_a_wrong_type_is_refused(void **state)
{
	static const char *const members[] = {
		"\"new_username\":1",     "\"new_username\":null",
		"\"new_username\":[]",    "\"new_password\":12345678",
		"\"new_password\":null",  "\"new_password\":{}",
		"\"roles\":\"a\"",        "\"roles\":null",
		"\"roles\":{}",           "\"roles\":[1]",
		"\"roles\":[\"a\",null]", "\"isAdmin\":1",
		"\"isAdmin\":\"true\"",   "\"isAdmin\":null",
		"\"disabled\":0",         "\"disabled\":\"\"",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(members); i++) {
		struct tb_str body;

		assert_int_equal(
			tb_arena_printf(*state, &body, "{%s}", members[i]),
			TB_OK);
		must_refuse(tb_user_form_decode_change, *state, body,
			    TB_EVENTS_BAD_REQUEST);
	}
}

static void test_names_have_their_rules(void **state)
{
	static const char *const names[] = {
		"",       "ab",    "a b",    "a.b",
		"abc\\n", "a@b.c", "abc\\/", "\xc3\xa4\xc3\xb6\xc3\xbc",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		struct tb_str body;

		assert_int_equal(tb_arena_printf(*state, &body,
						 "{\"new_username\":\"%s\"}",
						 names[i]),
				 TB_OK);
		must_refuse(tb_user_form_decode_change, *state, body, NULL);
	}
}

static void test_the_ends_of_the_ranges(void **state)
{
	static const struct {
		const char *pattern;
		size_t min;
		size_t max;
	} ranges[] = {
		{ "{\"new_username\":\"%\"}", 3, 50 },
		{ "{\"new_password\":\"%\"}", 8, 1024 },
		{ "{\"roles\":[\"%\"]}", 1, 200 },
	};
	struct tb_user_form form;

	for (size_t i = 0; i < TB_ARRAY_LEN(ranges); i++) {
		const char *pattern = ranges[i].pattern;

		must_take(tb_user_form_decode_change, *state,
			  with_long(*state, pattern, ranges[i].min), &form);
		must_take(tb_user_form_decode_change, *state,
			  with_long(*state, pattern, ranges[i].max), &form);
		must_refuse(tb_user_form_decode_change, *state,
			    with_long(*state, pattern, ranges[i].min - 1),
			    NULL);
		must_refuse(tb_user_form_decode_change, *state,
			    with_long(*state, pattern, ranges[i].max + 1),
			    NULL);
	}
	must_take(tb_user_form_decode_change, *state, with_roles(*state, 256),
		  &form);
	assert_int_equal(form.account.n_roles, 256);
	must_refuse(tb_user_form_decode_change, *state, with_roles(*state, 257),
		    NULL);
}

static void test_a_uuid_has_its_limits(void **state)
{
	static const char pattern[] = "{\"uuid\":\"%\",\"username\":\"abc\","
				      "\"password\":\"12345678\"}";
	struct tb_user_form form;

	must_take(tb_user_form_decode_new, *state,
		  with_long(*state, pattern, 200), &form);
	must_refuse(tb_user_form_decode_new, *state,
		    with_long(*state, pattern, 201), NULL);
	must_refuse(tb_user_form_decode_new, *state,
		    with_long(*state, pattern, 0), NULL);
	must_refuse(tb_user_form_decode_new, *state,
		    TB_STR("{\"uuid\":\"a\\u0007\",\"username\":\"abc\","
			   "\"password\":\"12345678\"}"),
		    NULL);
}

static void test_changes_are_those_that_are_there(void **state)
{
	struct tb_user_form form;

	must_take(tb_user_form_decode_change, *state,
		  TB_STR("{\"new_password\":\"12345678\",\"isAdmin\":false}"),
		  &form);
	assert_int_equal(form.changes, TB_CHANGE_PASSWORD | TB_CHANGE_ADMIN);
	must_take(tb_user_form_decode_change, *state,
		  TB_STR("{\"roles\":[],\"disabled\":true,"
			 "\"new_username\":\"abc\"}"),
		  &form);
	assert_int_equal(form.changes, TB_CHANGE_ROLES | TB_CHANGE_DISABLED |
					       TB_CHANGE_USERNAME);
	assert_int_equal(form.account.n_roles, 0);
	assert_true(form.account.disabled);
}

static void test_nothing_to_change_is_refused(void **state)
{
	must_refuse(tb_user_form_decode_change, *state, TB_STR("{}"),
		    "Nothing to change");
	/* A new user's members are not those of a change. */
	must_refuse(tb_user_form_decode_change, *state,
		    TB_STR("{\"username\":\"abc\",\"password\":\"12345678\"}"),
		    "Nothing to change");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_new_user_is_read_whole),
		TEST(test_a_new_user_may_be_just_a_name_and_a_password),
		TEST(test_a_new_user_lacks_nothing),
		TEST(test_what_is_no_object_is_refused),
		TEST(test_a_member_of_a_wrong_type_is_refused),
		TEST(test_names_have_their_rules),
		TEST(test_the_ends_of_the_ranges),
		TEST(test_a_uuid_has_its_limits),
		TEST(test_changes_are_those_that_are_there),
		TEST(test_nothing_to_change_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
