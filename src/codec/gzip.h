/*
 * gzip (RFC 1952): whole bodies out by libdeflate, bodies in by zlib as a
 * stream with a ceiling.
 */
#ifndef TB_CODEC_GZIP_H
#define TB_CODEC_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* Compresses `in` behind what `out` holds. Level 1 (fast) to 12. */
enum tb_err tb_gzip_compress(struct tb_str in, int level,
			     struct tb_buf *out) tb_must_check;

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
