/*
 * The realtime side of the devices API: what clients of the hub may do, and
 * what they are sent. docs/api/devices.md, "Real time", is what it promises.
 *
 * What a client asks for may wait for the disk, so it is done on workers of
 * its own, one thing at a time for each client. A thread of its own sends what
 * is stored to those who are there (live.h). Thread-safe, but for create, stop
 * and destroy.
 */
#ifndef TB_API_DEVICES_REALTIME_H
#define TB_API_DEVICES_REALTIME_H

#include "api/devices/state.h"
#include "hub/hub.h"

struct tb_realtime;

/* Borrows `devices` for its life. */
enum tb_err tb_realtime_create(const struct tb_devices *devices,
			       struct tb_realtime **ret) tb_must_check;
/* Does what is begun, ends all clients, and takes no new ones. */
void tb_realtime_stop(struct tb_realtime *realtime);
/* Stops it if nobody has. Takes NULL. */
void tb_realtime_destroy(struct tb_realtime *realtime);

struct tb_hub *tb_realtime_hub(struct tb_realtime *realtime);

/* Who has stored live events of an org, or acknowledged for a device, says so
 * and is not made to wait; it would be noticed without, but later. */
void tb_realtime_stored(struct tb_realtime *realtime, uint32_t org);
void tb_realtime_acknowledged(struct tb_realtime *realtime, uint32_t org,
			      struct tb_str device);

/* The last event of an org that is known here; what is behind it will be known
 * within a moment. From memory. */
uint64_t tb_realtime_head(struct tb_realtime *realtime, uint32_t org);

#endif
