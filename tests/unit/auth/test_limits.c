/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "auth/limits.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"

#define SECOND_US 1000000ll
#define NOW_US 1700000000000000ll

static const struct tb_limits_options options = {
	.failures_max = 5,
	.lock_s = 1800,
	.site_delay_max_s = 30,
	.address_failures_max = 20,
	.address_window_s = 600,
	.tracked_max = 1000,
};

static const uint8_t secret[32] = { 1, 2, 3 };

static int setup(void **state)
{
	assert_int_equal(tb_digest_init(), TB_OK);
	*state = tb_limits_create(&options, secret);
	assert_non_null(*state);
	return 0;
}

static int teardown(void **state)
{
	tb_limits_destroy(*state);
	return 0;
}

static struct tb_attempt user(const char *name, const char *address,
			      int64_t after_s)
{
	return (struct tb_attempt) { .kind = TB_ACCOUNT_USER,
				     .name = tb_str_z(name),
				     .address = tb_str_z(address),
				     .now_us = NOW_US + after_s * SECOND_US };
}

static struct tb_attempt site(const char *name, const char *address,
			      int64_t after_s)
{
	struct tb_attempt attempt = user(name, address, after_s);

	attempt.kind = TB_ACCOUNT_SITE;
	return attempt;
}

/* One attempt; the seconds to wait when it was not let through. */
static uint32_t attempt(struct tb_limits *limits, struct tb_attempt a,
			enum tb_attempt_outcome outcome)
{
	uint32_t wait = tb_limits_begin(limits, &a);

	if (wait == 0)
		tb_limits_end(limits, &a, outcome);
	return wait;
}

static void wrong(struct tb_limits *limits, struct tb_attempt a, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_int_equal(attempt(limits, a, TB_ATTEMPT_FAILED), 0);
}

static uint32_t ask(struct tb_limits *limits, struct tb_attempt a)
{
	return attempt(limits, a, TB_ATTEMPT_UNDECIDED);
}

static void test_five_failures_lock_a_user_for_half_an_hour(void **state)
{
	wrong(*state, user("anna", "10.0.0.1", 0), 5);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 0)), 1800);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 1799)), 1);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 1800)), 0);
	/* Asking while locked did not make it longer; and now she has five
	 * tries again. */
	wrong(*state, user("anna", "10.0.0.1", 1800), 5);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 1800)), 1800);
}

static void test_the_lock_is_for_that_address_and_name_alone(void **state)
{
	wrong(*state, user("anna", "10.0.0.1", 0), 5);
	assert_int_equal(ask(*state, user("anna", "10.0.0.2", 0)), 0);
	assert_int_equal(ask(*state, user("berta", "10.0.0.1", 0)), 0);
	assert_int_equal(ask(*state, site("anna", "10.0.0.1", 0)), 0);
}

static void test_a_users_case_is_no_way_around(void **state)
{
	wrong(*state, user("anna", "10.0.0.1", 0), 3);
	wrong(*state, user("ANNA", "10.0.0.1", 0), 2);
	assert_int_equal(ask(*state, user("Anna", "10.0.0.1", 0)), 1800);
}

static void test_success_sets_the_count_back(void **state)
{
	wrong(*state, user("anna", "10.0.0.1", 0), 4);
	assert_int_equal(
		attempt(*state, user("anna", "10.0.0.1", 0), TB_ATTEMPT_PASSED),
		0);
	wrong(*state, user("anna", "10.0.0.1", 0), 4);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 0)), 0);
}

static void test_undecided_attempts_count_nothing(void **state)
{
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask(*state, user("anna", "10.0.0.1", 0)), 0);
}

static void test_many_attempts_at_once_gain_nothing(void **state)
{
	struct tb_attempt a = user("anna", "10.0.0.1", 0);

	for (int i = 0; i < 5; i++)
		assert_int_equal(tb_limits_begin(*state, &a), 0);
	assert_int_equal(tb_limits_begin(*state, &a), 1);
	for (int i = 0; i < 5; i++)
		tb_limits_end(*state, &a, TB_ATTEMPT_FAILED);
	assert_int_equal(tb_limits_begin(*state, &a), 1800);
}

#define LOGINS 20

struct logins {
	struct tb_limits *limits;
	enum tb_attempt_outcome outcome;
	atomic_int let_through;
};

static void *log_in(void *arg)
{
	struct logins *logins = arg;
	struct tb_attempt a = user("anna", "10.0.0.1", 0);

	if (tb_limits_begin(logins->limits, &a) == 0) {
		atomic_fetch_add(&logins->let_through, 1);
		tb_limits_end(logins->limits, &a, logins->outcome);
	}
	return NULL;
}

/* How many of many logins at once were let through. */
static int log_in_at_once(enum tb_attempt_outcome outcome)
{
	struct tb_limits_options patient = options;
	struct logins logins = { .outcome = outcome };
	pthread_t threads[LOGINS];

	patient.wait_ms = 60000;
	logins.limits = tb_limits_create(&patient, secret);
	assert_non_null(logins.limits);
	for (size_t i = 0; i < LOGINS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, log_in, &logins), 0);
	for (size_t i = 0; i < LOGINS; i++)
		pthread_join(threads[i], NULL);
	tb_limits_destroy(logins.limits);
	return atomic_load(&logins.let_through);
}

static void test_of_many_wrong_logins_at_once_five_are_tried(void **state)
{
	(void)state;
	assert_int_equal(log_in_at_once(TB_ATTEMPT_FAILED), 5);
}

static void test_many_right_logins_at_once_all_pass(void **state)
{
	(void)state;
	assert_int_equal(log_in_at_once(TB_ATTEMPT_PASSED), LOGINS);
}

static void test_old_failures_are_forgotten(void **state)
{
	wrong(*state, user("anna", "10.0.0.1", 0), 4);
	wrong(*state, user("anna", "10.0.0.1", 1801), 4);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 1801)), 0);
}

static void test_a_site_is_slowed_more_and_more_and_never_locked(void **state)
{
	const uint32_t delays[] = { 1, 2, 4, 8, 16, 30, 30, 30 };
	int64_t at = 0;

	wrong(*state, site("clinic", "10.0.0.1", 0), 5);
	for (size_t i = 0; i < TB_ARRAY_LEN(delays); i++) {
		assert_int_equal(ask(*state, site("clinic", "10.0.0.1", at)),
				 delays[i]);
		at += delays[i];
		wrong(*state, site("clinic", "10.0.0.1", at), 1);
	}
	/* Whatever was before, the right password is taken in its turn. */
	at += 30;
	assert_int_equal(attempt(*state, site("clinic", "10.0.0.1", at),
				 TB_ATTEMPT_PASSED),
			 0);
	wrong(*state, site("clinic", "10.0.0.1", at), 5);
}

static void test_guesses_do_not_keep_a_site_out_that_was_there(void **state)
{
	struct tb_attempt right = site("clinic", "10.0.0.1", 1);
	struct tb_attempt guess = site("clinic", "10.0.0.1", 2);

	right.secret = TB_STR("right");
	guess.secret = TB_STR("guess");
	assert_int_equal(attempt(*state, right, TB_ATTEMPT_PASSED), 0);
	wrong(*state, guess, 5);
	assert_int_not_equal(ask(*state, guess), 0);
	right.now_us = guess.now_us;
	assert_int_equal(attempt(*state, right, TB_ATTEMPT_PASSED), 0);
	/* From elsewhere it is an attempt like any. */
	right.address = TB_STR("10.0.0.2");
	guess.address = right.address;
	wrong(*state, guess, 5);
	assert_int_not_equal(ask(*state, right), 0);
}

static void test_a_slowed_site_is_tried_by_one_at_a_time(void **state)
{
	struct tb_attempt a = site("clinic", "10.0.0.1", 1);

	wrong(*state, site("clinic", "10.0.0.1", 0), 5);
	assert_int_equal(tb_limits_begin(*state, &a), 0);
	assert_int_equal(tb_limits_begin(*state, &a), 1);
	tb_limits_end(*state, &a, TB_ATTEMPT_FAILED);
}

static void test_sites_are_not_slowed_when_it_is_switched_off(void **state)
{
	struct tb_limits_options off = options;
	struct tb_limits *limits;

	(void)state;
	off.site_delay_max_s = 0;
	off.address_failures_max = 1000;
	limits = tb_limits_create(&off, secret);
	assert_non_null(limits);
	wrong(limits, site("clinic", "10.0.0.1", 0), 100);
	tb_limits_destroy(limits);
}

static void fail_over_names(struct tb_limits *limits, const char *address,
			    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "name%zu", i);
		wrong(limits, user(name, address, 0), 1);
	}
}

static void
test_an_address_that_fails_over_many_names_is_held_back(void **state)
{
	fail_over_names(*state, "10.0.0.1", 20);
	/* The bucket of 20 drains one failure in 30 seconds. */
	assert_int_equal(ask(*state, user("other", "10.0.0.1", 0)), 30);
	assert_int_equal(ask(*state, site("other", "10.0.0.1", 0)), 30);
	assert_int_equal(ask(*state, user("other", "10.0.0.1", 29)), 1);
	assert_int_equal(ask(*state, user("other", "10.0.0.1", 30)), 0);
	assert_int_equal(ask(*state, user("other", "10.0.0.2", 0)), 0);
}

static void test_who_logged_in_before_is_not_held_back_by_others(void **state)
{
	assert_int_equal(
		attempt(*state, user("anna", "10.0.0.1", 0), TB_ATTEMPT_PASSED),
		0);
	fail_over_names(*state, "10.0.0.1", 20);
	assert_int_equal(ask(*state, user("berta", "10.0.0.1", 0)), 30);
	assert_int_equal(ask(*state, user("anna", "10.0.0.1", 0)), 0);
}

static void test_addresses_are_counted_as_networks_give_them_out(void **state)
{
	/* All of a /64 are one. */
	wrong(*state, user("anna", "2001:db8:1:2::1", 0), 3);
	wrong(*state, user("anna", "2001:db8:1:2:ffff::9", 0), 2);
	assert_int_equal(ask(*state, user("anna", "2001:DB8:1:2::77", 0)),
			 1800);
	assert_int_equal(ask(*state, user("anna", "2001:db8:1:3::1", 0)), 0);
	/* A mapped IPv4 address is that address. */
	wrong(*state, user("berta", "::ffff:10.0.0.9", 0), 5);
	assert_int_equal(ask(*state, user("berta", "10.0.0.9", 0)), 1800);
	/* What is no address counts as it is written. */
	wrong(*state, user("carla", "unix", 0), 5);
	assert_int_equal(ask(*state, user("carla", "unix", 0)), 1800);
	assert_int_equal(ask(*state, user("carla", "", 0)), 0);
}

static void test_a_clock_set_back_makes_nobody_wait_longer(void **state)
{
	wrong(*state, site("clinic", "10.0.0.1", 100000), 5);
	assert_in_range(ask(*state, site("clinic", "10.0.0.1", 0)), 0, 30);
	wrong(*state, user("anna", "10.0.0.2", 100000), 5);
	assert_in_range(ask(*state, user("anna", "10.0.0.2", 0)), 0, 1800);
	fail_over_names(*state, "10.0.0.3", 0);
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		wrong(*state, user(name, "10.0.0.3", 100000), 1);
	}
	assert_in_range(ask(*state, user("x", "10.0.0.3", 0)), 1, 600);
}

static void test_what_is_remembered_is_bounded(void **state)
{
	char name[16];

	wrong(*state, user("first", "10.0.0.1", 0), 5);
	for (unsigned i = 0; i < 5 * options.tracked_max; i++) {
		char address[20];

		snprintf(name, sizeof(name), "n%u", i);
		snprintf(address, sizeof(address), "10.%u.%u.1", i >> 8,
			 i & 255);
		wrong(*state, user(name, address, 0), 1);
	}
	/* The oldest was forgotten, the newest is there. */
	assert_int_equal(ask(*state, user("first", "10.0.0.1", 0)), 0);
	wrong(*state, user(name, "10.19.135.1", 0), 4);
	assert_int_equal(ask(*state, user(name, "10.19.135.1", 0)), 1800);
}

static void test_names_of_any_length_and_bytes_are_counted(void **state)
{
	static char name[100000];
	struct tb_attempt a = user("", "10.0.0.1", 0);

	a.name = tb_str(name, sizeof(name));
	wrong(*state, a, 5);
	assert_int_equal(ask(*state, a), 1800);
	a.name = TB_STR_NONE;
	assert_int_equal(ask(*state, a), 0);
}

static void test_without_memory_nobody_gets_to_guess(void **state)
{
	struct tb_attempt a = user("anna", "10.0.0.1", 0);
	uint32_t wait = 1;

	for (uint64_t n = 1; wait != 0; n++) {
		assert_true(n < 100);
		tb_alloc_fail_at(n);
		wait = attempt(*state, a, TB_ATTEMPT_FAILED);
		tb_alloc_fail_at(0);
		assert_true(wait <= 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_five_failures_lock_a_user_for_half_an_hour),
		TEST(test_the_lock_is_for_that_address_and_name_alone),
		TEST(test_a_users_case_is_no_way_around),
		TEST(test_success_sets_the_count_back),
		TEST(test_undecided_attempts_count_nothing),
		TEST(test_many_attempts_at_once_gain_nothing),
		TEST(test_of_many_wrong_logins_at_once_five_are_tried),
		TEST(test_many_right_logins_at_once_all_pass),
		TEST(test_old_failures_are_forgotten),
		TEST(test_a_site_is_slowed_more_and_more_and_never_locked),
		TEST(test_guesses_do_not_keep_a_site_out_that_was_there),
		TEST(test_a_slowed_site_is_tried_by_one_at_a_time),
		TEST(test_sites_are_not_slowed_when_it_is_switched_off),
		TEST(test_an_address_that_fails_over_many_names_is_held_back),
		TEST(test_who_logged_in_before_is_not_held_back_by_others),
		TEST(test_addresses_are_counted_as_networks_give_them_out),
		TEST(test_a_clock_set_back_makes_nobody_wait_longer),
		TEST(test_what_is_remembered_is_bounded),
		TEST(test_names_of_any_length_and_bytes_are_counted),
		TEST(test_without_memory_nobody_gets_to_guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
