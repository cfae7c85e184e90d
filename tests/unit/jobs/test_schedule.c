/*
 * Schedules: which are taken, when the first occurrence is, and what becomes of
 * those that were missed. When they occur around changes of clocks:
 * test_schedule_cases.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/time.h"
#include "jobs/schedule/schedule.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

static int64_t us(const char *text)
{
	int64_t v;

	if (tb_time_parse(tb_str_z(text), 0, &v))
		fail_msg("%s is no time", text);
	return v;
}

static struct tb_schedule_form form(const char *start_at, const char *repeat,
				    const char *time, const char *timezone)
{
	return (struct tb_schedule_form) {
		.start_at = tb_str_z(start_at),
		.repeat = tb_str_z(repeat),
		.time = tb_str_z(time),
		.timezone = tb_str_z(timezone),
		.default_timezone = TB_STR("UTC"),
		.queued_us = us("2024-01-20T10:30:15.25Z"),
	};
}

static struct tb_schedule *make(const struct tb_schedule_form *what)
{
	struct tb_schedule *schedule;
	const char *problem;

	if (tb_schedule_create(what, &schedule, &problem))
		fail_msg("%.*s: %s", TB_STR_ARG(what->repeat), problem);
	return schedule;
}

#define START "schedule.startAt must be a time"
#define NOTHING "schedule.startAt or schedule.repeat is required"
#define REPEAT                                                                 \
	"schedule.repeat must be one of hourly, daily, weekly, monthly, or a " \
	"cron line of five fields"
#define TIME "schedule.time must be HH:MM"
#define CRON_TIME "schedule.time cannot be used with a cron line"
#define ZONE "schedule.timezone is unknown"
#define NEVER "schedule never occurs"

static const struct {
	const char *start_at;
	const char *repeat;
	const char *time;
	const char *timezone;
	const char *problem;
} bad[] = {
	{ NULL, NULL, NULL, NULL, NOTHING },
	{ NULL, NULL, "00:00", "UTC", NOTHING },
	{ "", NULL, NULL, NULL, START },
	{ "now", NULL, NULL, NULL, START },
	{ "2024-13-01T00:00:00Z", "daily", NULL, NULL, START },
	{ "2024-01-20T25:00:00Z", "daily", NULL, NULL, START },
	{ "1705746600", "daily", NULL, NULL, START },
	/* Later than any time that can be written. */
	{ "9999-12-31T23:59:59", NULL, NULL, "America/New_York", START },
	{ NULL, "", NULL, NULL, REPEAT },
	{ NULL, "Daily", NULL, NULL, REPEAT },
	{ NULL, "yearly", NULL, NULL, REPEAT },
	{ NULL, "@daily", NULL, NULL, REPEAT },
	{ NULL, "daily ", NULL, NULL, REPEAT },
	{ NULL, "* * * *", NULL, NULL, REPEAT },
	{ NULL, "* * * * * *", NULL, NULL, REPEAT },
	{ NULL, "61 * * * *", NULL, NULL, REPEAT },
	{ NULL, "daily", "", NULL, TIME },
	{ NULL, "daily", "1:00", NULL, TIME },
	{ NULL, "daily", "01:0", NULL, TIME },
	{ NULL, "daily", "0100", NULL, TIME },
	{ NULL, "daily", "24:00", NULL, TIME },
	{ NULL, "daily", "23:60", NULL, TIME },
	{ NULL, "daily", "-1:00", NULL, TIME },
	{ NULL, "daily", "+1:00", NULL, TIME },
	{ NULL, "daily", "01:00:00", NULL, TIME },
	{ NULL, "daily", "aa:bb", NULL, TIME },
	{ NULL, "hourly", "24:00", NULL, TIME },
	{ "2024-01-20T00:00:00Z", NULL, "24:00", NULL, TIME },
	{ NULL, "0 0 * * *", "00:00", NULL, CRON_TIME },
	{ NULL, "daily", NULL, "", ZONE },
	{ NULL, "daily", NULL, "Mars/Olympus", ZONE },
	{ NULL, "daily", NULL, "../zoneinfo/UTC", ZONE },
	{ NULL, "daily", NULL, "CET-1CEST,M3.5.0,M10.5.0/3", ZONE },
	{ "2024-01-20T00:00:00Z", NULL, NULL, "Mars/Olympus", ZONE },
	{ NULL, "0 0 30 2 *", NULL, NULL, NEVER },
	{ NULL, "0 0 31 2,4,6,9,11 *", NULL, NULL, NEVER },
	{ "9999-12-31T12:00:00Z", "0 0 1 * *", NULL, NULL, NEVER },
	{ "9999-12-31T12:00:00Z", "daily", "11:00", NULL, NEVER },
};

static void what_is_no_schedule_is_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_schedule_form what =
			form(bad[i].start_at, bad[i].repeat, bad[i].time,
			     bad[i].timezone);
		struct tb_schedule *schedule = NULL;
		const char *problem = "none";
		enum tb_err err =
			tb_schedule_create(&what, &schedule, &problem);

		if (err != TB_ERR_INVALID || schedule ||
		    strcmp(problem, bad[i].problem) != 0)
			fail_msg("row %zu: %s, not %s", i, problem,
				 bad[i].problem);
	}
}

static void a_zone_that_is_not_named_is_the_default(void **state)
{
	struct tb_schedule_form what = form(NULL, "daily", "12:00", NULL);
	struct tb_schedule *schedule;
	const char *problem;

	(void)state;
	what.default_timezone = TB_STR("Asia/Kathmandu");
	schedule = make(&what);
	assert_true(tb_schedule_first(schedule, what.queued_us) ==
		    us("2024-01-21T06:15:00Z"));
	tb_schedule_destroy(schedule);
	what.timezone = TB_STR("UTC");
	schedule = make(&what);
	assert_true(tb_schedule_first(schedule, what.queued_us) ==
		    us("2024-01-20T12:00:00Z"));
	tb_schedule_destroy(schedule);
	what.timezone = TB_STR_NONE;
	what.default_timezone = TB_STR("Mars/Olympus");
	assert_int_equal(tb_schedule_create(&what, &schedule, &problem),
			 TB_ERR_INVALID);
	assert_string_equal(problem, ZONE);
}

/* When it runs first, if it is queued at 2024-01-20T10:30:15.25Z, a Saturday.
 */
static const struct {
	const char *start_at;
	const char *repeat;
	const char *time;
	const char *timezone;
	const char *first;
} firsts[] = {
	/* Once: then, also where it is over. */
	{ "2030-01-01T00:00:00.5Z", NULL, NULL, NULL,
	  "2030-01-01T00:00:00.5Z" },
	{ "2020-01-01T00:00:00Z", NULL, NULL, NULL, "2020-01-01T00:00:00Z" },
	{ "2020-01-01T02:00:00+02:00", NULL, NULL, NULL,
	  "2020-01-01T00:00:00Z" },
	/* Without an offset: by the zone's clocks. */
	{ "2030-01-01T00:00:00", NULL, NULL, NULL, "2030-01-01T00:00:00Z" },
	{ "2030-07-01T00:00:00", NULL, NULL, "Europe/Berlin",
	  "2030-06-30T22:00:00Z" },
	{ "2030-07-01", NULL, NULL, "Europe/Berlin", "2030-06-30T22:00:00Z" },
	{ "20300701T0000", NULL, NULL, "Europe/Berlin",
	  "2030-06-30T22:00:00Z" },
	{ "2030-07-01T00:00:00.25", NULL, NULL, "Asia/Kathmandu",
	  "2030-06-30T18:15:00.25Z" },
	/* In a gap, and twice. */
	{ "2024-03-31T02:30:00", NULL, NULL, "Europe/Berlin",
	  "2024-03-31T01:00:00Z" },
	{ "2024-10-27T02:30:00", NULL, NULL, "Europe/Berlin",
	  "2024-10-27T00:30:00Z" },
	/* Before 1970 there is nothing, and 0 is no time. */
	{ "1970-01-01T00:00:00Z", NULL, NULL, NULL,
	  "1970-01-01T00:00:00.000001Z" },
	{ "1066-10-14T09:00:00Z", NULL, NULL, NULL,
	  "1970-01-01T00:00:00.000001Z" },
	/* Repeated from the start on, to the second. */
	{ "2030-01-01T10:20:30Z", "daily", NULL, NULL, "2030-01-01T10:20:30Z" },
	{ "2030-01-01T10:20:30.5Z", "daily", NULL, NULL,
	  "2030-01-01T10:20:30.5Z" },
	{ "2030-01-01T10:20:30Z", "hourly", NULL, NULL,
	  "2030-01-01T10:20:30Z" },
	{ "2030-01-01T10:20:30.75Z", "weekly", NULL, NULL,
	  "2030-01-01T10:20:30.75Z" },
	{ "2030-01-31T10:20:30Z", "monthly", NULL, NULL,
	  "2030-01-31T10:20:30Z" },
	{ "2030-01-01T10:20:30Z", "daily", "10:20", NULL,
	  "2030-01-02T10:20:00Z" },
	{ "2030-01-01T10:20:00Z", "daily", "10:20", NULL,
	  "2030-01-01T10:20:00Z" },
	{ "2030-01-01T10:20:30Z", "daily", "12:00", NULL,
	  "2030-01-01T12:00:00Z" },
	{ "2030-01-01T10:20:30Z", "weekly", "10:00", NULL,
	  "2030-01-08T10:00:00Z" },
	{ "2030-01-01T10:20:30Z", "hourly", "07:05", NULL,
	  "2030-01-01T11:05:00Z" },
	{ "2030-01-01T10:20:30Z", "30 10 * * *", NULL, NULL,
	  "2030-01-01T10:30:00Z" },
	{ "2030-01-01T10:30:00Z", "30 10 * * *", NULL, NULL,
	  "2030-01-01T10:30:00Z" },
	{ "2030-01-01T10:30:00.000001Z", "30 10 * * *", NULL, NULL,
	  "2030-01-02T10:30:00Z" },
	/* A start that is over is an anchor. */
	{ "2023-01-15T00:00:00Z", "daily", "00:00", NULL,
	  "2024-01-21T00:00:00Z" },
	{ "2023-01-15T10:30:15.5Z", "daily", NULL, NULL,
	  "2024-01-20T10:30:15.5Z" },
	{ "2023-01-15T10:30:15.25Z", "daily", NULL, NULL,
	  "2024-01-21T10:30:15.25Z" },
	{ "2023-01-31T12:00:00Z", "monthly", NULL, NULL,
	  "2024-01-31T12:00:00Z" },
	{ "2023-01-20T10:00:00Z", "monthly", NULL, NULL,
	  "2024-02-20T10:00:00Z" },
	{ "2023-01-17T12:00:00Z", "weekly", NULL, NULL,
	  "2024-01-23T12:00:00Z" },
	{ "2023-01-17T12:12:12Z", "hourly", NULL, NULL,
	  "2024-01-20T11:12:12Z" },
	/* A Sunday, as this calendar goes. */
	{ "1066-10-14T09:00:00Z", "weekly", NULL, NULL,
	  "2024-01-21T09:00:00Z" },
	/* By the day in the zone: it was a Sunday there, the 1st. */
	{ "2023-12-31T23:30:00Z", "monthly", NULL, "Asia/Kathmandu",
	  "2024-01-31T23:30:00Z" },
	{ "2024-01-13T23:30:00Z", "weekly", NULL, "Asia/Kathmandu",
	  "2024-01-20T23:30:00Z" },
	{ "2024-01-14T02:00:00Z", "weekly", "23:30", "America/New_York",
	  "2024-01-21T04:30:00Z" },
	/* Without one the anchor is when it was queued, which is no
	 * occurrence. */
	{ NULL, "hourly", NULL, NULL, "2024-01-20T11:30:15.25Z" },
	{ NULL, "daily", NULL, NULL, "2024-01-21T10:30:15.25Z" },
	{ NULL, "weekly", NULL, NULL, "2024-01-27T10:30:15.25Z" },
	{ NULL, "monthly", NULL, NULL, "2024-02-20T10:30:15.25Z" },
	{ NULL, "weekly", "12:00", NULL, "2024-01-20T12:00:00Z" },
	{ NULL, "monthly", "12:00", NULL, "2024-01-20T12:00:00Z" },
	{ NULL, "* * * * *", NULL, NULL, "2024-01-20T10:31:00Z" },
	{ NULL, "0 0 29 2 *", NULL, NULL, "2024-02-29T00:00:00Z" },
	{ NULL, "0 9 * * mon-fri", NULL, "Europe/Berlin",
	  "2024-01-22T08:00:00Z" },
};

static void the_first_occurrence_is_at_its_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(firsts); i++) {
		struct tb_schedule_form what =
			form(firsts[i].start_at, firsts[i].repeat,
			     firsts[i].time, firsts[i].timezone);
		struct tb_schedule *schedule = make(&what);
		if (tb_schedule_first(schedule, what.queued_us) !=
		    us(firsts[i].first))
			fail_msg("row %zu: not %s", i, firsts[i].first);
		tb_schedule_destroy(schedule);
	}
}

static void one_that_does_not_repeat_occurs_once(void **state)
{
	struct tb_schedule_form what =
		form("2030-01-01T00:00:00Z", NULL, "12:00", NULL);
	struct tb_schedule *schedule = make(&what);
	const int64_t start = us("2030-01-01T00:00:00Z");

	(void)state;
	assert_true(tb_schedule_first(schedule, 0) == start);
	assert_true(tb_schedule_first(schedule, start + DAY_US) == start);
	assert_true(tb_schedule_after(schedule, 0) == start);
	assert_true(tb_schedule_after(schedule, start - 1) == start);
	assert_true(tb_schedule_after(schedule, start) == 0);
	assert_true(tb_schedule_next(schedule, start, start + DAY_US,
				     TB_MISSED_RUN_ONCE) == 0);
	assert_true(tb_schedule_next(schedule, start, start - DAY_US,
				     TB_MISSED_SKIP) == 0);
	tb_schedule_destroy(schedule);
}

static void
nothing_occurs_before_the_start_or_behind_the_end_of_time(void **state)
{
	struct tb_schedule_form what =
		form("9999-12-30T10:00:00Z", "daily", NULL, NULL);
	struct tb_schedule *schedule = make(&what);
	const int64_t start = us("9999-12-30T10:00:00Z");

	(void)state;
	assert_true(tb_schedule_after(schedule, INT64_MIN) == start);
	assert_true(tb_schedule_after(schedule, 0) == start);
	assert_true(tb_schedule_after(schedule, start - 1) == start);
	assert_true(tb_schedule_after(schedule, start) == start + DAY_US);
	assert_true(tb_schedule_after(schedule, start + DAY_US) == 0);
	assert_true(tb_schedule_after(schedule, INT64_MAX) == 0);
	tb_schedule_destroy(schedule);
}

/* Of a daily one at 10:00. */
static const struct {
	const char *due;
	const char *now;
	const char *once;
	const char *skip;
} misses[] = {
	/* In time. */
	{ "2024-01-20T10:00:00Z", "2024-01-20T10:00:00Z",
	  "2024-01-21T10:00:00Z", "2024-01-21T10:00:00Z" },
	{ "2024-01-20T10:00:00Z", "2024-01-21T09:59:59.999999Z",
	  "2024-01-21T10:00:00Z", "2024-01-21T10:00:00Z" },
	/* One was missed, or many. */
	{ "2024-01-20T10:00:00Z", "2024-01-21T10:00:00Z",
	  "2024-01-21T10:00:00Z", "2024-01-22T10:00:00Z" },
	{ "2024-01-20T10:00:00Z", "2024-01-22T09:00:00Z",
	  "2024-01-21T10:00:00Z", "2024-01-22T10:00:00Z" },
	{ "2024-01-20T10:00:00Z", "2024-01-25T12:00:00Z",
	  "2024-01-25T10:00:00Z", "2024-01-26T10:00:00Z" },
	{ "2024-01-20T10:00:00Z", "2034-01-25T12:00:00Z",
	  "2034-01-25T10:00:00Z", "2034-01-26T10:00:00Z" },
	/* One that was run late, for being missed, runs no more. */
	{ "2024-01-25T10:00:00Z", "2024-01-25T12:00:00Z",
	  "2024-01-26T10:00:00Z", "2024-01-26T10:00:00Z" },
	/* The clock was set back. */
	{ "2024-01-20T10:00:00Z", "2024-01-20T09:00:00Z",
	  "2024-01-21T10:00:00Z", "2024-01-21T10:00:00Z" },
	{ "2024-01-20T10:00:00Z", "2014-01-20T09:00:00Z",
	  "2024-01-21T10:00:00Z", "2024-01-21T10:00:00Z" },
	/* A retry was due in between. */
	{ "2024-01-20T10:07:31.5Z", "2024-01-20T10:08:00Z",
	  "2024-01-21T10:00:00Z", "2024-01-21T10:00:00Z" },
};

static void what_was_missed_runs_once_or_is_left_out(void **state)
{
	struct tb_schedule_form what =
		form("2020-01-01T00:00:00Z", "daily", "10:00", NULL);
	struct tb_schedule *schedule = make(&what);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(misses); i++) {
		int64_t due = us(misses[i].due);
		int64_t now = us(misses[i].now);

		if (tb_schedule_next(schedule, due, now, TB_MISSED_RUN_ONCE) !=
			    us(misses[i].once) ||
		    tb_schedule_next(schedule, due, now, TB_MISSED_SKIP) !=
			    us(misses[i].skip))
			fail_msg("row %zu", i);
	}
	tb_schedule_destroy(schedule);
}

/* Whatever the clock does, what is due next is behind what was due last. */
static void a_clock_that_goes_wild_brings_none_twice(void **state)
{
	static const char *const repeats[] = { "* * * * *", "hourly", "daily",
					       "0 */2 * * *", "monthly" };
	uint64_t random = 4711;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(repeats); i++) {
		struct tb_schedule_form what =
			form("2024-01-31T02:30:00+01:00", repeats[i], NULL,
			     "Europe/Berlin");
		struct tb_schedule *schedule = make(&what);
		int64_t due = tb_schedule_first(schedule, 0);

		for (int n = 0; n < 2000; n++) {
			enum tb_schedule_missed missed =
				n % 2 ? TB_MISSED_SKIP : TB_MISSED_RUN_ONCE;
			int64_t now;
			int64_t next;

			random = random * 6364136223846793005u + 1;
			now = due + (int64_t)(random >> 24) - (1ll << 39);
			next = tb_schedule_next(schedule, due, now, missed);
			assert_true(next > due);
			/* It is an occurrence. */
			assert_true(tb_schedule_after(schedule, next - 1) ==
				    next);
			if (missed == TB_MISSED_SKIP)
				assert_true(next > now);
			else if (next <= now)
				assert_true(tb_schedule_after(schedule, next) >
					    now);
			due = next;
		}
		tb_schedule_destroy(schedule);
	}
}

static void one_is_missed_when_it_is_over_by_a_minute(void **state)
{
	const int64_t due = us("2024-01-20T10:00:00Z");

	(void)state;
	assert_false(tb_schedule_is_missed(due, due - DAY_US));
	assert_false(tb_schedule_is_missed(due, due));
	assert_false(tb_schedule_is_missed(due, due + MINUTE_US));
	assert_true(tb_schedule_is_missed(due, due + MINUTE_US + 1));
	assert_true(tb_schedule_is_missed(due, due + DAY_US));
}

/* A year of minutes is not walked through. */
static void years_of_missed_minutes_are_found_at_once(void **state)
{
	struct tb_schedule_form what =
		form("1970-01-01T00:00:01Z", "* * * * *", NULL, NULL);
	struct tb_schedule *schedule = make(&what);
	const int64_t now = us("9999-06-01T00:00:59Z");

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(tb_schedule_next(schedule, MINUTE_US,
					     now - i * MINUTE_US,
					     TB_MISSED_RUN_ONCE) ==
			    us("9999-06-01T00:00:00Z") - i * MINUTE_US);
	tb_schedule_destroy(schedule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_no_schedule_is_refused_with_the_reason),
		cmocka_unit_test(a_zone_that_is_not_named_is_the_default),
		cmocka_unit_test(the_first_occurrence_is_at_its_time),
		cmocka_unit_test(one_that_does_not_repeat_occurs_once),
		cmocka_unit_test(
			nothing_occurs_before_the_start_or_behind_the_end_of_time),
		cmocka_unit_test(what_was_missed_runs_once_or_is_left_out),
		cmocka_unit_test(a_clock_that_goes_wild_brings_none_twice),
		cmocka_unit_test(one_is_missed_when_it_is_over_by_a_minute),
		cmocka_unit_test(years_of_missed_minutes_are_found_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
