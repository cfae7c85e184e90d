/*
 * An answer that is made later, by whatever thread has it, while the request's
 * connection rests and costs no worker; and a connection that leaves HTTP for
 * another protocol. A handler hands either over with its response instead of a
 * status.
 */
#ifndef TB_HTTP_LATER_H
#define TB_HTTP_LATER_H

#include "http/response.h"

/* A request whose answer is awaited, for as long as that takes: its connection
 * has no deadline, and that its client has gone is not noticed. It, with its
 * body, and its response live until tb_resting_answer. The server does not stop
 * before it. */
struct tb_resting;

const struct tb_request *tb_resting_request(const struct tb_resting *resting);
/* To be filled in as a handler would, but not with another tb_later: zeroed but
 * for its arena and the headers that were added before. */
struct tb_response *tb_resting_response(struct tb_resting *resting);
/* The response is made; once, on any thread. Nothing of the request may be
 * touched afterwards. */
void tb_resting_answer(struct tb_resting *resting);

/* Whoever will answer; embedded in what it needs for it. Exactly one of the
 * two is called. */
struct tb_later {
	/* The connection rests from now on: it may be answered, also before
	 * this returns. On an I/O thread (of a `quick`) or a worker (of a
	 * handler); must not block. */
	void (*begin)(struct tb_later *later, struct tb_resting *resting);
	/* It will not come to that: nobody can be answered. */
	void (*cancel)(struct tb_later *later);
};
/* Hands over; the response has no status and no body. */
void tb_response_later(struct tb_response *res, struct tb_later *later);

/* Whoever takes the connection. Exactly one of the two is called. */
struct tb_takeover {
	/* The 101 and its headers were sent. `fd` is the taker's to close, in
	 * non-blocking mode and without Nagle's algorithm; `early` are bytes
	 * that came behind the request, borrowed during the call. The
	 * connection is no longer the server's: it has no deadline, counts for
	 * no limit, and outlives it. On an I/O thread; must not block. */
	void (*take)(struct tb_takeover *takeover, int fd, struct tb_str early);
	void (*cancel)(struct tb_takeover *takeover);
};
/* Hands over, with status 101; headers as tb_response_header added them, and
 * `Connection: Upgrade` is added here. The request has an Upgrade header, which
 * no one of HTTP/1.0 is let have. */
void tb_response_takeover(struct tb_response *res,
			  struct tb_takeover *takeover);

#endif
