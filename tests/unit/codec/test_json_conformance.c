/*
 * What is JSON and what is not, after the categories of the public parsing
 * test suites: what must be accepted, what must be refused and where, and
 * what an implementation may choose as this one has chosen. Each text is
 * parsed at several places in memory and with several tapes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"

#define ARENA_MAX ((size_t)1 << 20)
#define ACCEPTED SIZE_MAX

struct text_case {
	const char *text;
	size_t n;
	size_t offset; /* of the error, or ACCEPTED */
};

#define YES(text)                                                              \
	{                                                                      \
		(text), sizeof(text) - 1, ACCEPTED                             \
	}
#define NO(offset, text)                                                       \
	{                                                                      \
		(text), sizeof(text) - 1, (offset)                             \
	}

/* clang-format off */
static const struct text_case structure_cases[] = {
	YES("[]"),
	YES("{}"),
	YES("[[]]"),
	YES("[[],[]]"),
	YES("[{},{}]"),
	YES("[\"\"]"),
	YES("[null]"),
	YES("[true,false,null]"),
	YES("[1,null,null,null,2]"),
	YES("[[[[[[[[]]]]]]]]"),
	YES("[[] ]"),
	YES("{\"a\":\"b\"}"),
	YES("{\"a\":\"b\",\"c\":\"d\"}"),
	YES("{\"a\":{\"a\":{\"a\":null}}}"),
	YES("{\"\":0}"),
	YES("{\"a\":[]}"),
	YES("{ \"a\" : 1 , \"b\" : [ ] }"),
	YES("{\n\"a\": \"b\"\n}"),
	YES("{\"min\":-1.0e+28,\"max\":1.0e+28}"),
	NO(0, ""),
	NO(1, "["),
	NO(1, "{"),
	NO(0, "]"),
	NO(0, "}"),
	NO(0, ","),
	NO(0, ":"),
	NO(1, "[}"),
	NO(1, "{]"),
	NO(2, "[]]"),
	NO(2, "{}}"),
	NO(2, "[][]"),
	NO(2, "{}{}"),
	NO(2, "[],[]"),
	NO(2, "1 2"),
	NO(2, "[]a"),
	NO(1, "[,]"),
	NO(1, "[,1]"),
	NO(3, "[1,]"),
	NO(3, "[1,,2]"),
	NO(4, "[\"\",]"),
	NO(3, "[1 2]"),
	NO(2, "[1:2]"),
	NO(2, "[1"),
	NO(3, "[1,"),
	NO(3, "[[]"),
	NO(2, "[1}"),
	NO(3, "[{}}"),
	NO(7, "{\"a\":[1}"),
	NO(7, "[{\"a\":1]"),
	NO(1, "[*]"),
	NO(1, "{,}"),
	NO(7, "{\"a\":1,}"),
	NO(7, "{\"a\":1,,\"b\":2}"),
	NO(1, "{1:1}"),
	NO(1, "{null:1}"),
	NO(1, "{a:1}"),
	NO(1, "{'a':1}"),
	NO(1, "{[]:1}"),
	NO(4, "{\"a\"}"),
	NO(4, "{\"a\",\"b\"}"),
	NO(5, "{\"a\":}"),
	NO(5, "{\"a\":,}"),
	NO(5, "{\"a\"::1}"),
	NO(5, "{\"a\" 1}"),
	NO(7, "{\"a\":1 \"b\":2}"),
	NO(6, "{\"a\":1:2}"),
	NO(4, "{\"a\""),
	NO(5, "{\"a\":"),
	NO(6, "{\"a\":1"),
	NO(7, "{\"a\":1,"),
	NO(2, "{}#"),
	NO(2, "{}/**/"),
	NO(2, "{}//"),
	NO(1, "[/**/1]"),
	NO(0, "<null>"),
	NO(0, "(1)"),
};

static const struct text_case word_cases[] = {
	YES("null"),
	YES("true"),
	YES("false"),
	YES("[null,true,false]"),
	NO(3, "nul"),
	NO(3, "tru"),
	NO(4, "fals"),
	NO(1, "t"),
	NO(3, "trux"),
	NO(4, "truee"),
	NO(4, "nulll"),
	NO(0, "True"),
	NO(1, "tRUE"),
	NO(0, "NULL"),
	NO(0, "undefined"),
	NO(0, "a"),
	NO(0, "*"),
	NO(4, "[nul]"),
	NO(5, "[truefalse]"),
	NO(6, "[true false]"),
	NO(4, "true\xc2\xa0"),
};

static const struct text_case number_cases[] = {
	YES("0"),
	YES("-0"),
	YES("42"),
	YES("[123]"),
	YES("[-1]"),
	YES("[0.0]"),
	YES("[-0.0]"),
	YES("[1.5]"),
	YES("[1.000]"),
	YES("[0e1]"),
	YES("[0e+1]"),
	YES("[0E-1]"),
	YES("[1E22]"),
	YES("[1e-2]"),
	YES("[1e+2]"),
	YES("[123e65]"),
	YES("[123.456e78]"),
	YES("[20e1]"),
	YES("[-0e0]"),
	YES("[1e00001]"),
	/* Of any size and precision: kept as written. */
	YES("[123123e100000]"),
	YES("[-1e+9999]"),
	YES("[1.5e-9999]"),
	YES("[0.4e00669999999999999999999999999999999999999969999999006]"),
	YES("[100000000000000000000000000000000000000000000]"),
	YES("[-123123123123123123123123123123]"),
	YES("[0.00000000000000000000000000000000000000000000000000001]"),
	NO(1, "01"),
	NO(2, "[00]"),
	NO(3, "[-01]"),
	NO(3, "[-012]"),
	NO(3, "[-00]"),
	NO(1, "[+1]"),
	NO(1, "[++1]"),
	NO(2, "[--1]"),
	NO(2, "[-]"),
	NO(1, "-"),
	NO(2, "[-a]"),
	NO(2, "[- 1]"),
	NO(1, "[.5]"),
	NO(2, "[-.5]"),
	NO(3, "[1.]"),
	NO(3, "[1.e1]"),
	NO(2, "1."),
	NO(4, "[1.5.5]"),
	NO(3, "[1e]"),
	NO(2, "1e"),
	NO(4, "[1e+]"),
	NO(3, "1E-"),
	NO(4, "[1e++2]"),
	NO(4, "[1e1e1]"),
	NO(4, "[1e2.5]"),
	NO(3, "[1e.5]"),
	NO(2, "[0x1]"),
	NO(2, "[1f]"),
	NO(2, "[1_000]"),
	NO(3, "[1,\xef\xbc\x91]"),
	NO(1, "[\xef\xbc\x91]"),
	NO(1, "[NaN]"),
	NO(1, "[Infinity]"),
	NO(2, "[-Infinity]"),
	NO(2, "[-NaN]"),
	NO(1, "[Inf]"),
	NO(2, "[1+2]"),
	NO(3, "[1 000]"),
	NO(2, "[1\x00]"),
	NO(1, "2\xe2\x88\x9e"),
};

static const struct text_case string_cases[] = {
	YES("\"\""),
	YES("\"a text alone\""),
	YES("\"shorter than a block\""),
	YES("\"exactly sixteen.\""),
	YES("\"quite a lot longer than one block of sixteen bytes\""),
	YES("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	YES("[\"a/*b*/c/*d//e\"]"),
	YES("[\"'\"]"),
	YES("[\" \"]"),
	YES("[\"\x7f\"]"),
	YES("[\"a\x7f" "a\"]"),
	YES("[\"{}[],:\"]"),
	NO(1, "\""),
	NO(2, "\"a"),
	NO(4, "[\"a]"),
	NO(2, "\"\"\""),
	NO(2, "\"\"x"),
	NO(1, "[']"),
	NO(1, "['a']"),
	NO(1, "[a\"]"),
	NO(1, "\"\n\""),
	NO(1, "\"\t\""),
	NO(3, "[\"a\na\"]"),
	NO(2, "[\"\r\"]"),
	NO(2, "[\"\x01\"]"),
	NO(2, "[\"\x1f\"]"),
	NO(2, "[\"\x00\"]"),
	NO(3, "[\"a\x00" "a\"]"),
	NO(37, "[\"as far behind as in the third block\x0b\"]"),
};

static const struct text_case escape_cases[] = {
	YES("\"\\u0061\""),
	YES("\"\\u0001\""),
	YES("\"\\u001f\""),
	YES("\"\\u0022\\u005c\""),
	YES("\"\\u00e9\\u00E9\\uAbCd\""),
	YES("\"\\uffff\""),
	YES("\"\\ufdd0\\ufffe\""),
	YES("\"\\u2028\\u2029\\ufeff\""),
	YES("\"\\ud7ff\\ue000\""),
	YES("\"\\ud83d\\ude00\""),
	YES("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""),
	YES("\"\\\\u0000\""),
	YES("\"\\\\ud800\""),
	YES("\"\\\"\""),
	NO(1, "\"\\"),
	NO(3, "\"\\\""),
	NO(1, "\"\\a\""),
	NO(1, "\"\\x00\""),
	NO(1, "\"\\'\""),
	NO(1, "\"\\0\""),
	NO(1, "\"\\U0061\""),
	NO(1, "\"\\N\""),
	NO(1, "\"\\\n\""),
	NO(1, "\"\\\x00\""),
	NO(1, "\"\\\xc3\xa9\""),
	NO(1, "\"\\u\""),
	NO(1, "\"\\u0\""),
	NO(1, "\"\\u00\""),
	NO(1, "\"\\u006\""),
	NO(1, "\"\\u006"),
	NO(1, "\"\\u006g\""),
	NO(1, "\"\\ug061\""),
	NO(1, "\"\\u 061\""),
	NO(1, "\"\\u+061\""),
	NO(1, "\"\\u006\xef\xbc\x91\""),
	/* NUL cannot be kept by those who store texts: refused. */
	NO(1, "\"\\u0000\""),
	NO(4, "\"abc\\u0000\""),
	/* Surrogates make sense in pairs alone. */
	NO(1, "\"\\ud800\""),
	NO(1, "\"\\udbff\""),
	NO(1, "\"\\udc00\""),
	NO(1, "\"\\udfff\""),
	NO(1, "\"\\ud800a\""),
	NO(1, "\"\\ud800\\n\""),
	NO(1, "\"\\ud800\\u\""),
	NO(1, "\"\\ud800\\u0061\""),
	NO(1, "\"\\ud800\\ud800\""),
	NO(1, "\"\\ud800\\ue000\""),
	NO(1, "\"\\ud800\\udc0\""),
	NO(1, "\"\\udc00\\ud800\""),
	NO(13, "\"\\ud83d\\ude00\\ude00\""),
	NO(2, "{\"\\ud800\":1}"),
	NO(2, "{\"\\u0000\":1}"),
};

static const struct text_case utf8_cases[] = {
	YES("\"\xc2\x80\xdf\xbf\""),
	YES("\"\xe0\xa0\x80\xe0\xbf\xbf\""),
	YES("\"\xe1\x80\x80\xec\xbf\xbf\""),
	YES("\"\xed\x80\x80\xed\x9f\xbf\""),
	YES("\"\xee\x80\x80\xef\xbf\xbf\""),
	YES("\"\xf0\x90\x80\x80\xf0\xbf\xbf\xbf\""),
	YES("\"\xf1\x80\x80\x80\xf3\xbf\xbf\xbf\""),
	YES("\"\xf4\x80\x80\x80\xf4\x8f\xbf\xbf\""),
	YES("\"\xe2\x82\xac\xf0\x9d\x84\x9e\""),
	YES("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	YES("\"a byte order mark \xef\xbb\xbf inside\""),
	YES("{\"\xc3\xa9\":\"\xc3\xa9\"}"),
	YES("\"ten bytes, then \xe6\xbc\xa2\xe5\xad\x97, then ten more\""),
	NO(1, "\"\x80\""),
	NO(1, "\"\xbf\""),
	NO(1, "\"\xc0\x80\""),
	NO(1, "\"\xc0\xaf\""),
	NO(1, "\"\xc1\xbf\""),
	NO(1, "\"\xc2\""),
	NO(1, "\"\xc2"),
	NO(1, "\"\xc2\xc2\x80\""),
	NO(1, "\"\xdf\x7f\""),
	NO(1, "\"\xe0\x80\x80\""),
	NO(1, "\"\xe0\x9f\xbf\""),
	NO(1, "\"\xe1\x80\""),
	NO(1, "\"\xe1\x80"),
	NO(1, "\"\xe1\x80\xc0\""),
	NO(1, "\"\xed\xa0\x80\""),
	NO(1, "\"\xed\xbf\xbf\""),
	NO(1, "\"\xed\xa0\xbd\xed\xb8\x80\""),
	NO(1, "\"\xf0\x80\x80\x80\""),
	NO(1, "\"\xf0\x8f\xbf\xbf\""),
	NO(1, "\"\xf1\x80\x80\""),
	NO(1, "\"\xf1\x80\x80"),
	NO(1, "\"\xf1\x80\x80\x7f\""),
	NO(1, "\"\xf1\x80\xc0\x80\""),
	NO(1, "\"\xf4\x90\x80\x80\""),
	NO(1, "\"\xf5\x80\x80\x80\""),
	NO(1, "\"\xf8\x88\x80\x80\x80\""),
	NO(1, "\"\xfc\x84\x80\x80\x80\x80\""),
	NO(1, "\"\xfe\""),
	NO(1, "\"\xff\""),
	NO(1, "\"\xe9\""),
	NO(4, "\"\xe2\x82\xac\xac\""),
	NO(2, "{\"\xb9\":\"0\"}"),
	NO(0, "\xc3\xa9"),
	NO(1, "[\xff]"),
};

static const struct text_case space_cases[] = {
	YES("[ ]"),
	YES(" [] "),
	YES(" 42 "),
	YES("\t[\n1\r,\t2 ]\r\n"),
	YES("                                        1"),
	NO(1, " "),
	NO(2, "\r\n"),
	NO(0, "\x0c[]"),
	NO(1, "[\x0c]"),
	NO(1, "[\x0b]"),
	NO(2, "[]\x0b"),
	NO(1, "[\xc2\xa0]"),
	NO(1, "[\xe2\x80\x83]"),
	NO(1, "[\xe2\x81\xa0]"),
	NO(1, "[\xc2\x85]"),
	NO(0, "\xef\xbb\xbf"),
	NO(0, "\xef\xbb\xbf{}"),
	NO(1, " \xef\xbb\xbf{}"),
	NO(2, "{}\xef\xbb\xbf"),
	NO(0, "\xff\xfe[\x00]\x00"),
	NO(0, "\x00[\x00]"),
	NO(0, "\x00"),
	NO(2, "[]\x00"),
	NO(1, "[\x00]"),
	NO(2, "[1\x00,2]"),
	NO(4, "null\x00"),
};

static const struct text_case duplicate_cases[] = {
	YES("[{\"a\":1},{\"a\":1}]"),
	YES("{\"a\":1,\"A\":1}"),
	YES("{\"a\":1,\"a \":1,\"aa\":1,\"\":1}"),
	YES("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"),
	YES("{\"a\":{\"b\":1},\"b\":1}"),
	YES("{\"a\":[{\"a\":1}],\"b\":1}"),
	YES("{\"\\u0061\":1,\"b\":1,\"\\\\u0061\":1}"),
	YES("{\"\xc3\xa9\":1,\"e\xcc\x81\":1}"),
	NO(7, "{\"a\":1,\"a\":1}"),
	NO(7, "{\"a\":1,\"a\":2}"),
	NO(6, "{\"\":1,\"\":1}"),
	NO(13, "{\"a\":1,\"b\":2,\"a\":3}"),
	NO(12, "{\"a\":{\"b\":1,\"b\":1}}"),
	NO(13, "{\"a\":{\"b\":1},\"a\":1}"),
	NO(7, "{\"a\":1,\"\\u0061\":1}"),
	NO(12, "{\"\\u0061\":1,\"a\":1}"),
	NO(7, "{\"/\":1,\"\\/\":1}"),
	NO(8, "{\"\xc3\xa9\":1,\"\\u00E9\":1}"),
	NO(10, "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}"),
	NO(9, "[[[{\"\":1,\"\":1}]]]"),
};
/* clang-format on */

static const uint32_t tape_depths[] = { 0, 1, UINT32_MAX };

static void describe(const struct text_case *c, enum tb_err err,
		     const struct tb_json_error *error)
{
	print_error("\"%.*s\": %s at %zu: %s\n", (int)c->n, c->text,
		    tb_err_name(err), error->offset,
		    error->what != NULL ? error->what : "-");
}

/* A slice of a value is JSON by itself, and of the same kind. */
static void assert_nodes_parse_again(struct tb_arena *arena,
				     const struct tb_json *json)
{
	for (uint32_t i = 0; i < json->n_nodes; i++) {
		struct tb_json_value v = { json, i };
		struct tb_json again;
		assert_int_equal(tb_json_parse(arena, tb_json_raw(v), NULL,
					       &again, NULL),
				 TB_OK);
		assert_int_equal(tb_json_kind(tb_json_root(&again)),
				 tb_json_kind(v));
		assert_true(tb_str_eq(tb_json_raw(tb_json_root(&again)),
				      tb_json_raw(v)));
	}
}

/* Nothing but a number can end early and still be a value. */
static void assert_prefixes_refused(struct tb_arena *arena,
				    const struct tb_json *json)
{
	struct tb_json_value root = tb_json_root(json);
	struct tb_str raw = tb_json_raw(root);
	struct tb_json ignored;

	for (size_t n = 0; n < raw.n; n++) {
		if (tb_json_is(root, TB_JSON_NUMBER))
			break;
		assert_int_equal(tb_json_parse(arena, tb_str(raw.p, n), NULL,
					       &ignored, NULL),
				 TB_ERR_INVALID);
	}
}

static void assert_accepted(struct tb_arena *arena, const struct tb_json *json)
{
	assert_nodes_parse_again(arena, json);
	assert_prefixes_refused(arena, json);
}

/* The text behind `pad` spaces, in memory that ends where it ends. */
static void assert_case_at(const struct text_case *c, size_t pad,
			   uint32_t tape_depth)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json_error error = { 0 };
	struct tb_json json = { 0 };
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	char *text = tb_malloc(pad + c->n);

	limits.tape_depth = tape_depth;
	memset(text, ' ', pad);
	memcpy(text + pad, c->text, c->n);
	enum tb_err err = tb_json_parse(arena, tb_str(text, pad + c->n),
					&limits, &json, &error);
	bool right = c->offset == ACCEPTED
			     ? err == TB_OK
			     : err == TB_ERR_INVALID && json.nodes == NULL &&
				       error.offset == pad + c->offset &&
				       error.what != NULL;
	if (!right)
		describe(c, err, &error);
	assert_true(right);
	if (err == TB_OK)
		assert_accepted(arena, &json);
	tb_free(text);
	tb_arena_destroy(arena);
}

static void assert_cases(const struct text_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t pad = 0; pad < 18; pad++)
			assert_case_at(&cases[i], pad, UINT32_MAX);
		for (size_t k = 0; k < TB_ARRAY_LEN(tape_depths); k++)
			assert_case_at(&cases[i], 0, tape_depths[k]);
	}
}

#define CASES_TEST(name, cases)                                                \
	static void name(void **state)                                         \
	{                                                                      \
		(void)state;                                                   \
		assert_cases(cases, TB_ARRAY_LEN(cases));                      \
	}

CASES_TEST(structure_is_checked, structure_cases)
CASES_TEST(words_are_exact, word_cases)
CASES_TEST(numbers_follow_the_grammar, number_cases)
CASES_TEST(strings_are_closed_and_free_of_controls, string_cases)
CASES_TEST(escapes_are_known_and_paired, escape_cases)
CASES_TEST(utf8_is_well_formed, utf8_cases)
CASES_TEST(space_is_four_characters, space_cases)
CASES_TEST(keys_are_distinct_after_decoding, duplicate_cases)

/* In every block position the byte that ends a run is seen. */
static void every_byte_is_judged_at_every_position(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	char text[42];

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' &&
			     byte != '\\';
		for (size_t at = 1; at < sizeof(text) - 1; at++) {
			struct tb_json_error error = { 0 };
			struct tb_json json;
			memset(text, 'x', sizeof(text));
			text[0] = '"';
			text[sizeof(text) - 1] = '"';
			text[at] = (char)byte;
			enum tb_err err =
				tb_json_parse(arena, tb_str(text, sizeof(text)),
					      NULL, &json, &error);
			assert_int_equal(err, plain ? TB_OK : TB_ERR_INVALID);
			if (byte == '"')
				assert_int_equal(error.offset, at + 1);
			else if (byte == '\\' && at == sizeof(text) - 2)
				assert_int_equal(error.offset, sizeof(text));
			else if (!plain)
				assert_int_equal(error.offset, at);
			tb_arena_reset(arena);
		}
	}
	tb_arena_destroy(arena);
}

/* All code points as UTF-8 and all that only looks like it. */
static void every_three_byte_sequence_is_judged(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	unsigned accepted = 0;

	(void)state;
	for (uint32_t i = 0; i < 1 << 16; i++) {
		for (unsigned low = 0x7f; low <= 0xc0; low += 0x41) {
			char text[] = { '"', (char)(i >> 8), (char)i, (char)low,
					'"' };
			struct tb_json json;
			if (i >> 8 < 0xe0 || i >> 8 > 0xef)
				continue;
			assert_int_equal(tb_json_parse(arena, tb_str(text, 5),
						       NULL, &json, NULL),
					 TB_ERR_INVALID);
			text[3] = (char)0x80;
			accepted += tb_json_parse(arena, tb_str(text, 5), NULL,
						  &json, NULL) == TB_OK;
			tb_arena_reset(arena);
		}
	}
	/* Sixteen first bytes with 64 second ones each, without the overlong
	 * half of E0 and the surrogate half of ED; each was tried twice. */
	assert_int_equal(accepted, 2 * (16 * 64 - 32 - 32));
	tb_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure_is_checked),
		cmocka_unit_test(words_are_exact),
		cmocka_unit_test(numbers_follow_the_grammar),
		cmocka_unit_test(strings_are_closed_and_free_of_controls),
		cmocka_unit_test(escapes_are_known_and_paired),
		cmocka_unit_test(utf8_is_well_formed),
		cmocka_unit_test(space_is_four_characters),
		cmocka_unit_test(keys_are_distinct_after_decoding),
		cmocka_unit_test(every_byte_is_judged_at_every_position),
		cmocka_unit_test(every_three_byte_sequence_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
