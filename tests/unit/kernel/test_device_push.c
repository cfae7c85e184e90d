/*
 * What devices push, on each engine: numbers and times, what is known again,
 * for whom an event waits, who is registered by it, and what is read of it.
 */
#include "device_world.h"

#include "base/alloc.h"
#include "kernel/system.h"

static void numbers_on(struct world *w)
{
	struct tb_device_event first;
	struct tb_device_event second;

	assert_int_equal(
		push_one(w,
			 &(struct sending) { .device = "till\"1",
					     .user = "u1",
					     .payload = "{ \"a\":1.0 }",
					     .timestamp = "\"2025-07-25\"" }),
		1);
	assert_int_equal(push_critical(w, "till-2"), 2);
	first = event_of(w, 1);
	second = event_of(w, 2);
	assert_true(second.arrived_us > first.arrived_us);
	assert_true(tb_str_eq(first.device, TB_STR("till\"1")));
	assert_true(tb_str_eq(first.user, TB_STR("u1")));
	assert_true(tb_str_eq(first.type, TB_STR("sale")));
	assert_true(tb_str_eq(first.payload, TB_STR("{ \"a\":1.0 }")));
	assert_true(tb_str_eq(first.timestamp, TB_STR("\"2025-07-25\"")));
	assert_int_equal(first.kind, TB_DEVICE_EVENT_PLAIN);
	assert_int_equal(second.kind, TB_DEVICE_EVENT_CRITICAL);
	assert_int_equal(second.user.n, 0);
	assert_int_equal(second.timestamp.n, 0);
	assert_true(tb_str_starts(second.sent, TB_STR("{\"event_type\": ")));
	check_store(w);
}

static void test_events_are_numbered_and_kept_as_they_came(void **unused)
{
	(void)unused;
	world_on_each_engine(numbers_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_events_are_numbered_and_kept_as_they_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
