#include "api/devices/event_json.h"

#include "api/devices/time_json.h"

void tb_devices_put_event_members(struct tb_json_writer *w,
				  const struct tb_device_event *event)
{
	tb_json_kv_uint(w, "id", event->id);
	tb_json_kv_str(w, "event_type", event->type);
	tb_json_kv_raw(w, "payload", event->payload);
	tb_devices_kv_time(w, "timestamp", event->arrived_us);
	tb_json_kv_str(w, "status",
		       tb_str_z(tb_device_event_status_name(event->status)));
	tb_json_kv_str(w, "device_id", event->device);
	if (event->user.n > 0)
		tb_json_kv_str(w, "user_id", event->user);
	else
		tb_json_kv_null(w, "user_id");
	/* "An event that was sent with a `timestamp` shows that as
	 * `client_timestamp`; a critical one has `"critical":true`." */
	if (event->timestamp.n > 0)
		tb_json_kv_raw(w, "client_timestamp", event->timestamp);
	if (event->kind == TB_DEVICE_EVENT_CRITICAL)
		tb_json_kv_bool(w, "critical", true);
}

void tb_devices_put_event(struct tb_json_writer *w,
			  const struct tb_device_event *event)
{
	tb_json_begin_object(w);
	tb_devices_put_event_members(w, event);
	tb_json_end_object(w);
}
