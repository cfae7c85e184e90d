/*
 * A body that is made while it is sent: a source gives piece after piece, each
 * when the one before has left, so that a slow reader costs the memory of its
 * pieces in flight and nothing else. Between two pieces a source holds no
 * snapshot and no lock.
 *
 * A source belongs to its response and is used by one thread at a time. It
 * may live in the request's arena, which outlives it; the request's body does
 * not.
 */
#ifndef TB_HTTP_SOURCE_H
#define TB_HTTP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/response.h"

/* A piece of a body. Both blobs are references, the taker's. */
struct tb_piece {
	struct tb_blob *plain;  /* not empty; NULL: the body has ended */
	struct tb_blob *packed; /* the same by tb_gzip_pack; NULL: not made */
	uint32_t crc;           /* of plain, where it is packed */
};

/* Takes over a buffer as a piece. On an error, its own or NOMEM, it is
 * untouched. */
enum tb_err tb_piece_take(struct tb_buf *buf,
			  struct tb_piece *ret) tb_must_check;
/* Packs a piece that is not packed yet. NOMEM, TOO_LARGE. */
enum tb_err tb_piece_pack(struct tb_piece *piece) tb_must_check;
/* Gives its references back and leaves it empty. */
void tb_piece_release(struct tb_piece *piece);

struct tb_source;

struct tb_source_ops {
	/* The next piece from memory; never blocks; on an I/O thread. False:
	 * nothing was touched, `make` is to be called. NULL: it always is. */
	bool (*find)(struct tb_source *source, struct tb_piece *ret);
	/* The next piece; may block; on a worker. After an error the
	 * connection is cut, so that nobody takes the body for whole. */
	enum tb_err (*make)(struct tb_source *source, struct tb_piece *ret);
	/* Frees what the source holds. On any thread. */
	void (*destroy)(struct tb_source *source);
};

struct tb_source {
	const struct tb_source_ops *ops;
	bool is_gzip; /* set before the first piece: the packed form is what
		       * will be sent, and worth keeping */
};

#define TB_LENGTH_UNKNOWN UINT64_MAX

/* Takes over the source as the body. `length`: of all plain pieces together,
 * TB_LENGTH_UNKNOWN where nobody has counted them. */
void tb_response_source(struct tb_response *res, unsigned status,
			const char *content_type, struct tb_source *source,
			uint64_t length);

#endif
