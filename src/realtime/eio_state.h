/*
 * The inside of an Engine.IO session, for the two files that are it:
 * eio_session.c takes what comes in, eio_action.c says what goes out.
 */
#ifndef TB_REALTIME_EIO_STATE_H
#define TB_REALTIME_EIO_STATE_H

#include "realtime/eio_outbox.h"
#include "realtime/eio_session.h"

enum eio_phase {
	EIO_IS_OPEN,
	EIO_IS_CLOSING, /* until what waits is sent */
	EIO_IS_CLOSED,
};

enum eio_socket {
	EIO_SOCKET_NONE,
	EIO_SOCKET_NEW,    /* nothing was heard from it */
	EIO_SOCKET_PROBED, /* its ping was answered */
	EIO_SOCKET_IN_USE, /* it is the transport */
};

struct tb_eio_session {
	const struct tb_eio_options *options;
	enum eio_phase phase;
	enum tb_eio_transport transport;
	enum eio_socket socket;
	enum tb_eio_reason reason;
	/* What a waiting poll is sent away with, once it is of no use. */
	enum tb_eio_kind farewell;
	bool can_upgrade; /* what the handshake says */
	bool has_left; /* closed by its client, whose last poll may yet come */
	bool poll_waits;
	bool is_posting;
	bool is_writable;
	bool is_read;
	bool awaits_pong;
	/* What is to be done, and needs no memory to be remembered. */
	bool open_due;
	bool ping_due;
	bool probe_due;
	bool socket_close_due;
	bool end_due;
	int64_t heartbeat_ms; /* the next ping, or the last time for a pong */
	int64_t pinged_ms;    /* the last ping */
	int64_t upgrade_ms;   /* the last time for a socket to be used */
	int64_t close_ms;     /* the last time to send what waits */
	struct tb_eio_outbox outbox;
	size_t sid_n;
	char sid[];
};

/* Ends the session: a poll that waits gets `farewell`, a socket is closed,
 * what was to be sent is forgotten. */
void tb_eio_state_end(struct tb_eio_session *session, enum tb_eio_reason reason,
		      enum tb_eio_kind farewell);

#endif
