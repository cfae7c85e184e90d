/*
 * The live flow: a thread that reads what is stored to be sent in real time,
 * org by org in the order of ids, and hands each event to the hub once. Who
 * gets it is said on the clients' loops (tb_live_wants).
 *
 * It begins at once when this process has stored something, and within a
 * twentieth of a second when somebody else has. It also tells the peers of an
 * org that something has changed there (roster.h).
 */
#ifndef TB_API_DEVICES_LIVE_H
#define TB_API_DEVICES_LIVE_H

#include "api/devices/roster.h"
#include "kernel/core.h"

struct tb_live;

/* What a broadcast is of: its data, beside its tag, which is the event's id. */
struct tb_live_event {
	struct tb_live *live;
	uint32_t org;
	size_t bytes;
	bool needs_token;
	uint64_t connection; /* that does not get it; 0: all do */
};

/* All borrowed for its life. What is stored by now is not sent. */
enum tb_err tb_live_start(struct tb_core *core, struct tb_hub *hub,
			  struct tb_roster *roster,
			  struct tb_live **ret) tb_must_check;
/* Ends the thread; what was handed to the hub is still sent. */
void tb_live_stop(struct tb_live *live);
/* Stops it if nobody has; the hub is gone. Takes NULL. */
void tb_live_destroy(struct tb_live *live);

void tb_live_wake(struct tb_live *live, uint32_t org);
/* The last event of an org that was looked at. From memory. */
uint64_t tb_live_head(struct tb_live *live, uint32_t org);
/* True if the peer gets the event now. On its loop. */
bool tb_live_wants(struct tb_peer *peer, uint64_t id,
		   const struct tb_live_event *event);

#endif
