/*
 * What devices send: events, acknowledgements, registrations.
 */
#include "../base/torture.h"

#include "api/devices/decode_ack.h"
#include "api/devices/decode_event.h"
#include "api/devices/decode_register.h"
#include "base/assert.h"
#include "base/buf.h"

#define BASE "\"event_type\":\"t\",\"payload\":1,\"device_id\":\"d\""

static int setup(void **state)
{
	*state = tb_arena_create((size_t)8 << 20);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static void assert_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static struct tb_json_value parse(struct tb_arena *arena, const char *text)
{
	struct tb_json_limits limits = tb_devices_event_limits(0);
	static struct tb_json json;

	limits.tape_depth = 2;
	assert_int_equal(
		tb_json_parse(arena, tb_str_z(text), &limits, &json, NULL),
		TB_OK);
	return tb_json_root(&json);
}

/* `n` times a letter, as a text of the arena. */
static const char *letters(struct tb_arena *arena, size_t n)
{
	char *text = tb_arena_alloc(arena, n + 1);

	assert_non_null(text);
	memset(text, 'x', n);
	text[n] = '\0';
	return text;
}

/* A pattern with this text in the place of its `$`. */
static const char *with(struct tb_arena *arena, const char *pattern,
			const char *text)
{
	const char *at = strchr(pattern, '$');
	struct tb_str s;

	assert_non_null(at);
	assert_int_equal(tb_arena_printf(arena, &s, "%.*s%s%s",
					 (int)(at - pattern), pattern, text,
					 at + 1),
			 TB_OK);
	return s.p;
}

/* ---- events ---- */

static struct tb_device_push_item event(struct tb_arena *arena,
					const char *text)
{
	struct tb_device_push_item item;
	struct tb_str flaw;

	assert_int_equal(
		tb_devices_take_event(arena, parse(arena, text), &item, &flaw),
		TB_OK);
	return item;
}

static void assert_flaw(struct tb_arena *arena, const char *text,
			const char *expected)
{
	struct tb_device_push_item item;
	struct tb_str flaw = TB_STR_NONE;

	assert_int_equal(
		tb_devices_take_event(arena, parse(arena, text), &item, &flaw),
		TB_ERR_INVALID);
	assert_str(flaw, expected);
}

static void an_event_is_taken_byte_for_byte(void **state)
{
	static const char text[] =
		" {\"x\": [1.50],  \"event_type\":\"stock\\u0020up\", "
		"\"payload\": {\"b\" : 1e400,\"a\":\"\\u0000\"} ,"
		"\"device_id\":\"dev\",\"user_id\":\"u\",\"client_event_id\":"
		"\"c\", \"timestamp\": \"2025-07-25 12:00:00+02\"} ";
	struct tb_device_push_item item = event(*state, text);

	assert_int_equal(item.sent.n, sizeof(text) - 3);
	assert_ptr_equal(item.sent.p, text + 1);
	assert_str(item.type, "stock up");
	assert_str(item.payload, "{\"b\" : 1e400,\"a\":\"\\u0000\"}");
	assert_str(item.device, "dev");
	assert_str(item.user, "u");
	assert_str(item.client_id, "c");
	assert_str(item.timestamp, "\"2025-07-25 12:00:00+02\"");
	assert_int_equal(item.kind, TB_DEVICE_EVENT_PLAIN);
}

static void a_payload_is_any_json_and_null_is_a_value(void **state)
{
	static const char *const payloads[] = {
		"null", "\"\"", "0", "[]", "false", "{\"a\":[{}]}"
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(payloads); i++) {
		const char *text = with(*state,
					"{\"payload\":$,\"event_type\":\"t\","
					"\"device_id\":\"d\"}",
					payloads[i]);

		assert_str(event(*state, text).payload, payloads[i]);
	}
}

static void what_is_missing_is_named_in_order(void **state)
{
	assert_flaw(*state, "{}",
		    "Missing fields: event_type, payload, device_id");
	assert_flaw(*state, "{\"device_id\":\"d\"}",
		    "Missing fields: event_type, payload");
	assert_flaw(*state, "{\"payload\":null,\"event_type\":\"\"}",
		    "Missing fields: event_type, device_id");
	assert_flaw(*state,
		    "{\"payload\":1,\"event_type\":\"t\",\"device_id\":null}",
		    "Missing fields: device_id");
	/* Before a type that is wrong. */
	assert_flaw(*state, "{\"event_type\":5}",
		    "Missing fields: payload, device_id");
}

static void optional_members_may_be_null_or_empty(void **state)
{
	struct tb_device_push_item item =
		event(*state, "{" BASE ",\"user_id\":null,\"timestamp\":\"\","
			      "\"client_event_id\":\"\"}");

	assert_int_equal(item.user.n, 0);
	assert_int_equal(item.timestamp.n, 0);
	assert_int_equal(item.client_id.n, 0);
}

static void other_types_are_said(void **state)
{
	assert_flaw(*state,
		    "{\"event_type\":5,\"payload\":1,"
		    "\"device_id\":\"d\"}",
		    "event_type must be a string");
	assert_flaw(*state,
		    "{\"event_type\":\"t\",\"payload\":1,"
		    "\"device_id\":[\"d\"]}",
		    "device_id must be a string");
	assert_flaw(*state, "{" BASE ",\"user_id\":false}",
		    "user_id must be a string");
	assert_flaw(*state, "{" BASE ",\"client_event_id\":7}",
		    "client_event_id must be a string");
	assert_flaw(*state, "{" BASE ",\"timestamp\":1690000000}",
		    "timestamp must be a string");
	assert_flaw(*state, "[]", "Expected an object");
}

static void texts_have_200_bytes_at_most(void **state)
{
	static const char format[] = "{" BASE ",\"user_id\":\"$\"}";
	struct tb_arena *arena = *state;

	assert_int_equal(
		event(arena, with(arena, format, letters(arena, 200))).user.n,
		200);
	assert_flaw(arena, with(arena, format, letters(arena, 201)),
		    "user_id is too long");
	/* Bytes, as they are decoded. */
	assert_int_equal(event(arena, with(arena, format, "\\u0041")).user.n,
			 1);
	assert_flaw(arena, "{" BASE ",\"user_id\":\"a\\u0000b\"}",
		    "user_id must not hold \\u0000");
}

static void a_timestamp_is_iso_8601(void **state)
{
	static const char *const good[] = {
		"2025-07-25T12:00:00",        "2025-07-25T12:00:00Z",
		"2025-07-25T12:00:00.123456", "2025-07-25T12:00:00-05:30",
		"2025-07-25 12:00:00",        "2025-07-25",
	};
	static const char *const bad[] = {
		"yesterday",  "1690000000", "2025-02-30T00:00:00",
		"25.07.2025", " ",
	};
	static const char format[] = "{" BASE ",\"timestamp\":\"$\"}";

	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++)
		assert_true(event(*state, with(*state, format, good[i]))
				    .timestamp.n > 0);
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_flaw(*state, with(*state, format, bad[i]),
			    "Invalid timestamp format. Use ISO format.");
}

/* ---- acknowledgements ---- */

static enum tb_err take_ack(struct tb_arena *arena, const char *text,
			    struct tb_devices_ack *ret, struct tb_str *ret_flaw)
{
	return tb_devices_take_ack(arena, parse(arena, text), ret, ret_flaw);
}

static struct tb_devices_ack ack(struct tb_arena *arena, const char *text)
{
	struct tb_devices_ack taken;
	struct tb_str flaw;

	assert_int_equal(take_ack(arena, text, &taken, &flaw), TB_OK);
	return taken;
}

static void assert_ack_flaw(struct tb_arena *arena, const char *text,
			    enum tb_err err, const char *expected)
{
	struct tb_devices_ack taken;
	struct tb_str flaw = TB_STR_NONE;

	assert_int_equal(take_ack(arena, text, &taken, &flaw), err);
	assert_str(flaw, expected);
}

static void an_ack_names_events_or_an_end(void **state)
{
	struct tb_devices_ack taken =
		ack(*state, "{\"device_id\":\"d\",\"event_ids\":[3,1,3]}");

	assert_str(taken.what.device, "d");
	assert_int_equal(taken.what.n, 3);
	assert_int_equal(taken.what.ids[0], 3);
	assert_int_equal(taken.what.ids[1], 1);
	taken = ack(*state, "{\"device_id\":\"d\",\"up_to\":7}");
	assert_int_equal(taken.what.n, 0);
	assert_int_equal(taken.what.up_to, 7);
	taken = ack(*state, "{\"device_id\":\"d\",\"event_ids\":[],"
			    "\"up_to\":null}");
	assert_int_equal(taken.what.n, 0);
	assert_int_equal(taken.what.up_to, 0);
}

static void integers_that_no_event_has_are_kept_as_written(void **state)
{
	struct tb_devices_ack taken =
		ack(*state, "{\"device_id\":\"d\",\"event_ids\":[-1,5,"
			    "18446744073709551616]}");

	assert_int_equal(taken.what.n, 1);
	assert_int_equal(taken.what.ids[0], 5);
	assert_int_equal(taken.n_given, 3);
	assert_true(taken.given[0].is_odd && taken.given[2].is_odd);
	assert_false(taken.given[1].is_odd);
	assert_str(taken.given[0].raw, "-1");
	assert_str(taken.given[2].raw, "18446744073709551616");
	taken = ack(*state,
		    "{\"device_id\":\"d\",\"up_to\":18446744073709551616}");
	assert_true(taken.what.up_to == UINT64_MAX);
}

static void neither_form_or_both_are_refused(void **state)
{
	static const char flaw[] = "Missing fields: event_ids or up_to";

	assert_ack_flaw(*state, "{}", TB_ERR_INVALID,
			"Missing fields: device_id");
	assert_ack_flaw(*state, "{\"device_id\":\"d\"}", TB_ERR_INVALID, flaw);
	assert_ack_flaw(*state,
			"{\"device_id\":\"d\",\"up_to\":1,\"event_ids\":[1]}",
			TB_ERR_INVALID, flaw);
	assert_ack_flaw(*state,
			"{\"device_id\":\"d\",\"up_to\":null,"
			"\"event_ids\":null}",
			TB_ERR_INVALID, flaw);
}

static void wrong_types_of_an_ack_are_said(void **state)
{
	static const char *const ids[] = {
		"1",     "{}",    "\"1\"", "[\"1\"]",
		"[1.0]", "[1e2]", "[[1]]", "[null]"
	};
	static const char *const ends[] = { "-1", "\"1\"", "[1]", "1.5",
					    "true" };

	for (size_t i = 0; i < TB_ARRAY_LEN(ids); i++)
		assert_ack_flaw(*state,
				with(*state,
				     "{\"device_id\":\"d\",\"event_ids\":$}",
				     ids[i]),
				TB_ERR_INVALID,
				"event_ids must be an array of integers");
	for (size_t i = 0; i < TB_ARRAY_LEN(ends); i++)
		assert_ack_flaw(*state,
				with(*state,
				     "{\"device_id\":\"d\",\"up_to\":$}",
				     ends[i]),
				TB_ERR_INVALID,
				"up_to must be an integer from 0 upward");
	assert_ack_flaw(*state, "{\"device_id\":1,\"up_to\":1}", TB_ERR_INVALID,
			"device_id must be a string");
}

static const char *many_ids(struct tb_arena *arena, size_t n)
{
	struct tb_str text;
	struct tb_buf buf;

	tb_buf_init(&buf, 1 << 20);
	tb_buf_append_z(&buf, "{\"device_id\":\"d\",\"event_ids\":[0");
	for (size_t i = 1; i < n; i++)
		tb_buf_append_z(&buf, ",9");
	tb_buf_append_z(&buf, "]}");
	assert_int_equal(tb_buf_copy_out(&buf, arena, &text), TB_OK);
	return text.p;
}

static void an_ack_names_10000_events_at_most(void **state)
{
	assert_int_equal(ack(*state, many_ids(*state, 10000)).what.n, 10000);
	assert_ack_flaw(*state, many_ids(*state, 10001), TB_ERR_TOO_LARGE,
			"event_ids holds up to 10000 integers");
}

/* ---- registrations ---- */

static void assert_register_flaw(struct tb_arena *arena, const char *text,
				 const char *expected)
{
	struct tb_register taken;
	struct tb_str flaw = TB_STR_NONE;

	assert_int_equal(tb_devices_take_register(arena, parse(arena, text),
						  &taken, &flaw),
			 TB_ERR_INVALID);
	assert_str(flaw, expected);
}

static void a_registration_says_what_it_changes(void **state)
{
	struct tb_register taken;
	struct tb_str flaw;

	assert_int_equal(
		tb_devices_take_register(
			*state,
			parse(*state, "{\"device_id\":\"d\",\"role\":\"till\","
				      "\"priority\":0,\"x\":1}"),
			&taken, &flaw),
		TB_OK);
	assert_str(taken.device, "d");
	assert_str(taken.role, "till");
	assert_true(taken.has_priority);
	assert_int_equal(taken.priority, 0);
	assert_int_equal(
		tb_devices_take_register(*state,
					 parse(*state, "{\"device_id\":\"d\","
						       "\"role\":null,"
						       "\"priority\":null}"),
					 &taken, &flaw),
		TB_OK);
	assert_null(taken.role.p);
	assert_false(taken.has_priority);
}

static void flaws_of_a_registration_are_said(void **state)
{
	static const char *const bad[] = { "-1", "1001", "1.0", "\"1\"",
					   "true" };

	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_register_flaw(
			*state,
			with(*state, "{\"device_id\":\"d\",\"priority\":$}",
			     bad[i]),
			"priority must be an integer from 0 to 1000");
	assert_register_flaw(*state, "{\"role\":\"till\"}",
			     "Missing fields: device_id");
	assert_register_flaw(*state, "{\"device_id\":\"d\",\"role\":1}",
			     "role must be a string");
	assert_register_flaw(*state,
			     with(*state,
				  "{\"device_id\":\"d\",\"role\":\"$\"}",
				  letters(*state, 201)),
			     "role is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(an_event_is_taken_byte_for_byte),
		TEST(a_payload_is_any_json_and_null_is_a_value),
		TEST(what_is_missing_is_named_in_order),
		TEST(optional_members_may_be_null_or_empty),
		TEST(other_types_are_said),
		TEST(texts_have_200_bytes_at_most),
		TEST(a_timestamp_is_iso_8601),
		TEST(an_ack_names_events_or_an_end),
		TEST(integers_that_no_event_has_are_kept_as_written),
		TEST(neither_form_or_both_are_refused),
		TEST(wrong_types_of_an_ack_are_said),
		TEST(an_ack_names_10000_events_at_most),
		TEST(a_registration_says_what_it_changes),
		TEST(flaws_of_a_registration_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
