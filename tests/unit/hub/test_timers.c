/*
 * The heap of timers, beside a list that is searched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../base/torture.h"
#include "base/assert.h"
#include "hub/timers.h"

#define N 300

static void fire(struct tb_loop *loop, struct tb_timer *timer)
{
	(void)loop;
	(void)timer;
}

static void admit(struct tb_timers *timers, struct tb_timer *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tb_timers_admit(timers, &all[i], fire), TB_OK);
		assert_int_equal(all[i].at_us, TB_NEVER);
	}
}

static void dismiss(struct tb_timers *timers, struct tb_timer *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tb_timers_dismiss(timers, &all[i]);
	assert_int_equal(timers->n, 0);
	tb_timers_fini(timers);
}

static void the_earliest_comes_first(void **state)
{
	static const int64_t times[] = { 50, 10, 40, 10, 30 };
	static const int64_t sorted[] = { 10, 10, 30, 40, 50 };
	struct tb_timers timers = { 0 };
	struct tb_timer all[5];

	(void)state;
	admit(&timers, all, 5);
	assert_int_equal(tb_timers_next(&timers), TB_NEVER);
	for (size_t i = 0; i < 5; i++)
		tb_timers_set(&timers, &all[i], times[i]);
	for (size_t i = 0; i < 5; i++) {
		struct tb_timer *timer;
		assert_int_equal(tb_timers_next(&timers), sorted[i]);
		assert_null(tb_timers_take_due(&timers, sorted[i] - 1));
		timer = tb_timers_take_due(&timers, sorted[i]);
		assert_non_null(timer);
		assert_int_equal(timer->at_us, TB_NEVER);
	}
	assert_null(tb_timers_take_due(&timers, INT64_MAX - 1));
	dismiss(&timers, all, 5);
}

static int64_t earliest(const struct tb_timer *all, size_t n)
{
	int64_t at = TB_NEVER;

	for (size_t i = 0; i < n; i++)
		at = all[i].at_us < at ? all[i].at_us : at;
	return at;
}

static void any_may_be_set_anew(void **state)
{
	struct tb_timers timers = { 0 };
	struct tb_timer all[N];
	unsigned seed = 1;

	(void)state;
	admit(&timers, all, N);
	for (int i = 0; i < 20000; i++) {
		struct tb_timer *timer = &all[(size_t)rand_r(&seed) % N];
		int64_t at_us = rand_r(&seed) % 1000;
		tb_timers_set(&timers, timer, at_us < 100 ? TB_NEVER : at_us);
		if (i % 10 == 0)
			tb_timers_take_due(&timers, at_us);
		assert_int_equal(tb_timers_next(&timers), earliest(all, N));
	}
	dismiss(&timers, all, N);
}

static enum tb_err grow(void)
{
	static struct tb_timer all[N];
	struct tb_timers timers = { 0 };
	enum tb_err err = TB_OK;
	size_t n = 0;

	while (n < N && err == TB_OK) {
		err = tb_timers_admit(&timers, &all[n], fire);
		n += err == TB_OK;
	}
	/* Those that were admitted have their place. */
	for (size_t i = 0; i < n; i++)
		tb_timers_set(&timers, &all[i], (int64_t)(N - i));
	dismiss(&timers, all, n);
	return err;
}

static void memory_is_needed_to_be_admitted_only(void **state)
{
	(void)state;
	assert_true(torture(grow) >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_comes_first),
		cmocka_unit_test(any_may_be_set_anew),
		cmocka_unit_test(memory_is_needed_to_be_admitted_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
