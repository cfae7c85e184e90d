/*
 * Bearer tokens: what they must be, and what their account says.
 */
#include "auth/admit.h"

/* What the stored account says to its token. True: nothing against it. */
static bool is_good(const struct tb_token *token,
		    const struct tb_stored_account *stored,
		    enum tb_auth_failure *ret_failure)
{
	const struct tb_account *account = &stored->account;

	*ret_failure = TB_AUTH_DISABLED;
	if (account->disabled)
		return false;
	*ret_failure = TB_AUTH_EXPIRED;
	/* A changed password, a released database: its tokens have ended. */
	if (account->credential != token->credential)
		return false;
	if (stored->has_family && stored->family.is_ended)
		return false;
	return token->hardware.n == 0 ||
	       tb_str_eq(token->hardware, account->hardware);
}

bool tb_auth_find_holder(struct tb_auth *auth, struct tb_arena *arena,
			 const struct tb_token *token,
			 struct tb_stored_account *ret,
			 enum tb_auth_failure *ret_failure)
{
	struct tb_wanted_account wanted = {
		.kind = tb_auth_account_kind(token->kind),
		.org = token->org,
		.key = token->key,
		.family = token->family,
	};
	struct tb_stored_account stored;
	enum tb_err err = tb_auth_read_account(auth, arena, &wanted, &stored);

	if (err != TB_OK) {
		*ret_failure = err == TB_ERR_NOT_FOUND ? TB_AUTH_EXPIRED
						       : TB_AUTH_UNAVAILABLE;
		return false;
	}
	if (!is_good(token, &stored, ret_failure))
		return false;
	stored.issued_s = token->issued_s;
	*ret = stored;
	return true;
}

/* Contract 4: "until the new pair is first used, repeating the old token
 * answers the same pair". This is where its access token is first used: it is
 * marked before the call goes on. */
static enum tb_err mark_used(struct tb_auth *auth, const struct tb_token *token,
			     const struct tb_stored_account *stored)
{
	if (!stored->has_family || stored->family.is_used ||
	    stored->family.newest.seq != token->seq)
		return TB_OK;
	return tb_family_mark_used(auth->core, token->org, token->family,
				   token->seq);
}

static struct tb_auth_result
check_token_account(struct tb_auth *auth, struct tb_arena *arena,
		    const struct tb_credentials *credentials,
		    const struct tb_token *token,
		    const struct tb_verified_key *key)
{
	struct tb_stored_account stored;
	enum tb_auth_failure failure;
	enum tb_err err;

	if (!tb_auth_find_holder(auth, arena, token, &stored, &failure))
		return tb_auth_refused(failure);
	err = mark_used(auth, token, &stored);
	/* Somebody used a token for the second time meanwhile. */
	if (err == TB_ERR_DENIED)
		return tb_auth_refused(TB_AUTH_EXPIRED);
	/* A store that cannot be written can be read: the caller is let in,
	 * and the mark is tried again the next time. */
	return tb_auth_admit(auth, arena, &stored, credentials,
			     err == TB_OK ? key : NULL,
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
