/*
 * What came of an exchange: an answer, or a failure in a connector's words.
 * Private to fetch.
 */
#ifndef TB_JOBS_FETCH_FETCH_ANSWER_H
#define TB_JOBS_FETCH_FETCH_ANSWER_H

#include "jobs/fetch/fetch.h"
#include "jobs/fetch/fetch_exchange.h"

struct tb_fetch_asked {
	struct tb_arena *arena;
	const char *method;
	CURLU *url;
	bool may_miss;
};

/* Whether it is an answer that its caller wants. */
enum tb_err
tb_fetch_judge(const struct tb_fetch_asked *asked,
	       const struct tb_exchange *exchange,
	       struct tb_connector_failure *ret_failure) tb_must_check;
/* Copies it into the arena. NOMEM, TOO_LARGE. */
enum tb_err
tb_fetch_answer_take(const struct tb_fetch_asked *asked,
		     const struct tb_exchange *exchange,
		     struct tb_fetch_answer *ret,
		     struct tb_connector_failure *ret_failure) tb_must_check;
/* The first target of rel="next" in its Link headers, as written. INVALID. */
enum tb_err tb_fetch_answer_next(const struct tb_fetch_answer *answer,
				 struct tb_str *ret) tb_must_check;

#endif
