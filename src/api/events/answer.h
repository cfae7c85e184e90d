/*
 * The history as GET and POST events answer it: from where, how much of it, in
 * which form, and with which headers. One for each request, on the handler's
 * stack.
 */
#ifndef TB_API_EVENTS_ANSWER_H
#define TB_API_EVENTS_ANSWER_H

#include "api/events/query.h"
#include "api/events/stand.h"
#include "api/events/state.h"
#include "http/response.h"

struct tb_events_answer {
	const struct tb_events *events;
	const struct tb_request *req;
	struct tb_response *res;
	struct tb_events_query query;
	struct tb_events_stand stand;
	/* What else the body is made of: text around the array. */
	struct tb_str before;
	struct tb_str behind;
	/* Sends an ETag, and takes what a client holds. */
	bool has_tag;
};

/* Looks up where the history ends; the view by these rules. */
enum tb_err tb_events_answer_open(struct tb_events_answer *answer,
				  const struct tb_rules *rules) tb_must_check;
void tb_events_answer_close(struct tb_events_answer *answer);

/* Answers from memory. False: it cannot, and nothing was touched. */
bool tb_events_answer_quick(struct tb_events_answer *answer);
/* Answers with the history. */
void tb_events_answer_history(struct tb_events_answer *answer);
/* Answers with an array of nothing, and this cursor. */
void tb_events_answer_empty(struct tb_events_answer *answer,
			    const struct tb_events_cursor *cursor);

#endif
