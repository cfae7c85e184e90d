/*
 * What of an org's live events one client was sent, and what comes next.
 *
 * Events reach a client in two ways: as they come, and out of the store, page
 * after page. A client begins with pages; once one of them ends with the last
 * event that went by meanwhile it is live. It goes back to pages where it was
 * left behind, so that nothing is missed or overtaken.
 *
 * A device's pages hold what it has not acknowledged, and no more than a
 * window of that is on its way at a time. What stays without acknowledgement
 * is sent again, in passes over what was sent so long ago.
 *
 * Pure. One owner: the client's loop.
 */
#ifndef TB_API_DEVICES_FLOW_H
#define TB_API_DEVICES_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A pass looks at what was sent this many ticks ago. */
#define TB_FLOW_TICKS 4

/* Sending again: see tb_flow_tick. */
struct tb_flow_again {
	uint64_t sent[TB_FLOW_TICKS]; /* how far it had come, oldest first */
	uint64_t clean;               /* all up to here is acknowledged */
	uint64_t after;               /* the pass has come so far ... */
	uint64_t until;               /* and ends here; 0: none is under way */
	bool has_found;               /* something was sent again by it */
	unsigned n_rest;              /* ticks before the next pass */
	bool is_reading;
};

struct tb_flow {
	bool is_live;
	uint64_t sent;   /* all up to here went out, or need not */
	uint64_t shown;  /* the last one that went by while it was not live */
	uint64_t joined; /* what is above came after the client did: it is
			  * live flow, whichever way it goes out */
	bool is_reading; /* a page is being read */
	uint32_t turn;   /* pages that were asked for in an earlier one are
			  * of no use */
	/* Of a device. */
	uint64_t *waiting; /* ids that pages sent and that are not
			    * acknowledged, in order; NULL: no device */
	size_t n_waiting;
	size_t window;   /* their ceiling */
	bool has_others; /* somebody else has acknowledged for the device */
	struct tb_flow_again again;
};

/* A client that is nobody's device and gets what comes above `head`. */
void tb_flow_init(struct tb_flow *flow, uint64_t head);
/* From now on it is a device's, which gets what it has not acknowledged above
 * `first`. `waiting` has room for `window` ids and is the caller's. */
void tb_flow_bind(struct tb_flow *flow, uint64_t first, uint64_t *waiting,
		  size_t window);

/* An event goes by, in the order of ids. True: it is to go out now. */
bool tb_flow_offer(struct tb_flow *flow, uint64_t id);
/* The client reads too slowly: from now on by pages. */
void tb_flow_fall_back(struct tb_flow *flow);

/* A page that is to be read. */
struct tb_flow_page {
	uint64_t after;
	uint64_t joined;
	size_t room;     /* events; SIZE_MAX: no device, no limit */
	bool has_others; /* ids that wait may be acknowledged: they are to be
			  * looked at again */
	uint32_t turn;
};
/* True: one is to be read now. Until tb_flow_take no further one is asked for.
 */
bool tb_flow_ask(struct tb_flow *flow, struct tb_flow_page *ret);
/* The page was read. True: its events are to go out now, in order, each with
 * tb_flow_send; then tb_flow_end. False: they are not; ask again. */
bool tb_flow_take(struct tb_flow *flow, uint32_t turn);
/* One that goes out; `waits`: until it is acknowledged. */
void tb_flow_send(struct tb_flow *flow, uint64_t id, bool waits);
/* The page went as far as `last`; `is_all`: nothing that was stored when it
 * was asked for is behind it. */
void tb_flow_end(struct tb_flow *flow, uint64_t last, bool is_all);

/* The device has acknowledged an event. */
void tb_flow_acknowledge(struct tb_flow *flow, uint64_t id);
/* Of those that wait only these still do: some of them, in order. */
void tb_flow_keep(struct tb_flow *flow, const uint64_t *ids, size_t n);

/* A part of a pass: events in (after, until] that are not acknowledged. */
struct tb_flow_pass {
	uint64_t after;
	uint64_t until;
	uint32_t turn;
};
/* A TB_FLOW_TICKS-th of the time has passed after which a device's events are
 * sent again. True: these are. */
bool tb_flow_tick(struct tb_flow *flow, struct tb_flow_pass *ret);
/* They were read. True: they are to go out. `last`: as far as was looked;
 * `n`: how many there were. */
bool tb_flow_end_pass(struct tb_flow *flow, const struct tb_flow_pass *pass,
		      uint64_t last, size_t n);
/* They could not be read; the next tick tries it again. */
void tb_flow_fail_pass(struct tb_flow *flow);

#endif
