/*
 * Requests whose answer somebody makes later (http/later.h). Their connections
 * are suspended meanwhile, so libmicrohttpd looks at none of them: that a
 * client has gone is found when it is answered.
 */
#ifndef TB_HTTP_RESTING_H
#define TB_HTTP_RESTING_H

#include "http/exchange.h"

/* Hands the exchange, whose connection is suspended, to the one who will answer
 * it (`res.later`). It is theirs when this is called: nothing of it may be
 * touched afterwards. On an I/O thread or a worker. */
void tb_resting_begin(struct tb_exchange *ex);

#endif
