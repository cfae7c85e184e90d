/*
 * Families of tokens. A login gives a pair, an access token and a refresh
 * token; each refresh gives the next pair of the same family. Of a family one
 * record is kept (TB_COLL_FAMILY, key: the family's id), made at its first
 * refresh, so that a login alone writes nothing. It holds what the newest pair
 * is made of, but no token: the same pair is made again from the same values.
 *
 * Contract 4: "until the new pair is first used, repeating the old token
 * answers the same pair (a lost reply logs nobody out), afterwards its reuse
 * ends the whole family". Pure: times and key ids come in as arguments.
 */
#ifndef TB_KERNEL_FAMILY_H
#define TB_KERNEL_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/audit.h"
#include "kernel/core.h"

#define TB_FAMILY_KID_MAX_BYTES 31

/* What a pair of tokens is made of, beside its account. */
struct tb_family_pair {
	uint64_t seq; /* 1: the login's own, 2: of the first refresh, ... */
	int64_t issued_s;
	int64_t access_expires_s;
	int64_t refresh_expires_s;
	char kid[TB_FAMILY_KID_MAX_BYTES + 1]; /* of the key that signs it */
};

struct tb_family {
	struct tb_str user; /* key of the account */
	struct tb_family_pair newest;
	int64_t expires_s; /* when the last of all its tokens expires */
	bool is_used;      /* the newest pair was */
	bool is_ended;     /* none of its tokens is good any more */
};

/* NOT_FOUND: it was never refreshed. Strings in the arena. */
enum tb_err tb_family_read(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, struct tb_str id,
			   struct tb_family *ret) tb_must_check;

/* A refresh token that was presented, and the pair that may come of it. */
struct tb_family_refresh {
	uint32_t org;
	struct tb_str id;           /* of the family */
	struct tb_str user;         /* key of the account */
	uint64_t seq;               /* the token's */
	int64_t expires_s;          /* the token's */
	struct tb_family_pair next; /* but for its seq */
	/* Who asks. Rotating writes this row; ending the family one of
	 * operation "family_ended". */
	struct tb_audit_note note;
};

enum tb_family_verdict {
	TB_FAMILY_ROTATED,  /* here is the next pair, and durable */
	TB_FAMILY_REPEATED, /* here is the newest pair once more */
	TB_FAMILY_ENDED,    /* none: the family is ended, before or by this */
};

/* Two who present the same token at once get the same pair. Ending a family
 * raises the org's generation, so that its access tokens are verified again.
 * The pair is given unless it is ENDED. Commits. */
enum tb_err tb_family_refresh(struct tb_core *core,
			      const struct tb_family_refresh *refresh,
			      enum tb_family_verdict *ret_verdict,
			      struct tb_family_pair *ret_pair) tb_must_check;

/* A token of this pair was used; durable when it returns OK, which it also
 * does if there is nothing to mark. DENIED: the family is ended. */
enum tb_err tb_family_mark_used(struct tb_core *core, uint32_t org,
				struct tb_str id, uint64_t seq) tb_must_check;

/* Looks at up to this many families in one run. */
#define TB_FAMILY_DROP_MAX 1000

/* Forgets families of which every token expired more than a day ago. `*after`
 * is where the run before ended (0: the beginning), and where this one did. */
enum tb_err tb_family_drop_expired(struct tb_core *core, uint32_t org,
				   int64_t now_us, uint64_t *after,
				   size_t *ret_dropped) tb_must_check;

#endif
