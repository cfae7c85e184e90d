/*
 * Names and passwords: users' logins, and sites by HTTP Basic.
 */
#include "auth/admit.h"

#include <sodium.h>

#include "auth/basic.h"

/* One try of a name and a password. */
struct login {
	enum tb_account_kind kind;
	struct tb_str name;
	struct tb_str secret;
	const struct tb_credentials *credentials;
	const struct tb_verified_key *key; /* NULL: is not remembered */
};

static int64_t verified_until_us(const struct tb_auth *auth, int64_t now_us)
{
	return now_us + auth->options.verified_life_s * TB_US_PER_S;
}

/* The stored hash was made with older parameters, and now its password is at
 * hand. If this fails, it is tried again at the next login. */
static void renew_hash(struct tb_auth *auth, struct tb_arena *arena,
		       const struct login *login, struct tb_account account,
		       const char *hash)
{
	struct tb_audit_note note =
		tb_auth_note(arena, &account, "rehash_password",
			     login->credentials->address);
	enum tb_err err;

	account.password = tb_str_z(hash);
	err = tb_directory_update_account(auth->core, &note, &account,
					  TB_CHANGE_REHASH, false);
	(void)err;
}

enum verdict {
	VERDICT_RIGHT,
	VERDICT_RIGHT_RENEW, /* and here is a newer hash */
	VERDICT_WRONG,
};

/* Computes within a turn. Takes the same time if there is no such account. */
static enum verdict judge(struct tb_auth *auth, const struct login *login,
			  const struct tb_account *account,
			  char ret_hash[TB_PASSWORD_HASH_BYTES])
{
	struct tb_passwords *passwords = auth->passwords;

	if (account == NULL || account->password.n == 0) {
		enum tb_err err =
			tb_passwords_hash(passwords, login->secret, ret_hash);

		(void)err;
		return VERDICT_WRONG;
	}
	if (!tb_passwords_verify(passwords, account->password, login->secret))
		return VERDICT_WRONG;
	/* A disabled account's right password takes no longer than its wrong
	 * ones. */
	if (!account->disabled &&
	    tb_passwords_is_outdated(passwords, account->password) &&
	    tb_passwords_hash(passwords, login->secret, ret_hash) == TB_OK)
		return VERDICT_RIGHT_RENEW;
	return VERDICT_RIGHT;
}

static struct tb_auth_result try_login(struct tb_auth *auth,
				       struct tb_arena *arena,
				       const struct login *login)
{
	struct tb_wanted_account wanted = { .kind = login->kind,
					    .username = login->name };
	const struct tb_principal *principal = NULL;
	char hash[TB_PASSWORD_HASH_BYTES];
	enum verdict verdict = VERDICT_WRONG;
	struct tb_stored_account stored;
	enum tb_err err = tb_auth_read_account(auth, arena, &wanted, &stored);
	bool is_known = err == TB_OK;

	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	if (tb_passwords_begin(auth->passwords) != TB_OK)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	/* Of several connections that a site opens at once, the first to get
	 * here computes for all. */
	if (login->key != NULL)
		principal = tb_auth_find_verified(auth, login->key,
						  login->credentials);
	if (principal == NULL)
		verdict = judge(auth, login, is_known ? &stored.account : NULL,
				hash);
	tb_passwords_end(auth->passwords);
	if (principal != NULL)
		return tb_auth_admitted(principal);
	if (verdict == VERDICT_WRONG)
		return tb_auth_refused(is_known ? TB_AUTH_WRONG
						: TB_AUTH_UNKNOWN);
	if (verdict == VERDICT_RIGHT_RENEW)
		renew_hash(auth, arena, login, stored.account, hash);
	return tb_auth_admit(
		auth, arena, &stored, login->credentials, login->key,
		verified_until_us(auth, login->credentials->now_us));
}

static enum tb_attempt_outcome
attempt_outcome(const struct login *login, const struct tb_auth_result *result)
{
	if (result->outcome == TB_AUTH_OK)
		return TB_ATTEMPT_PASSED;
	if (result->failure == TB_AUTH_UNKNOWN ||
	    result->failure == TB_AUTH_WRONG)
		return TB_ATTEMPT_FAILED;
	/* Sites are told that they are disabled. A user who is shall not learn
	 * from the counting that the password was the right one. */
	if (result->failure == TB_AUTH_DISABLED &&
	    login->kind == TB_ACCOUNT_USER)
		return TB_ATTEMPT_FAILED;
	return TB_ATTEMPT_UNDECIDED;
}

static struct tb_auth_result limited_login(struct tb_auth *auth,
					   struct tb_arena *arena,
					   const struct login *login)
{
	struct tb_attempt attempt = {
		.kind = login->kind,
		.name = login->name,
		.address = login->credentials->address,
		.secret = login->secret,
		.now_us = login->credentials->now_us,
	};
	uint32_t wait_s = tb_limits_begin(auth->limits, &attempt);
	struct tb_auth_result result;

	if (wait_s > 0) {
		result = tb_auth_refused(TB_AUTH_LIMITED);
		result.retry_after_s = wait_s;
		return result;
	}
	result = try_login(auth, arena, login);
	tb_limits_end(auth->limits, &attempt, attempt_outcome(login, &result));
	return result;
}

struct tb_auth_result tb_auth_login_user(struct tb_auth *auth,
					 struct tb_str username,
					 struct tb_str password,
					 struct tb_str address, int64_t now_us)
{
	struct tb_credentials credentials = { .address = address,
					      .now_us = now_us };
	struct login login = {
		.kind = TB_ACCOUNT_USER,
		.name = username,
		.secret = password,
		.credentials = &credentials,
	};
	struct tb_arena *arena;
	struct tb_auth_result result;

	if (username.n == 0 || password.n > TB_PASSWORD_MAX_BYTES)
		return tb_auth_refused(TB_AUTH_WRONG);
	arena = tb_arena_create(TB_AUTH_ARENA_MAX_BYTES);
	if (arena == NULL)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	result = limited_login(auth, arena, &login);
	tb_arena_destroy(arena);
	return result;
}

enum tb_err tb_auth_hash_password(struct tb_auth *auth, struct tb_arena *arena,
				  struct tb_str password, struct tb_str *ret)
{
	char hash[TB_PASSWORD_HASH_BYTES];
	enum tb_err err = tb_passwords_make(auth->passwords, TB_ACCOUNT_USER,
					    password, hash);

	return err == TB_OK ? tb_arena_strdup(arena, tb_str_z(hash), ret) : err;
}

/* ---- Basic ---- */

/* A password that was verified before, for an account of which something has
 * changed since: if its credential version is the same, the password is, and
 * needs no hashing. False: it has to be verified again. */
static bool recheck(struct tb_auth *auth, struct tb_arena *arena,
		    const struct tb_credentials *credentials,
		    const struct tb_verified_key *key,
		    struct tb_auth_result *ret)
{
	struct tb_verified_entry entry = tb_verified_get(auth->verified, key);
	const struct tb_principal *principal = entry.principal;
	struct tb_stored_account stored;
	enum tb_err err = TB_ERR_NOT_FOUND;

	if (principal != NULL && credentials->now_us < entry.until_us) {
		struct tb_wanted_account wanted = { .kind = TB_ACCOUNT_SITE,
						    .org = principal->org,
						    .key = principal->key };

		err = tb_auth_read_account(auth, arena, &wanted, &stored);
	}
	if (err == TB_OK &&
	    (stored.account.credential != principal->credential ||
	     !tb_str_eq(stored.account.username, principal->name)))
		err = TB_ERR_NOT_FOUND;
	tb_principal_unref(principal);
	if (err == TB_OK)
		*ret = tb_auth_admit(auth, arena, &stored, credentials, key,
				     entry.until_us);
	else if (err != TB_ERR_NOT_FOUND)
		*ret = tb_auth_refused(TB_AUTH_UNAVAILABLE);
	else
		tb_verified_remove(auth->verified, key);
	return err != TB_ERR_NOT_FOUND;
}

static struct tb_auth_result
log_in_site(struct tb_auth *auth, struct tb_arena *arena,
	    const struct tb_credentials *credentials, struct tb_str text,
	    const struct tb_verified_key *key)
{
	struct login login = {
		.kind = TB_ACCOUNT_SITE,
		.credentials = credentials,
		.key = key,
	};
	char secret[TB_SITE_SECRET_BYTES];
	struct tb_auth_result result;
	struct tb_buf scratch;
	struct tb_str password;
	enum tb_err err;

	tb_buf_init(&scratch, TB_BASIC_MAX_BYTES);
	err = tb_basic_parse(text, &scratch, &login.name, &password);
	if (err == TB_OK) {
		tb_password_site_secret(password, secret);
		login.secret = tb_str(secret, sizeof(secret));
		result = limited_login(auth, arena, &login);
	} else {
		result = tb_auth_refused(err == TB_ERR_INVALID
						 ? TB_AUTH_MALFORMED
						 : TB_AUTH_UNAVAILABLE);
	}
	if (scratch.n > 0)
		sodium_memzero(scratch.p, scratch.n);
	tb_buf_fini(&scratch);
	return result;
}

struct tb_auth_result
tb_auth_check_basic(struct tb_auth *auth,
		    const struct tb_credentials *credentials,
		    struct tb_str text, bool may_block)
{
	/* Strict base64 has one form for each name and password, so the form
	 * stands for them. */
	struct tb_verified_key key =
		tb_verified_key(auth->verified, TB_VERIFIED_BASIC, 0, text);
	const struct tb_principal *principal =
		tb_auth_find_verified(auth, &key, credentials);
	struct tb_auth_result result;
	struct tb_arena *arena;

	if (principal != NULL)
		return tb_auth_admitted(principal);
	if (!may_block)
		return tb_auth_would_block();
	arena = tb_arena_create(TB_AUTH_ARENA_MAX_BYTES);
	if (arena == NULL)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	if (!recheck(auth, arena, credentials, &key, &result))
		result = log_in_site(auth, arena, credentials, text, &key);
	tb_arena_destroy(arena);
	return result;
}
