/*
 * A connection that leaves HTTP (http/later.h, docs/adr/0014).
 */
#ifndef TB_HTTP_TAKEOVER_H
#define TB_HTTP_TAKEOVER_H

#include "http/exchange.h"

/* What libmicrohttpd sends before it gives the connection away: a 101, to which
 * it adds `Connection: Upgrade`. The exchange outlives it, and has the taker
 * (`res.takeover`) until then. NULL: no memory. */
struct MHD_Response *tb_takeover_create_response(struct tb_exchange *ex);

#endif
