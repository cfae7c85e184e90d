/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "auth/passwords.h"
#include "base/assert.h"
#include "codec/digest.h"

#define MUST(call) assert_int_equal(call, TB_OK)

/* The vector of contract 1. */
#define SITE_HASH                                                              \
	"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

static const struct tb_passwords_options cheap = {
	.mem_bytes = 8192,
	.ops = 1,
	.parallel = 1,
	.wait_ms = 20,
};

static struct tb_passwords *create(const struct tb_passwords_options *options)
{
	struct tb_passwords *passwords;

	MUST(tb_digest_init());
	MUST(tb_passwords_create(options, &passwords));
	return passwords;
}

static bool verify(struct tb_passwords *passwords, const char *hash,
		   struct tb_str secret)
{
	bool right;

	MUST(tb_passwords_begin(passwords));
	right = tb_passwords_verify(passwords, tb_str_z(hash), secret);
	tb_passwords_end(passwords);
	return right;
}

static void test_a_users_hash_verifies_its_password_alone(void **state)
{
	struct tb_passwords *passwords = create(&cheap);
	char hash[TB_PASSWORD_HASH_BYTES];

	(void)state;
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_USER,
			       TB_STR("testpass123"), hash));
	assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
	assert_true(verify(passwords, hash, TB_STR("testpass123")));
	assert_false(verify(passwords, hash, TB_STR("testpass124")));
	assert_false(verify(passwords, hash, TB_STR("")));
	assert_false(verify(passwords, "", TB_STR("")));
	assert_false(verify(passwords, "$argon2id$garbage", TB_STR("x")));
	tb_passwords_destroy(passwords);
}

static void test_a_site_may_send_its_password_or_the_hash_of_it(void **state)
{
	struct tb_passwords *passwords = create(&cheap);
	char hash[TB_PASSWORD_HASH_BYTES];
	char secret[TB_SITE_SECRET_BYTES];

	(void)state;
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_SITE, TB_STR("password"),
			       hash));
	tb_password_site_secret(TB_STR("password"), secret);
	assert_memory_equal(secret, SITE_HASH, sizeof(secret));
	assert_true(verify(passwords, hash, tb_str(secret, sizeof(secret))));
	tb_password_site_secret(TB_STR(SITE_HASH), secret);
	assert_memory_equal(secret, SITE_HASH, sizeof(secret));
	tb_passwords_destroy(passwords);
}

static void test_what_looks_like_a_hash_cannot_be_a_sites(void **state)
{
	struct tb_passwords *passwords = create(&cheap);
	char hash[TB_PASSWORD_HASH_BYTES];
	char upper[] = SITE_HASH;

	(void)state;
	assert_int_equal(tb_passwords_make(passwords, TB_ACCOUNT_SITE,
					   TB_STR(SITE_HASH), hash),
			 TB_ERR_INVALID);
	/* Upper case is an ordinary password, and so is one digit less. */
	upper[1] = 'E';
	assert_false(tb_password_is_site_secret(tb_str_z(upper)));
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_SITE, tb_str_z(upper),
			       hash));
	assert_false(tb_password_is_site_secret(tb_str(SITE_HASH, 63)));
	/* A user sends no hashes. */
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_USER, TB_STR(SITE_HASH),
			       hash));
	tb_passwords_destroy(passwords);
}

static void test_a_sites_password_has_no_control_characters(void **state)
{
	const struct tb_str refused[] = {
		TB_STR("pass\nword"),   TB_STR("\tpassword"),
		TB_STR("password\r"),   TB_STR("pass\0word"),
		TB_STR("pass\x7fword"), TB_STR("\x1fpassword"),
	};
	struct tb_passwords *passwords = create(&cheap);
	char hash[TB_PASSWORD_HASH_BYTES];

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(refused); i++)
		assert_int_equal(tb_passwords_make(passwords, TB_ACCOUNT_SITE,
						   refused[i], hash),
				 TB_ERR_INVALID);
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_SITE,
			       TB_STR("pass w\xc3\xb6rd:~"), hash));
	tb_passwords_destroy(passwords);
}

static void test_passwords_have_a_length(void **state)
{
	static char longest[TB_PASSWORD_MAX_BYTES + 1];
	struct tb_passwords *passwords = create(&cheap);
	char hash[TB_PASSWORD_HASH_BYTES];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(tb_passwords_make(passwords, TB_ACCOUNT_USER,
					   TB_STR("1234567"), hash),
			 TB_ERR_INVALID);
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_USER, TB_STR("12345678"),
			       hash));
	assert_int_equal(
		tb_passwords_make(passwords, TB_ACCOUNT_SITE, TB_STR(""), hash),
		TB_ERR_INVALID);
	assert_int_equal(tb_passwords_make(passwords, TB_ACCOUNT_SITE,
					   tb_str(longest, sizeof(longest)),
					   hash),
			 TB_ERR_INVALID);
	MUST(tb_passwords_make(passwords, TB_ACCOUNT_SITE,
			       tb_str(longest, sizeof(longest) - 1), hash));
	tb_passwords_destroy(passwords);
}

static void test_a_hash_of_other_parameters_is_outdated(void **state)
{
	const struct tb_passwords_options dearer = {
		.mem_bytes = 16384, .ops = 1, .parallel = 1, .wait_ms = 20
	};
	struct tb_passwords *old = create(&cheap);
	struct tb_passwords *new = create(&dearer);
	char hash[TB_PASSWORD_HASH_BYTES];

	(void)state;
	MUST(tb_passwords_make(old, TB_ACCOUNT_USER, TB_STR("testpass123"),
			       hash));
	assert_false(tb_passwords_is_outdated(old, tb_str_z(hash)));
	assert_true(tb_passwords_is_outdated(new, tb_str_z(hash)));
	assert_true(verify(new, hash, TB_STR("testpass123")));
	assert_true(tb_passwords_is_outdated(new, TB_STR("")));
	tb_passwords_destroy(old);
	tb_passwords_destroy(new);
}

static void test_who_gets_no_turn_is_told_so(void **state)
{
	struct tb_passwords *passwords = create(&cheap);
	char hash[TB_PASSWORD_HASH_BYTES];

	(void)state;
	MUST(tb_passwords_begin(passwords));
	assert_int_equal(tb_passwords_begin(passwords), TB_ERR_BUSY);
	assert_int_equal(tb_passwords_make(passwords, TB_ACCOUNT_USER,
					   TB_STR("12345678"), hash),
			 TB_ERR_BUSY);
	tb_passwords_end(passwords);
	MUST(tb_passwords_begin(passwords));
	tb_passwords_end(passwords);
	tb_passwords_destroy(passwords);
}

#define THREADS 8
#define PARALLEL 3

struct turns {
	struct tb_passwords *passwords;
	atomic_int running;
	atomic_int most;
};

static void *take_turns(void *arg)
{
	struct turns *turns = arg;

	for (int i = 0; i < 50; i++) {
		int running;
		int most;

		if (tb_passwords_begin(turns->passwords) != TB_OK)
			continue;
		running = atomic_fetch_add(&turns->running, 1) + 1;
		most = atomic_load(&turns->most);
		while (running > most && !atomic_compare_exchange_weak(
						 &turns->most, &most, running))
			continue;
		atomic_fetch_sub(&turns->running, 1);
		tb_passwords_end(turns->passwords);
	}
	return NULL;
}

static void test_no_more_than_so_many_run_at_once(void **state)
{
	const struct tb_passwords_options options = { .mem_bytes = 8192,
						      .ops = 1,
						      .parallel = PARALLEL,
						      .wait_ms = 10000 };
	struct turns turns = { .passwords = create(&options) };
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_turns, &turns),
			0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&turns.most), 1, PARALLEL);
	tb_passwords_destroy(turns.passwords);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_users_hash_verifies_its_password_alone),
		cmocka_unit_test(
			test_a_site_may_send_its_password_or_the_hash_of_it),
		cmocka_unit_test(test_what_looks_like_a_hash_cannot_be_a_sites),
		cmocka_unit_test(
			test_a_sites_password_has_no_control_characters),
		cmocka_unit_test(test_passwords_have_a_length),
		cmocka_unit_test(test_a_hash_of_other_parameters_is_outdated),
		cmocka_unit_test(test_who_gets_no_turn_is_told_so),
		cmocka_unit_test(test_no_more_than_so_many_run_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
