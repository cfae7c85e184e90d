/*
 * A WebSocket: its descriptor, and what has come or gone in part. It is a
 * client's until it is closed; then it waits, on its own and not for long, for
 * the other side to close as well, so that what was sent last arrives. Lives
 * on one loop.
 */
#ifndef TB_HUB_SOCKET_H
#define TB_HUB_SOCKET_H

#include "hub/loop.h"

/* Bytes that were read and not looked at, because the client is held. */
struct tb_rest {
	size_t at;
	size_t n;
	char bytes[];
};

/* Frames that the kernel has not taken yet. */
struct tb_unsent {
	size_t first;
	size_t n;
	size_t offset; /* in the first one */
	size_t bytes;
	struct tb_eio_message *messages[];
};

struct tb_socket {
	struct tb_loop *loop;
	struct tb_client *client; /* NULL: it is nobody's */
	struct tb_socket *next_ready;
	struct tb_socket *next_dead;
	struct tb_frames *frames; /* lent */
	struct tb_rest *rest;
	struct tb_unsent *unsent;
	struct tb_eio_message *reply; /* a pong that is to be sent */
	struct tb_timer timer;        /* ends the wait */
	int fd;
	uint16_t close_code;
	bool is_readable; /* as far as is known */
	bool has_hung_up;
	bool is_broken; /* writing has failed */
	bool is_closing;
	bool is_in_ready;
	bool is_dead;
};

/* Copies bytes that came already; NULL: no memory. */
struct tb_rest *tb_rest_create(struct tb_str bytes);

/* Takes over the descriptor, and what was read from it (may be NULL), in any
 * case. NULL: no memory. */
struct tb_socket *tb_socket_create(struct tb_loop *loop, int fd,
				   struct tb_rest *rest);

/* A frame to be sent; the reference is the socket's now. It may wait for
 * others until the flush. */
void tb_socket_put(struct tb_socket *socket, struct tb_eio_message *message);
/* Sends what was put. False: not all could be sent, so that nothing may be put
 * until the client is told that it can be; or the socket is broken. */
bool tb_socket_flush(struct tb_socket *socket);
/* Bytes that were put and are not sent. */
size_t tb_socket_backlog(const struct tb_socket *socket);

/* Closes it in order, with a code unless it has one of its own; it is nobody's
 * from now on. */
void tb_socket_close(struct tb_socket *socket, uint16_t code);
/* Closes it at once. */
void tb_socket_drop(struct tb_socket *socket);

/* Something was told of its descriptor. */
void tb_socket_tell(struct tb_socket *socket, uint32_t events);
/* Goes on to read in this turn or the next, if there may be something. */
void tb_socket_wake(struct tb_socket *socket);
/* A turn's worth of reading. */
void tb_socket_read(struct tb_socket *socket);

#endif
