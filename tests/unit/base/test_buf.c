#include "torture.h"

#include "base/arena.h"
#include "base/buf.h"

#define assert_buf(buf, text)                                                  \
	do {                                                                   \
		assert_int_equal((buf)->n, strlen(text));                      \
		assert_memory_equal((buf)->p, text, (buf)->n);                 \
	} while (0)

static void appends_follow_one_another(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 1000);
	tb_buf_append(&buf, "ab", 2);
	tb_buf_append(&buf, NULL, 0);
	tb_buf_append_str(&buf, TB_STR("cd"));
	tb_buf_append_z(&buf, "ef");
	tb_buf_append_char(&buf, '|');
	tb_buf_append_u64(&buf, UINT64_MAX);
	tb_buf_append_char(&buf, '|');
	tb_buf_append_i64(&buf, INT64_MIN);
	tb_buf_append_i64(&buf, 0);
	tb_buf_append_i64(&buf, INT64_MAX);
	tb_buf_printf(&buf, "|%s%d", "x", 5);
	assert_buf(&buf, "abcdef|18446744073709551615|-9223372036854775808"
			 "09223372036854775807|x5");
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	tb_buf_fini(&buf);
	assert_null(buf.p);
	assert_int_equal(buf.max, 1000);
}

static void ceiling_is_reached_and_not_passed(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 100);
	for (int i = 0; i < 100; i++)
		tb_buf_append_char(&buf, 'x');
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_true(buf.cap <= 100);
	tb_buf_append_char(&buf, 'y');
	assert_int_equal(tb_buf_err(&buf), TB_ERR_TOO_LARGE);
	assert_int_equal(buf.n, 100);
	tb_buf_fini(&buf);
}

static void failed_buffer_takes_nothing_until_reset(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 4);
	tb_buf_append_z(&buf, "abc");
	tb_buf_append_z(&buf, "de");
	tb_buf_append_z(&buf, "f");
	assert_buf(&buf, "abc");
	assert_null(tb_buf_reserve(&buf, 0));
	tb_buf_reset(&buf);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	tb_buf_append_z(&buf, "wxyz");
	assert_buf(&buf, "wxyz");
	tb_buf_fini(&buf);
}

static void reserve_gives_room_behind_what_is_there(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, SIZE_MAX);
	tb_buf_append_z(&buf, "a");
	char *to = tb_buf_reserve(&buf, 5000);
	assert_ptr_equal(to, buf.p + 1);
	memset(to, 'b', 5000);
	buf.n += 5000;
	assert_int_equal(buf.p[5000], 'b');
	assert_null(tb_buf_reserve(&buf, SIZE_MAX));
	assert_int_equal(tb_buf_err(&buf), TB_ERR_TOO_LARGE);
	tb_buf_fini(&buf);
}

static void printf_may_fill_the_buffer_to_its_ceiling(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 300);
	tb_buf_printf(&buf, "%300d", 1);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_int_equal(buf.n, 300);
	tb_buf_reset(&buf);
	tb_buf_printf(&buf, "%255d", 1);
	tb_buf_printf(&buf, "%45d", 1);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	tb_buf_printf(&buf, "%d", 1);
	assert_int_equal(tb_buf_err(&buf), TB_ERR_TOO_LARGE);
	tb_buf_fini(&buf);
}

static void zeroed_buffer_can_be_finished(void **state)
{
	struct tb_buf buf = { 0 };

	(void)state;
	tb_buf_fini(&buf);
	tb_buf_append_char(&buf, 'x');
	assert_int_equal(tb_buf_err(&buf), TB_ERR_TOO_LARGE);
}

static void a_copy_outlives_the_buffer(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	struct tb_str copy = TB_STR("as it was");
	struct tb_buf buf;

	(void)state;
	assert_non_null(arena);
	tb_buf_init(&buf, 4);
	tb_buf_append_z(&buf, "abc");
	assert_int_equal(tb_buf_copy_out(&buf, arena, &copy), TB_OK);
	assert_null(buf.p);
	assert_true(tb_str_eq(copy, TB_STR("abc")));
	tb_buf_append_z(&buf, "abcde");
	assert_int_equal(tb_buf_copy_out(&buf, arena, &copy), TB_ERR_TOO_LARGE);
	assert_null(buf.p);
	assert_true(tb_str_eq(copy, TB_STR("abc")));
	tb_arena_destroy(arena);
}

static enum tb_err use_buf(void)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 1 << 20);
	for (int i = 0; i < 1000; i++)
		tb_buf_append_u64(&buf, UINT64_MAX);
	tb_buf_printf(&buf, "%1000d", 1);
	enum tb_err err = tb_buf_err(&buf);
	tb_buf_fini(&buf);
	return err;
}

static void every_failing_allocation_is_nomem(void **state)
{
	(void)state;
	assert_true(torture(use_buf) >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_follow_one_another),
		cmocka_unit_test(ceiling_is_reached_and_not_passed),
		cmocka_unit_test(failed_buffer_takes_nothing_until_reset),
		cmocka_unit_test(reserve_gives_room_behind_what_is_there),
		cmocka_unit_test(printf_may_fill_the_buffer_to_its_ceiling),
		cmocka_unit_test(zeroed_buffer_can_be_finished),
		cmocka_unit_test(a_copy_outlives_the_buffer),
		cmocka_unit_test(every_failing_allocation_is_nomem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
