/*
 * One Engine.IO session as a state machine: no sockets, no clock. The owner
 * tells it what comes in, with the time, and after each such call asks for
 * actions until there are none (tb_eio_session_next). One owner at a time: it
 * holds a lock around a call and its actions, or has one thread. Times are
 * milliseconds of any clock that never goes back.
 *
 * A session has at most one waiting poll, one post, and one WebSocket, which
 * is the transport, or is being probed while polling still is.
 */
#ifndef TB_REALTIME_EIO_SESSION_H
#define TB_REALTIME_EIO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "realtime/eio_message.h"
#include "realtime/eio_packet.h"
#include "realtime/eio_request.h"

struct tb_eio_session;

struct tb_eio_options {
	int64_t ping_interval_ms;
	int64_t ping_timeout_ms;
	int64_t upgrade_timeout_ms; /* from the WebSocket to its use */
	int64_t close_timeout_ms;   /* for what is left to send at the end */
	/* Of a post; its bytes are also the ceiling of a frame that comes in,
	 * and of what one poll is answered with unless one message is larger.
	 */
	struct tb_eio_payload_limits payload;
	size_t outbox_max_bytes;
	size_t outbox_max_packets;
};

/* Why a session ended; the texts are those that the protocol's users know. */
enum tb_eio_reason {
	TB_EIO_REASON_TRANSPORT_ERROR, /* misuse of the transport, or it broke
					*/
	TB_EIO_REASON_TRANSPORT_CLOSE, /* by the client */
	TB_EIO_REASON_PING_TIMEOUT,
	TB_EIO_REASON_PARSE_ERROR,
	TB_EIO_REASON_FORCED_CLOSE, /* by the server, for this session */
	TB_EIO_REASON_SHUTTING_DOWN,
	TB_EIO_REASON_OUTBOX_FULL,
	TB_EIO_REASONS,
};
const char *tb_eio_reason_text(enum tb_eio_reason reason);

/* A session that begins: with a poll that waits for the handshake, or with a
 * WebSocket that is open. The options are borrowed, the id is copied. NULL: no
 * memory. */
struct tb_eio_session *
tb_eio_session_create(const struct tb_eio_options *options, struct tb_str sid,
		      enum tb_eio_transport transport, int64_t now_ms);
/* Takes NULL. */
void tb_eio_session_destroy(struct tb_eio_session *session);

struct tb_str tb_eio_session_sid(const struct tb_eio_session *session);
enum tb_eio_transport
tb_eio_session_transport(const struct tb_eio_session *session);
/* False from the moment it is being closed. */
bool tb_eio_session_is_open(const struct tb_eio_session *session);

/* ---- what comes in ---- */

/* A further GET. NONE: it waits for ANSWER_POLL. Else it is refused at once,
 * and a second one beside a waiting one ends the session. */
enum tb_eio_fault tb_eio_session_poll(struct tb_eio_session *session);
/* Whoever waited for the poll's answer hung up. */
void tb_eio_session_poll_gone(struct tb_eio_session *session);

/* A POST, before its body. NONE: exactly one of the next two follows. */
enum tb_eio_fault tb_eio_session_post_begin(struct tb_eio_session *session);
/* Its body. NONE: it is answered with 200 and "ok", and `ret` holds the
 * messages for the layer above, in order (in the arena and in the body). Else
 * it is refused, `ret` is untouched, and the session ends where the body was
 * malformed, too large, or for want of memory. */
enum tb_eio_fault tb_eio_session_post(struct tb_eio_session *session,
				      int64_t now_ms, struct tb_arena *arena,
				      struct tb_str body,
				      struct tb_eio_packet **ret,
				      size_t *ret_n);
/* The body will not come, or was over the HTTP side's ceiling. */
void tb_eio_session_post_gone(struct tb_eio_session *session);

/* A WebSocket that names this session. False: it must be closed. */
bool tb_eio_session_socket(struct tb_eio_session *session, int64_t now_ms);
/* A whole message from the session's WebSocket. True: `ret` is a message for
 * the layer above; it borrows `data`. */
bool tb_eio_session_frame(struct tb_eio_session *session, int64_t now_ms,
			  struct tb_str data, bool is_binary,
			  struct tb_eio_packet *ret);
/* Whether it takes frames now; at first it does. */
void tb_eio_session_set_writable(struct tb_eio_session *session,
				 bool is_writable);
/* It was closed by the client, or broke. */
void tb_eio_session_socket_gone(struct tb_eio_session *session);

/* Whether the owner reads what the client sends; at first it does. While it
 * does not, pings go on, and no pong is missed; the client has the whole time
 * for it again once it is read. */
void tb_eio_session_set_read(struct tb_eio_session *session, int64_t now_ms,
			     bool is_read);

/* What is due by now: pings, and ends. */
void tb_eio_session_tick(struct tb_eio_session *session, int64_t now_ms);
/* When to tick next; INT64_MAX: never. */
int64_t tb_eio_session_deadline(const struct tb_eio_session *session);

/* Messages of the layer above: all of them are copied and will follow each
 * other, or none is. CLOSED; INVALID: text with a separator in it; BUSY: the
 * outbox is full; TOO_LARGE: they never fit; NOMEM. A session whose outbox is
 * full stays open; its owner decides. */
enum tb_err tb_eio_session_send(struct tb_eio_session *session,
				const struct tb_eio_packet *messages,
				size_t n) tb_must_check;
/* The same without a copy: takes references. Not INVALID. */
enum tb_err tb_eio_session_share(struct tb_eio_session *session,
				 struct tb_eio_message *const *messages,
				 size_t n) tb_must_check;
struct tb_eio_backlog {
	size_t bytes;
	size_t packets;
};
/* What is in the outbox. */
struct tb_eio_backlog
tb_eio_session_backlog(const struct tb_eio_session *session);
/* Ends the session when what waits has been sent, or after close_timeout_ms.
 * Nothing more is taken in. */
void tb_eio_session_close(struct tb_eio_session *session, int64_t now_ms,
			  enum tb_eio_reason reason);
/* Ends it at once; what waits is lost. */
void tb_eio_session_abort(struct tb_eio_session *session,
			  enum tb_eio_reason reason);

/* ---- what comes out ---- */

enum tb_eio_action_kind {
	TB_EIO_NOTHING,
	TB_EIO_ANSWER_POLL,  /* the waiting GET with 200 and `bytes` */
	TB_EIO_SEND_FRAME,   /* `message` to the WebSocket */
	TB_EIO_CLOSE_SOCKET, /* the WebSocket; it is no longer the session's */
	TB_EIO_END,          /* once: the session is over, for `reason` */
};

struct tb_eio_action {
	enum tb_eio_action_kind kind;
	struct tb_str bytes;            /* in the buffer */
	struct tb_eio_message *message; /* a reference, now the owner's */
	enum tb_eio_reason reason;
};

/* The next thing to do. Resets `buf`, and uses it. On an error (the buffer's:
 * NOMEM, TOO_LARGE) the session is as before, and may be asked again. */
enum tb_err tb_eio_session_next(struct tb_eio_session *session,
				struct tb_buf *buf,
				struct tb_eio_action *ret) tb_must_check;

#endif
