/*
 * Packets of the Socket.IO protocol, version 5, as text with attachments of
 * bytes. Pure. A decoded packet borrows the text; its tape lies in the arena.
 * Strict: what no client of the protocol sends is INVALID, with the reason.
 *
 * A text may announce attachments, which come behind it as binary messages;
 * sio_decoder.h puts them together.
 */
#ifndef TB_REALTIME_SIO_PACKET_H
#define TB_REALTIME_SIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"

/* The digit on the wire. 5 and 6 are EVENT and ACK with attachments, and are
 * no kinds of their own here. */
enum tb_sio_kind {
	TB_SIO_CONNECT,
	TB_SIO_DISCONNECT,
	TB_SIO_EVENT,
	TB_SIO_ACK,
	TB_SIO_CONNECT_ERROR,
	TB_SIO_KINDS,
};

/* The namespace that is not written. */
#define TB_SIO_MAIN TB_STR("/")

struct tb_sio_packet {
	enum tb_sio_kind kind;
	bool has_id; /* an event that wants an ACK; each ACK */
	uint64_t id;
	struct tb_str nsp;   /* begins with a slash; printable ASCII */
	struct tb_str data;  /* JSON as written; empty: there is none */
	struct tb_str name;  /* decoding an event: its name, unescaped */
	struct tb_json json; /* decoding: of `data`, when there is some */
	const struct tb_str *attachments;
	size_t n_attachments;
};

struct tb_sio_limits {
	size_t nsp_max_bytes;
	size_t attachments_max;            /* of one packet */
	size_t attachments_max_bytes;      /* all of one packet together */
	const struct tb_json_limits *json; /* NULL: the default ones; the tape
					    * must hold everything */
};

/* One text. `attachments` stays NULL, while `n_attachments` says how many are
 * to come; each has its one placeholder in the data. Events have an array
 * that begins with a name which is not reserved, an ACK has an array and an
 * id, CONNECT an object or nothing, CONNECT_ERROR an object or a string,
 * DISCONNECT nothing. INVALID, TOO_DEEP, TOO_LARGE (a limit, or the arena's
 * ceiling), NOMEM. `ret_what` (static) says why where it is not NOMEM. */
enum tb_err tb_sio_decode(struct tb_arena *arena, struct tb_str text,
			  const struct tb_sio_limits *limits,
			  struct tb_sio_packet *ret,
			  const char **ret_what) tb_must_check;

/* Names that the protocol's clients keep for themselves. */
bool tb_sio_name_is_reserved(struct tb_str name);

/* Writing; errors stay in the buffer. */

/* The text of a packet; the attachments go behind it as they are. `data` must
 * be what decoding would accept, with a placeholder for each attachment
 * (sio_placeholder.h). */
void tb_sio_put(struct tb_buf *buf, const struct tb_sio_packet *packet);
/* The data of an event: its name, then arguments that are JSON already. */
void tb_sio_put_event_data(struct tb_buf *buf, struct tb_str name,
			   const struct tb_str *args, size_t n_args);
/* The data of an ACK. */
void tb_sio_put_ack_data(struct tb_buf *buf, const struct tb_str *args,
			 size_t n_args);

#endif
