/*
 * SHA-256, HMAC-SHA-256, SipHash, hex and base64, by libsodium, and SHA-1,
 * which that has not, by Nettle. tb_digest_init once in main and in each test
 * before anything else here.
 */
#ifndef TB_CODEC_DIGEST_H
#define TB_CODEC_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#define TB_SHA256_BYTES 32
#define TB_SHA1_BYTES 20

enum tb_err tb_digest_init(void) tb_must_check;

void tb_sha256(struct tb_str in, uint8_t ret[TB_SHA256_BYTES]);
/* Over the concatenation of `n` slices. */
void tb_sha256_parts(const struct tb_str *parts, size_t n,
		     uint8_t ret[TB_SHA256_BYTES]);
void tb_hmac_sha256(struct tb_str key, struct tb_str in,
		    uint8_t ret[TB_SHA256_BYTES]);
/* For the handshake of WebSockets (RFC 6455), where nothing depends on its
 * strength. */
void tb_sha1(struct tb_str in, uint8_t ret[TB_SHA1_BYTES]);
/* SipHash-2-4: for what nobody gains by forging, and what is asked often. */
uint64_t tb_siphash(const uint64_t key[2], struct tb_str in);
/* Equal, in a time that does not depend on where they differ. */
bool tb_digest_equal(const void *a, const void *b, size_t n);

/* Lower-case hex. */
void tb_hex_put(struct tb_buf *buf, struct tb_str bytes);
/* The SHA-256 of `n` slices, each with its length, as hex in the arena: a name
 * for what they say together. */
enum tb_err tb_sha256_name(struct tb_arena *arena, const struct tb_str *parts,
			   size_t n, struct tb_str *ret) tb_must_check;
/* Exactly 2 * n hex digits, either case, into `ret`. */
enum tb_err tb_hex_parse(struct tb_str hex, uint8_t *ret,
			 size_t n) tb_must_check;

/* RFC 4648 alphabet, with padding. */
void tb_base64_put(struct tb_buf *buf, struct tb_str bytes);
/* Strict: right alphabet, right padding, nothing else. */
enum tb_err tb_base64_parse(struct tb_str text,
			    struct tb_buf *ret) tb_must_check;

#endif
