#include "auth/auth.h"

#include <sodium.h>

#include "auth/admit.h"
#include "base/alloc.h"

#define ADDRESS_WINDOW_S 600
#define ATTEMPTS_TRACKED_MAX 100000
#define PASSWORD_WAIT_MS 5000

const struct tb_auth_options tb_auth_default_options = {
	.token_life_s = 3600,
	.verified_max = 100000,
	.verified_life_s = 600,
	.failures_max = 5,
	.lock_s = 1800,
	.site_delay_max_s = 30,
	.address_failures_max = 300,
	.argon2_mem_bytes = 64ull << 20,
	.argon2_ops = 2,
};

static enum tb_err create_parts(struct tb_auth *auth)
{
	const struct tb_auth_options *options = &auth->options;
	struct tb_passwords_options passwords = {
		.mem_bytes = options->argon2_mem_bytes,
		.ops = options->argon2_ops,
		.wait_ms = PASSWORD_WAIT_MS,
	};
	struct tb_limits_options limits = {
		.failures_max = options->failures_max,
		.lock_s = options->lock_s,
		.site_delay_max_s = options->site_delay_max_s,
		.address_failures_max = options->address_failures_max,
		.address_window_s = ADDRESS_WINDOW_S,
		.tracked_max = ATTEMPTS_TRACKED_MAX,
		.wait_ms = PASSWORD_WAIT_MS,
	};
	uint8_t limits_secret[32];
	uint8_t verified_secret[TB_VERIFIED_SECRET_BYTES];
	enum tb_err err = tb_passwords_create(&passwords, &auth->passwords);

	if (err != TB_OK)
		return err;
	randombytes_buf(limits_secret, sizeof(limits_secret));
	randombytes_buf(verified_secret, sizeof(verified_secret));
	auth->limits = tb_limits_create(&limits, limits_secret);
	auth->verified =
		tb_verified_create(options->verified_max, verified_secret);
	sodium_memzero(limits_secret, sizeof(limits_secret));
	sodium_memzero(verified_secret, sizeof(verified_secret));
	return auth->limits != NULL && auth->verified != NULL ? TB_OK
							      : TB_ERR_NOMEM;
}

enum tb_err tb_auth_create(struct tb_core *core, struct tb_keys *keys,
			   const struct tb_auth_options *options,
			   struct tb_auth **ret)
{
	struct tb_auth *auth = tb_calloc(1, sizeof(*auth));
	enum tb_err err;

	if (auth == NULL)
		return TB_ERR_NOMEM;
	auth->core = core;
	auth->keys = keys;
	auth->options = *options;
	err = create_parts(auth);
	if (err != TB_OK) {
		tb_auth_destroy(auth);
		return err;
	}
	*ret = auth;
	return TB_OK;
}

void tb_auth_destroy(struct tb_auth *auth)
{
	if (auth == NULL)
		return;
	tb_verified_destroy(auth->verified);
	tb_limits_destroy(auth->limits);
	tb_passwords_destroy(auth->passwords);
	tb_free(auth);
}

/* The token of "Bearer " and a token, spelled just so. */
static bool cut_bearer_exact(struct tb_str header, struct tb_str *ret_token)
{
	struct tb_str prefix = TB_STR("Bearer ");
	struct tb_str token;

	if (header.n == prefix.n || !tb_str_starts(header, prefix))
		return false;
	token = tb_str(header.p + prefix.n, header.n - prefix.n);
	if (memchr(token.p, ' ', token.n) || memchr(token.p, '\t', token.n))
		return false;
	*ret_token = token;
	return true;
}

/* Cuts the scheme's name and the spaces behind it (RFC 9110, section 11.4). */
static bool cut_scheme(struct tb_str header, struct tb_str scheme,
		       struct tb_str *ret_rest)
{
	if (header.n <= scheme.n || header.p[scheme.n] != ' ' ||
	    !tb_str_eq_nocase(tb_str(header.p, scheme.n), scheme))
		return false;
	*ret_rest =
		tb_str_trim(tb_str(header.p + scheme.n, header.n - scheme.n));
	return ret_rest->n > 0;
}

struct tb_auth_result tb_auth_check(struct tb_auth *auth,
				    const struct tb_credentials *credentials,
				    bool may_block)
{
	struct tb_str text;

	if (credentials->authorization.p == NULL)
		return tb_auth_refused(TB_AUTH_MISSING);
	if ((credentials->schemes & TB_AUTH_BASIC_SITE) &&
	    cut_scheme(credentials->authorization, TB_STR("Basic"), &text))
		return tb_auth_check_basic(auth, credentials, text, may_block);
	if ((credentials->schemes & TB_AUTH_BEARER_EXACT) &&
	    cut_bearer_exact(credentials->authorization, &text))
		return tb_auth_check_bearer(auth, credentials, text, may_block);
	if ((credentials->schemes & TB_AUTH_BEARER) &&
	    cut_scheme(credentials->authorization, TB_STR("Bearer"), &text))
		return tb_auth_check_bearer(auth, credentials, text, may_block);
	return tb_auth_refused(TB_AUTH_MALFORMED);
}
