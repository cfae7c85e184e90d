#include "torture.h"

#include <string.h>

#include "base/arena.h"

static void memory_is_aligned_and_apart(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	char *all[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		all[i] = tb_arena_alloc(arena, i * 7);
		assert_non_null(all[i]);
		assert_int_equal((uintptr_t)all[i] % 16, 0);
		memset(all[i], (int)i, i * 7);
	}
	for (size_t i = 0; i < 200; i++) {
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal((unsigned char)all[i][k], i);
	}
	tb_arena_destroy(arena);
	tb_arena_destroy(NULL);
}

static void ceiling_holds_for_all_together(void **state)
{
	struct tb_arena *arena = tb_arena_create(1000);

	(void)state;
	assert_non_null(tb_arena_alloc(arena, 600));
	assert_null(tb_arena_alloc(arena, 401));
	assert_int_equal(tb_arena_err(arena), TB_ERR_TOO_LARGE);
	assert_non_null(tb_arena_alloc(arena, 400));
	assert_int_equal(tb_arena_used(arena), 1000);
	assert_null(tb_arena_alloc(arena, 1));
	assert_null(tb_arena_alloc(arena, SIZE_MAX));
	assert_null(tb_arena_calloc(arena, SIZE_MAX, 2));
	tb_arena_destroy(arena);
}

static void sizes_near_the_largest_do_not_wrap(void **state)
{
	struct tb_arena *arena = tb_arena_create(SIZE_MAX);
	void *p = tb_arena_alloc(arena, 8);

	(void)state;
	assert_null(tb_arena_alloc(arena, SIZE_MAX));
	assert_null(tb_arena_alloc(arena, SIZE_MAX - 8));
	assert_null(tb_arena_calloc(arena, SIZE_MAX / 2, 3));
	assert_null(tb_arena_resize(arena, p, 8, SIZE_MAX));
	assert_int_equal(tb_arena_used(arena), 8);
	tb_arena_destroy(arena);
}

static void reset_forgets_all_but_the_first_block(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	void *first = tb_arena_alloc(arena, 10);

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_non_null(tb_arena_alloc(arena, 10000));
	tb_arena_reset(arena);
	assert_int_equal(tb_arena_used(arena), 0);
	tb_alloc_fail_at(1);
	assert_ptr_equal(tb_arena_alloc(arena, 10), first);
	tb_alloc_fail_at(0);
	tb_arena_reset(arena);
	tb_arena_reset(arena);
	tb_arena_destroy(arena);
}

static void calloc_zeroes_used_memory(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	static const char zeros[64];

	(void)state;
	memset(tb_arena_alloc(arena, 64), 0xff, 64);
	tb_arena_reset(arena);
	assert_memory_equal(tb_arena_calloc(arena, 8, 8), zeros, 64);
	tb_arena_destroy(arena);
}

static void last_allocation_grows_and_shrinks_in_place(void **state)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	char *first = tb_arena_alloc(arena, 32);
	char *p = tb_arena_alloc(arena, 32);

	(void)state;
	memset(p, 'x', 32);
	assert_ptr_equal(tb_arena_resize(arena, p, 32, 64), p);
	assert_ptr_equal(tb_arena_resize(arena, p, 64, 16), p);
	assert_int_equal(tb_arena_used(arena), 48);
	assert_ptr_equal(tb_arena_alloc(arena, 1), p + 16);
	/* Not the last one any more: moved, with its bytes. */
	memset(first, 'f', 32);
	char *moved = tb_arena_resize(arena, first, 32, 40);
	assert_ptr_not_equal(moved, first);
	for (int i = 0; i < 32; i++)
		assert_int_equal(moved[i], 'f');
	tb_arena_destroy(arena);
}

static void resize_beyond_its_block_keeps_the_bytes(void **state)
{
	struct tb_arena *arena = tb_arena_create(10 << 20);
	char *neighbour = tb_arena_alloc(arena, 100);
	char *p = tb_arena_resize(arena, NULL, 0, 100);
	size_t n = 100;

	(void)state;
	memset(neighbour, 'n', 100);
	memset(p, 'p', n);
	for (; n < 5 << 20; n *= 2) {
		p = tb_arena_resize(arena, p, n, n * 2);
		assert_non_null(p);
		assert_int_equal(p[n - 1], 'p');
		memset(p + n, 'p', n);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 'p');
	assert_int_equal(neighbour[99], 'n');
	assert_null(tb_arena_resize(arena, p, n, 20 << 20));
	assert_int_equal(tb_arena_err(arena), TB_ERR_TOO_LARGE);
	assert_int_equal(p[n - 1], 'p');
	tb_arena_destroy(arena);
}

static void texts_are_copied_and_printed_with_a_nul(void **state)
{
	struct tb_arena *arena = tb_arena_create(600);
	struct tb_str s = TB_STR("untouched");

	(void)state;
	assert_int_equal(tb_arena_strdup(arena, TB_STR("abc"), &s), TB_OK);
	assert_string_equal(s.p, "abc");
	assert_int_equal(s.n, 3);
	assert_int_equal(tb_arena_printf(arena, &s, "%d-%s", 7, "x"), TB_OK);
	assert_string_equal(s.p, "7-x");
	assert_int_equal(s.n, 3);
	assert_int_equal(tb_arena_printf(arena, &s, "%600d", 7),
			 TB_ERR_TOO_LARGE);
	assert_string_equal(s.p, "7-x");
	assert_int_equal(tb_arena_strdup(arena, TB_STR_NONE, &s), TB_OK);
	assert_string_equal(s.p, "");
	tb_arena_destroy(arena);
}

static enum tb_err use_arena(void)
{
	struct tb_arena *arena = tb_arena_create(1 << 20);
	enum tb_err err = TB_ERR_NOMEM;
	struct tb_str s;
	char *p;

	if (arena == NULL)
		return err;
	p = tb_arena_alloc(arena, 10000);
	if (p != NULL)
		p = tb_arena_resize(arena, p, 10000, 50000);
	err = p != NULL ? tb_arena_strdup(arena, TB_STR("abc"), &s)
			: tb_arena_err(arena);
	if (err == TB_OK)
		err = tb_arena_printf(arena, &s, "%30000d", 1);
	tb_arena_destroy(arena);
	return err;
}

static void every_failing_allocation_is_nomem(void **state)
{
	(void)state;
	assert_true(torture(use_arena) >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_aligned_and_apart),
		cmocka_unit_test(ceiling_holds_for_all_together),
		cmocka_unit_test(sizes_near_the_largest_do_not_wrap),
		cmocka_unit_test(reset_forgets_all_but_the_first_block),
		cmocka_unit_test(calloc_zeroes_used_memory),
		cmocka_unit_test(last_allocation_grows_and_shrinks_in_place),
		cmocka_unit_test(resize_beyond_its_block_keeps_the_bytes),
		cmocka_unit_test(texts_are_copied_and_printed_with_a_nul),
		cmocka_unit_test(every_failing_allocation_is_nomem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
