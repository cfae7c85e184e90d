#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "http/prefer.h"

#define BOTH (TB_PREFER_MINIMAL | TB_PREFER_LENIENT)

struct row {
	const char *prefer;
	unsigned mask;
};

static unsigned prefers(const char *value)
{
	struct tb_header header = { TB_STR("Prefer"), tb_str_z(value) };
	struct tb_request req = { .headers = &header, .n_headers = 1 };

	return tb_request_prefers(&req);
}

static void check(const struct row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(prefers(rows[i].prefer), rows[i].mask);
}

static void known_preferences_are_found(void **state)
{
	static const struct row rows[] = {
		{ "return=minimal", TB_PREFER_MINIMAL },
		{ "return=Representation", TB_PREFER_REPRESENTATION },
		{ "handling=lenient", TB_PREFER_LENIENT },
		{ "return=minimal, handling=lenient", BOTH },
		{ "handling=lenient,return=minimal", BOTH },
		{ "Return=MINIMAL", TB_PREFER_MINIMAL },
		{ "return = minimal", TB_PREFER_MINIMAL },
		{ "return=\"minimal\"", TB_PREFER_MINIMAL },
		{ "return=minimal; foo=\"some, parameter\"; bar",
		  TB_PREFER_MINIMAL },
		{ ", ,return=minimal,", TB_PREFER_MINIMAL },
	};

	(void)state;
	check(rows, TB_ARRAY_LEN(rows));
}

static void others_are_passed_over(void **state)
{
	static const struct row rows[] = {
		{ "", 0 },
		{ "return=representatio", 0 },
		{ "handling=strict", 0 },
		{ "return", 0 },
		{ "return=", 0 },
		{ "return=\"\"", 0 },
		{ "minimal", 0 },
		{ "returns=minimal", 0 },
		{ "x; return=minimal", 0 },
		{ "x=\"return=minimal, return=minimal\"", 0 },
		{ "respond-async, wait=10, return=minimal", TB_PREFER_MINIMAL },
		{ "x=\"a \\\" b, c\", return=minimal", TB_PREFER_MINIMAL },
	};

	(void)state;
	check(rows, TB_ARRAY_LEN(rows));
}

/* RFC 7240, 2: "If any preference is specified more than once, only the first
 * instance is to be considered." */
static void the_first_of_a_name_counts(void **state)
{
	static const struct row rows[] = {
		{ "return=representation, return=minimal",
		  TB_PREFER_REPRESENTATION },
		{ "return=minimal, return=representation", TB_PREFER_MINIMAL },
		{ "return, return=minimal", 0 },
		{ "return=x, return=representation", 0 },
		{ "handling=strict, return=minimal, handling=lenient",
		  TB_PREFER_MINIMAL },
	};

	(void)state;
	check(rows, TB_ARRAY_LEN(rows));
}

static void what_cannot_be_read_is_as_if_it_were_not_there(void **state)
{
	static const struct row rows[] = {
		{ "return=minimal x", 0 },
		{ "return=mini(mal, return=minimal", TB_PREFER_MINIMAL },
		{ "re turn=minimal", 0 },
		{ "=minimal", 0 },
		{ "return==minimal", 0 },
		{ "return=\"minimal", 0 },
		{ "return=\"minimal\"x", 0 },
		{ "return=\"", 0 },
		{ "return=\"\\\"", 0 },
		{ "handling=lenient, return=\"minimal", TB_PREFER_LENIENT },
		{ "return=representation x, return=minimal",
		  TB_PREFER_MINIMAL },
	};

	(void)state;
	check(rows, TB_ARRAY_LEN(rows));
}

static void several_fields_are_one_list(void **state)
{
	struct tb_header headers[] = {
		{ TB_STR("Prefer"), TB_STR("handling=lenient") },
		{ TB_STR("Preference"), TB_STR("return=representation") },
		{ TB_STR("prefer"), TB_STR("return=minimal") },
		{ TB_STR("Prefer"), TB_STR("return=representation") },
	};
	struct tb_request req = { .headers = headers,
				  .n_headers = TB_ARRAY_LEN(headers) };

	(void)state;
	assert_int_equal(tb_request_prefers(&req), BOTH);
	req.n_headers = 0;
	assert_int_equal(tb_request_prefers(&req), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_preferences_are_found),
		cmocka_unit_test(others_are_passed_over),
		cmocka_unit_test(the_first_of_a_name_counts),
		cmocka_unit_test(
			what_cannot_be_read_is_as_if_it_were_not_there),
		cmocka_unit_test(several_fields_are_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
