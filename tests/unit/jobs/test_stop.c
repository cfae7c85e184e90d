#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "jobs/stop.h"

#define SHORT_US 20000
/* Longer than any test may last. */
#define LONG_US 3600000000ll
#define WAITERS 3

static struct tb_stop stop;

static int set_up(void **state)
{
	(void)state;
	tb_stop_init(&stop);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tb_stop_fini(&stop);
	return 0;
}

static void waiting_lasts_as_long_as_was_said(void **state)
{
	int64_t begin_us = tb_clock_monotonic_us();

	(void)state;
	assert_false(tb_stop_wait(&stop, SHORT_US));
	assert_true(tb_clock_monotonic_us() - begin_us >= SHORT_US);
	assert_false(tb_stop_wait(&stop, 0));
	assert_false(tb_stop_wait(&stop, -SHORT_US));
}

static void what_is_set_stays_set(void **state)
{
	(void)state;
	assert_false(atomic_load(&stop.is_set));
	tb_stop_set(&stop);
	tb_stop_set(&stop);
	assert_true(atomic_load(&stop.is_set));
	assert_true(tb_stop_wait(&stop, LONG_US));
	assert_true(tb_stop_wait(&stop, 0));
}

static void *wait_long(void *ret)
{
	*(bool *)ret = tb_stop_wait(&stop, LONG_US);
	return NULL;
}

static void all_who_wait_are_woken(void **state)
{
	pthread_t threads[WAITERS];
	bool were_set[WAITERS] = { false };

	(void)state;
	for (int i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_long,
						&were_set[i]),
				 0);
	tb_stop_set(&stop);
	for (int i = 0; i < WAITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(were_set[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(waiting_lasts_as_long_as_was_said),
		TEST(what_is_set_stays_set),
		TEST(all_who_wait_are_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
