#include "codec/digest.h"

#include <endian.h>
#include <nettle/sha1.h>
#include <sodium.h>

enum tb_err tb_digest_init(void)
{
	return sodium_init() >= 0 ? TB_OK : TB_ERR_UNSUPPORTED;
}

static const uint8_t *bytes_of(struct tb_str s)
{
	return (const uint8_t *)s.p;
}

void tb_sha256(struct tb_str in, uint8_t ret[TB_SHA256_BYTES])
{
	crypto_hash_sha256(ret, bytes_of(in), in.n);
}

void tb_sha256_parts(const struct tb_str *parts, size_t n,
		     uint8_t ret[TB_SHA256_BYTES])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < n; i++)
		crypto_hash_sha256_update(&state, bytes_of(parts[i]),
					  parts[i].n);
	crypto_hash_sha256_final(&state, ret);
}

void tb_hmac_sha256(struct tb_str key, struct tb_str in,
		    uint8_t ret[TB_SHA256_BYTES])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, bytes_of(key), key.n);
	crypto_auth_hmacsha256_update(&state, bytes_of(in), in.n);
	crypto_auth_hmacsha256_final(&state, ret);
	sodium_memzero(&state, sizeof(state));
}

void tb_sha1(struct tb_str in, uint8_t ret[TB_SHA1_BYTES])
{
	struct sha1_ctx state;

	_Static_assert(TB_SHA1_BYTES == SHA1_DIGEST_SIZE, "one length");
	sha1_init(&state);
	sha1_update(&state, in.n, bytes_of(in));
	sha1_digest(&state, TB_SHA1_BYTES, ret);
}

uint64_t tb_siphash(const uint64_t key[2], struct tb_str in)
{
	const uint64_t bytes[] = { htole64(key[0]), htole64(key[1]) };
	uint64_t hash;

	_Static_assert(sizeof(bytes) == crypto_shorthash_siphash24_KEYBYTES,
		       "two words of key");
	crypto_shorthash_siphash24((unsigned char *)&hash, bytes_of(in), in.n,
				   (const unsigned char *)bytes);
	return le64toh(hash);
}

bool tb_digest_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void tb_hex_put(struct tb_buf *buf, struct tb_str bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned byte = (unsigned char)bytes.p[i];
		char pair[2] = { digits[byte >> 4], digits[byte & 15] };
		tb_buf_append(buf, pair, sizeof(pair));
	}
}

enum tb_err tb_sha256_name(struct tb_arena *arena, const struct tb_str *parts,
			   size_t n, struct tb_str *ret)
{
	crypto_hash_sha256_state state;
	uint8_t digest[TB_SHA256_BYTES];
	char text[2 * TB_SHA256_BYTES];
	struct tb_buf hex;

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < n; i++) {
		uint64_t length = htole64(parts[i].n);

		crypto_hash_sha256_update(&state, (const uint8_t *)&length,
					  sizeof(length));
		crypto_hash_sha256_update(&state, bytes_of(parts[i]),
					  parts[i].n);
	}
	crypto_hash_sha256_final(&state, digest);
	tb_buf_init_fixed(&hex, text, sizeof(text));
	tb_hex_put(&hex, tb_str((const char *)digest, sizeof(digest)));
	return tb_arena_strdup(arena, tb_buf_str(&hex), ret);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum tb_err tb_hex_parse(struct tb_str hex, uint8_t *ret, size_t n)
{
	if (hex.n % 2 != 0 || hex.n / 2 != n)
		return TB_ERR_INVALID;
	/* Checked before anything is written: `ret` stays as it was. */
	for (size_t i = 0; i < hex.n; i++) {
		if (hex_value(hex.p[i]) < 0)
			return TB_ERR_INVALID;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)((unsigned)hex_value(hex.p[2 * i]) << 4 |
				   (unsigned)hex_value(hex.p[2 * i + 1]));
	return TB_OK;
}

void tb_base64_put(struct tb_buf *buf, struct tb_str bytes)
{
	enum {
		PIECE_BYTES = 768
	};
	char text[PIECE_BYTES / 3 * 4 + 1];

	/* By pieces, because libsodium wants room for a NUL that the buffer
	 * has no use for. */
	for (size_t at = 0; at < bytes.n; at += PIECE_BYTES) {
		size_t left = bytes.n - at;
		size_t n = left < PIECE_BYTES ? left : PIECE_BYTES;
		sodium_bin2base64(text, sizeof(text), bytes_of(bytes) + at, n,
				  sodium_base64_VARIANT_ORIGINAL);
		tb_buf_append_z(buf, text);
	}
}

/* The bytes that this much well-formed text stands for. */
static size_t base64_decoded_bytes(struct tb_str text)
{
	size_t n = text.n / 4 * 3;

	if (n > 0 && text.p[text.n - 1] == '=')
		n -= text.p[text.n - 2] == '=' ? 2 : 1;
	return n;
}

static bool is_ascii(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

enum tb_err tb_base64_parse(struct tb_str text, struct tb_buf *ret)
{
	size_t max = base64_decoded_bytes(text);
	size_t n;

	/* libsodium 1.0.18 takes bytes from 0x80 on for digits. */
	if (text.n % 4 != 0 || !is_ascii(text))
		return TB_ERR_INVALID;
	uint8_t *to = (uint8_t *)tb_buf_reserve(ret, max);
	if (to == NULL)
		return tb_buf_err(ret);
	if (sodium_base642bin(to, max, text.p, text.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return TB_ERR_INVALID;
	ret->n += n;
	return TB_OK;
}
