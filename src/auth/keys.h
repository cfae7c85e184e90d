/*
 * The server's secrets: the keys that sign tokens and the one that seals the
 * audit chain. They are files in a folder of their own, beside the store and
 * never in it, so that a copy of the store alone can forge nothing.
 *
 * Each signing key is a file named by its kid. The newest one signs; the
 * older ones still verify until they are retired, so that a rotation ends no
 * session. A file comes and changes its state by one atomic rename, therefore
 * there is no index that could disagree with it:
 *   k000002-9f3a51c07d24ee81.key      verifies; the last in order signs
 *   k000001-07aa13b2c4d5e6f7.retired  verifies nothing; holds no secret
 *   audit.seal
 *
 * Thread-safe but for open and destroy. Several processes may share a folder;
 * each sees the others' changes when it reloads.
 */
#ifndef TB_AUTH_KEYS_H
#define TB_AUTH_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define TB_KEY_SECRET_BYTES 32
#define TB_KID_MAX 31
#define TB_KEYS_MAX 64 /* that are not retired */

struct tb_keys;

/* A signing key. Wiped by who had a copy: tb_signing_key_wipe. */
struct tb_signing_key {
	char kid[TB_KID_MAX + 1];
	uint8_t secret[TB_KEY_SECRET_BYTES];
};
void tb_signing_key_wipe(struct tb_signing_key *key);

enum tb_key_state {
	TB_KEY_SIGNS, /* and verifies */
	TB_KEY_VERIFIES,
	TB_KEY_RETIRED,
};

struct tb_key_info {
	char kid[TB_KID_MAX + 1];
	enum tb_key_state state;
	int64_t changed_s; /* Unix time at which it came into this state */
};

/* Opens the folder, making it (0700) and the first keys (0600) if they are
 * not there. DENIED: others may read the folder or a key. CORRUPT: a file is
 * not what this module writes. TOO_LARGE: more keys than TB_KEYS_MAX. IO. */
enum tb_err tb_keys_open(const char *path, struct tb_keys **ret) tb_must_check;
void tb_keys_destroy(struct tb_keys *keys); /* takes NULL; wipes them */

/* Reads the folder again, after another process may have changed it. On an
 * error the keys stay as they were. */
enum tb_err tb_keys_reload(struct tb_keys *keys) tb_must_check;

/* Makes a key that signs from now on. The one that signed so far goes on
 * verifying. TOO_LARGE: retire some first. */
enum tb_err tb_keys_rotate(struct tb_keys *keys) tb_must_check;
/* Ends a key and every token it signed, and erases its secret. NOT_FOUND.
 * CONFLICT: it is the one that signs. */
enum tb_err tb_keys_retire(struct tb_keys *keys,
			   struct tb_str kid) tb_must_check;
/* Up to `max` keys, oldest first, retired ones too. TOO_LARGE: more. */
enum tb_err tb_keys_list(struct tb_keys *keys, struct tb_key_info *rets,
			 size_t max, size_t *ret_n) tb_must_check;

/* Rises whenever the keys are not what they were; what is remembered of
 * tokens ends with it. */
uint64_t tb_keys_version(struct tb_keys *keys);
/* A copy of the key that signs. */
void tb_keys_signing(struct tb_keys *keys, struct tb_signing_key *ret);
/* A copy of the key with this kid that may verify. NOT_FOUND. */
enum tb_err tb_keys_find(struct tb_keys *keys, struct tb_str kid,
			 struct tb_signing_key *ret) tb_must_check;

/* Seals a head of the audit chain: HMAC-SHA-256. */
void tb_keys_seal(struct tb_keys *keys, struct tb_str text, uint8_t ret[32]);

#endif
