#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "http/encoding.h"

static void gzip_is_taken_when_its_weight_is_not_zero(void **state)
{
	static const struct {
		const char *value;
		bool accepts;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "GZIP", true },
		{ "x-gzip", true },
		{ "deflate, gzip", true },
		{ "br;q=1.0, gzip;q=0.2", true },
		{ "gzip;q=0", false },
		{ "gzip; q=0.000", false },
		{ "gzip ; q=0.001", true },
		{ "gzip;q=1", true },
		{ "gzip;Q=1", true },
		{ "*", true },
		{ "*;q=0", false },
		{ "*, gzip;q=0", false },
		{ "gzip, *;q=0", true },
		{ "identity", false },
		{ "gzipx", false },
		{ "gzip;q=", false },
		{ "gzip;q=x", false },
		{ "gzip;q=1.0000", false },
		{ "gzip;level=1", false },
		{ ",,gzip", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++)
		assert_int_equal(
			tb_encoding_accepts_gzip(tb_str_z(cases[i].value)),
			cases[i].accepts);
}

static void a_coding_is_one_that_is_known_or_another(void **state)
{
	(void)state;
	assert_int_equal(tb_encoding_of(TB_STR_NONE), TB_CODING_IDENTITY);
	assert_int_equal(tb_encoding_of(TB_STR("")), TB_CODING_IDENTITY);
	assert_int_equal(tb_encoding_of(TB_STR("Identity")),
			 TB_CODING_IDENTITY);
	assert_int_equal(tb_encoding_of(TB_STR(" gzip ")), TB_CODING_GZIP);
	assert_int_equal(tb_encoding_of(TB_STR("X-GZIP")), TB_CODING_GZIP);
	assert_int_equal(tb_encoding_of(TB_STR("br")), TB_CODING_OTHER);
	assert_int_equal(tb_encoding_of(TB_STR("gzip, gzip")), TB_CODING_OTHER);
}

static void json_is_json_in_utf8(void **state)
{
	static const struct {
		const char *value;
		bool is_json;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "application/json", true },
		{ "APPLICATION/Json ", true },
		{ "application/json;", true },
		{ "application/json; charset=utf-8", true },
		{ "application/json;charset=\"UTF-8\"", true },
		{ "application/json; profile=x; charset=utf-8", true },
		{ "application/json; charset=iso-8859-1", false },
		{ "application/json; charset=utf-8; charset=x", false },
		{ "application/json; charset=", false },
		{ "application/jsonp", false },
		{ "application/problem+json", false },
		{ "text/json", false },
		{ "text/plain; application/json", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++)
		assert_int_equal(tb_encoding_is_json(tb_str_z(cases[i].value)),
				 cases[i].is_json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_is_taken_when_its_weight_is_not_zero),
		cmocka_unit_test(a_coding_is_one_that_is_known_or_another),
		cmocka_unit_test(json_is_json_in_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
