#include "codec/gzip.h"

#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/assert.h"

#define PIECE_BYTES 16384

static pthread_once_t allocator_once = PTHREAD_ONCE_INIT;

static void set_allocator(void)
{
	libdeflate_set_memory_allocator(tb_malloc, tb_free);
}

enum tb_err tb_gzip_compress(struct tb_str in, int level, struct tb_buf *out)
{
	TB_ASSERT(level >= 1 && level <= 12);
	pthread_once(&allocator_once, set_allocator);
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
	if (c == NULL)
		return TB_ERR_NOMEM;
	/* The bound may be over the ceiling where the result is not. */
	size_t room = libdeflate_gzip_compress_bound(c, in.n);
	if (room > out->max - out->n)
		room = out->max - out->n;
	char *to = tb_buf_reserve(out, room);
	size_t n = to ? libdeflate_gzip_compress(c, in.p, in.n, to, room) : 0;
	libdeflate_free_compressor(c);
	if (to == NULL)
		return tb_buf_err(out);
	if (n == 0)
		return TB_ERR_TOO_LARGE;
	out->n += n;
	return TB_OK;
}

static void *zlib_alloc(void *ctx, unsigned count, unsigned size)
{
	(void)ctx;
	return tb_calloc(count, size);
}

static void zlib_free(void *ctx, void *p)
{
	(void)ctx;
	tb_free(p);
}

/* Up to a full flush, which ends on a byte and is never the last block. */
static enum tb_err deflate_piece(z_stream *stream, struct tb_buf *out)
{
	unsigned char piece[PIECE_BYTES];

	do {
		stream->next_out = piece;
		stream->avail_out = sizeof(piece);
		int rc = deflate(stream, Z_FULL_FLUSH);
		TB_ASSERT(rc == Z_OK || rc == Z_BUF_ERROR);
		tb_buf_append(out, piece, sizeof(piece) - stream->avail_out);
	} while (stream->avail_out == 0 && tb_buf_err(out) == TB_OK);
	return tb_buf_err(out);
}

enum tb_err tb_gzip_pack(struct tb_str in, int level, struct tb_buf *out,
			 uint32_t *ret_crc)
{
	enum {
		MEMORY_LEVEL = 8
	};
	z_stream stream = {
		.zalloc = zlib_alloc,
		.zfree = zlib_free,
		.next_in = (z_const Bytef *)in.p,
		.avail_in = (unsigned)in.n,
	};

	TB_ASSERT(level >= 1 && level <= 9);
	/* zlib counts its input in unsigned int. */
	if (in.n > UINT_MAX)
		return TB_ERR_TOO_LARGE;
	if (deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return TB_ERR_NOMEM;
	enum tb_err err = deflate_piece(&stream, out);
	deflateEnd(&stream);
	if (err == TB_OK)
		*ret_crc = libdeflate_crc32(0, in.p, in.n);
	return err;
}

void tb_gzip_begin(struct tb_gzip_body *body, uint8_t ret[TB_GZIP_HEAD_BYTES])
{
	/* ID1, ID2, deflate, no flags, no time, no extra flags, no system. */
	static const uint8_t head[TB_GZIP_HEAD_BYTES] = {
		0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255
	};

	*body = (struct tb_gzip_body) { .crc = 0 };
	memcpy(ret, head, sizeof(head));
}

void tb_gzip_add(struct tb_gzip_body *body, uint32_t crc, uint64_t n)
{
	body->crc = (uint32_t)crc32_combine64(body->crc, crc, (z_off64_t)n);
	body->n += n;
}

static void put_u32(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (8 * i));
}

void tb_gzip_end(const struct tb_gzip_body *body,
		 uint8_t ret[TB_GZIP_TAIL_BYTES])
{
	/* The last block: fixed codes, nothing but its end. */
	ret[0] = 0x03;
	ret[1] = 0x00;
	put_u32(ret + 2, body->crc);
	/* RFC 1952: the length modulo 2^32. */
	put_u32(ret + 6, (uint32_t)body->n);
}

struct tb_gunzip {
	z_stream stream;
	enum tb_err err;
	bool ended; /* between members: the last one was whole */
};

struct tb_gunzip *tb_gunzip_create(void)
{
	enum {
		GZIP_ONLY = 16
	};
	struct tb_gunzip *gz = tb_calloc(1, sizeof(*gz));

	if (gz == NULL)
		return NULL;
	gz->stream.zalloc = zlib_alloc;
	gz->stream.zfree = zlib_free;
	if (inflateInit2(&gz->stream, MAX_WBITS + GZIP_ONLY) != Z_OK) {
		tb_free(gz);
		return NULL;
	}
	return gz;
}

void tb_gunzip_destroy(struct tb_gunzip *gz)
{
	if (gz == NULL)
		return;
	inflateEnd(&gz->stream);
	tb_free(gz);
}

/* One call of inflate: takes what it can of the input, appends what it gives.
 * A piece at a time, so that a bomb meets the ceiling early. */
static enum tb_err inflate_piece(struct tb_gunzip *gz, struct tb_buf *out)
{
	unsigned char piece[PIECE_BYTES];

	if (gz->ended) {
		inflateReset(&gz->stream);
		gz->ended = false;
	}
	gz->stream.next_out = piece;
	gz->stream.avail_out = sizeof(piece);
	int rc = inflate(&gz->stream, Z_NO_FLUSH);
	if (rc == Z_MEM_ERROR)
		return TB_ERR_NOMEM;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return TB_ERR_INVALID;
	gz->ended = rc == Z_STREAM_END;
	tb_buf_append(out, piece, sizeof(piece) - gz->stream.avail_out);
	return tb_buf_err(out);
}

enum tb_err tb_gunzip_feed(struct tb_gunzip *gz, struct tb_str in,
			   struct tb_buf *out)
{
	/* zlib counts its input in unsigned int. */
	while (in.n > 0 && gz->err == TB_OK) {
		unsigned n = in.n < UINT_MAX ? (unsigned)in.n : UINT_MAX;
		gz->stream.next_in = (z_const Bytef *)in.p;
		gz->stream.avail_in = n;
		/* A full piece in the middle of a member means that zlib may
		 * hold more of it. */
		do
			gz->err = inflate_piece(gz, out);
		while (gz->err == TB_OK &&
		       (gz->stream.avail_in > 0 ||
			(gz->stream.avail_out == 0 && !gz->ended)));
		in = tb_str(in.p + n, in.n - n);
	}
	return gz->err;
}

bool tb_gunzip_done(const struct tb_gunzip *gz)
{
	return gz->ended && gz->err == TB_OK;
}
