/*
 * What goes out by a WebSocket: frames that are put are collected, sent in one
 * call, and what the kernel does not take is kept until it does. Private to
 * socket.c and to this; the rest is in socket.h.
 */
#ifndef TB_HUB_WRITING_H
#define TB_HUB_WRITING_H

#include "hub/socket.h"

/* The kernel takes more. False: the socket is broken. */
bool tb_writing_go_on(struct tb_socket *socket);
/* Sends the close frame, behind which nothing goes. False: it is broken. */
bool tb_writing_end(struct tb_socket *socket);
/* Forgets what was not sent. */
void tb_writing_forget(struct tb_socket *socket);

#endif
