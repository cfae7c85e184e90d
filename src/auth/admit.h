/*
 * What the ways to authenticate have in common: reading the stored account,
 * binding a site to its database, remembering what was verified. Private to
 * auth/.
 */
#ifndef TB_AUTH_ADMIT_H
#define TB_AUTH_ADMIT_H

#include "auth/auth.h"
#include "auth/keys.h"
#include "auth/limits.h"
#include "auth/passwords.h"
#include "auth/token.h"
#include "auth/verified.h"
#include "base/arena.h"
#include "kernel/audit.h"
#include "kernel/directory.h"
#include "kernel/family.h"

#define TB_US_PER_S 1000000ll
/* Holds an account and the tape of its body. */
#define TB_AUTH_ARENA_MAX_BYTES ((size_t)8 << 20)

struct tb_auth {
	struct tb_core *core;
	struct tb_keys *keys;
	struct tb_auth_options options;
	struct tb_passwords *passwords;
	struct tb_limits *limits;
	struct tb_verified *verified;
};

/* An account and its org, as one snapshot has them, and the token's family
 * where there is one. */
struct tb_stored_account {
	struct tb_account account;
	struct tb_org org;
	bool has_family; /* it was refreshed before */
	struct tb_family family;
	int64_t issued_s; /* of the bearer token; else 0 */
};

/* What is asked for: a login name, or an account by its key. */
struct tb_wanted_account {
	enum tb_account_kind kind;
	struct tb_str username; /* p NULL: by org and key */
	uint32_t org;
	struct tb_str key;
	struct tb_str family; /* of its token, or empty */
};

/* Where the accounts of principals are. */
enum tb_account_kind tb_auth_account_kind(enum tb_principal_kind kind);

struct tb_auth_result tb_auth_admitted(const struct tb_principal *principal);
struct tb_auth_result tb_auth_refused(enum tb_auth_failure failure);
struct tb_auth_result tb_auth_would_block(void);

/* NOT_FOUND; any other error means that the store could not be asked. The
 * snapshot ends here, before anything slow is done with what it said. */
enum tb_err tb_auth_read_account(struct tb_auth *auth, struct tb_arena *arena,
				 const struct tb_wanted_account *wanted,
				 struct tb_stored_account *ret) tb_must_check;

/* A note for the audit trail, of what authentication itself changes. */
struct tb_audit_note tb_auth_note(struct tb_arena *arena,
				  const struct tb_account *account,
				  const char *operation, struct tb_str address);

/* The last step for credentials that are right: whether the account may be
 * used, and from this database, which is bound if it is the first. The
 * credentials are remembered under `key`, if there is one, until `until_us`. */
struct tb_auth_result tb_auth_admit(struct tb_auth *auth,
				    struct tb_arena *arena,
				    struct tb_stored_account *stored,
				    const struct tb_credentials *credentials,
				    const struct tb_verified_key *key,
				    int64_t until_us);

/* Who holds a token that was verified. False: nobody does (any more), and why.
 */
bool tb_auth_find_holder(struct tb_auth *auth, struct tb_arena *arena,
			 const struct tb_token *token,
			 struct tb_stored_account *ret,
			 enum tb_auth_failure *ret_failure);

/* The tokens of a pair: the same ones of the same values, as long as its key
 * is there; else another key signs them. */
enum tb_err tb_auth_sign_pair(struct tb_auth *auth, struct tb_arena *arena,
			      const struct tb_principal *principal,
			      struct tb_str family,
			      const struct tb_family_pair *pair,
			      struct tb_token_pair *ret) tb_must_check;
/* What the next pair is made of, but for its seq. */
struct tb_family_pair tb_auth_next_pair(struct tb_auth *auth,
					const struct tb_pair_life *life);

/* The principal of credentials that were verified and are still good, with a
 * reference; NULL: to say that takes more than memory. */
const struct tb_principal *
tb_auth_find_verified(struct tb_auth *auth, const struct tb_verified_key *key,
		      const struct tb_credentials *credentials);

/* The schemes. `text` is what stands behind the scheme's name. */
struct tb_auth_result
tb_auth_check_basic(struct tb_auth *auth,
		    const struct tb_credentials *credentials,
		    struct tb_str text, bool may_block);
struct tb_auth_result
tb_auth_check_bearer(struct tb_auth *auth,
		     const struct tb_credentials *credentials,
		     struct tb_str text, bool may_block);

#endif
