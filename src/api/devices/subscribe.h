/*
 * What clients follow: feeds and collections of any API (api/follow.h). One
 * page at a time is read for a client, on a worker, and only while its client
 * reads what it is sent. On the peer's loop.
 */
#ifndef TB_API_DEVICES_SUBSCRIBE_H
#define TB_API_DEVICES_SUBSCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TB_SUBSCRIPTIONS_MAX 16

struct tb_peer;

struct tb_subscription {
	bool is_collection;
	char *name;
	char *cursor;
	size_t module; /* that shows it */
	uint32_t turn; /* no other one of this client had it */
	bool is_due;   /* there may be something behind the cursor */
};

/* Embedded in a peer; zeroed: none. */
struct tb_subscriptions {
	struct tb_subscription *list; /* NULL, or room for the most */
	size_t n;
	size_t next; /* whose turn it is */
	uint32_t turns;
	bool is_reading;
};

void tb_subscriptions_fini(struct tb_subscriptions *subscriptions);
/* Reads on, if there is something new; to be called while there is room for
 * it. */
void tb_subscriptions_go_on(struct tb_peer *peer);

/* Something has changed in the org: what may have come of it is read when it
 * goes on. */
void tb_subscriptions_on_change(struct tb_peer *peer);

#endif
