#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"
#include "base/cond.h"

#define SHORT_US 20000
/* Longer than any test may last. */
#define LONG_US 3600000000ll

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_set;

static void waits_for_its_time_on_the_monotonic_clock(void **state)
{
	int64_t until_us = tb_clock_monotonic_us() + SHORT_US;

	(void)state;
	pthread_mutex_lock(&lock);
	while (tb_cond_wait_until(&changed, &lock, until_us))
		;
	pthread_mutex_unlock(&lock);
	assert_true(tb_clock_monotonic_us() >= until_us);
}

static void a_time_that_is_over_does_not_wait(void **state)
{
	(void)state;
	pthread_mutex_lock(&lock);
	assert_false(
		tb_cond_wait_until(&changed, &lock, tb_clock_monotonic_us()));
	assert_false(tb_cond_wait_until(&changed, &lock, 0));
	assert_false(tb_cond_wait_until(&changed, &lock, INT64_MIN));
	pthread_mutex_unlock(&lock);
}

static void *set(void *arg)
{
	pthread_mutex_lock(&lock);
	is_set = true;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return arg;
}

/* Whoever sets it needs the lock, which is given up meanwhile and held again
 * afterwards. */
static void a_signal_ends_the_wait_before_its_time(void **state)
{
	int64_t until_us = tb_clock_monotonic_us() + LONG_US;
	pthread_t thread;

	(void)state;
	pthread_mutex_lock(&lock);
	assert_int_equal(pthread_create(&thread, NULL, set, NULL), 0);
	while (!is_set)
		assert_true(tb_cond_wait_until(&changed, &lock, until_us));
	assert_int_equal(pthread_mutex_unlock(&lock), 0);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_its_time_on_the_monotonic_clock),
		cmocka_unit_test(a_time_that_is_over_does_not_wait),
		cmocka_unit_test(a_signal_ends_the_wait_before_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
