/*
 * A packet on its way out: written once, as a whole WebSocket frame, and never
 * changed. It is counted, so that any number of sessions on any threads hold
 * the same one.
 */
#ifndef TB_REALTIME_EIO_MESSAGE_H
#define TB_REALTIME_EIO_MESSAGE_H

#include <stdatomic.h>

#include "realtime/eio_packet.h"

struct tb_eio_message {
	_Atomic uint32_t refs;
	bool is_binary;
	uint8_t head_bytes; /* of the frame, in front of the packet */
	size_t n;           /* of the frame */
	const char *frame;
};

/* Copies the packet, which must be sendable. NULL: no memory. */
struct tb_eio_message *
tb_eio_message_create(const struct tb_eio_packet *packet);
/* A frame that says nothing to Engine.IO, as it is: a control frame. */
struct tb_eio_message *tb_eio_message_create_frame(struct tb_str frame);
void tb_eio_message_unref(struct tb_eio_message *message); /* takes NULL */

static inline struct tb_eio_message *
tb_eio_message_ref(struct tb_eio_message *message)
{
	atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
	return message;
}

/* All of it (RFC 6455, section 5.2), not masked. */
static inline struct tb_str
tb_eio_message_frame(const struct tb_eio_message *message)
{
	return tb_str(message->frame, message->n);
}

/* What is in the frame: the packet's kind, unless it is bytes, and data. */
static inline struct tb_str
tb_eio_message_packet(const struct tb_eio_message *message)
{
	return tb_str(message->frame + message->head_bytes,
		      message->n - message->head_bytes);
}

/* The packet's data. */
static inline struct tb_str
tb_eio_message_data(const struct tb_eio_message *message)
{
	size_t kind_bytes = message->is_binary ? 0 : 1;
	struct tb_str packet = tb_eio_message_packet(message);

	return tb_str(packet.p + kind_bytes, packet.n - kind_bytes);
}

#endif
