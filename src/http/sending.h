/*
 * Sends a body that is made piece by piece (http/source.h). libmicrohttpd asks
 * for the next bytes on the I/O thread; what is not in memory a worker makes
 * and packs, while the connection is suspended. A slow reader so pins neither
 * thread: it costs its piece in flight and a block.
 */
#ifndef TB_HTTP_SENDING_H
#define TB_HTTP_SENDING_H

#include <microhttpd.h>

#include "codec/gzip.h"
#include "http/source.h"

struct tb_exchange;

/* Embedded in the exchange and zeroed with it; the I/O thread's, but while the
 * connection is suspended the worker's that makes a piece. */
struct tb_sending {
	bool is_begun;
	bool is_gzip;
	bool is_next;           /* the next piece is there */
	bool has_ended;         /* and it was the end */
	struct tb_piece next;   /* not yet begun, perhaps not yet packed */
	struct tb_blob *blob;   /* that is being sent */
	struct tb_str rest;     /* of it, or of `frame` */
	enum tb_err err;        /* why there is no more than that */
	uint64_t taken_bytes;   /* of the plain body */
	uint64_t charged_bytes; /* of the budget */
	uint64_t window_bytes;  /* may yet be sent in the time below */
	int64_t window_end_us;  /* monotonic; while suspended: what is left */
	bool is_paused;
	struct tb_gzip_body gzip;
	uint8_t frame[TB_GZIP_HEAD_BYTES]; /* the tail is as long */
};

/* Begins the body of a handler's answer. If it is a source: decides how it is
 * sent and gets its first piece; of a long one in memory charges the budget.
 * Where that fails, the answer becomes an error. False: only a worker can
 * (`may_block`), which calls it again. */
bool tb_sending_begin(struct tb_exchange *ex, bool may_block);
/* What libmicrohttpd sends of it; the exchange outlives it. NULL: no memory. */
struct MHD_Response *tb_sending_create_response(struct tb_exchange *ex);
/* On a worker, for a connection that waits: gets the next piece. */
void tb_sending_work(struct tb_exchange *ex);
/* Ends the body behind what was made; the client finds the connection reset. */
void tb_sending_fail(struct tb_exchange *ex, enum tb_err err);
/* Frees what it holds. */
void tb_sending_fini(struct tb_exchange *ex);

#endif
