/*
 * One client's Socket.IO session as a state machine: which namespaces it is
 * in, and which acknowledgements are awaited or owed. No sockets, no clock.
 * Messages come in by tb_sio_session_feed; what goes out is written into a
 * buffer as the text of one message, behind which the caller sends the
 * attachments, if there are some, without anything between. One owner at a
 * time, as the Engine.IO session below it.
 *
 * An event that awaits no ACK is the same for every client of a namespace:
 * it may be written once by tb_sio_put and sent to all that
 * tb_sio_session_is_connected names.
 */
#ifndef TB_REALTIME_SIO_SESSION_H
#define TB_REALTIME_SIO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "realtime/sio_packet.h"

struct tb_sio_session;

struct tb_sio_options {
	struct tb_sio_limits limits;
	size_t memory_max_bytes;    /* of one packet; see sio_decoder.h */
	size_t nsps_max;            /* that a client asks for or is in */
	size_t awaited_max;         /* ACKs that it has not sent yet */
	size_t owed_max;            /* ACKs that it has not got yet */
	int64_t connect_timeout_ms; /* to its first namespace */
};

/* The options are borrowed. NULL: no memory. */
struct tb_sio_session *
tb_sio_session_create(const struct tb_sio_options *options, int64_t now_ms);
/* Takes NULL. */
void tb_sio_session_destroy(struct tb_sio_session *session);

bool tb_sio_session_is_connected(const struct tb_sio_session *session,
				 struct tb_str nsp);
/* The namespace in the i-th place (below nsps_max); empty: it is connected to
 * none there. */
struct tb_str tb_sio_session_nsp(const struct tb_sio_session *session,
				 size_t i);
/* When a client that is in no namespace yet has to be closed; INT64_MAX once
 * it was in one. */
int64_t tb_sio_session_deadline(const struct tb_sio_session *session);

/* ---- what comes in ---- */

enum tb_sio_input_kind {
	TB_SIO_IN_NOTHING,    /* nothing for the layer above */
	TB_SIO_IN_CONNECT,    /* to be accepted or refused; data: its auth */
	TB_SIO_IN_EVENT,      /* with an id: an ACK is owed */
	TB_SIO_IN_ACK,        /* of the event that was given this `tag` */
	TB_SIO_IN_DISCONNECT, /* the client has left the namespace */
	TB_SIO_IN_BROKEN,     /* close the session below, with a parse error */
};

struct tb_sio_input {
	enum tb_sio_input_kind kind;
	const struct tb_sio_packet *packet; /* until the next feed */
	uint64_t tag;
	const char *what; /* BROKEN: why; static */
};

/* One message from below. NOMEM is the only error; then nothing was taken in,
 * but attachments that were collected are lost. After BROKEN nothing comes in
 * and nothing goes out any more. */
enum tb_err tb_sio_session_feed(struct tb_sio_session *session,
				struct tb_str message, bool is_binary,
				struct tb_sio_input *ret) tb_must_check;

/* Gives back the memory of the last packet, which is not to be used any more:
 * for a session that may be silent now. What waits for attachments stays. */
void tb_sio_session_rest(struct tb_sio_session *session);
/* Bytes that a packet which waits for attachments has taken so far. */
size_t tb_sio_session_held_bytes(const struct tb_sio_session *session);

/* ---- what goes out ----
 *
 * Each appends to an empty buffer. On an error nothing has changed: CLOSED
 * after BROKEN; NOT_FOUND where the client is not in the namespace (accept,
 * refuse: has not asked for it; ack: owes nothing for that id); the buffer's
 * own. */

enum tb_err tb_sio_session_accept(struct tb_sio_session *session,
				  struct tb_str nsp, struct tb_str sid,
				  struct tb_buf *buf) tb_must_check;
/* {"message":...} */
enum tb_err tb_sio_session_refuse(struct tb_sio_session *session,
				  struct tb_str nsp, struct tb_str message,
				  struct tb_buf *buf) tb_must_check;

struct tb_sio_emission {
	struct tb_str nsp;
	struct tb_str name;        /* not reserved */
	const struct tb_str *args; /* JSON, each */
	size_t n_args;
	size_t n_attachments; /* each with a placeholder in the arguments */
	bool wants_ack;
	uint64_t tag; /* what the ACK will come with */
};
/* BUSY: too many ACKs are awaited. */
enum tb_err tb_sio_session_emit(struct tb_sio_session *session,
				const struct tb_sio_emission *emission,
				struct tb_buf *buf) tb_must_check;
/* Whoever gave this tag no longer waits; the ACK will come to nothing. */
void tb_sio_session_forget(struct tb_sio_session *session, uint64_t tag);

/* Answers the event with this id, once. */
enum tb_err tb_sio_session_ack(struct tb_sio_session *session,
			       struct tb_str nsp, uint64_t id,
			       const struct tb_str *args, size_t n_args,
			       size_t n_attachments,
			       struct tb_buf *buf) tb_must_check;
/* The same for an ACK that is written elsewhere. */
enum tb_err tb_sio_session_settle(struct tb_sio_session *session,
				  struct tb_str nsp, uint64_t id) tb_must_check;
/* Puts the client out of a namespace. */
enum tb_err tb_sio_session_disconnect(struct tb_sio_session *session,
				      struct tb_str nsp,
				      struct tb_buf *buf) tb_must_check;

#endif
