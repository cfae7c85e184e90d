/*
 * An answer that lists events, as many as there are: read page after page, each
 * in a snapshot of its own, up to an end that is fixed at the beginning. One
 * that is short is answered from memory; a long one is a source, so that a slow
 * reader costs a page and nothing else.
 */
#ifndef TB_API_DEVICES_LISTING_H
#define TB_API_DEVICES_LISTING_H

#include "api/devices/query.h"
#include "http/response.h"
#include "kernel/device_delivery.h"

struct tb_devices_listing {
	struct tb_core *core;
	/* Which events. `limit` and `max_bytes` are not looked at; the marks
	 * live in the request's arena. */
	struct tb_device_query query;
	uint64_t limit;        /* of events; TB_DEVICES_NO_LIMIT */
	struct tb_str before;  /* what stands before the array's first bracket;
				* in the arena, or static */
	uint64_t missed_up_to; /* member behind the array; 0: none */
	bool with_more;        /* the same: "has_more" */
	bool with_next;        /* the same: "next" */
	bool with_waiting;     /* each event has "waiting_for" */
};

/* Answers 200; the first page is read from `tx`. */
void tb_devices_answer_listing(const struct tb_devices_listing *listing,
			       struct tb_tx *tx, const struct tb_request *req,
			       struct tb_response *res);

#endif
