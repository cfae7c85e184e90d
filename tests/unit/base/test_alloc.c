#include "torture.h"

#include <pthread.h>
#include <string.h>

static void zero_bytes_give_a_pointer(void **state)
{
	void *all[] = { tb_malloc(0), tb_calloc(0, 8), tb_calloc(8, 0),
			tb_realloc(NULL, 0) };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_non_null(all[i]);
		tb_free(all[i]);
	}
	tb_free(NULL);
}

static void calloc_zeroes(void **state)
{
	char *p = tb_calloc(3, 5);

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	tb_free(p);
}

static void strdup_ends_in_nul(void **state)
{
	char *z = tb_strdup(TB_STR("a\0b"));
	char *empty = tb_strdup(TB_STR_NONE);

	(void)state;
	assert_memory_equal(z, "a\0b", 4);
	assert_string_equal(empty, "");
	tb_free(z);
	tb_free(empty);
}

static void only_the_nth_call_fails(void **state)
{
	(void)state;
	tb_alloc_fail_at(2);
	void *a = tb_malloc(1);
	void *b = tb_realloc(NULL, 1);
	void *c = tb_calloc(1, 1);
	assert_int_equal(tb_alloc_calls(), 3);
	tb_alloc_fail_at(0);
	assert_int_equal(tb_alloc_calls(), 0);
	assert_non_null(a);
	assert_null(b);
	assert_non_null(c);
	tb_free(a);
	tb_free(c);
}

static void failed_realloc_keeps_the_old_memory(void **state)
{
	char *p = tb_strdup(TB_STR("kept"));

	(void)state;
	tb_alloc_fail_at(1);
	assert_null(tb_realloc(p, 1000));
	tb_alloc_fail_at(0);
	assert_string_equal(p, "kept");
	tb_free(p);
}

static void *allocate_once(void *ctx)
{
	(void)ctx;
	return tb_malloc(1);
}

static void failing_concerns_one_thread(void **state)
{
	pthread_t thread;
	void *p;

	(void)state;
	tb_alloc_fail_at(1);
	assert_int_equal(pthread_create(&thread, NULL, allocate_once, NULL), 0);
	assert_int_equal(pthread_join(thread, &p), 0);
	assert_int_equal(tb_alloc_calls(), 0);
	tb_alloc_fail_at(0);
	assert_non_null(p);
	tb_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_bytes_give_a_pointer),
		cmocka_unit_test(calloc_zeroes),
		cmocka_unit_test(strdup_ends_in_nul),
		cmocka_unit_test(only_the_nth_call_fails),
		cmocka_unit_test(failed_realloc_keeps_the_old_memory),
		cmocka_unit_test(failing_concerns_one_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
