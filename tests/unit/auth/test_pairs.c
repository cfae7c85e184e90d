/*
 * Pairs of an access and a refresh token: what each is good for, what a lost
 * answer costs (nothing), and what a second use ends.
 */
#include "fixture.h"

#include "base/alloc.h"

#define HOUR_S 3600
#define WEEK_S (7 * 24 * HOUR_S)
#define TRIES_MAX 2000

static struct tb_pair_life life_of(const struct fixture *f)
{
	return (struct tb_pair_life) { .now_us = f->ic.now_us,
				       .access_life_s = HOUR_S,
				       .refresh_life_s = WEEK_S };
}

/* Anna logs in. */
static struct tb_token_pair log_in(struct fixture *f)
{
	struct tb_pair_life life = life_of(f);
	const struct tb_principal *anna = admitted(tb_auth_login_user(
		f->auth, TB_STR("Anna"), TB_STR("testpass123"), TB_STR(ADDRESS),
		f->ic.now_us));
	struct tb_token_pair pair;

	MUST(tb_auth_issue_pair(f->auth, f->ic.arena, anna, &life, &pair));
	tb_principal_unref(anna);
	return pair;
}

static struct tb_auth_result ask_refresh(struct fixture *f, struct tb_str token,
					 struct tb_token_pair *ret)
{
	struct tb_pair_life life = life_of(f);

	return tb_auth_refresh(f->auth, f->ic.arena, token, TB_STR(ADDRESS),
			       &life, ret);
}

static struct tb_token_pair refresh(struct fixture *f, struct tb_str token)
{
	struct tb_token_pair pair;
	const struct tb_principal *anna =
		admitted(ask_refresh(f, token, &pair));

	assert_true(tb_str_eq(anna->key, TB_STR("u1")));
	tb_principal_unref(anna);
	return pair;
}

static void must_not_refresh(struct fixture *f, struct tb_str token,
			     enum tb_auth_failure failure)
{
	struct tb_token_pair pair;
	struct tb_auth_result result = ask_refresh(f, token, &pair);

	assert_int_equal(result.outcome, TB_AUTH_REFUSED);
	assert_int_equal(result.failure, failure);
}

static void assert_same(struct tb_token_pair a, struct tb_token_pair b)
{
	assert_true(tb_str_eq(a.access, b.access));
	assert_true(tb_str_eq(a.refresh, b.refresh));
}

static struct tb_token parsed(struct fixture *f, struct tb_str text)
{
	struct tb_token token;

	MUST(tb_token_parse_claims(f->ic.arena, text, &token));
	return token;
}

static struct tb_heads heads_of(struct fixture *f)
{
	struct tb_heads heads;

	MUST(tb_core_heads(f->ic.core, f->org, &heads));
	return heads;
}

static void test_a_login_gives_a_pair_and_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct tb_heads before = heads_of(f);
	struct tb_token_pair pair = log_in(f);
	struct tb_heads after = heads_of(f);
	struct tb_token access = parsed(f, pair.access);
	struct tb_token token = parsed(f, pair.refresh);

	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(access.type, TB_TOKEN_ACCESS);
	assert_int_equal(token.type, TB_TOKEN_REFRESH);
	assert_int_equal(access.seq, 1);
	assert_int_equal(token.seq, 1);
	assert_int_equal(access.family.n, 32);
	assert_true(tb_str_eq(access.family, token.family));
	assert_false(tb_str_eq(access.id, token.id));
	assert_int_equal(access.expires_s - access.issued_s, HOUR_S);
	assert_int_equal(token.expires_s - token.issued_s, WEEK_S);
	assert_false(
		tb_str_eq(parsed(f, log_in(f).access).family, access.family));
}

static void test_each_token_is_good_for_one_thing(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair pair = log_in(f);
	const struct tb_principal *anna =
		admitted(ask(f, bearer(f, pair.access), NULL, true));
	struct tb_str alone;

	assert_int_equal(anna->issued_s, f->ic.now_us / SECOND_US);
	MUST(tb_auth_issue(f->auth, f->ic.arena, anna, f->ic.now_us, HOUR_S,
			   &alone));
	tb_principal_unref(anna);
	must_admit_at_once(f, bearer(f, pair.access), NULL);
	must_refuse(f, bearer(f, pair.refresh), NULL, TB_AUTH_BAD_TOKEN);
	must_not_refresh(f, pair.access, TB_AUTH_BAD_TOKEN);
	must_not_refresh(f, alone, TB_AUTH_BAD_TOKEN);
	must_not_refresh(f, TB_STR("nonsense"), TB_AUTH_BAD_TOKEN);
	must_not_refresh(f, TB_STR_NONE, TB_AUTH_BAD_TOKEN);
	must_admit(f, bearer(f, alone), NULL);
}

static void test_a_refresh_gives_the_next_pair(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second;
	struct tb_token token;

	f->ic.now_us += 60 * SECOND_US;
	second = refresh(f, first.refresh);
	token = parsed(f, second.refresh);
	assert_int_equal(token.seq, 2);
	assert_true(tb_str_eq(token.family, parsed(f, first.access).family));
	assert_int_equal(token.issued_s, f->ic.now_us / SECOND_US);
	assert_int_equal(token.expires_s, token.issued_s + WEEK_S);
	must_admit(f, bearer(f, second.access), NULL);
	must_admit_at_once(f, bearer(f, second.access), NULL);
	/* Those of the pair before are good as long as they were to be. */
	must_admit(f, bearer(f, first.access), NULL);
}

static void test_a_lost_answer_is_given_again(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second = refresh(f, first.refresh);
	struct tb_signing_key old;
	struct tb_token_pair third;

	f->ic.now_us += 5 * SECOND_US;
	assert_same(refresh(f, first.refresh), second);
	/* Signed by the key of the first time. */
	tb_keys_signing(f->keys, &old);
	MUST(tb_keys_rotate(f->keys));
	assert_same(refresh(f, first.refresh), second);
	third = refresh(f, second.refresh);
	assert_same(refresh(f, second.refresh), third);
	/* What the old key signed is no token any more; the newest pair is. */
	MUST(tb_keys_retire(f->keys, tb_str_z(old.kid)));
	assert_same(refresh(f, third.refresh), refresh(f, third.refresh));
	must_not_refresh(f, second.refresh, TB_AUTH_BAD_TOKEN);
}

static void test_a_pair_whose_key_is_retired_is_signed_anew(void **state)
{
	struct fixture *f = *state;
	struct tb_family_pair values = { .seq = 3, .kid = "gone" };
	const struct tb_principal *anna =
		admitted(ask(f, bearer(f, log_in(f).access), NULL, true));
	struct tb_token_pair pair;
	struct tb_token token;

	values.issued_s = f->ic.now_us / SECOND_US;
	values.access_expires_s = values.issued_s + HOUR_S;
	values.refresh_expires_s = values.issued_s + HOUR_S;
	MUST(tb_auth_sign_pair(f->auth, f->ic.arena, anna, TB_STR("fam"),
			       &values, &pair));
	tb_principal_unref(anna);
	MUST(tb_token_verify(f->keys, f->ic.arena, pair.refresh, f->ic.now_us,
			     &token));
}

static void all_is_ended(struct fixture *f, const struct tb_token_pair *pair)
{
	must_refuse(f, bearer(f, pair->access), NULL, TB_AUTH_EXPIRED);
	must_not_refresh(f, pair->refresh, TB_AUTH_EXPIRED);
}

static void test_reuse_after_a_bearer_was_used_ends_the_family(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair other = log_in(f);
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second = refresh(f, first.refresh);

	must_admit(f, bearer(f, first.access), NULL);
	must_admit_at_once(f, bearer(f, first.access), NULL);
	must_admit(f, bearer(f, second.access), NULL);
	must_admit_at_once(f, bearer(f, second.access), NULL);
	must_not_refresh(f, first.refresh, TB_AUTH_EXPIRED);
	all_is_ended(f, &first);
	all_is_ended(f, &second);
	/* Another login of the same user goes on. */
	must_admit(f, bearer(f, other.access), NULL);
	(void)refresh(f, other.refresh);
}

static void test_reuse_after_the_next_refresh_ends_the_family(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second = refresh(f, first.refresh);
	struct tb_token_pair third = refresh(f, second.refresh);

	must_not_refresh(f, first.refresh, TB_AUTH_EXPIRED);
	all_is_ended(f, &first);
	all_is_ended(f, &second);
	all_is_ended(f, &third);
}

static void test_use_of_the_older_bearer_uses_nothing(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second = refresh(f, first.refresh);

	must_admit(f, bearer(f, first.access), NULL);
	assert_same(refresh(f, first.refresh), second);
}

static void test_a_bearer_is_marked_once(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair pair = refresh(f, log_in(f).refresh);
	uint64_t head;

	must_admit(f, bearer(f, pair.access), NULL);
	head = heads_of(f).head;
	/* What was verified ends with the org's generation. */
	set_password(f, "another password");
	must_admit(f, bearer(f, pair.access), NULL);
	assert_true(heads_of(f).head > head);
	head = heads_of(f).head;
	must_admit(f, bearer(f, pair.access), NULL);
	assert_int_equal(heads_of(f).head, head);
}

static void test_a_store_that_cannot_be_written_refuses_no_bearer(void **state)
{
	const struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
					   .first = 1,
					   .last = UINT64_MAX,
					   .err = TB_ERR_FULL };
	struct fixture *f = *state;
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second = refresh(f, first.refresh);

	tb_fail_set_plan(f->ic.store, &plan);
	must_admit(f, bearer(f, second.access), NULL);
	must_block(f, bearer(f, second.access), NULL);
	must_not_refresh(f, second.refresh, TB_AUTH_UNAVAILABLE);
	tb_fail_set_plan(f->ic.store, NULL);
	/* It was not marked, and is now. */
	assert_same(refresh(f, first.refresh), second);
	must_admit(f, bearer(f, second.access), NULL);
	must_admit_at_once(f, bearer(f, second.access), NULL);
	must_not_refresh(f, first.refresh, TB_AUTH_EXPIRED);
}

static void test_tokens_end_with_their_time(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair pair = log_in(f);

	f->ic.now_us += HOUR_S * SECOND_US;
	must_refuse(f, bearer(f, pair.access), NULL, TB_AUTH_EXPIRED);
	f->ic.now_us += (WEEK_S - HOUR_S) * SECOND_US - 1;
	(void)refresh(f, pair.refresh);
	f->ic.now_us += 1;
	must_not_refresh(f, pair.refresh, TB_AUTH_EXPIRED);
}

static void test_a_new_password_ends_all_families(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair pair = refresh(f, log_in(f).refresh);
	struct tb_str hash;

	MUST(tb_auth_hash_password(f->auth, f->ic.arena, TB_STR("new password"),
				   &hash));
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .password = hash }, TB_CHANGE_PASSWORD);
	all_is_ended(f, &pair);
}

static void test_a_disabled_user_refreshes_nothing(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair pair = log_in(f);

	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .disabled = true }, TB_CHANGE_DISABLED);
	must_not_refresh(f, pair.refresh, TB_AUTH_DISABLED);
}

static void test_what_writes_has_a_row_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair second;
	struct tb_auth_result result = ask_refresh(f, first.refresh, &second);

	assert_true(result.is_audited);
	tb_principal_unref(admitted(result));
	result = ask_refresh(f, first.refresh, &second);
	assert_false(result.is_audited);
	tb_principal_unref(admitted(result));
	must_admit(f, bearer(f, second.access), NULL);
	assert_true(ask_refresh(f, first.refresh, &second).is_audited);
	assert_false(ask_refresh(f, first.refresh, &second).is_audited);
}

static void test_the_whole_account_is_read_again(void **state)
{
	struct fixture *f = *state;
	const struct tb_principal *anna;
	struct tb_account account;

	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .email = TB_STR("a@b"),
				     .profile = TB_STR("10") },
	       TB_CHANGE_EMAIL | TB_CHANGE_PROFILE);
	anna = admitted(ask(f, bearer(f, log_in(f).access), NULL, true));
	assert_true(tb_str_eq(anna->profile, TB_STR("10")));
	MUST(tb_auth_read_user(f->auth, f->ic.arena, anna, &account));
	assert_true(tb_str_eq(account.email, TB_STR("a@b")));
	update(f, TB_ACCOUNT_USER, "u1",
	       (struct tb_account) { .disabled = true }, TB_CHANGE_DISABLED);
	assert_int_equal(
		tb_auth_read_user(f->auth, f->ic.arena, anna, &account),
		TB_ERR_UNAUTHENTICATED);
	tb_principal_unref(anna);
}

/* ---- at once ---- */

struct racer {
	struct fixture *f;
	struct tb_str token;
	struct tb_arena *arena;
	struct tb_token_pair pair;
	bool is_admitted;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct tb_pair_life life = life_of(racer->f);
	struct tb_auth_result result =
		tb_auth_refresh(racer->f->auth, racer->arena, racer->token,
				TB_STR(ADDRESS), &life, &racer->pair);

	racer->is_admitted = result.outcome == TB_AUTH_OK;
	tb_principal_unref(result.principal);
	return NULL;
}

static void test_two_at_once_get_the_same_pair(void **state)
{
	struct fixture *f = *state;
	struct tb_str token = log_in(f).refresh;
	struct racer racers[4];
	pthread_t threads[TB_ARRAY_LEN(racers)];

	for (size_t i = 0; i < TB_ARRAY_LEN(racers); i++) {
		racers[i] = (struct racer) { .f = f, .token = token };
		racers[i].arena = tb_arena_create((size_t)1 << 20);
		assert_int_equal(
			pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(racers); i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < TB_ARRAY_LEN(racers); i++) {
		assert_true(racers[i].is_admitted);
		assert_same(racers[i].pair, racers[0].pair);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(racers); i++)
		tb_arena_destroy(racers[i].arena);
}

/* ---- failures ---- */

/* Refreshes with one failure; false once it is not met any more. What comes
 * afterwards is as if the answer had been lost. */
static bool fail_once(struct fixture *f, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_token_pair first = log_in(f);
	struct tb_token_pair failed;
	struct tb_token_pair second;
	struct tb_auth_result result;
	bool met;

	if (store_call > 0)
		tb_fail_set_plan(f->ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	result = ask_refresh(f, first.refresh, &failed);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(f->ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(f->ic.store, NULL);
	if (result.outcome == TB_AUTH_OK)
		tb_principal_unref(result.principal);
	else
		assert_int_equal(result.failure, TB_AUTH_UNAVAILABLE);
	second = refresh(f, first.refresh);
	if (result.outcome == TB_AUTH_OK)
		assert_same(second, failed);
	must_admit(f, bearer(f, second.access), NULL);
	return met;
}

static void test_nth_store_call_fails(void **state)
{
	uint64_t n = 1;

	while (fail_once(*state, n, 0))
		assert_true(n++ < TRIES_MAX);
	assert_true(n > 3);
}

static void test_nth_allocation_fails(void **state)
{
	uint64_t n = 1;

	while (fail_once(*state, 0, n))
		assert_true(n++ < TRIES_MAX);
	assert_true(n > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_login_gives_a_pair_and_writes_nothing),
		TEST(test_each_token_is_good_for_one_thing),
		TEST(test_a_refresh_gives_the_next_pair),
		TEST(test_a_lost_answer_is_given_again),
		TEST(test_a_pair_whose_key_is_retired_is_signed_anew),
		TEST(test_reuse_after_a_bearer_was_used_ends_the_family),
		TEST(test_reuse_after_the_next_refresh_ends_the_family),
		TEST(test_use_of_the_older_bearer_uses_nothing),
		TEST(test_a_bearer_is_marked_once),
		TEST(test_a_store_that_cannot_be_written_refuses_no_bearer),
		TEST(test_tokens_end_with_their_time),
		TEST(test_a_new_password_ends_all_families),
		TEST(test_a_disabled_user_refreshes_nothing),
		TEST(test_what_writes_has_a_row_of_its_own),
		TEST(test_the_whole_account_is_read_again),
		TEST(test_two_at_once_get_the_same_pair),
		TEST(test_nth_store_call_fails),
		TEST(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
