/*
 * An event as a device sends it, in a push or in real time. Pure.
 */
#ifndef TB_API_DEVICES_DECODE_EVENT_H
#define TB_API_DEVICES_DECODE_EVENT_H

#include "codec/json.h"
#include "kernel/device_event.h"

/* What texts that hold events are parsed with: `depth` is how many containers
 * are around the events. What is below an event's members is not looked at.
 * "any JSON" has \u0000, too. */
struct tb_json_limits tb_devices_event_limits(uint32_t depth);

/* Takes an event, but for its kind; everything is borrowed from the text, or
 * in the arena. INVALID: `*ret_flaw` says what is wrong, in the arena or
 * static. NOMEM. */
enum tb_err tb_devices_take_event(struct tb_arena *arena,
				  struct tb_json_value value,
				  struct tb_device_push_item *ret,
				  struct tb_str *ret_flaw) tb_must_check;

#endif
