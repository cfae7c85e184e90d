/*
 * From messages to whole Socket.IO packets: a text that announces attachments
 * waits for them. Owns what it has collected; a packet that it gives, and all
 * that this one points to, is borrowed until the next call. One owner, not
 * thread-safe, no I/O.
 */
#ifndef TB_REALTIME_SIO_DECODER_H
#define TB_REALTIME_SIO_DECODER_H

#include <stdbool.h>
#include <stddef.h>

#include "realtime/sio_packet.h"

struct tb_sio_decoder;

/* `memory_max_bytes` is the ceiling of all that one packet takes: its text,
 * its tape (16 bytes a value) and its attachments. The limits are copied; what
 * they point to is borrowed. NULL: no memory. */
struct tb_sio_decoder *tb_sio_decoder_create(const struct tb_sio_limits *limits,
					     size_t memory_max_bytes);
/* Takes NULL. */
void tb_sio_decoder_destroy(struct tb_sio_decoder *decoder);

/* One message. `*ret` is NULL while attachments are missing. The errors are
 * those of tb_sio_decode; INVALID also for bytes that nobody announced and for
 * text where bytes are missing. After an error the decoder has forgotten what
 * it had collected; a session is over then, unless it was NOMEM at the first
 * message of a packet, which may be tried again. */
enum tb_err tb_sio_decoder_feed(struct tb_sio_decoder *decoder,
				struct tb_str message, bool is_binary,
				const struct tb_sio_packet **ret,
				const char **ret_what) tb_must_check;
/* True while attachments are missing. */
bool tb_sio_decoder_is_waiting(const struct tb_sio_decoder *decoder);
/* Bytes of memory that the packet has taken so far. */
size_t tb_sio_decoder_bytes(const struct tb_sio_decoder *decoder);

#endif
