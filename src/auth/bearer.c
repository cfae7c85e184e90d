/*
 * Bearer tokens: what they must be, what their account says, and new ones.
 */
#include "auth/admit.h"

#include <sodium.h>

#include "auth/token.h"

#define TOKEN_ID_BYTES 16

/* What a token's account says to it. */
static struct tb_auth_result
check_token_account(struct tb_auth *auth, struct tb_arena *arena,
		    const struct tb_credentials *credentials,
		    const struct tb_token *token,
		    const struct tb_verified_key *key)
{
	struct tb_wanted_account wanted = {
		.kind = tb_auth_account_kind(token->kind),
		.org = token->org,
		.key = token->key,
	};
	struct tb_stored_account stored;
	enum tb_err err = tb_auth_read_account(auth, arena, &wanted, &stored);

	if (err == TB_ERR_NOT_FOUND)
		return tb_auth_refused(TB_AUTH_EXPIRED);
	if (err != TB_OK)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	if (stored.account.disabled)
		return tb_auth_refused(TB_AUTH_DISABLED);
	/* A changed password, a released database: its tokens have ended. */
	if (stored.account.credential != token->credential)
		return tb_auth_refused(TB_AUTH_EXPIRED);
	if (token->hardware.n > 0 &&
	    !tb_str_eq(token->hardware, stored.account.hardware))
		return tb_auth_refused(TB_AUTH_EXPIRED);
	return tb_auth_admit(auth, arena, &stored, credentials, key,
			     token->expires_s * TB_US_PER_S);
}

static struct tb_auth_result
check_new_token(struct tb_auth *auth, struct tb_arena *arena,
		const struct tb_credentials *credentials, struct tb_str text,
		const struct tb_verified_key *key, bool may_block)
{
	struct tb_token token;
	enum tb_err err = tb_token_verify(auth->keys, arena, text,
					  credentials->now_us, &token);

	if (err == TB_ERR_TIMEOUT)
		return tb_auth_refused(TB_AUTH_EXPIRED);
	if (err == TB_ERR_NOMEM)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	if (err != TB_OK || token.type != TB_TOKEN_ACCESS)
		return tb_auth_refused(TB_AUTH_BAD_TOKEN);
	/* Only what is signed by us gets as far as a worker. */
	if (!may_block)
		return tb_auth_would_block();
	return check_token_account(auth, arena, credentials, &token, key);
}

struct tb_auth_result
tb_auth_check_bearer(struct tb_auth *auth,
		     const struct tb_credentials *credentials,
		     struct tb_str text, bool may_block)
{
	const struct tb_principal *principal;
	struct tb_verified_key key;
	struct tb_auth_result result;
	struct tb_arena *arena;

	if (text.n > TB_TOKEN_MAX_BYTES)
		return tb_auth_refused(TB_AUTH_BAD_TOKEN);
	/* With a key retired, what it signed is no longer found. */
	key = tb_verified_key(auth->verified, TB_VERIFIED_TOKEN,
			      tb_keys_version(auth->keys), text);
	principal = tb_auth_find_verified(auth, &key, credentials);
	if (principal != NULL)
		return tb_auth_admitted(principal);
	arena = tb_arena_create(TB_AUTH_ARENA_MAX_BYTES);
	if (arena == NULL)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	result = check_new_token(auth, arena, credentials, text, &key,
				 may_block);
	tb_arena_destroy(arena);
	return result;
}

enum tb_err tb_auth_issue(struct tb_auth *auth, struct tb_arena *arena,
			  const struct tb_principal *principal, int64_t now_us,
			  uint32_t life_s, struct tb_str *ret_token)
{
	uint8_t random[TOKEN_ID_BYTES];
	char id[2 * TOKEN_ID_BYTES + 1];
	struct tb_token token = {
		.type = TB_TOKEN_ACCESS,
		.kind = principal->kind,
		.org = principal->org,
		.org_name = principal->org_name,
		.key = principal->key,
		.name = principal->name,
		.hardware = principal->hardware,
		.credential = principal->credential,
		.site_id = principal->site_id,
		.is_admin = principal->is_admin,
		.issued_s = now_us / TB_US_PER_S,
		.expires_s = now_us / TB_US_PER_S + life_s,
	};
	struct tb_signing_key key;
	enum tb_err err;

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(id, sizeof(id), random, sizeof(random));
	token.id = tb_str(id, sizeof(id) - 1);
	tb_keys_signing(auth->keys, &key);
	err = tb_token_encode(arena, &key, &token, ret_token);
	tb_signing_key_wipe(&key);
	return err;
}
