/*
 * What a device has not acknowledged for devices.redeliver_s is sent to it
 * again while its connection lasts (flow.h). On the peer's loop.
 */
#ifndef TB_API_DEVICES_REDELIVER_H
#define TB_API_DEVICES_REDELIVER_H

#include "api/devices/peer.h"

/* It is a device's from now on. */
void tb_redeliver_begin(struct tb_peer *peer);
/* A part of the time has passed; sets tick_us anew. */
void tb_redeliver_tick(struct tb_peer *peer);

#endif
