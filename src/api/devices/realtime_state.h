/*
 * What the parts of the realtime side share.
 */
#ifndef TB_API_DEVICES_REALTIME_STATE_H
#define TB_API_DEVICES_REALTIME_STATE_H

#include <stdatomic.h>

#include "api/devices/live.h"
#include "api/devices/realtime.h"
#include "api/devices/roster.h"
#include "base/pool.h"

struct tb_realtime {
	const struct tb_devices *devices;
	struct tb_hub *hub;
	struct tb_pool *pool;
	struct tb_roster *roster;
	struct tb_live *live;
	atomic_bool is_stopped;
	atomic_size_t event_bytes; /* of events that are worked on */
};

#endif
