#include "app/demo_devices.h"

#include "api/devices/decode_event.h"
#include "base/assert.h"
#include "kernel/device_delivery.h"
#include "kernel/registration.h"

#define DEVICES_MAX 16

static const struct tb_register devices[] = {
	{ .device = TB_STR_INIT("dev123"),
	  .role = TB_STR_INIT("till"),
	  .has_priority = true,
	  .priority = 1 },
	{ .device = TB_STR_INIT("dev456"),
	  .role = TB_STR_INIT("till"),
	  .has_priority = true,
	  .priority = 2 },
	{ .device = TB_STR_INIT("back-office"), .role = TB_STR_INIT("office") },
};

/* Each has an id of its device's, so that a start that was cut short makes
 * none a second time. */
#define EVENT(type, payload, device, id)                                       \
	"{\"event_type\":\"" type "\",\"payload\":" payload                    \
	",\"device_id\":\"" device "\",\"client_event_id\":\"" id "\"}"

static const struct {
	const char *text;
	enum tb_device_event_kind kind;
} events[] = {
	{ EVENT("stock_update", "{\"product_id\":1,\"qty\":12}", "dev456",
		"demo-1"),
	  TB_DEVICE_EVENT_PLAIN },
	{ EVENT("stock_update", "{\"product_id\":1,\"qty\":11}", "dev123",
		"demo-2"),
	  TB_DEVICE_EVENT_PLAIN },
	{ EVENT("price_change", "{\"product_id\":7,\"price\":2.50}",
		"back-office", "demo-3"),
	  TB_DEVICE_EVENT_CRITICAL },
	{ EVENT("stock_update", "{\"product_id\":7,\"qty\":30}", "dev123",
		"demo-4"),
	  TB_DEVICE_EVENT_PLAIN },
};

/* What each device has so far. The first event of dev123 has come to all, the
 * second one not; dev456 has all there is, dev123 nothing. */
static const struct {
	struct tb_str device;
	uint64_t up_to;
} acknowledged[] = {
	{ TB_STR_INIT("dev456"), TB_ARRAY_LEN(events) },
	{ TB_STR_INIT("back-office"), 2 },
};

static enum tb_err take_event(struct tb_arena *arena, const char *text,
			      struct tb_device_push_item *ret)
{
	struct tb_json_limits limits = tb_devices_event_limits(0);
	struct tb_json json;
	struct tb_str flaw;
	enum tb_err err =
		tb_json_parse(arena, tb_str_z(text), &limits, &json, NULL);

	return err ? err
		   : tb_devices_take_event(arena, tb_json_root(&json), ret,
					   &flaw);
}

static enum tb_err push(struct tb_core *core, struct tb_arena *arena,
			uint32_t org, const struct tb_audit_note *note)
{
	struct tb_device_push_item items[TB_ARRAY_LEN(events)];
	struct tb_device_push push = {
		.items = items,
		.n = TB_ARRAY_LEN(events),
		.devices_max = DEVICES_MAX,
		.arena = arena,
	};
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(events); i++) {
		err = take_event(arena, events[i].text, &items[i]);
		items[i].kind = events[i].kind;
	}
	if (!err)
		err = tb_device_push_prepare(&push, org);
	push.commit.note = *note;
	return err ? err : tb_core_commit(core, &push.commit);
}

enum tb_err tb_demo_make_devices(struct tb_core *core, struct tb_arena *arena,
				 uint32_t org, const struct tb_audit_note *note)
{
	struct tb_registration registration;
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(devices); i++)
		err = tb_registration_register(core, arena, note, org,
					       &devices[i], DEVICES_MAX,
					       &registration);
	if (!err)
		err = push(core, arena, org, note);
	for (size_t i = 0; !err && i < TB_ARRAY_LEN(acknowledged); i++) {
		struct tb_device_ack ack = {
			.device = acknowledged[i].device,
			.up_to = acknowledged[i].up_to,
			.devices_max = DEVICES_MAX,
		};

		err = tb_device_acknowledge(core, arena, note, org, &ack);
	}
	return err;
}
