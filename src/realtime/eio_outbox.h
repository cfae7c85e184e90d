/*
 * Messages that wait for a transport: a bounded queue of references to them.
 * A few have their place in it, so that what is sent at once needs no memory
 * of its own. Embedded by its session. Private to the folder.
 */
#ifndef TB_REALTIME_EIO_OUTBOX_H
#define TB_REALTIME_EIO_OUTBOX_H

#include <stddef.h>

#include "realtime/eio_message.h"

#define TB_EIO_OUTBOX_FEW 2 /* a power of two */

struct tb_eio_outbox {
	struct tb_eio_message *few[TB_EIO_OUTBOX_FEW];
	struct tb_eio_message **more; /* instead, where those do not do */
	size_t cap;                   /* a power of two */
	size_t first;                 /* the place of the oldest */
	size_t packets;
	size_t bytes; /* of the packets' data */
	size_t max_bytes;
	size_t max_packets;
};

void tb_eio_outbox_init(struct tb_eio_outbox *outbox, size_t max_bytes,
			size_t max_packets);
void tb_eio_outbox_fini(struct tb_eio_outbox *outbox);

/* Takes references to all, or to none: TOO_LARGE where they would not even fit
 * into an empty outbox, BUSY where they do not fit now, NOMEM. */
enum tb_err tb_eio_outbox_push(struct tb_eio_outbox *outbox,
			       struct tb_eio_message *const *messages,
			       size_t n) tb_must_check;
/* The same with messages that are made of packets. */
enum tb_err tb_eio_outbox_push_packets(struct tb_eio_outbox *outbox,
				       const struct tb_eio_packet *packets,
				       size_t n) tb_must_check;
/* The i-th from the oldest on, which must be there. */
struct tb_eio_message *tb_eio_outbox_at(const struct tb_eio_outbox *outbox,
					size_t i);
/* Takes out the oldest, which must be there; the reference is the caller's. */
struct tb_eio_message *tb_eio_outbox_pop(struct tb_eio_outbox *outbox);
/* Forgets the first `n`, which must be there. */
void tb_eio_outbox_drop(struct tb_eio_outbox *outbox, size_t n);

#endif
