/*
 * Lists of access rules as they are put: what is read, and which rule is named
 * for which flaw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "kernel/acl.h"

#define ARENA_MAX ((size_t)256 << 20)
#define WHOLE SIZE_MAX
#define GOOD "{\"user\":\"u\",\"item\":\"i\",\"action\":\"a\",\"allow\":true}"
#define LIST(rules) "{\"rules\":[" rules "]}"
#define ALLOCATIONS_MAX 1000

static void expect_flaw(struct tb_str text, size_t rule, const char *what)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_acl_flaw flaw = { .rule = 4242 };
	const struct tb_acl_rule *rules;
	size_t n;

	assert_int_equal(tb_acl_parse(arena, text, &rules, &n, &flaw),
			 TB_ERR_INVALID);
	if (what != NULL)
		assert_string_equal(flaw.what, what);
	assert_non_null(flaw.what);
	assert_int_equal(flaw.rule, rule);
	tb_arena_destroy(arena);
}

static void test_reads_a_list(void **unused)
{
	static const char text[] =
		" {\"rules\": [\n"
		"{\"user\": \"*\", \"item\": \"item\\u0031*\","
		" \"action\": \"view\", \"allow\": true},\n"
		"{\"allow\":false,\"action\":\"*\",\"item\":\"*\","
		"\"user\":\"us\\\"er\"}]}\n";
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	const struct tb_acl_rule *rules;
	struct tb_acl_flaw flaw;
	size_t n;

	(void)unused;
	assert_int_equal(tb_acl_parse(arena, tb_str_z(text), &rules, &n, &flaw),
			 TB_OK);
	assert_int_equal(n, 2);
	assert_true(tb_str_eq(rules[0].user, TB_STR("*")));
	assert_true(tb_str_eq(rules[0].item, TB_STR("item1*")));
	assert_true(tb_str_eq(rules[0].action, TB_STR("view")));
	assert_true(rules[0].allow);
	assert_true(tb_str_eq(rules[1].user, TB_STR("us\"er")));
	assert_true(tb_str_eq(rules[1].item, TB_STR("*")));
	assert_false(rules[1].allow);
	assert_int_equal(tb_acl_parse(arena, TB_STR("{\"rules\":[]}"), &rules,
				      &n, &flaw),
			 TB_OK);
	assert_int_equal(n, 0);
	tb_arena_destroy(arena);
}

struct flawed {
	const char *text;
	size_t rule;
	const char *what; /* NULL: the reader of JSON's */
};

static const struct flawed lists[] = {
	{ "", WHOLE, NULL },
	{ "[]", WHOLE, "not an object" },
	{ "null", WHOLE, "not an object" },
	{ "{}", WHOLE, "rules: missing" },
	{ "{\"rules\":null}", WHOLE, "rules: not an array" },
	{ "{\"rules\":{}}", WHOLE, "rules: not an array" },
	{ "{\"rules\":[],\"more\":1}", WHOLE, "unknown field" },
	{ "{\"rules\":[],\"rules\":[]}", WHOLE, NULL },
	{ "{\"rules\":[" GOOD "]", WHOLE, NULL },
	{ LIST("1"), 0, "not an object" },
	{ LIST(GOOD ",null"), 1, "not an object" },
	{ LIST(GOOD "," GOOD ",{\"user\":\"u\",\"item\":\"i\","
		    "\"action\":\"a\",\"allow\":true,\"note\":\"\"}"),
	  2, "unknown field" },
	{ LIST(GOOD ",{\"user\":\"u\",\"item\":\"[,{\",\"action\":\"a\","
		    "\"allow\":true,\"user\":\"u\"}"),
	  1, NULL },
	{ LIST("{\"item\":\"i\",\"action\":\"a\",\"allow\":true}"), 0,
	  "user: missing" },
	{ LIST("{\"user\":\"u\",\"action\":\"a\",\"allow\":true}"), 0,
	  "item: missing" },
	{ LIST("{\"user\":\"u\",\"item\":\"i\",\"allow\":true}"), 0,
	  "action: missing" },
	{ LIST("{\"user\":\"u\",\"item\":\"i\",\"action\":\"a\"}"), 0,
	  "allow: missing" },
	{ LIST("{\"user\":1,\"item\":\"i\",\"action\":\"a\",\"allow\":true}"),
	  0, "user: not a string" },
	{ LIST("{\"user\":\"u\",\"item\":null,\"action\":\"a\","
	       "\"allow\":true}"),
	  0, "item: not a string" },
	{ LIST("{\"user\":\"u\",\"item\":\"i\",\"action\":[\"a\"],"
	       "\"allow\":true}"),
	  0, "action: not a string" },
	{ LIST("{\"user\":\"u\",\"item\":\"i\",\"action\":\"a\","
	       "\"allow\":\"true\"}"),
	  0, "allow: not a boolean" },
	{ LIST("{\"user\":\"u\",\"item\":\"i\",\"action\":\"a\","
	       "\"allow\":1}"),
	  0, "allow: not a boolean" },
};

static void test_names_the_rule_and_its_flaw(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < TB_ARRAY_LEN(lists); i++)
		expect_flaw(tb_str_z(lists[i].text), lists[i].rule,
			    lists[i].what);
}

/* A pattern as it stands in the text, in one of the three fields. */
static enum tb_err try_pattern(const char *field, const char *pattern,
			       struct tb_acl_flaw *ret)
{
	static const char *const fields[] = { "user", "item", "action" };
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	const struct tb_acl_rule *rules;
	struct tb_buf buf;
	enum tb_err err;
	size_t n;

	tb_buf_init(&buf, 1u << 20);
	tb_buf_append_z(&buf, "{\"rules\":[" GOOD ",{\"allow\":true");
	for (size_t i = 0; i < TB_ARRAY_LEN(fields); i++)
		tb_buf_printf(&buf, ",\"%s\":\"%s\"", fields[i],
			      strcmp(field, fields[i]) == 0 ? pattern : "x");
	tb_buf_append_z(&buf, "}]}");
	err = tb_acl_parse(arena, tb_buf_str(&buf), &rules, &n, ret);
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
	return err;
}

static void test_refuses_bad_patterns(void **unused)
{
	static const struct {
		const char *field;
		const char *pattern;
		const char *what; /* NULL: it is good */
	} cases[] = {
		{ "user", "", "user: empty" },
		{ "item", "", "item: empty" },
		{ "action", "", "action: empty" },
		{ "user", "*", NULL },
		{ "item", "*", NULL },
		{ "action", "*", NULL },
		{ "item", "a*", NULL },
		{ "item", "\\u00e9\\u002a", NULL },
		{ "user", "a*", "user: a star inside" },
		{ "action", "a*", "action: a star inside" },
		{ "user", "**", "user: a star inside" },
		{ "item", "**", "item: a star inside" },
		{ "item", "a*b", "item: a star inside" },
		{ "item", "*b", "item: a star inside" },
		{ "item", "a*b*", "item: a star inside" },
		{ "user", "a\\n", "user: a control character" },
		{ "item", "\\u0001", "item: a control character" },
		{ "action", "a\\u007f", "action: a control character" },
		{ "item", "a\\u0085b", "item: a control character" },
		{ "item", "a\\u00a0b", NULL },
	};

	(void)unused;
	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_acl_flaw flaw;
		enum tb_err err =
			try_pattern(cases[i].field, cases[i].pattern, &flaw);

		assert_int_equal(err, cases[i].what ? TB_ERR_INVALID : TB_OK);
		if (cases[i].what == NULL)
			continue;
		assert_string_equal(flaw.what, cases[i].what);
		assert_int_equal(flaw.rule, 1);
	}
}

static void test_patterns_have_512_bytes_at_most(void **unused)
{
	char pattern[TB_ACL_PATTERN_MAX_BYTES + 2];
	struct tb_acl_flaw flaw;

	(void)unused;
	memset(pattern, 'x', sizeof(pattern));
	pattern[TB_ACL_PATTERN_MAX_BYTES] = '\0';
	assert_int_equal(try_pattern("item", pattern, &flaw), TB_OK);
	pattern[TB_ACL_PATTERN_MAX_BYTES] = 'x';
	pattern[TB_ACL_PATTERN_MAX_BYTES + 1] = '\0';
	assert_int_equal(try_pattern("item", pattern, &flaw), TB_ERR_INVALID);
	assert_string_equal(flaw.what, "item: over 512 bytes");
}

static void put_list(struct tb_buf *buf, size_t n)
{
	tb_buf_reset(buf);
	tb_buf_append_z(buf, "{\"rules\":[");
	for (size_t i = 0; i < n; i++)
		tb_buf_append_z(buf, i == 0 ? GOOD : "," GOOD);
	tb_buf_append_z(buf, "]}");
}

static void test_takes_10000_rules_and_no_more(void **unused)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	const struct tb_acl_rule *rules;
	struct tb_acl_flaw flaw;
	struct tb_buf buf;
	size_t n;

	(void)unused;
	tb_buf_init(&buf, ARENA_MAX);
	put_list(&buf, TB_ACL_RULES_MAX);
	assert_int_equal(
		tb_acl_parse(arena, tb_buf_str(&buf), &rules, &n, &flaw),
		TB_OK);
	assert_int_equal(n, TB_ACL_RULES_MAX);
	put_list(&buf, TB_ACL_RULES_MAX + 1);
	expect_flaw(tb_buf_str(&buf), WHOLE, "too many rules");
	tb_buf_reset(&buf);
	tb_buf_append_z(&buf, "{\"rules\":[]}");
	while (buf.n <= TB_ACL_TEXT_MAX_BYTES)
		tb_buf_append_char(&buf, ' ');
	expect_flaw(tb_buf_str(&buf), WHOLE, "too large");
	tb_buf_fini(&buf);
	tb_arena_destroy(arena);
}

static void test_nth_allocation_fails(void **unused)
{
	uint64_t n = 1;
	enum tb_err err;

	(void)unused;
	do {
		struct tb_arena *arena = tb_arena_create(ARENA_MAX);
		const struct tb_acl_rule *rules = NULL;
		struct tb_acl_flaw flaw;
		size_t count;

		assert_true(n < ALLOCATIONS_MAX);
		tb_alloc_fail_at(n++);
		err = tb_acl_parse(arena, TB_STR(LIST(GOOD)), &rules, &count,
				   &flaw);
		tb_alloc_fail_at(0);
		if (err != TB_OK)
			assert_int_equal(err, TB_ERR_NOMEM);
		tb_arena_destroy(arena);
	} while (err != TB_OK);
	assert_true(n > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_a_list),
		cmocka_unit_test(test_names_the_rule_and_its_flaw),
		cmocka_unit_test(test_refuses_bad_patterns),
		cmocka_unit_test(test_patterns_have_512_bytes_at_most),
		cmocka_unit_test(test_takes_10000_rules_and_no_more),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
