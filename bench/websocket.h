/*
 * A raw WebSocket client for measuring: one connection that sends whole
 * messages and reads them, as little of RFC 6455 as that takes. It never
 * blocks; whoever owns it polls its descriptor. What goes wrong ends the
 * program.
 */
#ifndef TB_BENCH_WEBSOCKET_H
#define TB_BENCH_WEBSOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The longest message to be sent or read, with its head. */
#define TB_WEBSOCKET_MESSAGE_MAX 2048

enum tb_websocket_step {
	TB_WEBSOCKET_CONNECTING, /* poll for writing */
	TB_WEBSOCKET_UPGRADING,  /* poll for reading from now on */
	TB_WEBSOCKET_OPEN,
};

struct tb_websocket {
	int fd;
	enum tb_websocket_step step;
	size_t n_held; /* of a head or a message that is not all there */
	char held[TB_WEBSOCKET_MESSAGE_MAX];
};

/* Begins a connection, from the loopback address with this last byte. */
void tb_websocket_connect(struct tb_websocket *ws,
			  const struct sockaddr_in *server, uint8_t source);
/* It is connected: asks for the upgrade. */
void tb_websocket_upgrade(struct tb_websocket *ws, const char *path);
/* The same without one: the server speaks in frames at once. */
void tb_websocket_skip_upgrade(struct tb_websocket *ws);

void tb_websocket_send(struct tb_websocket *ws, struct tb_str text);
/* As a server would, without a mask. */
void tb_websocket_send_unmasked(struct tb_websocket *ws, struct tb_str text);
void tb_websocket_send_close(struct tb_websocket *ws);

/* Takes a text, borrowed for the call; "" when the upgrade is there. */
typedef void tb_websocket_take_fn(void *ctx, struct tb_websocket *ws,
				  struct tb_str text);
/* Reads what is there. False: the server has closed. */
bool tb_websocket_read(struct tb_websocket *ws, tb_websocket_take_fn *take,
		       void *ctx);
void tb_websocket_drop(struct tb_websocket *ws);

#endif
