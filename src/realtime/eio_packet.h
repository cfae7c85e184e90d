/*
 * Packets of the Engine.IO protocol, version 4: one in a WebSocket frame, or
 * several in the body of a polling request, which is called a payload. Pure;
 * what is decoded borrows the input, or lies in the arena where base64 had to
 * be undone. Strict: what no client of the protocol sends is INVALID.
 *
 * That text is UTF-8 is not checked here: frames are checked by the WebSocket,
 * and what a message says by whoever reads it.
 */
#ifndef TB_REALTIME_EIO_PACKET_H
#define TB_REALTIME_EIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* The digit on the wire. */
enum tb_eio_kind {
	TB_EIO_OPEN,
	TB_EIO_CLOSE,
	TB_EIO_PING,
	TB_EIO_PONG,
	TB_EIO_MESSAGE,
	TB_EIO_UPGRADE,
	TB_EIO_NOOP,
	TB_EIO_KINDS,
};

/* Stands between the packets of a payload. */
#define TB_EIO_SEPARATOR '\x1e'

struct tb_eio_packet {
	enum tb_eio_kind kind;
	bool is_binary; /* messages only */
	struct tb_str data;
};

/* One frame. INVALID: empty text, no such kind, data where the kind has none.
 * A binary frame is always a message. */
enum tb_err tb_eio_decode_frame(struct tb_str frame, bool is_binary,
				struct tb_eio_packet *ret) tb_must_check;

struct tb_eio_payload_limits {
	size_t max_bytes;
	size_t max_packets;
};

/* All packets of a polling body, or none. TOO_LARGE: over a limit or over the
 * arena's ceiling. INVALID: as above for each packet, an empty one (so also a
 * separator at either end), base64 that is not as it would be written. */
enum tb_err tb_eio_decode_payload(struct tb_arena *arena, struct tb_str body,
				  const struct tb_eio_payload_limits *limits,
				  struct tb_eio_packet **ret,
				  size_t *ret_n) tb_must_check;

/* False for what cannot be sent by every transport: text with a separator in
 * it, data or bytes where the kind has none. */
bool tb_eio_packet_is_sendable(const struct tb_eio_packet *packet);

/* Writing. The packet must be sendable; errors stay in the buffer. */

/* What goes into a frame, which is binary when the packet is. */
void tb_eio_put_frame(struct tb_buf *buf, const struct tb_eio_packet *packet);
/* One more packet of a payload, behind a separator unless it is the first. */
void tb_eio_put_record(struct tb_buf *buf, const struct tb_eio_packet *packet);
/* What put_record appends to a payload that is not empty. */
size_t tb_eio_record_bytes(const struct tb_eio_packet *packet);

/* What the first packet of a session tells the client. */
struct tb_eio_handshake {
	struct tb_str sid;
	bool can_upgrade; /* to WebSocket */
	int64_t ping_interval_ms;
	int64_t ping_timeout_ms;
	size_t max_payload_bytes; /* of what the client posts at once */
};
/* The data of the open packet. */
void tb_eio_put_handshake(struct tb_buf *buf,
			  const struct tb_eio_handshake *handshake);

#endif
