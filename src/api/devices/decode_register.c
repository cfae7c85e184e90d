#include "api/devices/decode_register.h"

#include "api/devices/errors.h"
#include "api/devices/fields.h"
#include "kernel/device_event.h"

/* "`priority` (an integer from 0 to 1,000) may be missing" */
static enum tb_err take_priority(struct tb_json_value value,
				 struct tb_register *what,
				 struct tb_str *ret_flaw)
{
	uint64_t priority;

	if (tb_devices_is_missing(value))
		return TB_OK;
	if (tb_json_u64(value, &priority) ||
	    priority > TB_REGISTRATION_PRIORITY_MAX) {
		*ret_flaw = TB_STR(TB_DEVICES_BAD_PRIORITY);
		return TB_ERR_INVALID;
	}
	what->has_priority = true;
	what->priority = (uint32_t)priority;
	return TB_OK;
}

enum tb_err tb_devices_take_register(struct tb_arena *arena,
				     struct tb_json_value object,
				     struct tb_register *ret,
				     struct tb_str *ret_flaw)
{
	static const char *const needed[] = { "device_id", NULL };
	struct tb_register what = { .role = TB_STR_NONE };
	enum tb_err err =
		tb_devices_check_missing(arena, object, needed, NULL, ret_flaw);

	if (!err)
		err = tb_devices_take_text(arena, object, "device_id",
					   TB_DEVICE_TEXT_MAX_BYTES,
					   &what.device, ret_flaw);
	if (!err)
		err = tb_devices_take_text(arena, object, "role",
					   TB_DEVICE_TEXT_MAX_BYTES, &what.role,
					   ret_flaw);
	if (!err)
		err = take_priority(tb_json_get(object, TB_STR("priority")),
				    &what, ret_flaw);
	if (!err)
		*ret = what;
	return err;
}
