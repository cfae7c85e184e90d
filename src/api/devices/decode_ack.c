#include "api/devices/decode_ack.h"

#include "api/devices/errors.h"
#include "api/devices/fields.h"

static enum tb_err refuse(struct tb_str *ret_flaw, struct tb_str flaw)
{
	*ret_flaw = flaw;
	return TB_ERR_INVALID;
}

/* True for a number without fraction and exponent, of any size. */
static bool is_integer(struct tb_json_value value)
{
	struct tb_str raw = tb_json_raw(value);

	return tb_json_is(value, TB_JSON_NUMBER) &&
	       !memchr(raw.p, '.', raw.n) && !memchr(raw.p, 'e', raw.n) &&
	       !memchr(raw.p, 'E', raw.n);
}

/* "`event_ids` holds up to 10,000 integers; those that name no event are
 * listed in `unknown`." */
static enum tb_err take_ids(struct tb_arena *arena, struct tb_json_value ids,
			    struct tb_devices_ack *ack, struct tb_str *ret_flaw)
{
	size_t n = tb_json_is(ids, TB_JSON_ARRAY) ? tb_json_count(ids) : 0;
	struct tb_devices_ack_id *given;
	struct tb_json_iter it;
	uint64_t *nums;

	if (!tb_json_is(ids, TB_JSON_ARRAY))
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_ACK_IDS));
	if (n > TB_DEVICES_ACK_MAX) {
		*ret_flaw = TB_STR(TB_DEVICES_MANY_ACK_IDS);
		return TB_ERR_TOO_LARGE;
	}
	nums = tb_arena_calloc(arena, n, sizeof(*nums));
	ack->given = tb_arena_calloc(arena, n, sizeof(*ack->given));
	if (n > 0 && (!nums || !ack->given))
		return tb_arena_err(arena);
	it = tb_json_iter(ids);
	while (tb_json_next(&it)) {
		if (!is_integer(it.value))
			return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_ACK_IDS));
		given = &ack->given[ack->n_given++];
		given->raw = tb_json_raw(it.value);
		given->is_odd = tb_json_u64(it.value, &given->id) != TB_OK;
		if (!given->is_odd)
			nums[ack->what.n++] = given->id;
	}
	ack->what.ids = nums;
	return TB_OK;
}

/* "`up_to` over the last event means up to that." */
static enum tb_err take_up_to(struct tb_json_value value,
			      struct tb_devices_ack *ack,
			      struct tb_str *ret_flaw)
{
	if (!is_integer(value) || tb_json_raw(value).p[0] == '-')
		return refuse(ret_flaw, TB_STR(TB_DEVICES_BAD_ACK_UP_TO));
	if (tb_json_u64(value, &ack->what.up_to))
		ack->what.up_to = UINT64_MAX;
	return TB_OK;
}

enum tb_err tb_devices_take_ack(struct tb_arena *arena,
				struct tb_json_value object,
				struct tb_devices_ack *ret,
				struct tb_str *ret_flaw)
{
	static const char *const needed[] = { "device_id", NULL };
	struct tb_json_value ids = tb_json_get(object, TB_STR("event_ids"));
	struct tb_json_value up_to = tb_json_get(object, TB_STR("up_to"));
	bool has_ids = !tb_devices_is_missing(ids);
	struct tb_devices_ack ack = { .n_given = 0 };
	enum tb_err err =
		tb_devices_check_missing(arena, object, needed, NULL, ret_flaw);

	if (!err)
		err = tb_devices_take_text(arena, object, "device_id",
					   TB_DEVICE_TEXT_MAX_BYTES,
					   &ack.what.device, ret_flaw);
	if (err)
		return err;
	/* "Neither form, or both: 400". */
	if (has_ids != tb_devices_is_missing(up_to))
		return refuse(ret_flaw, TB_STR(TB_DEVICES_NO_ACK));
	err = has_ids ? take_ids(arena, ids, &ack, ret_flaw)
		      : take_up_to(up_to, &ack, ret_flaw);
	if (!err)
		*ret = ack;
	return err;
}
