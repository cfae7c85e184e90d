/*
 * Messages that wait for a transport: a bounded queue that owns copies of
 * them. Embedded by its session. Private to the folder.
 */
#ifndef TB_REALTIME_EIO_OUTBOX_H
#define TB_REALTIME_EIO_OUTBOX_H

#include <stddef.h>

#include "realtime/eio_packet.h"

struct tb_eio_parcel {
	struct tb_eio_parcel *next;
	struct tb_eio_packet packet; /* its data are behind this struct */
};

struct tb_eio_outbox {
	struct tb_eio_parcel *first;
	struct tb_eio_parcel **end;
	size_t bytes;
	size_t packets;
	size_t max_bytes;
	size_t max_packets;
};

/* Not to be moved afterwards. */
void tb_eio_outbox_init(struct tb_eio_outbox *outbox, size_t max_bytes,
			size_t max_packets);
void tb_eio_outbox_fini(struct tb_eio_outbox *outbox);

/* Copies all, or none: TOO_LARGE where they would not even fit into an empty
 * outbox, BUSY where they do not fit now, NOMEM. */
enum tb_err tb_eio_outbox_push(struct tb_eio_outbox *outbox,
			       const struct tb_eio_packet *packets,
			       size_t n) tb_must_check;
/* Forgets the first `n`, which must be there. */
void tb_eio_outbox_drop(struct tb_eio_outbox *outbox, size_t n);

#endif
