/*
 * The opening handshake of a WebSocket (RFC 6455, section 4.2), judged by the
 * request's headers. Pure.
 */
#ifndef TB_HUB_HANDSHAKE_H
#define TB_HUB_HANDSHAKE_H

#include <stdbool.h>

#include "base/str.h"

/* The headers' values; p NULL: absent. */
struct tb_handshake {
	struct tb_str upgrade;
	struct tb_str connection;
	struct tb_str version; /* Sec-WebSocket-Version */
	struct tb_str key;     /* Sec-WebSocket-Key */
};

/* The only version that there is. */
#define TB_WEBSOCKET_VERSION TB_STR("13")

/* True if the request asks to become a WebSocket. */
bool tb_handshake_is_upgrade(const struct tb_handshake *handshake);
/* INVALID: no key as a client makes it; UNSUPPORTED: another version. */
enum tb_err
tb_handshake_check(const struct tb_handshake *handshake) tb_must_check;

#define TB_HANDSHAKE_ACCEPT_LEN 28
/* What the answer's Sec-WebSocket-Accept says to a key. */
void tb_handshake_accept(struct tb_str key, char ret[TB_HANDSHAKE_ACCEPT_LEN]);

#endif
