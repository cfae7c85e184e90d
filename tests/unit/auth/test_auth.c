#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "forge.h"

/* ---- Basic ---- */

static void test_a_site_is_admitted_by_its_password(void **state)
{
	struct fixture *f = *state;
	const struct tb_principal *p =
		admitted(ask(f, basic(f, "username", "password"), NULL, true));

	assert_int_equal(p->kind, TB_PRINCIPAL_SITE);
	assert_int_equal(p->org, f->org);
	assert_true(tb_str_eq(p->org_name, TB_STR("clinics")));
	assert_int_equal(p->site_id, 63);
	assert_true(tb_str_eq(p->key, TB_STR("63")));
	assert_true(tb_str_eq(p->name, TB_STR("username")));
	assert_int_equal(p->n_stores, 1);
	assert_true(tb_principal_has_store(p, TB_STR("s1")));
	assert_false(tb_principal_has_store(p, TB_STR("s2")));
	assert_true(tb_principal_is(p, TB_WHO_SITE));
	assert_false(tb_principal_is(p, TB_WHO_USER | TB_WHO_ADMIN));
	tb_principal_unref(p);
}

static void test_a_site_is_admitted_by_the_hash_of_its_password(void **state)
{
	struct fixture *f = *state;

	must_admit(f, basic(f, "username", SITE_HASH), NULL);
	must_refuse(f,
		    basic(f, "username",
			  "5E884898da28047151d0e56f8dc6292773603d0d6aabbdd62a"
			  "11ef721d1542d8"),
		    NULL, TB_AUTH_WRONG);
}

static void test_wrong_and_unknown_are_told_apart(void **state)
{
	struct fixture *f = *state;

	must_refuse(f, basic(f, "username", "Password"), NULL, TB_AUTH_WRONG);
	must_refuse(f, basic(f, "username", ""), NULL, TB_AUTH_WRONG);
	must_refuse(f, basic(f, "somebody", "password"), NULL, TB_AUTH_UNKNOWN);
	must_refuse(f, basic(f, "USERNAME", "password"), NULL, TB_AUTH_UNKNOWN);
	/* A user is no site. */
	must_refuse(f, basic(f, "Anna", "testpass123"), NULL, TB_AUTH_UNKNOWN);
}

static void test_headers_that_are_none_are_malformed(void **state)
{
	static const char *const headers[] = {
		"",
		"Basic",
		"Basic ",
		"Basic *",
		"Basicx",
		"Digest abc",
		"Bearer",
		"Bearer ",
		"Basic\tx",
		"Basic bm9jb2xvbg==",
		"dXNlcm5hbWU6cGFzc3dvcmQ=",
	};
	struct fixture *f = *state;

	must_refuse(f, TB_STR_NONE, NULL, TB_AUTH_MISSING);
	for (size_t i = 0; i < TB_ARRAY_LEN(headers); i++)
		must_refuse(f, tb_str_z(headers[i]), NULL, TB_AUTH_MALFORMED);
}

static void test_a_schemes_name_has_no_case(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");

	memcpy((char *)(uintptr_t)header.p, "bASIC", 5);
	must_admit(f, header, NULL);
}

static void test_a_scheme_that_an_api_does_not_take_is_malformed(void **state)
{
	struct fixture *f = *state;
	struct tb_credentials credentials = {
		.schemes = TB_AUTH_BEARER,
		.authorization = basic(f, "username", "password"),
		.address = TB_STR(ADDRESS),
		.now_us = f->ic.now_us,
	};
	struct tb_auth_result result =
		tb_auth_check(f->auth, &credentials, true);

	assert_int_equal(result.failure, TB_AUTH_MALFORMED);
	credentials.schemes = TB_AUTH_BASIC_SITE;
	credentials.authorization = bearer(f, TB_STR("a.b.c"));
	result = tb_auth_check(f->auth, &credentials, true);
	assert_int_equal(result.failure, TB_AUTH_MALFORMED);
}

static struct tb_auth_result ask_exact(struct fixture *f, struct tb_str header)
{
	struct tb_credentials credentials = {
		.schemes = TB_AUTH_BEARER_EXACT,
		.authorization = header,
		.address = TB_STR(ADDRESS),
		.now_us = f->ic.now_us,
	};

	return tb_auth_check(f->auth, &credentials, true);
}

static void test_exactly_bearer_takes_no_other_spelling(void **state)
{
	static const struct {
		const char *before;
		const char *behind;
	} forms[] = {
		{ "bearer ", "" },  { "BEARER ", "" },  { "Bearer  ", "" },
		{ " Bearer ", "" }, { "Bearer\t", "" }, { "Bearer ", " " },
		{ "Bearer", "" },   { "", "" },         { "Token ", "" },
		{ "Bearer:", "" },  { "Basic ", "" },   { "Bearer ", " x" },
	};
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);

	tb_principal_unref(admitted(ask_exact(f, bearer(f, token))));
	for (size_t i = 0; i < TB_ARRAY_LEN(forms); i++) {
		struct tb_auth_result result;
		struct tb_str header;

		MUST(tb_arena_printf(f->ic.arena, &header, "%s%.*s%s",
				     forms[i].before, TB_STR_ARG(token),
				     forms[i].behind));
		result = ask_exact(f, header);
		assert_int_equal(result.outcome, TB_AUTH_REFUSED);
		assert_int_equal(result.failure, TB_AUTH_MALFORMED);
	}
}

static void test_exactly_bearer_needs_a_token(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask_exact(f, TB_STR_NONE).failure, TB_AUTH_MISSING);
	assert_int_equal(ask_exact(f, TB_STR("")).failure, TB_AUTH_MALFORMED);
	assert_int_equal(ask_exact(f, TB_STR("Bearer")).failure,
			 TB_AUTH_MALFORMED);
	assert_int_equal(ask_exact(f, TB_STR("Bearer ")).failure,
			 TB_AUTH_MALFORMED);
	assert_int_equal(ask_exact(f, TB_STR("Bearer x")).failure,
			 TB_AUTH_BAD_TOKEN);
}

static void test_seen_credentials_need_no_store(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");

	must_block(f, header, NULL);
	must_admit(f, header, NULL);
	count_anew(f);
	must_admit_at_once(f, header, NULL);
	assert_int_equal(finds(f), 0);
	/* For as long as the configuration says. */
	f->ic.now_us += 600 * SECOND_US - 1;
	must_admit_at_once(f, header, NULL);
	f->ic.now_us += 1;
	must_block(f, header, NULL);
}

static void test_after_a_change_elsewhere_no_password_is_hashed(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	const struct tb_principal *p;

	must_admit(f, header, NULL);
	/* The right to central data is seen at once. */
	update(f, TB_ACCOUNT_SITE, "63",
	       (struct tb_account) { .may_edit_central = true },
	       TB_CHANGE_CENTRAL);
	must_block(f, header, NULL);
	/* With all turns taken, only what needs none is admitted. */
	MUST(tb_passwords_begin(f->auth->passwords));
	p = admitted(ask(f, header, NULL, true));
	assert_true(p->may_edit_central);
	tb_principal_unref(p);
	tb_passwords_end(f->auth->passwords);
	must_admit_at_once(f, header, NULL);
}

static void test_a_changed_password_ends_the_old_one_at_once(void **state)
{
	struct fixture *f = *state;
	struct tb_str old = basic(f, "username", "password");

	must_admit(f, old, NULL);
	set_password(f, "new password");
	must_refuse(f, old, NULL, TB_AUTH_WRONG);
	must_admit(f, basic(f, "username", "new password"), NULL);
}

static void test_a_renamed_site_is_known_by_its_new_name_alone(void **state)
{
	struct fixture *f = *state;
	struct tb_str old = basic(f, "username", "password");

	must_admit(f, old, NULL);
	update(f, TB_ACCOUNT_SITE, "63",
	       (struct tb_account) { .username = TB_STR("renamed") },
	       TB_CHANGE_USERNAME);
	must_refuse(f, old, NULL, TB_AUTH_UNKNOWN);
	must_admit(f, basic(f, "renamed", "password"), NULL);
}

static void test_a_disabled_site_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	struct tb_str token = issue(f, header, NULL);

	must_admit(f, bearer(f, token), NULL);
	update(f, TB_ACCOUNT_SITE, "63",
	       (struct tb_account) { .disabled = true }, TB_CHANGE_DISABLED);
	must_refuse(f, header, NULL, TB_AUTH_DISABLED);
	must_refuse(f, bearer(f, token), NULL, TB_AUTH_DISABLED);
	/* Who does not know the password is not told. */
	must_refuse(f, basic(f, "username", "x"), NULL, TB_AUTH_WRONG);
	update(f, TB_ACCOUNT_SITE, "63",
	       (struct tb_account) { .disabled = false }, TB_CHANGE_DISABLED);
	must_admit(f, header, NULL);
	must_refuse(f, bearer(f, token), NULL, TB_AUTH_EXPIRED);
}

static void test_a_hash_of_old_parameters_is_renewed(void **state)
{
	struct fixture *f = *state;
	struct tb_auth_options dearer = cheap;
	struct tb_str header = basic(f, "username", "password");
	struct tb_account account;
	struct tb_str token = issue(f, header, NULL);
	struct tb_tx *tx;

	dearer.argon2_mem_bytes = 16384;
	tb_auth_destroy(f->auth);
	MUST(tb_auth_create(f->ic.core, f->keys, &dearer, &f->auth));
	must_admit(f, header, NULL);
	tx = inline_core_read(&f->ic);
	MUST(tb_directory_find(tx, f->ic.arena, TB_ACCOUNT_SITE, f->org,
			       TB_STR("63"), &account));
	tb_core_read_end(tx);
	assert_false(
		tb_passwords_is_outdated(f->auth->passwords, account.password));
	/* It is the same password: its tokens stay. */
	must_admit(f, bearer(f, token), NULL);
	must_admit_at_once(f, header, NULL);
}

static void test_an_account_without_a_password_admits_nobody(void **state)
{
	struct fixture *f = *state;

	add_account(f, TB_ACCOUNT_SITE, "64", "none", NULL);
	must_refuse(f, basic(f, "none", ""), NULL, TB_AUTH_WRONG);
}

static void test_the_cache_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct tb_str first = basic(f, "username", "password");
	char name[8];

	must_admit(f, first, NULL);
	for (unsigned i = 0; i < cheap.verified_max; i++) {
		char key[8];

		snprintf(key, sizeof(key), "%u", 100 + i);
		snprintf(name, sizeof(name), "s%u", i);
		add_account(f, TB_ACCOUNT_SITE, key, name, "password");
	}
	for (unsigned i = 0; i < cheap.verified_max; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		must_admit(f, basic(f, name, "password"), NULL);
	}
	must_block(f, first, NULL);
	must_admit_at_once(f, basic(f, name, "password"), NULL);
}

/* ---- the database of a site ---- */

static void test_the_first_database_binds(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");

	must_admit(f, header, "uuid-a");
	must_refuse(f, header, "uuid-b", TB_AUTH_HARDWARE);
	must_refuse(f, header, NULL, TB_AUTH_HARDWARE);
	must_admit(f, header, "uuid-a");
	must_admit_at_once(f, header, "uuid-a");
	must_refuse(f, header, "uuid-b", TB_AUTH_HARDWARE);
	/* The other form of the password is no way around. */
	must_refuse(f, basic(f, "username", SITE_HASH), NULL, TB_AUTH_HARDWARE);
}

static void test_a_site_that_never_sent_one_stays_unbound(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");

	must_admit(f, header, NULL);
	must_admit_at_once(f, header, NULL);
	must_admit(f, header, "");
	must_admit(f, header, "uuid-a");
	must_refuse(f, header, NULL, TB_AUTH_HARDWARE);
}

static void test_a_binding_is_durable_before_the_answer(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .err = TB_ERR_FULL };

	tb_fail_set_plan(f->ic.store, &plan);
	must_refuse(f, header, "uuid-a", TB_AUTH_UNAVAILABLE);
	tb_fail_set_plan(f->ic.store, NULL);
	must_admit(f, header, "uuid-b");
	must_refuse(f, header, "uuid-a", TB_AUTH_HARDWARE);
}

static void test_a_released_site_binds_anew_and_its_tokens_end(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	struct tb_str token = issue(f, header, "uuid-a");

	must_admit(f, bearer(f, token), "uuid-a");
	update(f, TB_ACCOUNT_SITE, "63", (struct tb_account) { .rid = 0 },
	       TB_CHANGE_HARDWARE);
	must_refuse(f, bearer(f, token), "uuid-a", TB_AUTH_EXPIRED);
	must_admit(f, header, "uuid-b");
	must_refuse(f, header, "uuid-a", TB_AUTH_HARDWARE);
}

static void test_a_token_is_bound_as_its_site_is(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	struct tb_str unbound = issue(f, header, NULL);
	struct tb_str bound;

	must_admit(f, bearer(f, unbound), NULL);
	must_admit_at_once(f, bearer(f, unbound), NULL);
	/* The token's first UUID binds the site as well. */
	must_admit(f, bearer(f, unbound), "uuid-a");
	must_refuse(f, bearer(f, unbound), NULL, TB_AUTH_HARDWARE);
	must_refuse(f, header, "uuid-b", TB_AUTH_HARDWARE);
	bound = issue(f, header, "uuid-a");
	must_admit(f, bearer(f, bound), "uuid-a");
	must_refuse(f, bearer(f, bound), "uuid-b", TB_AUTH_HARDWARE);
	must_refuse(f, bearer(f, bound), NULL, TB_AUTH_HARDWARE);
}

static void test_what_cannot_be_a_database_uuid_binds_nothing(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	char large[130];

	memset(large, 'x', sizeof(large));
	large[129] = '\0';
	must_refuse(f, header, large, TB_AUTH_HARDWARE);
	must_refuse(f, header, "a b", TB_AUTH_HARDWARE);
	must_refuse(f, header, "\xff", TB_AUTH_HARDWARE);
	must_admit(f, header, NULL);
	large[128] = '\0';
	must_admit(f, header, large);
}

#define RACERS 4

struct racer {
	struct fixture *f;
	struct tb_str header;
	char hardware[8];
	struct tb_auth_result result;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	racer->result = ask(racer->f, racer->header, racer->hardware, true);
	return NULL;
}

static void test_of_two_first_databases_exactly_one_wins(void **state)
{
	struct fixture *f = *state;
	struct racer racers[RACERS];
	pthread_t threads[RACERS];
	size_t n = 0;

	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (struct racer) {
			.f = f, .header = basic(f, "username", "password")
		};
		snprintf(racers[i].hardware, sizeof(racers[i].hardware),
			 "uuid-%zu", i);
	}
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	for (size_t i = 0; i < RACERS; i++) {
		pthread_join(threads[i], NULL);
		if (racers[i].result.outcome == TB_AUTH_OK)
			n++;
		else
			assert_int_equal(racers[i].result.failure,
					 TB_AUTH_HARDWARE);
		tb_principal_unref(racers[i].result.principal);
	}
	assert_int_equal(n, 1);
}

/* ---- tokens ---- */

static void test_a_token_is_as_good_as_its_site(void **state)
{
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);
	const struct tb_principal *p;

	must_block(f, bearer(f, token), NULL);
	p = admitted(ask(f, bearer(f, token), NULL, true));
	assert_int_equal(p->kind, TB_PRINCIPAL_SITE);
	assert_int_equal(p->site_id, 63);
	assert_true(tb_principal_has_store(p, TB_STR("s1")));
	tb_principal_unref(p);
	count_anew(f);
	must_admit_at_once(f, bearer(f, token), NULL);
	assert_int_equal(finds(f), 0);
}

static void test_a_token_ends_when_it_says(void **state)
{
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);

	must_admit(f, bearer(f, token), NULL);
	f->ic.now_us += 3600 * SECOND_US - 1;
	must_admit_at_once(f, bearer(f, token), NULL);
	f->ic.now_us += 1;
	must_refuse(f, bearer(f, token), NULL, TB_AUTH_EXPIRED);
}

static void test_two_tokens_of_one_second_differ(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");

	assert_false(tb_str_eq(issue(f, header, NULL), issue(f, header, NULL)));
}

static void test_a_changed_password_ends_the_tokens(void **state)
{
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);

	must_admit(f, bearer(f, token), NULL);
	set_password(f, "new password");
	must_refuse(f, bearer(f, token), NULL, TB_AUTH_EXPIRED);
}

static void test_a_change_elsewhere_ends_no_token(void **state)
{
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);

	must_admit(f, bearer(f, token), NULL);
	add_account(f, TB_ACCOUNT_SITE, "64", "other", "password");
	must_block(f, bearer(f, token), NULL);
	must_admit(f, bearer(f, token), NULL);
	must_admit_at_once(f, bearer(f, token), NULL);
}

static void test_a_retired_key_ends_what_it_signed_at_once(void **state)
{
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);
	struct tb_signing_key old;

	must_admit(f, bearer(f, token), NULL);
	tb_keys_signing(f->keys, &old);
	MUST(tb_keys_rotate(f->keys));
	must_admit(f, bearer(f, token), NULL);
	MUST(tb_keys_retire(f->keys, tb_str_z(old.kid)));
	must_refuse(f, bearer(f, token), NULL, TB_AUTH_BAD_TOKEN);
}

static void test_a_refresh_token_is_no_credential(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key key;
	struct tb_token token = {
		.type = TB_TOKEN_REFRESH,
		.kind = TB_PRINCIPAL_SITE,
		.org = f->org,
		.key = TB_STR("63"),
		.id = TB_STR("1"),
		.credential = 1,
		.site_id = 63,
		.issued_s = f->ic.now_us / SECOND_US,
		.expires_s = f->ic.now_us / SECOND_US + 60,
	};
	struct tb_str text;

	tb_keys_signing(f->keys, &key);
	MUST(tb_token_encode(f->ic.arena, &key, &token, &text));
	must_refuse(f, bearer(f, text), NULL, TB_AUTH_BAD_TOKEN);
	token.type = TB_TOKEN_ACCESS;
	MUST(tb_token_encode(f->ic.arena, &key, &token, &text));
	must_admit(f, bearer(f, text), NULL);
}

static void test_bad_tokens_never_reach_a_worker(void **state)
{
	static char large[TB_TOKEN_MAX_BYTES + 1];
	struct fixture *f = *state;
	struct tb_str token = issue(f, basic(f, "username", "password"), NULL);
	const uint8_t other[TB_KEY_SECRET_BYTES] = { 1 };
	struct tb_str bad[4];

	memset(large, 'x', sizeof(large));
	bad[0] = TB_STR("invalid.token.here");
	bad[1] = forge(f->ic.arena, "{\"alg\":\"HS256\"}", "{}", other);
	bad[2] = tb_str(large, sizeof(large));
	bad[3] = tb_str(token.p, token.n - 1);
	count_anew(f);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_auth_result result =
			ask(f, bearer(f, bad[i]), NULL, false);

		assert_int_equal(result.outcome, TB_AUTH_REFUSED);
		assert_int_equal(result.failure, TB_AUTH_BAD_TOKEN);
	}
	assert_int_equal(finds(f), 0);
}

static void test_a_token_of_an_account_that_is_gone_is_expired(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key key;
	struct tb_token token = {
		.kind = TB_PRINCIPAL_USER,
		.org = f->org,
		.key = TB_STR("nobody"),
		.id = TB_STR("1"),
		.issued_s = f->ic.now_us / SECOND_US,
		.expires_s = f->ic.now_us / SECOND_US + 60,
	};
	struct tb_str text;

	tb_keys_signing(f->keys, &key);
	MUST(tb_token_encode(f->ic.arena, &key, &token, &text));
	must_refuse(f, bearer(f, text), NULL, TB_AUTH_EXPIRED);
}

/* ---- what fails ---- */

static void test_without_turns_credentials_are_unavailable(void **state)
{
	struct tb_passwords_options none = {
		.mem_bytes = 8192, .ops = 1, .parallel = 1, .wait_ms = 1
	};
	struct fixture *f = *state;

	tb_passwords_destroy(f->auth->passwords);
	MUST(tb_passwords_create(&none, &f->auth->passwords));
	MUST(tb_passwords_begin(f->auth->passwords));
	/* And that is no failure of the caller's. */
	for (int i = 0; i < 10; i++)
		must_refuse(f, basic(f, "username", "wrong"), NULL,
			    TB_AUTH_UNAVAILABLE);
	tb_passwords_end(f->auth->passwords);
	must_admit(f, basic(f, "username", "password"), NULL);
}

static void test_any_call_of_the_store_may_fail(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	struct tb_str token;
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED };

	for (uint64_t n = 1; result.outcome != TB_AUTH_OK; n++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .first = n,
					     .err = TB_ERR_IO };

		assert_true(n < 100);
		tb_fail_set_plan(f->ic.store, &plan);
		result = ask(f, header, "uuid-a", true);
		tb_fail_set_plan(f->ic.store, NULL);
		if (result.outcome == TB_AUTH_REFUSED)
			assert_int_equal(result.failure, TB_AUTH_UNAVAILABLE);
		tb_principal_unref(result.principal);
	}
	token = issue(f, header, "uuid-a");
	for (uint64_t n = 1; n < 10; n++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .first = n,
					     .err = TB_ERR_BUSY };

		tb_fail_set_plan(f->ic.store, &plan);
		result = ask(f, bearer(f, token), "uuid-a", true);
		tb_fail_set_plan(f->ic.store, NULL);
		if (result.outcome == TB_AUTH_REFUSED)
			assert_int_equal(result.failure, TB_AUTH_UNAVAILABLE);
		tb_principal_unref(result.principal);
	}
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	struct tb_str header = basic(f, "username", "password");
	struct tb_auth_result result = { .outcome = TB_AUTH_REFUSED };

	for (uint64_t n = 1; result.outcome != TB_AUTH_OK; n++) {
		assert_true(n < 1000);
		tb_alloc_fail_at(n);
		result = ask(f, header, NULL, true);
		tb_alloc_fail_at(0);
		if (result.outcome == TB_AUTH_REFUSED)
			assert_true(result.failure == TB_AUTH_UNAVAILABLE ||
				    result.failure == TB_AUTH_LIMITED);
		tb_principal_unref(result.principal);
	}
}

static void test_creation_survives_any_failed_allocation(void **state)
{
	struct fixture *f = *state;
	enum tb_err err = TB_ERR_NOMEM;

	for (uint64_t n = 1; err != TB_OK; n++) {
		struct tb_auth *auth = NULL;

		assert_true(n < 100);
		tb_alloc_fail_at(n);
		err = tb_auth_create(f->ic.core, f->keys, &cheap, &auth);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		tb_auth_destroy(auth);
	}
}

static void test_nobody_is_only_anyone(void **state)
{
	(void)state;
	assert_true(tb_principal_is(NULL, TB_WHO_ANYONE | TB_WHO_SITE));
	assert_false(tb_principal_is(NULL, TB_WHO_SITE | TB_WHO_ADMIN));
	tb_principal_unref(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_site_is_admitted_by_its_password),
		TEST(test_a_site_is_admitted_by_the_hash_of_its_password),
		TEST(test_wrong_and_unknown_are_told_apart),
		TEST(test_headers_that_are_none_are_malformed),
		TEST(test_a_schemes_name_has_no_case),
		TEST(test_a_scheme_that_an_api_does_not_take_is_malformed),
		TEST(test_exactly_bearer_takes_no_other_spelling),
		TEST(test_exactly_bearer_needs_a_token),
		TEST(test_seen_credentials_need_no_store),
		TEST(test_after_a_change_elsewhere_no_password_is_hashed),
		TEST(test_a_changed_password_ends_the_old_one_at_once),
		TEST(test_a_renamed_site_is_known_by_its_new_name_alone),
		TEST(test_a_disabled_site_is_refused_at_once),
		TEST(test_a_hash_of_old_parameters_is_renewed),
		TEST(test_an_account_without_a_password_admits_nobody),
		TEST(test_the_cache_is_bounded),
		TEST(test_the_first_database_binds),
		TEST(test_a_site_that_never_sent_one_stays_unbound),
		TEST(test_a_binding_is_durable_before_the_answer),
		TEST(test_a_released_site_binds_anew_and_its_tokens_end),
		TEST(test_a_token_is_bound_as_its_site_is),
		TEST(test_what_cannot_be_a_database_uuid_binds_nothing),
		TEST(test_of_two_first_databases_exactly_one_wins),
		TEST(test_a_token_is_as_good_as_its_site),
		TEST(test_a_token_ends_when_it_says),
		TEST(test_two_tokens_of_one_second_differ),
		TEST(test_a_changed_password_ends_the_tokens),
		TEST(test_a_change_elsewhere_ends_no_token),
		TEST(test_a_retired_key_ends_what_it_signed_at_once),
		TEST(test_a_refresh_token_is_no_credential),
		TEST(test_bad_tokens_never_reach_a_worker),
		TEST(test_a_token_of_an_account_that_is_gone_is_expired),
		TEST(test_without_turns_credentials_are_unavailable),
		TEST(test_any_call_of_the_store_may_fail),
		TEST(test_any_allocation_may_fail),
		TEST(test_creation_survives_any_failed_allocation),
		TEST(test_nobody_is_only_anyone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
