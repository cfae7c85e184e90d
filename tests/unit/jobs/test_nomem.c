/*
 * Zones, schedules and what jobs ask for, with each allocation failing in turn:
 * the answer is NOMEM, and nothing is lost (ASan looks).
 */
#include <stdio.h>

#include "../base/torture.h"

#include "jobs/schedule/zone.h"
#include "jobs/spec.h"
#include "sources.h"

#define ARENA_MAX_BYTES ((size_t)16 << 20)

static enum tb_err load_zone(void)
{
	struct tb_zone *zone = NULL;
	enum tb_err err = tb_zone_load(TB_STR("Europe/Berlin"), &zone);

	if (!err)
		assert_int_equal(tb_zone_local(zone, 0), 3600);
	tb_zone_destroy(zone);
	return err;
}

static enum tb_err load_utc(void)
{
	struct tb_zone *zone = NULL;
	enum tb_err err = tb_zone_load(TB_STR("UTC"), &zone);

	tb_zone_destroy(zone);
	return err;
}

static enum tb_err make_schedule(void)
{
	const struct tb_schedule_form form = {
		.repeat = TB_STR("daily"),
		.timezone = TB_STR("America/New_York"),
		.queued_us = 1,
	};
	struct tb_schedule *schedule = NULL;
	const char *problem = NULL;
	enum tb_err err = tb_schedule_create(&form, &schedule, &problem);

	assert_null(problem);
	tb_schedule_destroy(schedule);
	return err;
}

static struct tb_str body;

static enum tb_err decode(void)
{
	const struct tb_spec_context context = {
		.sources = &test_sources,
		.org = TB_STR("north"),
		.default_timezone = TB_STR("Asia/Kathmandu"),
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_str problem = TB_STR_NONE;
	struct tb_spec spec;
	enum tb_err err;

	if (!arena)
		return TB_ERR_NOMEM;
	err = tb_spec_decode(arena, body, &context, &spec, &problem);
	/* That a filter is unknown is what is to be said of it. */
	if (err == TB_ERR_INVALID) {
		assert_true(tb_str_eq(problem,
				      TB_STR("data.filters.x is unknown")));
		err = TB_OK;
	}
	tb_arena_destroy(arena);
	return err;
}

static void zones_and_schedules_live_without_memory(void **state)
{
	(void)state;
	assert_true(torture(load_zone) >= 2);
	assert_true(torture(load_utc) >= 1);
	assert_true(torture(make_schedule) >= 3);
}

static void what_is_asked_for_lives_without_memory(void **state)
{
	static char long_text[70000];

	(void)state;
	body = TB_STR("{\"name\":\"\\u0061\",\"type\":\"scheduled\",\"data\":{"
		      "\"source\":\"shopify\",\"filters\":{\"collections\":"
		      "[\"\\u0061\",\"b\"]}},\"schedule\":{\"repeat\":"
		      "\"d\\u0061ily\"}}");
	assert_true(torture(decode) >= 4);
	body = TB_STR("{\"name\":\"a\",\"type\":\"full\",\"data\":{\"source\":"
		      "\"shopify\",\"filters\":{\"\\u0078\":1}}}");
	assert_true(torture(decode) >= 2);
	/* More than the arena's first block holds. */
	memset(long_text, ' ', sizeof(long_text));
	(void)snprintf(long_text, sizeof(long_text),
		       "{\"name\":\"a\",\"type\":\"full\",\"data\":{\"source\":"
		       "\"shopify\",\"filters\":{\"x\":1}}, \"more\":[0");
	for (size_t i = strlen(long_text); i < sizeof(long_text) - 2; i += 2)
		memcpy(long_text + i, ",0", 2);
	memcpy(long_text + sizeof(long_text) - 2, "]}", 2);
	body = tb_str(long_text, sizeof(long_text));
	assert_true(torture(decode) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_and_schedules_live_without_memory),
		cmocka_unit_test(what_is_asked_for_lives_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
