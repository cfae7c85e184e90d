/*
 * Refresh tokens: the next pair of their family.
 */
#include "auth/admit.h"

/* One refresh. */
struct refresh {
	struct tb_auth *auth;
	struct tb_arena *arena; /* for what is not answered */
	struct tb_token token;
	struct tb_str address;
	const struct tb_pair_life *life;
	bool is_audited;
};

static enum tb_auth_failure failure_of(enum tb_err err)
{
	if (err == TB_ERR_TIMEOUT)
		return TB_AUTH_EXPIRED;
	return err == TB_ERR_INVALID ? TB_AUTH_BAD_TOKEN : TB_AUTH_UNAVAILABLE;
}

/* Contract 4: an access token is never accepted in a refresh token's place. */
static enum tb_err read_token(struct refresh *refresh, struct tb_str text)
{
	struct tb_token *token = &refresh->token;
	enum tb_err err = tb_token_verify(refresh->auth->keys, refresh->arena,
					  text, refresh->life->now_us, token);

	if (err == TB_OK &&
	    (token->type != TB_TOKEN_REFRESH || token->family.n == 0))
		err = TB_ERR_INVALID;
	return err;
}

static enum tb_err next_pair(struct refresh *refresh,
			     const struct tb_account *account,
			     enum tb_family_verdict *ret_verdict,
			     struct tb_family_pair *ret)
{
	const struct tb_token *token = &refresh->token;
	struct tb_family_refresh asked = {
		.org = token->org,
		.id = token->family,
		.user = token->key,
		.seq = token->seq,
		.expires_s = token->expires_s,
		.next = tb_auth_next_pair(refresh->auth, refresh->life),
		.note = tb_auth_note(refresh->arena, account, "refresh",
				     refresh->address),
	};

	asked.note.is_written = &refresh->is_audited;
	return tb_family_refresh(refresh->auth->core, &asked, ret_verdict, ret);
}

/* For who holds the token. */
static struct tb_auth_result answer(struct refresh *refresh,
				    const struct tb_stored_account *stored,
				    struct tb_arena *arena,
				    struct tb_token_pair *ret)
{
	const struct tb_principal *principal;
	enum tb_family_verdict verdict;
	struct tb_family_pair pair;
	enum tb_err err = next_pair(refresh, &stored->account, &verdict, &pair);

	if (err != TB_OK)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	if (verdict == TB_FAMILY_ENDED)
		return tb_auth_refused(TB_AUTH_EXPIRED);
	principal = tb_principal_create(&stored->account, &stored->org);
	if (principal == NULL)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	/* If this fails, the same token gets the same pair. */
	err = tb_auth_sign_pair(refresh->auth, arena, principal,
				refresh->token.family, &pair, ret);
	if (err == TB_OK)
		return tb_auth_admitted(principal);
	tb_principal_unref(principal);
	return tb_auth_refused(TB_AUTH_UNAVAILABLE);
}

struct tb_auth_result
tb_auth_refresh(struct tb_auth *auth, struct tb_arena *arena,
		struct tb_str refresh_token, struct tb_str address,
		const struct tb_pair_life *life, struct tb_token_pair *ret)
{
	struct refresh refresh = {
		.auth = auth,
		.arena = tb_arena_create(TB_AUTH_ARENA_MAX_BYTES),
		.address = address,
		.life = life,
	};
	struct tb_stored_account stored;
	struct tb_auth_result result;
	enum tb_auth_failure failure;
	enum tb_err err;

	if (refresh.arena == NULL)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	err = read_token(&refresh, refresh_token);
	if (err != TB_OK)
		result = tb_auth_refused(failure_of(err));
	else if (!tb_auth_find_holder(auth, refresh.arena, &refresh.token,
				      &stored, &failure))
		result = tb_auth_refused(failure);
	else
		result = answer(&refresh, &stored, arena, ret);
	result.is_audited = refresh.is_audited;
	tb_arena_destroy(refresh.arena);
	return result;
}
