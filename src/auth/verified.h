/*
 * Credentials that were verified before, in memory: bounded, under keyed
 * hashes, so that neither a copy of the memory's keys nor chosen input says
 * or meets anything. An entry is a principal and a time up to which the
 * credential needs no verification; whether the account is still as it was is
 * for the caller to see from the org's generation. Thread-safe.
 */
#ifndef TB_AUTH_VERIFIED_H
#define TB_AUTH_VERIFIED_H

#include <stdint.h>

#include "auth/principal.h"
#include "base/str.h"

struct tb_verified;

struct tb_verified_key {
	uint8_t bytes[32];
};

struct tb_verified_entry {
	const struct tb_principal *principal; /* a reference, the caller's;
					       * NULL: there is none */
	int64_t until_us;
};

/* `secret` keys the hashes. NULL: no memory. */
struct tb_verified *tb_verified_create(size_t entries_max,
				       const uint8_t secret[32]);
void tb_verified_destroy(struct tb_verified *verified); /* takes NULL */

/* The key of what `n` parts say; each part counts with its length. */
struct tb_verified_key tb_verified_key(const struct tb_verified *verified,
				       const struct tb_str *parts, size_t n);

struct tb_verified_entry tb_verified_get(struct tb_verified *verified,
					 const struct tb_verified_key *key);
/* Takes a reference of its own. Without memory it is not kept. */
void tb_verified_put(struct tb_verified *verified,
		     const struct tb_verified_key *key,
		     const struct tb_principal *principal, int64_t until_us);
void tb_verified_remove(struct tb_verified *verified,
			const struct tb_verified_key *key);

#endif
