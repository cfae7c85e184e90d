/*
 * Pages of what a client is to be sent out of the store (flow.h), read on a
 * worker and sent on its loop.
 */
#ifndef TB_API_DEVICES_REPLAY_H
#define TB_API_DEVICES_REPLAY_H

#include "api/devices/peer.h"

/* Reads the next page, if one is to be read. On the peer's loop. */
void tb_replay_go_on(struct tb_peer *peer);

#endif
