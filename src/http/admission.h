/*
 * The steps before a handler runs: each lets the request go on, answers it,
 * or says that it must be taken on a worker. In the order of this header.
 */
#ifndef TB_HTTP_ADMISSION_H
#define TB_HTTP_ADMISSION_H

#include "http/exchange.h"

enum tb_step {
	TB_STEP_ON,
	TB_STEP_ANSWERED, /* the answer is in the exchange */
	TB_STEP_BLOCKS,   /* again on a worker */
};

/* Answers a request of which only the target is known, in the shape of the API
 * that it belongs to. */
void tb_admit_answer_unparsed(struct tb_exchange *ex, unsigned status,
			      struct tb_str message);

/* Takes up method, headers and id. From here on errors have the shape of the
 * API that the path belongs to. */
enum tb_step tb_admit_head(struct tb_exchange *ex, struct tb_str method,
			   const char *version);
/* Refuses what only this machine may ask, answers preflights, and what has no
 * route. */
enum tb_step tb_admit_route(struct tb_exchange *ex);
/* Credentials; BLOCKS only when `may_block` is false. */
enum tb_step tb_admit_caller(struct tb_exchange *ex, bool may_block);
/* Refuses at once what must not be sent at all, else readies the body. */
enum tb_step tb_admit_body(struct tb_exchange *ex);

/* Answers a request whose body failed on its way in. */
void tb_admit_answer_bad_body(struct tb_exchange *ex, enum tb_err err);
/* True if the request has a body that is still to come. */
bool tb_admit_expects_body(const struct tb_exchange *ex);

#endif
