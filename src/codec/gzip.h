/*
 * gzip (RFC 1952): whole bodies out by libdeflate, bodies in by zlib as a
 * stream with a ceiling.
 */
#ifndef TB_CODEC_GZIP_H
#define TB_CODEC_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Compresses `in` behind what `out` holds. Level 1 (fast) to 12. */
enum tb_err tb_gzip_compress(struct tb_str in, int level,
			     struct tb_buf *out) tb_must_check;

/*
 * A gzip body that is put together from pieces, each packed by itself, so that
 * a packed piece can be kept and be a part of many bodies: its deflate blocks
 * end on a byte and refer to nothing before them. The body is one member of
 * gzip, which every reader of gzip takes.
 */

/* Packs a piece behind what `out` holds; `ret_crc` is the CRC-32 of `in`.
 * Level 1 to 9. NOMEM, TOO_LARGE (of out). */
enum tb_err tb_gzip_pack(struct tb_str in, int level, struct tb_buf *out,
			 uint32_t *ret_crc) tb_must_check;

/* What the end of the body says of all its pieces. */
struct tb_gzip_body {
	uint32_t crc;
	uint64_t n; /* plain bytes */
};
#define TB_GZIP_HEAD_BYTES 10
#define TB_GZIP_TAIL_BYTES 10 /* an empty last block, CRC, length */

/* Begins a body: writes its head. */
void tb_gzip_begin(struct tb_gzip_body *body, uint8_t ret[TB_GZIP_HEAD_BYTES]);
/* A packed piece of `n` plain bytes follows. */
void tb_gzip_add(struct tb_gzip_body *body, uint32_t crc, uint64_t n);
/* Ends it: writes its tail. */
void tb_gzip_end(const struct tb_gzip_body *body,
		 uint8_t ret[TB_GZIP_TAIL_BYTES]);

/* One body on its way in. */
struct tb_gunzip;
struct tb_gunzip *tb_gunzip_create(void);
/* Takes NULL. */
void tb_gunzip_destroy(struct tb_gunzip *gz);
/* Feeds the next piece; what it yields is appended to `out`, whose ceiling
 * (TOO_LARGE) is what stops a bomb. INVALID: not gzip, or a wrong checksum. */
enum tb_err tb_gunzip_feed(struct tb_gunzip *gz, struct tb_str in,
			   struct tb_buf *out) tb_must_check;
/* True when the last member has ended properly. */
bool tb_gunzip_done(const struct tb_gunzip *gz);

#endif
