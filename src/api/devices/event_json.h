/*
 * Events as the devices API writes them.
 */
#ifndef TB_API_DEVICES_EVENT_JSON_H
#define TB_API_DEVICES_EVENT_JSON_H

#include "codec/json.h"
#include "kernel/device_event.h"

/* An object "in the form of a pull". */
void tb_devices_put_event(struct tb_json_writer *w,
			  const struct tb_device_event *event);
/* Its members alone, for an object that has others, too. */
void tb_devices_put_event_members(struct tb_json_writer *w,
				  const struct tb_device_event *event);

#endif
