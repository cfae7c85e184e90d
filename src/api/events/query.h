/*
 * What GET and POST events are asked for in their query: where to go on from,
 * how many, and how old. Pure.
 */
#ifndef TB_API_EVENTS_QUERY_H
#define TB_API_EVENTS_QUERY_H

#include "api/events/cursor.h"
#include "http/request.h"

struct tb_events_query {
	bool is_given;   /* `after` is there, whatever it says */
	bool has_cursor; /* and says more than "from the beginning" */
	struct tb_events_cursor after;
	uint32_t limit; /* 0: none */
	int64_t from_s; /* 0: none */
};

/* What may be asked. */
struct tb_events_query_limits {
	uint32_t page_max; /* a greater `limit` counts as this */
	int64_t latest_s;  /* the highest `fromTimestamp` */
	bool without_from; /* there is no such parameter */
};

/* What `after` says, p NULL: absent. INVALID: no cursor. */
enum tb_err
tb_events_query_read_after(struct tb_str text,
			   struct tb_events_query *query) tb_must_check;
/* INVALID, with what to tell the client (static): a parameter is wrong. NOMEM,
 * TOO_LARGE of the request's arena. Parameters of other names may be there. */
enum tb_err tb_events_query_read(const struct tb_request *req,
				 const struct tb_events_query_limits *limits,
				 struct tb_events_query *ret,
				 const char **ret_what) tb_must_check;

#endif
