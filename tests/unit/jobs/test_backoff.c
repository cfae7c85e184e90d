#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jobs/backoff.h"

#define S 1000000ll

static int64_t shortest(uint32_t failures, uint32_t asked_s)
{
	return tb_backoff_us(failures, S, 10 * S, asked_s, 0);
}

/* The half that chance decides on is 500,000 us long at the first failure. */
static int64_t longest_first(void)
{
	return tb_backoff_us(1, S, 10 * S, 0, 500000);
}

static void it_doubles_up_to_its_bound(void **state)
{
	(void)state;
	assert_int_equal(shortest(1, 0), S / 2);
	assert_int_equal(shortest(2, 0), S);
	assert_int_equal(shortest(3, 0), 2 * S);
	assert_int_equal(shortest(4, 0), 4 * S);
	assert_int_equal(shortest(5, 0), 5 * S);
	assert_int_equal(shortest(6, 0), 5 * S);
	assert_int_equal(shortest(UINT32_MAX, 0), 5 * S);
}

static void half_of_it_is_chance(void **state)
{
	(void)state;
	assert_int_equal(longest_first(), S);
	for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
		int64_t us = tb_backoff_us(4, S, 10 * S, 0, random);

		assert_in_range(us, 4 * S, 8 * S);
	}
}

static void what_is_asked_for_is_kept(void **state)
{
	(void)state;
	assert_int_equal(shortest(1, 3), 3 * S);
	assert_int_equal(shortest(5, 3), 5 * S);
	/* More than the bound is asked for, too; but not for ever. */
	assert_int_equal(shortest(1, 600), 600 * S);
	assert_int_equal(shortest(1, UINT32_MAX), TB_BACKOFF_ASKED_MAX_S * S);
}

static void a_bound_below_the_first_wait_is_kept(void **state)
{
	(void)state;
	assert_int_equal(tb_backoff_us(1, S, S / 4, 0, 0), S / 8);
	assert_int_equal(tb_backoff_us(9, S, S / 4, 0, S / 8), S / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_doubles_up_to_its_bound),
		cmocka_unit_test(half_of_it_is_chance),
		cmocka_unit_test(what_is_asked_for_is_kept),
		cmocka_unit_test(a_bound_below_the_first_wait_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
