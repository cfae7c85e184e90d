/*
 * Credentials that were verified before, in memory: bounded, under a keyed
 * hash of 128 bits (SipHash, whose key never leaves this process), so that
 * nobody can make credentials that meet somebody else's. An entry is a
 * principal and a time up to which the credential needs no verification;
 * whether the account is still as it was is for the caller to see from the
 * org's generation. Thread-safe.
 */
#ifndef TB_AUTH_VERIFIED_H
#define TB_AUTH_VERIFIED_H

#include <stdint.h>

#include "auth/principal.h"
#include "base/str.h"

#define TB_VERIFIED_SECRET_BYTES 16

struct tb_verified;

enum tb_verified_kind {
	TB_VERIFIED_BASIC,
	TB_VERIFIED_TOKEN,
};

struct tb_verified_key {
	uint8_t hash[16];
	uint64_t version;
	uint64_t kind; /* without padding, because it is compared as bytes */
};

struct tb_verified_entry {
	const struct tb_principal *principal; /* a reference, the caller's;
					       * NULL: there is none */
	int64_t until_us;
};

/* `secret` keys the hashes. NULL: no memory. */
struct tb_verified *
tb_verified_create(size_t entries_max,
		   const uint8_t secret[TB_VERIFIED_SECRET_BYTES]);
void tb_verified_destroy(struct tb_verified *verified); /* takes NULL */

/* The key of what a header says. A change of `version` ends all entries of
 * this kind that were put before. */
struct tb_verified_key tb_verified_key(const struct tb_verified *verified,
				       enum tb_verified_kind kind,
				       uint64_t version, struct tb_str text);

struct tb_verified_entry tb_verified_get(struct tb_verified *verified,
					 const struct tb_verified_key *key);
/* Takes a reference of its own. Without memory it is not kept. */
void tb_verified_put(struct tb_verified *verified,
		     const struct tb_verified_key *key,
		     const struct tb_principal *principal, int64_t until_us);
void tb_verified_remove(struct tb_verified *verified,
			const struct tb_verified_key *key);

#endif
