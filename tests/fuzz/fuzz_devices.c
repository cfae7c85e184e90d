/*
 * What devices send: events one by one and in arrays, acknowledgements,
 * registrations and queries. What is taken is within its limits, and slices of
 * the text are in it; what is not taken has a flaw.
 */
#include "fuzz.h"

#include "api/devices/decode_ack.h"
#include "api/devices/decode_event.h"
#include "api/devices/decode_register.h"
#include "api/devices/query.h"
#include "codec/time.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define LIMIT_MAX 5000

static bool is_within(struct tb_str part, struct tb_str whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static void check_text(struct tb_str text, bool is_needed)
{
	TB_ASSERT(text.n <= TB_DEVICE_TEXT_MAX_BYTES);
	TB_ASSERT(text.n > 0 || !is_needed);
	TB_ASSERT(text.n == 0 || !memchr(text.p, '\0', text.n));
}

static void check_timestamp(struct tb_arena *arena, struct tb_str raw)
{
	struct tb_json json;
	struct tb_str text;
	int64_t us;

	TB_ASSERT(!tb_json_parse(arena, raw, NULL, &json, NULL));
	TB_ASSERT(!tb_json_string(arena, tb_json_root(&json), &text));
	TB_ASSERT(!tb_time_parse(text, TB_TIME_DATE_ALLOWED | TB_TIME_ANY_FORM,
				 &us));
}

static void event(struct tb_arena *arena, struct tb_json_value value)
{
	struct tb_device_push_item item;
	struct tb_str flaw = TB_STR_NONE;
	enum tb_err err = tb_devices_take_event(arena, value, &item, &flaw);

	if (err) {
		TB_ASSERT(err == TB_ERR_INVALID && flaw.n > 0);
		return;
	}
	TB_ASSERT(tb_str_eq(item.sent, tb_json_raw(value)));
	TB_ASSERT(item.payload.n > 0 && is_within(item.payload, item.sent));
	check_text(item.type, true);
	check_text(item.device, true);
	check_text(item.user, false);
	check_text(item.client_id, false);
	if (item.timestamp.n == 0)
		return;
	TB_ASSERT(is_within(item.timestamp, item.sent));
	check_timestamp(arena, item.timestamp);
}

static void events(struct tb_arena *arena, struct tb_str text)
{
	struct tb_json_limits limits = tb_devices_event_limits(1);
	struct tb_json_iter it;
	struct tb_json json;

	if (tb_json_parse(arena, text, &limits, &json, NULL))
		return;
	event(arena, tb_json_root(&json));
	if (!tb_json_is(tb_json_root(&json), TB_JSON_ARRAY))
		return;
	it = tb_json_iter(tb_json_root(&json));
	while (tb_json_next(&it))
		event(arena, it.value);
}

static void acknowledgement(struct tb_arena *arena, struct tb_json_value value)
{
	struct tb_str flaw = TB_STR_NONE;
	struct tb_devices_ack ack;
	enum tb_err err = tb_devices_take_ack(arena, value, &ack, &flaw);

	if (err) {
		TB_ASSERT(err == TB_ERR_INVALID || err == TB_ERR_TOO_LARGE);
		TB_ASSERT(flaw.n > 0);
		return;
	}
	check_text(ack.what.device, true);
	TB_ASSERT(ack.what.n <= ack.n_given);
	TB_ASSERT(ack.n_given <= TB_DEVICES_ACK_MAX);
	TB_ASSERT(ack.what.n == 0 || ack.what.up_to == 0);
}

static void registration(struct tb_arena *arena, struct tb_json_value value)
{
	struct tb_str flaw = TB_STR_NONE;
	struct tb_register what;

	if (tb_devices_take_register(arena, value, &what, &flaw)) {
		TB_ASSERT(flaw.n > 0);
		return;
	}
	check_text(what.device, true);
	check_text(what.role, false);
	TB_ASSERT(what.priority <= TB_REGISTRATION_PRIORITY_MAX);
	TB_ASSERT(what.has_priority || what.priority == 0);
}

static void object(struct tb_arena *arena, struct tb_str text)
{
	struct tb_json json;

	if (tb_json_parse(arena, text, NULL, &json, NULL))
		return;
	acknowledgement(arena, tb_json_root(&json));
	registration(arena, tb_json_root(&json));
}

static void query(struct tb_arena *arena, struct tb_str text)
{
	static const struct tb_devices_limit_rule rule = { .absent = 20,
							   .min = 1,
							   .max = LIMIT_MAX };
	struct tb_request req = { .query = text, .arena = arena };
	struct tb_str flaw = TB_STR_NONE;
	struct tb_str id;
	uint64_t num;
	int64_t us;

	if (!tb_devices_query_id(&req, "device_id", &id, &flaw))
		check_text(id, false);
	if (!tb_devices_query_limit(&req, &rule, &num, &flaw))
		TB_ASSERT(num >= 1 && num <= LIMIT_MAX);
	if (tb_devices_query_since(&req, &us, &flaw) ||
	    tb_devices_query_after(&req, &num, &flaw))
		TB_ASSERT(flaw.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_str text = fuzz_input(data, n);

	TB_ASSERT(arena);
	events(arena, text);
	object(arena, text);
	query(arena, text);
	tb_arena_destroy(arena);
	return 0;
}
