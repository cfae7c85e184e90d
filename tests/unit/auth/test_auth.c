#include "../kernel/inline_core.h"

#include <stdatomic.h>
#include <stdio.h>

#include "auth/admit.h"
#include "auth/token.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "forge.h"
#include "key_folder.h"

#define SECOND_US 1000000ll
#define ADDRESS "192.0.2.1"

/* The vector of contract 1. */
#define SITE_HASH                                                              \
	"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

struct fixture {
	struct inline_core ic;
	struct key_folder folder;
	struct tb_keys *keys;
	struct tb_auth *auth;
	struct tb_passwords *passwords;
	uint32_t org;
};

static const struct tb_auth_options cheap = {
	.token_life_s = 3600,
	.verified_max = 8,
	.verified_life_s = 600,
	.failures_max = 5,
	.lock_s = 1800,
	.site_delay_max_s = 30,
	.address_failures_max = 300,
	.argon2_mem_bytes = 8192,
	.argon2_ops = 1,
};

static void add_account(struct fixture *f, enum tb_account_kind kind,
			const char *key, const char *username,
			const char *password)
{
	char hash[TB_PASSWORD_HASH_BYTES];
	struct tb_account account = { .kind = kind,
				      .org = f->org,
				      .key = tb_str_z(key),
				      .username = tb_str_z(username) };

	if (password != NULL) {
		MUST(tb_passwords_make(f->passwords, kind, tb_str_z(password),
				       hash));
		account.password = tb_str_z(hash);
	}
	MUST(tb_directory_add_account(f->ic.core, &f->ic.note, &account));
}

static int setup(void **state)
{
	static struct fixture f;
	struct tb_passwords_options options = { .mem_bytes = 8192,
						.ops = 1,
						.wait_ms = 5000 };

	inline_core_init(&f.ic);
	key_folder_init(&f.folder);
	MUST(tb_keys_open(f.folder.path, &f.keys));
	MUST(tb_passwords_create(&options, &f.passwords));
	MUST(tb_auth_create(f.ic.core, f.keys, &cheap, &f.auth));
	f.org = inline_core_add_org(&f.ic, "clinics");
	MUST(tb_directory_add_store(f.ic.core, &f.ic.note, f.org, TB_STR("s1"),
				    TB_STR_NONE));
	add_account(&f, TB_ACCOUNT_SITE, "63", "username", "password");
	add_account(&f, TB_ACCOUNT_USER, "u1", "Anna", "testpass123");
	MUST(tb_directory_assign_store(f.ic.core, &f.ic.note, f.org,
				       TB_STR("s1"), TB_STR("63")));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_auth_destroy(f->auth);
	tb_passwords_destroy(f->passwords);
	tb_keys_destroy(f->keys);
	key_folder_fini(&f->folder);
	inline_core_fini(&f->ic);
	return 0;
}

/* ---- requests ---- */

static struct tb_str basic(struct fixture *f, const char *name,
			   const char *password)
{
	struct tb_str text;
	struct tb_str header;
	struct tb_buf buf;

	MUST(tb_arena_printf(f->ic.arena, &text, "%s:%s", name, password));
	tb_buf_init(&buf, 8192);
	tb_buf_append_z(&buf, "Basic ");
	tb_base64_put(&buf, text);
	MUST(tb_arena_strdup(f->ic.arena, tb_buf_str(&buf), &header));
	tb_buf_fini(&buf);
	return header;
}

static struct tb_str bearer(struct fixture *f, struct tb_str token)
{
	struct tb_str header;

	MUST(tb_arena_printf(f->ic.arena, &header, "Bearer %.*s",
			     TB_STR_ARG(token)));
	return header;
}

static struct tb_auth_result ask(struct fixture *f, struct tb_str header,
				 const char *hardware, bool may_block)
{
	struct tb_credentials credentials = {
		.schemes = TB_AUTH_BASIC_SITE | TB_AUTH_BEARER,
		.authorization = header,
		.hardware = tb_str_z(hardware),
		.address = TB_STR(ADDRESS),
		.now_us = f->ic.now_us,
	};

	return tb_auth_check(f->auth, &credentials, may_block);
}

static const struct tb_principal *admitted(struct tb_auth_result result)
{
	assert_int_equal(result.outcome, TB_AUTH_OK);
	assert_non_null(result.principal);
	return result.principal;
}

static void must_admit(struct fixture *f, struct tb_str header,
		       const char *hardware)
{
	tb_principal_unref(admitted(ask(f, header, hardware, true)));
}

/* Admitted from memory. */
static void must_admit_at_once(struct fixture *f, struct tb_str header,
			       const char *hardware)
{
	tb_principal_unref(admitted(ask(f, header, hardware, false)));
}

static void must_refuse(struct fixture *f, struct tb_str header,
			const char *hardware, enum tb_auth_failure failure)
{
	struct tb_auth_result result = ask(f, header, hardware, true);

	assert_int_equal(result.outcome, TB_AUTH_REFUSED);
	assert_int_equal(result.failure, failure);
}

static void must_block(struct fixture *f, struct tb_str header,
		       const char *hardware)
{
	assert_int_equal(ask(f, header, hardware, false).outcome,
			 TB_AUTH_WOULD_BLOCK);
}

/* A token for whoever the header admits. */
static struct tb_str issue(struct fixture *f, struct tb_str header,
			   const char *hardware)
{
	const struct tb_principal *principal =
		admitted(ask(f, header, hardware, true));
	struct tb_str token;

	MUST(tb_auth_issue(f->auth, f->ic.arena, principal, f->ic.now_us, 3600,
			   &token));
	tb_principal_unref(principal);
	return token;
}

static void update(struct fixture *f, enum tb_account_kind kind,
		   const char *key, struct tb_account to, unsigned changes)
{
	to.kind = kind;
	to.org = f->org;
	to.key = tb_str_z(key);
	MUST(tb_directory_update_account(f->ic.core, &f->ic.note, &to, changes,
					 false));
}

static void set_password(struct fixture *f, const char *password)
{
	char hash[TB_PASSWORD_HASH_BYTES];

	MUST(tb_passwords_make(f->passwords, TB_ACCOUNT_SITE,
			       tb_str_z(password), hash));
	update(f, TB_ACCOUNT_SITE, "63",
	       (struct tb_account) { .password = tb_str_z(hash) },
	       TB_CHANGE_PASSWORD);
}

static uint64_t finds(struct fixture *f)
{
	return tb_fail_calls(f->ic.store, TB_FAIL_FIND);
}

static void count_anew(struct fixture *f)
{
	tb_fail_set_plan(f->ic.store, NULL);
}

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

/* ---- users ---- */

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
		TEST(test_a_user_logs_in_and_gets_a_token),
		TEST(test_an_administrators_right_is_seen_at_once),
		TEST(test_logins_that_fail),
		TEST(test_five_failures_lock_a_user_for_that_address),
		TEST(test_an_unknown_name_is_locked_like_a_known_one),
		TEST(test_a_slowed_site_is_let_in_by_what_is_remembered),
		TEST(test_without_turns_credentials_are_unavailable),
		TEST(test_any_call_of_the_store_may_fail),
		TEST(test_any_allocation_may_fail),
		TEST(test_creation_survives_any_failed_allocation),
		TEST(test_nobody_is_only_anyone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
