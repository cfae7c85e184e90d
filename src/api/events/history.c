/*
 * The history: GET events. What is held already, what is new when nothing is,
 * and what is in memory is answered on the I/O thread.
 */
#include "api/events/answer.h"
#include "api/events/errors.h"
#include "api/events/handlers.h"

static enum tb_err read_query(struct tb_events_answer *answer,
			      const char **ret_what)
{
	const struct tb_events_options *options = answer->events->options;
	struct tb_events_query_limits limits = {
		.page_max = options->page_max,
		.latest_s =
			answer->req->now_us / 1000000 + options->ahead_max_s,
	};

	return tb_events_query_read(answer->req, &limits, &answer->query,
				    ret_what);
}

bool tb_events_get_events_quick(void *state, const struct tb_request *req,
				struct tb_response *res)
{
	struct tb_events_answer answer = {
		.events = state, .req = req, .res = res, .has_tag = true
	};
	struct tb_rules rules;
	const char *what;
	bool is_done = false;

	if (read_query(&answer, &what) ||
	    !tb_rules_find(answer.events->rules, req->principal->org, &rules))
		return false;
	if (!tb_events_answer_open(&answer, &rules)) {
		is_done = tb_events_answer_quick(&answer);
		tb_events_answer_close(&answer);
	}
	tb_rules_release(&rules);
	return is_done;
}

void tb_events_get_events(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	struct tb_events_answer answer = {
		.events = state, .req = req, .res = res, .has_tag = true
	};
	struct tb_rules rules;
	const char *what;
	enum tb_err err = read_query(&answer, &what);

	if (err == TB_ERR_INVALID) {
		tb_events_fail(res, req, 400, what);
		return;
	}
	if (!err)
		err = tb_rules_get(answer.events->rules, req->principal->org,
				   &rules);
	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	err = tb_events_answer_open(&answer, &rules);
	if (err)
		tb_response_fail(res, req, err);
	else if (!tb_events_answer_quick(&answer))
		tb_events_answer_history(&answer);
	tb_events_answer_close(&answer);
	tb_rules_release(&rules);
}
