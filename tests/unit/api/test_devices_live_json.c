/*
 * Events as clients get them in real time: every byte that was sent, and what
 * the server says of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/devices/live_json.h"
#include "codec/json.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define MUST(call) assert_int_equal((call), TB_OK)
/* 2025-07-25T12:00:01Z */
#define ARRIVED_US 1753444801000000ll

static int set_up(void **state)
{
	*state = tb_arena_create(ARENA_BYTES);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	tb_arena_destroy(*state);
	return 0;
}

static struct tb_device_event critical(const char *sent)
{
	return (struct tb_device_event) {
		.id = 7,
		.arrived_us = ARRIVED_US,
		.kind = TB_DEVICE_EVENT_CRITICAL,
		.sent = tb_str_z(sent),
	};
}

static void expect(struct tb_arena *arena, const struct tb_device_event *event,
		   const char *name, const char *text)
{
	struct tb_live_json live;

	MUST(tb_live_json_make(arena, event, &live));
	assert_string_equal(live.name, name);
	assert_int_equal(live.text.n, strlen(text));
	assert_memory_equal(live.text.p, text, live.text.n);
}

static void test_members_go_out_as_they_came(void **state)
{
	struct tb_device_event event =
		critical("{ \"event_type\": \"t\",\"x\\u0079\":1.0 , "
			 "\"payload\":[ {\"a\": \"\\u00e9\\/\"} ],\"n\":null}");

	expect(*state, &event, "critical_event",
	       "{\"event_type\":\"t\",\"x\\u0079\":1.0,"
	       "\"payload\":[ {\"a\": \"\\u00e9\\/\"} ],\"n\":null,"
	       "\"event_id\":7,\"timestamp\":\"2025-07-25T12:00:01.000000Z\"}");
}

static void test_members_of_the_server_are_its_own(void **state)
{
	struct tb_device_event event =
		critical("{\"event\\u005fid\":99,\"a\":1,\"timestamp\":\"T\","
			 "\"client_timestamp\":0,\"event_ids\":2}");

	event.timestamp = TB_STR("\"T\"");
	expect(*state, &event, "critical_event",
	       "{\"a\":1,\"event_ids\":2,\"event_id\":7,"
	       "\"timestamp\":\"2025-07-25T12:00:01.000000Z\","
	       "\"client_timestamp\":\"T\"}");
}

static void test_what_is_no_object_is_damaged(void **state)
{
	static const char *const texts[] = { "", "[]", "{", "{\"a\":1}x",
					     "{\"a\":1,\"a\":2}" };
	struct tb_live_json live;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tb_device_event event = critical(texts[i]);

		assert_int_equal(tb_live_json_make(*state, &event, &live),
				 TB_ERR_CORRUPT);
	}
}

static struct tb_device_event stored(struct tb_arena *arena,
				     const struct tb_live_update *update)
{
	struct tb_device_event event = critical("");

	event.kind = TB_DEVICE_EVENT_UPDATE;
	MUST(tb_live_json_store_update(arena, update, &event.sent,
				       &event.payload));
	return event;
}

static void test_an_update_comes_back_out_of_the_store(void **state)
{
	struct tb_live_update update = {
		.device = TB_STR("till \"1\""),
		.data = TB_STR("{\"a\": [1 ,null]}"),
		.timestamp = TB_STR("\"yesterday\""),
		.connection = UINT64_MAX,
	};
	struct tb_device_event event = stored(*state, &update);
	struct tb_live_json live;

	assert_true(tb_str_eq(event.payload,
			      TB_STR("{\"data\":{\"a\": [1 ,null]},"
				     "\"timestamp\":\"yesterday\"}")));
	assert_true(event.payload.p > event.sent.p &&
		    event.payload.p + event.payload.n <
			    event.sent.p + event.sent.n);
	expect(*state, &event, "sync_update",
	       "{\"data\":{\"a\": [1 ,null]},\"timestamp\":\"yesterday\","
	       "\"event_id\":7}");
	MUST(tb_live_json_make(*state, &event, &live));
	assert_true(live.connection == UINT64_MAX);
}

static void test_an_update_without_a_time_has_that_of_its_arrival(void **state)
{
	struct tb_live_update update = { .device = TB_STR("d"),
					 .data = TB_STR("1") };
	struct tb_device_event event = stored(*state, &update);

	expect(*state, &event, "sync_update",
	       "{\"data\":1,\"timestamp\":\"2025-07-25T12:00:01.000000Z\","
	       "\"event_id\":7}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_go_out_as_they_came),
		cmocka_unit_test(test_members_of_the_server_are_its_own),
		cmocka_unit_test(test_what_is_no_object_is_damaged),
		cmocka_unit_test(test_an_update_comes_back_out_of_the_store),
		cmocka_unit_test(
			test_an_update_without_a_time_has_that_of_its_arrival),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
