/*
 * Passwords and their argon2id hashes (libsodium). A computation takes tens of
 * milliseconds and megabytes, so only so many run at once and the rest wait
 * for their turn, for a bounded time. Thread-safe; only for threads that may
 * block.
 *
 * What is hashed is the *secret*: a user's is the password itself, a site's
 * is the lower-case hex SHA-256 of its password, because sites send either.
 */
#ifndef TB_AUTH_PASSWORDS_H
#define TB_AUTH_PASSWORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/directory.h"

#define TB_PASSWORD_MAX_BYTES 1024
#define TB_PASSWORD_USER_MIN_BYTES 8 /* contract 2: "password at least 8" */
#define TB_PASSWORD_HASH_BYTES 128   /* an encoded hash with its NUL */
#define TB_SITE_SECRET_BYTES 64

struct tb_passwords;

struct tb_passwords_options {
	uint64_t mem_bytes;
	uint32_t ops;
	uint32_t parallel; /* computations at once; 0: one for each core */
	uint32_t wait_ms;  /* for a turn */
};

enum tb_err tb_passwords_create(const struct tb_passwords_options *options,
				struct tb_passwords **ret) tb_must_check;
void tb_passwords_destroy(struct tb_passwords *passwords); /* takes NULL */

/* True for 64 lower-case hex digits, which is how a site sends the hash of
 * its password. */
bool tb_password_is_site_secret(struct tb_str password);
/* A site's secret, from its password or the hash of it. */
void tb_password_site_secret(struct tb_str password,
			     char ret[TB_SITE_SECRET_BYTES]);

/* The encoded hash of a new password, NUL-terminated. INVALID: too short, too
 * long, or for a site one that could not be told from a hash or that Basic
 * authentication cannot carry (control characters). BUSY: no turn. */
enum tb_err tb_passwords_make(struct tb_passwords *passwords,
			      enum tb_account_kind kind, struct tb_str password,
			      char ret[TB_PASSWORD_HASH_BYTES]) tb_must_check;

/* Waits for a turn. BUSY: it did not come in time. */
enum tb_err tb_passwords_begin(struct tb_passwords *passwords) tb_must_check;
void tb_passwords_end(struct tb_passwords *passwords);

/* Within a turn: true if the secret is the one of this hash. */
bool tb_passwords_verify(struct tb_passwords *passwords, struct tb_str hash,
			 struct tb_str secret);
/* Within a turn: hashes a secret anew. NOMEM. */
enum tb_err tb_passwords_hash(struct tb_passwords *passwords,
			      struct tb_str secret,
			      char ret[TB_PASSWORD_HASH_BYTES]) tb_must_check;
/* True if the hash was made with other parameters than today's. */
bool tb_passwords_is_outdated(const struct tb_passwords *passwords,
			      struct tb_str hash);

#endif
