#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

#include <string.h>

static void every_code_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (int i = 0; i < TB_ERR_COUNT; i++) {
		assert_true(strlen(tb_err_name((enum tb_err)i)) > 0);
		assert_true(strlen(tb_err_text((enum tb_err)i)) > 0);
	}
	assert_string_equal(tb_err_name(TB_ERR_NOMEM), "NOMEM");
	assert_string_equal(tb_err_text(TB_ERR_NOMEM), "out of memory");
}

static void a_code_that_does_not_exist_has_them_too(void **state)
{
	(void)state;
	assert_string_equal(tb_err_name(TB_ERR_COUNT), "UNKNOWN");
	assert_string_equal(tb_err_text((enum tb_err) - 1), "unknown error");
}

static void ok_is_zero(void **state)
{
	(void)state;
	assert_int_equal(TB_OK, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_name_and_a_text),
		cmocka_unit_test(a_code_that_does_not_exist_has_them_too),
		cmocka_unit_test(ok_is_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
