#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/follow_cursor.h"

static void the_longest_is_read_back(void **state)
{
	const struct tb_follow_cursor cursor = { UINT64_MAX, UINT64_MAX };
	char text[TB_FOLLOW_CURSOR_MAX_BYTES];
	struct tb_follow_cursor back;
	struct tb_str put = tb_follow_cursor_put(&cursor, text);

	(void)state;
	assert_true(tb_str_eq(
		put, TB_STR("18446744073709551615-18446744073709551615")));
	assert_int_equal(tb_follow_cursor_parse(put, &back), TB_OK);
	assert_true(back.epoch == UINT64_MAX && back.num == UINT64_MAX);
}

static void what_is_none_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",    "-",   "7",    "7-",   "-7",   "7-8-9",
		"a-7", "7-a", " 7-8", "7-8 ", "+7-8", "18446744073709551616-1",
	};
	struct tb_follow_cursor cursor = { 1, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			tb_follow_cursor_parse(tb_str_z(bad[i]), &cursor),
			TB_ERR_INVALID);
		assert_true(cursor.epoch == 1 && cursor.num == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_is_read_back),
		cmocka_unit_test(what_is_none_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
