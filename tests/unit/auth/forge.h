/*
 * Tokens as somebody else may write them, for tests: any header, any claims,
 * signed with any key.
 */
#ifndef TB_TESTS_FORGE_H
#define TB_TESTS_FORGE_H

#include "auth/keys.h"
#include "base/arena.h"
#include "codec/digest.h"

/* Appends unpadded base64url. */
static inline void forge_part(struct tb_buf *buf, struct tb_str bytes)
{
	struct tb_buf plain;

	tb_buf_init(&plain, 65536);
	tb_base64_put(&plain, bytes);
	for (size_t i = 0; i < plain.n && plain.p[i] != '='; i++)
		tb_buf_append_char(buf, plain.p[i] == '+'   ? '-'
					: plain.p[i] == '/' ? '_'
							    : plain.p[i]);
	tb_buf_fini(&plain);
}

/* A token with an HMAC-SHA-256 signature, whatever its header says. */
static inline struct tb_str forge(struct tb_arena *arena, const char *header,
				  const char *claims,
				  const uint8_t secret[TB_KEY_SECRET_BYTES])
{
	uint8_t signature[TB_SHA256_BYTES];
	struct tb_str ret = TB_STR_NONE;
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, 65536);
	forge_part(&buf, tb_str_z(header));
	tb_buf_append_char(&buf, '.');
	forge_part(&buf, tb_str_z(claims));
	tb_hmac_sha256(tb_str((const char *)secret, TB_KEY_SECRET_BYTES),
		       tb_buf_str(&buf), signature);
	tb_buf_append_char(&buf, '.');
	forge_part(&buf, tb_str((const char *)signature, sizeof(signature)));
	err = tb_arena_strdup(arena, tb_buf_str(&buf), &ret);
	(void)err; /* the test fails on the empty token */
	tb_buf_fini(&buf);
	return ret;
}

#endif
