/* From what is sent to what the kernel queues, and when it runs first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/time.h"
#include "jobs/order.h"
#include "sources.h"

#define ARENA_MAX_BYTES ((size_t)4 << 20)
#define DATA "\"data\":{\"source\":\"shopify\"}"

static struct tb_arena *arena;

static int make_arena(void **state)
{
	(void)state;
	arena = tb_arena_create(ARENA_MAX_BYTES);
	return arena ? 0 : -1;
}

static int drop_arena(void **state)
{
	(void)state;
	tb_arena_destroy(arena);
	return 0;
}

static int64_t us(const char *text)
{
	int64_t ret;

	assert_int_equal(tb_time_parse(tb_str_z(text), 0, &ret), TB_OK);
	return ret;
}

static enum tb_err read_order(const char *body, struct tb_job_order *ret,
			      struct tb_str *ret_problem)
{
	const struct tb_spec_context context = {
		.sources = &test_sources,
		.org = TB_STR("north"),
		.default_timezone = TB_STR("Europe/Berlin"),
		.default_missed = TB_MISSED_RUN_ONCE,
		.queued_us = us("2024-01-20T10:30:00Z"),
	};

	return tb_order_read(arena, tb_str_z(body), &context, ret, ret_problem);
}

static struct tb_job_order good(const char *body)
{
	struct tb_str problem = TB_STR_NONE;
	struct tb_job_order order;

	if (read_order(body, &order, &problem))
		fail_msg("%s: %.*s", body, TB_STR_ARG(problem));
	return order;
}

static void an_order_is_what_was_sent(void **state)
{
	static const char body[] =
		"{\"name\":\"nightly\",\"type\":\"full\",\"priority\":"
		"\"critical\"," DATA ",\"options\":{\"maxRetries\":7}}";
	struct tb_job_order order = good(body);

	(void)state;
	assert_true(tb_str_eq(order.name, TB_STR("nightly")));
	assert_true(tb_str_eq(order.type, TB_STR("full")));
	assert_true(tb_str_eq(order.request, tb_str_z(body)));
	assert_int_equal(order.priority, 100);
	assert_int_equal(order.retries_max, 7);
	assert_int_equal(order.due_us, 0);
	/* The caller's. */
	assert_int_equal(order.org, 0);
	assert_null(order.named);
	assert_int_equal(order.unfinished_max, 0);
}

static void a_scheduled_one_waits_for_its_first_time(void **state)
{
	(void)state;
	/* On the default zone's clocks. */
	assert_int_equal(good("{\"name\":\"a\",\"type\":\"scheduled\"," DATA
			      ",\"schedule\":{\"repeat\":\"daily\",\"time\":"
			      "\"12:00\"}}")
				 .due_us,
			 us("2024-01-20T11:00:00Z"));
	assert_int_equal(good("{\"name\":\"a\",\"type\":\"scheduled\"," DATA
			      ",\"schedule\":{\"startAt\":"
			      "\"2031-05-01T00:00:00Z\"}}")
				 .due_us,
			 us("2031-05-01T00:00:00Z"));
}

static void what_cannot_be_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *body;
		const char *problem;
	} cases[] = {
		{ "", "Empty Data" },
		{ "{\"name\":\"a\",\"type\":\"full\",\"data\":{\"source\":"
		  "\"nothing\"}}",
		  "data.source is unknown" },
		{ "{\"name\":\"a\",\"type\":\"scheduled\"," DATA
		  ",\"schedule\":{\"repeat\":\"daily\",\"timezone\":"
		  "\"Nowhere/None\"}}",
		  "schedule.timezone is unknown" },
		{ "{\"name\":\"a\",\"type\":\"scheduled\"," DATA
		  ",\"schedule\":{\"repeat\":\"0 0 30 2 *\"}}",
		  "schedule never occurs" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tb_job_order order = { .priority = 42 };
		struct tb_str problem = TB_STR_NONE;

		assert_int_equal(read_order(cases[i].body, &order, &problem),
				 TB_ERR_INVALID);
		if (!tb_str_eq(problem, tb_str_z(cases[i].problem)))
			fail_msg("%.*s, not %s", TB_STR_ARG(problem),
				 cases[i].problem);
		assert_int_equal(order.priority, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_what_was_sent),
		cmocka_unit_test(a_scheduled_one_waits_for_its_first_time),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_reason),
	};

	return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
