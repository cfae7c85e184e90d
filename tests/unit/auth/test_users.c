#include "fixture.h"

static struct tb_auth_result login(struct fixture *f, const char *name,
				   const char *password, const char *address)
{
	return tb_auth_login_user(f->auth, tb_str_z(name), tb_str_z(password),
				  tb_str_z(address), f->ic.now_us);
}

static void login_must_fail(struct fixture *f, const char *name,
			    const char *password, enum tb_auth_failure failure)
{
	struct tb_auth_result result = login(f, name, password, ADDRESS);

	assert_int_equal(result.outcome, TB_AUTH_REFUSED);
	assert_int_equal(result.failure, failure);
}

static void test_a_user_logs_in_and_gets_a_token(void **state)
{
	struct fixture *f = *state;
	const struct tb_principal *p =
		admitted(login(f, "ANNA", "testpass123", ADDRESS));
	struct tb_str token;

	assert_int_equal(p->kind, TB_PRINCIPAL_USER);
	assert_true(tb_str_eq(p->key, TB_STR("u1")));
	assert_true(tb_str_eq(p->name, TB_STR("Anna")));
	assert_true(tb_principal_is(p, TB_WHO_USER));
	assert_false(tb_principal_is(p, TB_WHO_ADMIN));
	MUST(tb_auth_issue(f->auth, f->ic.arena, p, f->ic.now_us, 60, &token));
	tb_principal_unref(p);
	/* A user has no database to be bound to. */
	must_admit(f, bearer(f, token), "uuid-a");
	must_admit_at_once(f, bearer(f, token), NULL);
}

static void test_an_administrators_right_is_seen_at_once(void **state)
{
	struct fixture *f = *state;
	const struct tb_principal *p =
		admitted(login(f, "Anna", "testpass123", ADDRESS));
	struct tb_str token;

	MUST(tb_auth_issue(f->auth, f->ic.arena, p, f->ic.now_us, 60, &token));
	tb_principal_unref(p);
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .is_admin = true }, TB_CHANGE_ADMIN);
	p = admitted(ask(f, bearer(f, token), NULL, true));
	assert_true(tb_principal_is(p, TB_WHO_ADMIN));
	tb_principal_unref(p);
}

static void test_logins_that_fail(void **state)
{
	static char large[TB_PASSWORD_MAX_BYTES + 2];
	struct fixture *f = *state;

	memset(large, 'x', sizeof(large) - 1);
	login_must_fail(f, "Anna", "testpass124", TB_AUTH_WRONG);
	login_must_fail(f, "Berta", "testpass123", TB_AUTH_UNKNOWN);
	login_must_fail(f, "", "", TB_AUTH_WRONG);
	login_must_fail(f, "Anna", large, TB_AUTH_WRONG);
	login_must_fail(f, "username", "password", TB_AUTH_UNKNOWN);
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .disabled = true }, TB_CHANGE_DISABLED);
	login_must_fail(f, "Anna", "testpass123", TB_AUTH_DISABLED);
}

static void test_five_failures_lock_a_user_for_that_address(void **state)
{
	struct fixture *f = *state;
	struct tb_auth_result result;

	for (int i = 0; i < 5; i++)
		login_must_fail(f, "Anna", "wrong", TB_AUTH_WRONG);
	result = login(f, "anna", "testpass123", ADDRESS);
	assert_int_equal(result.failure, TB_AUTH_LIMITED);
	assert_int_equal(result.retry_after_s, 1800);
	tb_principal_unref(
		admitted(login(f, "Anna", "testpass123", "192.0.2.2")));
	f->ic.now_us += 1800 * SECOND_US;
	tb_principal_unref(admitted(login(f, "Anna", "testpass123", ADDRESS)));
}

static void test_an_unknown_name_is_locked_like_a_known_one(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++)
		login_must_fail(f, "Berta", "wrong", TB_AUTH_UNKNOWN);
	login_must_fail(f, "Berta", "wrong", TB_AUTH_LIMITED);
}

static void disable_anna(struct fixture *f)
{
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .disabled = true }, TB_CHANGE_DISABLED);
}

static void test_a_disabled_users_right_password_counts_as_a_guess(void **state)
{
	struct fixture *f = *state;

	disable_anna(f);
	for (int i = 0; i < 5; i++)
		login_must_fail(f, "Anna", "testpass123", TB_AUTH_DISABLED);
	login_must_fail(f, "Anna", "testpass123", TB_AUTH_LIMITED);
}

/* With no turn left nothing can be computed: whoever is refused for that has
 * asked for a computation, which is what takes the time. */
static void test_every_login_computes_known_or_not(void **state)
{
	static const char *const names[] = { "Anna", "Berta", "x", "a b" };
	struct tb_passwords_options one = {
		.mem_bytes = 8192, .ops = 1, .parallel = 1, .wait_ms = 1
	};
	struct fixture *f = *state;

	tb_passwords_destroy(f->auth->passwords);
	MUST(tb_passwords_create(&one, &f->auth->passwords));
	MUST(tb_passwords_begin(f->auth->passwords));
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++)
		login_must_fail(f, names[i], "testpass123",
				TB_AUTH_UNAVAILABLE);
	disable_anna(f);
	login_must_fail(f, "Anna", "testpass123", TB_AUTH_UNAVAILABLE);
	login_must_fail(f, "Anna", "wrong", TB_AUTH_UNAVAILABLE);
	tb_passwords_end(f->auth->passwords);
}

static void test_a_disabled_users_hash_is_not_renewed(void **state)
{
	struct tb_auth_options dearer = cheap;
	struct fixture *f = *state;
	struct tb_account account;
	struct tb_tx *tx;

	dearer.argon2_mem_bytes = 16384;
	tb_auth_destroy(f->auth);
	MUST(tb_auth_create(f->ic.core, f->keys, &dearer, &f->auth));
	disable_anna(f);
	login_must_fail(f, "Anna", "testpass123", TB_AUTH_DISABLED);
	tx = inline_core_read(&f->ic);
	MUST(tb_directory_find(tx, f->ic.arena, TB_ACCOUNT_USER, f->org,
			       TB_STR("u1"), &account));
	tb_core_read_end(tx);
	assert_true(
		tb_passwords_is_outdated(f->auth->passwords, account.password));
}

static void test_a_users_new_password_ends_the_old_and_its_tokens(void **state)
{
	struct fixture *f = *state;
	const struct tb_principal *p =
		admitted(login(f, "Anna", "testpass123", ADDRESS));
	struct tb_str token;
	struct tb_str hash;

	MUST(tb_auth_issue(f->auth, f->ic.arena, p, f->ic.now_us, 60, &token));
	tb_principal_unref(p);
	must_admit(f, bearer(f, token), NULL);
	must_admit_at_once(f, bearer(f, token), NULL);
	MUST(tb_auth_hash_password(f->auth, f->ic.arena, TB_STR("new password"),
				   &hash));
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .password = hash }, TB_CHANGE_PASSWORD);
	must_refuse(f, bearer(f, token), NULL, TB_AUTH_EXPIRED);
	login_must_fail(f, "Anna", "testpass123", TB_AUTH_WRONG);
	tb_principal_unref(admitted(login(f, "Anna", "new password", ADDRESS)));
}

static void test_a_new_password_has_its_limits(void **state)
{
	static char large[TB_PASSWORD_MAX_BYTES + 1];
	struct fixture *f = *state;
	struct tb_str hash;

	memset(large, 'x', sizeof(large));
	assert_int_equal(tb_auth_hash_password(f->auth, f->ic.arena,
					       TB_STR("1234567"), &hash),
			 TB_ERR_INVALID);
	assert_int_equal(tb_auth_hash_password(f->auth, f->ic.arena,
					       tb_str(large, sizeof(large)),
					       &hash),
			 TB_ERR_INVALID);
	MUST(tb_auth_hash_password(f->auth, f->ic.arena, TB_STR("12345678"),
				   &hash));
	MUST(tb_auth_hash_password(f->auth, f->ic.arena,
				   tb_str(large, sizeof(large) - 1), &hash));
}

static void test_a_slowed_site_is_let_in_by_what_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct tb_str right = basic(f, "username", "password");
	struct tb_str wrong = basic(f, "username", "wrong");
	struct tb_auth_result result;

	must_admit(f, right, NULL);
	for (int i = 0; i < 5; i++)
		must_refuse(f, wrong, NULL, TB_AUTH_WRONG);
	result = ask(f, wrong, NULL, true);
	assert_int_equal(result.failure, TB_AUTH_LIMITED);
	assert_in_range(result.retry_after_s, 1, 30);
	must_admit_at_once(f, right, NULL);
	f->ic.now_us += SECOND_US;
	must_refuse(f, wrong, NULL, TB_AUTH_WRONG);
}

static void test_a_caller_is_renewed_as_the_account_is_now(void **state)
{
	struct fixture *f = *state;
	const struct tb_principal *p =
		admitted(login(f, "Anna", "testpass123", ADDRESS));
	const struct tb_principal *now;

	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .is_admin = true }, TB_CHANGE_ADMIN);
	MUST(tb_auth_renew(f->auth, p, &now));
	assert_true(tb_principal_is(now, TB_WHO_ADMIN));
	assert_true(now->generation > p->generation);
	tb_principal_unref(now);
	disable_anna(f);
	assert_int_equal(tb_auth_renew(f->auth, p, &now),
			 TB_ERR_UNAUTHENTICATED);
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .disabled = false }, TB_CHANGE_DISABLED);
	/* What ended does not begin again. */
	assert_int_equal(tb_auth_renew(f->auth, p, &now),
			 TB_ERR_UNAUTHENTICATED);
	tb_principal_unref(p);
}

static void test_a_caller_is_not_renewed_without_the_store(void **state)
{
	struct fixture *f = *state;
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = 1,
				     .err = TB_ERR_BUSY };
	const struct tb_principal *p =
		admitted(login(f, "Anna", "testpass123", ADDRESS));
	const struct tb_principal *now;

	tb_fail_set_plan(f->ic.store, &plan);
	assert_int_equal(tb_auth_renew(f->auth, p, &now), TB_ERR_BUSY);
	tb_fail_set_plan(f->ic.store, NULL);
	MUST(tb_auth_renew(f->auth, p, &now));
	tb_principal_unref(now);
	tb_principal_unref(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_user_logs_in_and_gets_a_token),
		TEST(test_an_administrators_right_is_seen_at_once),
		TEST(test_logins_that_fail),
		TEST(test_five_failures_lock_a_user_for_that_address),
		TEST(test_an_unknown_name_is_locked_like_a_known_one),
		TEST(test_a_disabled_users_right_password_counts_as_a_guess),
		TEST(test_every_login_computes_known_or_not),
		TEST(test_a_disabled_users_hash_is_not_renewed),
		TEST(test_a_users_new_password_ends_the_old_and_its_tokens),
		TEST(test_a_new_password_has_its_limits),
		TEST(test_a_caller_is_renewed_as_the_account_is_now),
		TEST(test_a_caller_is_not_renewed_without_the_store),
		TEST(test_a_slowed_site_is_let_in_by_what_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
