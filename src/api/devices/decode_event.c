#include "api/devices/decode_event.h"

#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "base/assert.h"
#include "codec/time.h"

#define NODES_MAX (4u << 20)
#define DEPTH_MAX 64

struct tb_json_limits tb_devices_event_limits(uint32_t depth)
{
	return (struct tb_json_limits) {
		.max_depth = DEPTH_MAX,
		.max_nodes = NODES_MAX,
		.tape_depth = depth + 1,
		.allow_nul = true,
	};
}

/* The texts of an event, and where they go. */
static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "event_type", offsetof(struct tb_device_push_item, type) },
	{ "device_id", offsetof(struct tb_device_push_item, device) },
	{ "user_id", offsetof(struct tb_device_push_item, user) },
	{ "client_event_id", offsetof(struct tb_device_push_item, client_id) },
};

static enum tb_err take_texts(struct tb_arena *arena,
			      struct tb_json_value value,
			      struct tb_device_push_item *item,
			      struct tb_str *ret_flaw)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(texts); i++) {
		void *at = (char *)item + texts[i].offset;

		err = tb_devices_take_text(arena, value, texts[i].name,
					   TB_DEVICE_TEXT_MAX_BYTES, at,
					   ret_flaw);
	}
	return err;
}

/* "`timestamp`: ISO 8601, by the device's clock; may be missing"; it is given
 * back as it was written. */
static enum tb_err take_timestamp(struct tb_arena *arena,
				  struct tb_json_value value,
				  struct tb_device_push_item *item,
				  struct tb_str *ret_flaw)
{
	struct tb_json_value member = tb_json_get(value, TB_STR("timestamp"));
	struct tb_str text;
	int64_t us;
	enum tb_err err;

	if (tb_devices_is_missing(member))
		return TB_OK;
	err = tb_devices_take_text(arena, value, "timestamp", SIZE_MAX, &text,
				   ret_flaw);
	if (err)
		return err;
	if (tb_time_parse(text, TB_TIME_DATE_ALLOWED | TB_TIME_ANY_FORM, &us)) {
		*ret_flaw = TB_STR(TB_DEVICES_BAD_TIMESTAMP);
		return TB_ERR_INVALID;
	}
	item->timestamp = tb_json_raw(member);
	return TB_OK;
}

enum tb_err tb_devices_take_event(struct tb_arena *arena,
				  struct tb_json_value value,
				  struct tb_device_push_item *ret,
				  struct tb_str *ret_flaw)
{
	static const char *const needed[] = { "event_type", "payload",
					      "device_id", NULL };
	struct tb_device_push_item item = { .sent = tb_json_raw(value) };
	enum tb_err err;

	if (!tb_json_is(value, TB_JSON_OBJECT)) {
		*ret_flaw = TB_STR(TB_DEVICES_NOT_OBJECT);
		return TB_ERR_INVALID;
	}
	err = tb_devices_check_missing(arena, value, needed, "payload",
				       ret_flaw);
	if (!err)
		err = take_texts(arena, value, &item, ret_flaw);
	if (!err)
		err = take_timestamp(arena, value, &item, ret_flaw);
	if (err)
		return err;
	item.payload = tb_json_raw(tb_json_get(value, TB_STR("payload")));
	*ret = item;
	return TB_OK;
}
