#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/str.h"

static void assert_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_true(tb_str_eq(s, tb_str_z(expected)));
}

static void equality_takes_length_and_bytes_into_account(void **state)
{
	(void)state;
	assert_true(tb_str_eq(TB_STR("abc"), TB_STR("abc")));
	assert_false(tb_str_eq(TB_STR("abc"), TB_STR("abd")));
	assert_false(tb_str_eq(TB_STR("abc"), TB_STR("ab")));
	assert_false(tb_str_eq(TB_STR("a\0b"), TB_STR("a\0c")));
	assert_true(tb_str_eq(TB_STR(""), TB_STR_NONE));
	assert_true(tb_str_eq(tb_str_z(NULL), TB_STR_NONE));
}

static void nocase_folds_ascii_letters_only(void **state)
{
	(void)state;
	assert_true(tb_str_eq_nocase(TB_STR("Content-TYPE"),
				     TB_STR("content-type")));
	assert_false(tb_str_eq_nocase(TB_STR("a"), TB_STR("b")));
	assert_false(tb_str_eq_nocase(TB_STR("a"), TB_STR("aa")));
	/* Neighbours of the letters that differ in the case bit as well. */
	assert_false(tb_str_eq_nocase(TB_STR("@"), TB_STR("`")));
	assert_false(tb_str_eq_nocase(TB_STR("["), TB_STR("{")));
	assert_false(tb_str_eq_nocase(TB_STR("\xc4"), TB_STR("\xe4")));
	assert_true(tb_str_eq_nocase(TB_STR_NONE, TB_STR("")));
}

static void starts_and_ends_hold_for_empty_and_whole(void **state)
{
	(void)state;
	assert_true(tb_str_starts(TB_STR("Bearer x"), TB_STR("Bearer ")));
	assert_false(tb_str_starts(TB_STR("Bear"), TB_STR("Bearer ")));
	assert_false(tb_str_starts(TB_STR("bearer x"), TB_STR("Bearer ")));
	assert_true(tb_str_starts(TB_STR("x"), TB_STR_NONE));
	assert_true(tb_str_starts(TB_STR_NONE, TB_STR_NONE));
	assert_true(tb_str_ends(TB_STR("a.csv"), TB_STR(".csv")));
	assert_true(tb_str_ends(TB_STR("a"), TB_STR("a")));
	assert_false(tb_str_ends(TB_STR("csv"), TB_STR(".csv")));
	assert_false(tb_str_ends(TB_STR("a.csw"), TB_STR(".csv")));
	assert_true(tb_str_ends(TB_STR_NONE, TB_STR_NONE));
}

static void controls_are_those_of_ascii(void **state)
{
	static const char text[] = "a b\xc2\x80\xff~";

	(void)state;
	assert_false(tb_str_has_control(TB_STR_NONE));
	assert_false(tb_str_has_control(tb_str_z(text)));
	for (int c = 0; c < 256; c++) {
		char one[] = { 'a', (char)c };

		assert_int_equal(tb_str_has_control(tb_str(one, 2)),
				 c < 0x20 || c == 0x7f);
	}
}

static void order_is_by_unsigned_bytes_shorter_first(void **state)
{
	(void)state;
	assert_true(tb_str_cmp(TB_STR("a"), TB_STR("b")) < 0);
	assert_true(tb_str_cmp(TB_STR("b"), TB_STR("a")) > 0);
	assert_true(tb_str_cmp(TB_STR("a"), TB_STR("aa")) < 0);
	assert_true(tb_str_cmp(TB_STR("aa"), TB_STR("a")) > 0);
	assert_true(tb_str_cmp(TB_STR("a"), TB_STR("\xff")) < 0);
	assert_int_equal(tb_str_cmp(TB_STR("ab"), TB_STR("ab")), 0);
	assert_int_equal(tb_str_cmp(TB_STR_NONE, TB_STR("")), 0);
	assert_true(tb_str_cmp(TB_STR_NONE, TB_STR("a")) < 0);
}

static void trim_takes_spaces_and_tabs_from_both_ends(void **state)
{
	(void)state;
	assert_str(tb_str_trim(TB_STR(" \t a b \t")), "a b");
	assert_str(tb_str_trim(TB_STR(" \t ")), "");
	assert_str(tb_str_trim(TB_STR("\na\r")), "\na\r");
	assert_str(tb_str_trim(TB_STR_NONE), "");
}

static void cut_goes_through_all_parts(void **state)
{
	struct tb_str rest = TB_STR("a,,b,");

	(void)state;
	assert_str(tb_str_cut(&rest, ','), "a");
	assert_str(tb_str_cut(&rest, ','), "");
	assert_str(tb_str_cut(&rest, ','), "b");
	assert_non_null(rest.p);
	assert_str(tb_str_cut(&rest, ','), "");
	assert_null(rest.p);
	assert_str(tb_str_cut(&rest, ','), "");
	assert_null(rest.p);
}

static void u64_takes_what_fits_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{ "0", 0 },
		{ "007", 7 },
		{ "18446744073709551615", UINT64_MAX },
		{ "000000000000000000000000000001", 1 },
	};
	static const char *const bad[] = {
		"",
		"-0",
		"+1",
		" 1",
		"1 ",
		"1a",
		"0x1",
		"1.0",
		"18446744073709551616",
		"18446744073709551620",
		"99999999999999999999",
		"184467440737095516150",
		"\xb2",
	};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		assert_int_equal(tb_str_to_u64(tb_str_z(bad[i]), &v),
				 TB_ERR_INVALID);
		assert_int_equal(v, 42);
	}
	assert_int_equal(tb_str_to_u64(TB_STR("1\0"), &v), TB_ERR_INVALID);
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		assert_int_equal(tb_str_to_u64(tb_str_z(good[i].text), &v),
				 TB_OK);
		assert_int_equal(v, good[i].value);
	}
}

static void i64_takes_what_fits_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "-1", -1 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	static const char *const bad[] = {
		"",
		"-",
		"--1",
		"+1",
		"-+1",
		"9223372036854775808",
		"-9223372036854775809",
		"18446744073709551615",
		"1e3",
	};
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		assert_int_equal(tb_str_to_i64(tb_str_z(bad[i]), &v),
				 TB_ERR_INVALID);
		assert_int_equal(v, 42);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		assert_int_equal(tb_str_to_i64(tb_str_z(good[i].text), &v),
				 TB_OK);
		assert_true(v == good[i].value);
	}
}

/* One step of FNV-1a, whose low bits hang on the text's alone. */
static uint32_t weak_hash(const char *text, size_t n)
{
	uint32_t hash = 0x84222325u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x1b3u;
	return hash;
}

static void hash_takes_every_byte_and_the_length_into_account(void **state)
{
	char text[24] = { 0 };

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		uint64_t hash = tb_str_hash(tb_str(text, n));

		assert_true(hash == tb_str_hash(tb_str(text, n)));
		assert_true(hash != tb_str_hash(tb_str(text, n + 1)));
		for (size_t i = 0; i < n; i++) {
			text[i] = 1;
			assert_true(hash != tb_str_hash(tb_str(text, n)));
			text[i] = 0;
		}
	}
}

/* Texts that share a place of a table under a hash that everybody knows. */
static void hash_spreads_texts_chosen_to_collide(void **state)
{
	enum {
		PLACES = 64,
		TEXTS = 4096
	};
	size_t most[PLACES] = { 0 };
	size_t found = 0;

	(void)state;
	for (unsigned i = 0; found < TEXTS; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%u", i);

		if (weak_hash(text, (size_t)n) % PLACES != 0)
			continue;
		most[tb_str_hash(tb_str(text, (size_t)n)) % PLACES]++;
		found++;
	}
	for (size_t i = 0; i < PLACES; i++)
		assert_true(most[i] < 4 * TEXTS / PLACES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_takes_length_and_bytes_into_account),
		cmocka_unit_test(nocase_folds_ascii_letters_only),
		cmocka_unit_test(starts_and_ends_hold_for_empty_and_whole),
		cmocka_unit_test(controls_are_those_of_ascii),
		cmocka_unit_test(order_is_by_unsigned_bytes_shorter_first),
		cmocka_unit_test(trim_takes_spaces_and_tabs_from_both_ends),
		cmocka_unit_test(cut_goes_through_all_parts),
		cmocka_unit_test(u64_takes_what_fits_and_nothing_else),
		cmocka_unit_test(i64_takes_what_fits_and_nothing_else),
		cmocka_unit_test(
			hash_takes_every_byte_and_the_length_into_account),
		cmocka_unit_test(hash_spreads_texts_chosen_to_collide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
