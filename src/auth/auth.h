/*
 * Authentication: Basic and bearer credentials to a principal. Checks that
 * were made before are answered from memory and may run on an I/O thread;
 * first ones hash passwords and read the store, so they run on a worker.
 * Thread-safe. Created once, before the server starts.
 */
#ifndef TB_AUTH_AUTH_H
#define TB_AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/principal.h"
#include "base/arena.h"
#include "kernel/core.h"

struct tb_account;
struct tb_auth;
struct tb_keys; /* auth/keys.h: signing keys */

enum tb_auth_scheme { /* a mask of what an API takes */
	TB_AUTH_BASIC_SITE = 1,
	TB_AUTH_BEARER = 2,
	TB_AUTH_BEARER_EXACT = 4, /* "Bearer ", spelled so, and the token */
};

/* The credentials of one request, borrowed from it. */
struct tb_credentials {
	unsigned schemes;            /* enum tb_auth_scheme */
	struct tb_str authorization; /* the header, p NULL when absent */
	struct tb_str hardware;      /* `msupply-site-uuid`, likewise */
	struct tb_str address;       /* of the client */
	int64_t now_us;
};

/* Why credentials were refused. Each API words it in its own way. */
enum tb_auth_failure {
	TB_AUTH_MISSING,     /* no Authorization header */
	TB_AUTH_MALFORMED,   /* not of a scheme that the API takes */
	TB_AUTH_UNKNOWN,     /* no account of this name */
	TB_AUTH_WRONG,       /* wrong password */
	TB_AUTH_DISABLED,    /* the account is disabled */
	TB_AUTH_HARDWARE,    /* another database UUID than the bound one */
	TB_AUTH_BAD_TOKEN,   /* not ours, altered, wrong algorithm or kind */
	TB_AUTH_EXPIRED,     /* a token past its time or revoked */
	TB_AUTH_LIMITED,     /* too many failures; see retry_after_s */
	TB_AUTH_UNAVAILABLE, /* the store could not be asked: 503 */
};

enum tb_auth_outcome {
	TB_AUTH_OK,
	TB_AUTH_REFUSED,
	TB_AUTH_WOULD_BLOCK, /* ask again on a worker, may_block true */
};

struct tb_auth_result {
	enum tb_auth_outcome outcome;
	const struct tb_principal *principal; /* OK: a reference, caller's */
	enum tb_auth_failure failure;         /* REFUSED */
	uint32_t retry_after_s;               /* LIMITED */
	bool is_audited; /* a row of its own is written, whatever it says */
};

struct tb_auth_options {
	uint32_t token_life_s;         /* printed by commands; 3600 */
	uint32_t verified_max;         /* cached verifications; 100,000 */
	uint32_t verified_life_s;      /* of a cached password check; 600 */
	uint32_t failures_max;         /* in a row before a user is locked
					* for that address; 5 */
	uint32_t lock_s;               /* 1800 */
	uint32_t site_delay_max_s;     /* sites are slowed, never locked; 30 */
	uint32_t address_failures_max; /* of an address in ten minutes, over
					* all names; 300 */
	uint64_t argon2_mem_bytes;     /* 64 MiB */
	uint32_t argon2_ops;           /* 2 */
};
extern const struct tb_auth_options tb_auth_default_options;

/* Borrows core and keys for its life. */
enum tb_err tb_auth_create(struct tb_core *core, struct tb_keys *keys,
			   const struct tb_auth_options *options,
			   struct tb_auth **ret) tb_must_check;
void tb_auth_destroy(struct tb_auth *auth); /* takes NULL */

struct tb_auth_result tb_auth_check(struct tb_auth *auth,
				    const struct tb_credentials *credentials,
				    bool may_block);

/* Who was admitted a moment ago, as the account is now: a reference, the
 * caller's. UNAUTHENTICATED: the credentials have ended since. Otherwise the
 * store could not be asked. For what must not be done by the account of a
 * moment ago; its `generation` says which moment the result is of. Blocks. */
enum tb_err tb_auth_renew(struct tb_auth *auth,
			  const struct tb_principal *principal,
			  const struct tb_principal **ret) tb_must_check;

/* The whole account of who was admitted a moment ago, as it is now; in the
 * arena. Errors as above. Blocks. */
enum tb_err tb_auth_read_user(struct tb_auth *auth, struct tb_arena *arena,
			      const struct tb_principal *principal,
			      struct tb_account *ret) tb_must_check;

/* A user's name and password from a login body (any login endpoint): counts
 * failures for account and address together; takes the same time whether the
 * name is known or not. Blocks. */
struct tb_auth_result tb_auth_login_user(struct tb_auth *auth,
					 struct tb_str username,
					 struct tb_str password,
					 struct tb_str address, int64_t now_us);

/* The hash of a user's new password, as accounts keep it; in the arena.
 * INVALID: too short or too long. BUSY: too many at once. Blocks. */
enum tb_err tb_auth_hash_password(struct tb_auth *auth, struct tb_arena *arena,
				  struct tb_str password,
				  struct tb_str *ret) tb_must_check;

/* A bearer token for a principal: HS256, `kid` header, claims sub, name, org,
 * iat, exp, jti, cv (credential version) and what the contracts' clients
 * read (sites: site_id, hardware; users: user_uuid, username, is_admin).
 * Result in the arena. */
enum tb_err tb_auth_issue(struct tb_auth *auth, struct tb_arena *arena,
			  const struct tb_principal *principal, int64_t now_us,
			  uint32_t life_s,
			  struct tb_str *ret_token) tb_must_check;

/* An access token, which is a bearer, and a refresh token, which is none. */
struct tb_token_pair {
	struct tb_str access;
	struct tb_str refresh;
};
struct tb_pair_life {
	int64_t now_us;
	uint32_t access_life_s;
	uint32_t refresh_life_s;
};

/* A login's pair, the first of a new family (claims fam and seq; see
 * kernel/family.h). Results in the arena. Writes nothing. */
enum tb_err tb_auth_issue_pair(struct tb_auth *auth, struct tb_arena *arena,
			       const struct tb_principal *principal,
			       const struct tb_pair_life *life,
			       struct tb_token_pair *ret) tb_must_check;

/* The next pair of a refresh token's family, durable; or, until that pair is
 * first used, the same one again. Refused: BAD_TOKEN (no refresh token, or of
 * no family), EXPIRED (over, revoked, or its family is ended, which the second
 * use of a token does), DISABLED, UNAVAILABLE. Blocks. */
struct tb_auth_result tb_auth_refresh(struct tb_auth *auth,
				      struct tb_arena *arena,
				      struct tb_str refresh_token,
				      struct tb_str address,
				      const struct tb_pair_life *life,
				      struct tb_token_pair *ret) tb_must_check;

#endif
