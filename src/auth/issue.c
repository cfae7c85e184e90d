/*
 * New tokens.
 */
#include "auth/admit.h"

#include <sodium.h>

#include "base/assert.h"

#define RANDOM_BYTES 16
#define ID_BYTES (2 * RANDOM_BYTES + 1)

_Static_assert(TB_KID_MAX <= TB_FAMILY_KID_MAX_BYTES, "families keep kids");
_Static_assert(ID_BYTES - 1 <= TB_TOKEN_FAMILY_MAX_BYTES, "ids of families");

static struct tb_str make_id(char buf[ID_BYTES])
{
	uint8_t random[RANDOM_BYTES];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(buf, ID_BYTES, random, sizeof(random));
	return tb_str(buf, ID_BYTES - 1);
}

/* What every token says of who holds it. */
static struct tb_token token_of(const struct tb_principal *principal)
{
	return (struct tb_token) {
		.kind = principal->kind,
		.org = principal->org,
		.org_name = principal->org_name,
		.key = principal->key,
		.name = principal->name,
		.hardware = principal->hardware,
		.credential = principal->credential,
		.site_id = principal->site_id,
		.is_admin = principal->is_admin,
	};
}

enum tb_err tb_auth_issue(struct tb_auth *auth, struct tb_arena *arena,
			  const struct tb_principal *principal, int64_t now_us,
			  uint32_t life_s, struct tb_str *ret_token)
{
	struct tb_token token = token_of(principal);
	struct tb_signing_key key;
	char id[ID_BYTES];
	enum tb_err err;

	token.type = TB_TOKEN_ACCESS;
	token.id = make_id(id);
	token.issued_s = now_us / TB_US_PER_S;
	token.expires_s = token.issued_s + life_s;
	tb_keys_signing(auth->keys, &key);
	err = tb_token_encode(arena, &key, &token, ret_token);
	tb_signing_key_wipe(&key);
	return err;
}

/* ---- pairs ---- */

struct tb_family_pair tb_auth_next_pair(struct tb_auth *auth,
					const struct tb_pair_life *life)
{
	int64_t now_s = life->now_us / TB_US_PER_S;
	struct tb_family_pair pair = {
		.issued_s = now_s,
		.access_expires_s = now_s + life->access_life_s,
		.refresh_expires_s = now_s + life->refresh_life_s,
	};
	struct tb_signing_key key;

	tb_keys_signing(auth->keys, &key);
	memcpy(pair.kid, key.kid, sizeof(key.kid));
	tb_signing_key_wipe(&key);
	return pair;
}

/* The same claims each time: nothing in them is random. */
static enum tb_err sign_one(struct tb_arena *arena,
			    const struct tb_signing_key *key,
			    struct tb_token token, enum tb_token_type type,
			    int64_t expires_s, struct tb_str *ret)
{
	enum tb_err err = tb_arena_printf(arena, &token.id, "%.*s-%llu-%c",
					  TB_STR_ARG(token.family),
					  (unsigned long long)token.seq,
					  type == TB_TOKEN_ACCESS ? 'a' : 'r');

	token.type = type;
	token.expires_s = expires_s;
	return err == TB_OK ? tb_token_encode(arena, key, &token, ret) : err;
}

enum tb_err tb_auth_sign_pair(struct tb_auth *auth, struct tb_arena *arena,
			      const struct tb_principal *principal,
			      struct tb_str family,
			      const struct tb_family_pair *pair,
			      struct tb_token_pair *ret)
{
	struct tb_token token = token_of(principal);
	struct tb_token_pair tokens;
	struct tb_signing_key key;
	enum tb_err err;

	TB_ASSERT(pair->seq > 0);
	token.family = family;
	token.seq = pair->seq;
	token.issued_s = pair->issued_s;
	if (tb_keys_find(auth->keys, tb_str_z(pair->kid), &key) != TB_OK)
		tb_keys_signing(auth->keys, &key);
	err = sign_one(arena, &key, token, TB_TOKEN_ACCESS,
		       pair->access_expires_s, &tokens.access);
	if (err == TB_OK)
		err = sign_one(arena, &key, token, TB_TOKEN_REFRESH,
			       pair->refresh_expires_s, &tokens.refresh);
	tb_signing_key_wipe(&key);
	if (err == TB_OK)
		*ret = tokens;
	return err;
}

enum tb_err tb_auth_issue_pair(struct tb_auth *auth, struct tb_arena *arena,
			       const struct tb_principal *principal,
			       const struct tb_pair_life *life,
			       struct tb_token_pair *ret)
{
	struct tb_family_pair pair = tb_auth_next_pair(auth, life);
	char id[ID_BYTES];

	pair.seq = 1;
	return tb_auth_sign_pair(auth, arena, principal, make_id(id), &pair,
				 ret);
}
