/*
 * From a handler's answer to bytes for the client: compression, the headers
 * that belong to every answer, and the two ways out.
 */
#ifndef TB_HTTP_ANSWER_H
#define TB_HTTP_ANSWER_H

#include "http/exchange.h"

/* Makes what libmicrohttpd sends of the exchange's answer; the body is taken
 * over without a copy. `may_compress`: on a worker, where it holds up nobody.
 * Afterwards `answer` is set, or NULL when there was no memory for it. */
void tb_answer_finish(struct tb_exchange *ex, bool may_compress);

/* True if the answer would be compressed: worth a worker. */
bool tb_answer_is_to_be_packed(const struct tb_exchange *ex);

/* Writes the answer straight to the socket and ends the sending direction.
 * For answers that cannot wait for the end of a request's body: libmicrohttpd
 * takes none while a body is coming, and one that comes before makes it close
 * at once, which resets the connection under the client that still sends.
 * Sets `is_written` if it went out whole. */
void tb_answer_write(struct tb_exchange *ex);

#endif
