/*
 * The test server's answers that are made later, by a thread of their own, and
 * its connections that leave HTTP, which another thread echoes.
 */
#ifndef TB_TESTS_SERVER_LATER_H
#define TB_TESTS_SERVER_LATER_H

#include "http/request.h"
#include "http/response.h"

void later_init(void);
/* Answers those who wait, and all who come from now on. */
void later_quiesce(void);
/* Ends the threads, and says "end" to all connections that were taken. */
void later_fini(void);
/* Prints "later" and the counts. */
void later_print(void);

/* Answered when that is released, with the body that was sent; or with `n`
 * bytes; with `source` by one of server_sources.h; with `err` as a failure. On
 * a worker, and on an I/O thread. */
void later_answer(void *state, const struct tb_request *req,
		  struct tb_response *res);
bool later_answer_quick(void *state, const struct tb_request *req,
			struct tb_response *res);
/* The same, answered by the very call that begins it. */
bool later_answer_at_once(void *state, const struct tb_request *req,
			  struct tb_response *res);
/* The same, but the handler itself waits before it hands over. */
void later_answer_late(void *state, const struct tb_request *req,
		       struct tb_response *res);
/* Hands over, and then answers otherwise. */
bool later_answer_instead(void *state, const struct tb_request *req,
			  struct tb_response *res);
bool later_release(void *state, const struct tb_request *req,
		   struct tb_response *res);

/* Takes the connection if it says Upgrade, and sends it "<early>" and then all
 * that comes, until that is "bye". On a worker, on an I/O thread, and as an
 * answer that is made later. */
void later_take(void *state, const struct tb_request *req,
		struct tb_response *res);
bool later_take_quick(void *state, const struct tb_request *req,
		      struct tb_response *res);
bool later_take_later(void *state, const struct tb_request *req,
		      struct tb_response *res);

/* How many there were of each kind, and rest now. */
bool later_get_counts(void *state, const struct tb_request *req,
		      struct tb_response *res);

#endif
