/*
 * Rules of zones, against times that were worked out by hand from their words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/time.h"
#include "jobs/schedule/zone_rule.h"

#define HOUR 3600

static struct tb_zone_rule rule_of(const char *text)
{
	struct tb_zone_rule rule;

	if (tb_zone_rule_parse(tb_str_z(text), &rule))
		fail_msg("%s is no rule", text);
	return rule;
}

static int64_t seconds(const char *text)
{
	int64_t us;

	assert_int_equal(tb_time_parse(tb_str_z(text), 0, &us), TB_OK);
	return us / 1000000;
}

static const struct {
	const char *rule;
	int32_t offset_s;
} fixed[] = {
	{ "UTC0", 0 },
	{ "EST5", -5 * HOUR },
	{ "EST+5", -5 * HOUR },
	{ "IST-5:30", 5 * HOUR + 1800 },
	{ "<+0545>-5:45", 5 * HOUR + 45 * 60 },
	{ "<-03>3", -3 * HOUR },
	{ "<A1-+>-0:00:01", 1 },
	{ "LMT-24:59:59", 24 * HOUR + 59 * 60 + 59 },
	{ "Abcdefgh24", -24 * HOUR },
	{ "ABC-05", 5 * HOUR },
	{ "ABC-5:03:09", 5 * HOUR + 189 },
};

static void a_zone_without_summer_time_is_always_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(fixed); i++) {
		struct tb_zone_rule rule = rule_of(fixed[i].rule);
		int64_t until;

		assert_int_equal(tb_zone_rule_offset(&rule, 1000000000, &until),
				 fixed[i].offset_s);
		assert_int_equal(until, INT64_MAX);
	}
}

/* When an offset begins, and what it is before and then. */
static const struct {
	const char *rule;
	const char *at;
	int32_t before_s;
	int32_t then_s;
} changes[] = {
	/* Weekdays of months: the last Sunday, the second one, ... */
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31T01:00:00Z", HOUR,
	  2 * HOUR },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T01:00:00Z", 2 * HOUR,
	  HOUR },
	{ "EST5EDT,M3.2.0,M11.1.0", "2025-03-09T07:00:00Z", -5 * HOUR,
	  -4 * HOUR },
	{ "EST5EDT,M3.2.0,M11.1.0", "2025-11-02T06:00:00Z", -4 * HOUR,
	  -5 * HOUR },
	/* A month that has five of them, and one that has four. */
	{ "ABC0DEF,M5.5.5/0,M9.4.1/0", "2026-05-29T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,M2.5.0/0,M9.4.1/0", "2026-02-22T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,M2.5.4/0,M9.4.1/0", "2024-02-29T00:00:00Z", 0, HOUR },
	/* The south: summer goes over the end of the year. */
	{ "NZST-12NZDT,M9.5.0,M4.1.0/3", "2024-09-28T14:00:00Z", 12 * HOUR,
	  13 * HOUR },
	{ "NZST-12NZDT,M9.5.0,M4.1.0/3", "2025-04-05T14:00:00Z", 13 * HOUR,
	  12 * HOUR },
	/* Half an hour, two hours. */
	{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2024-10-05T15:30:00Z",
	  10 * HOUR + 1800, 11 * HOUR },
	{ "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", "2024-03-31T01:00:00Z", 0,
	  2 * HOUR },
	/* "Summer time" that is in winter, and less. */
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2024-10-27T01:00:00Z", HOUR, 0 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2024-03-31T01:00:00Z", 0, HOUR },
	/* The day before, the day after, days later. */
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z", -2 * HOUR,
	  -HOUR },
	{ "IST-2IDT,M3.4.4/26,M10.5.0", "2024-03-29T00:00:00Z", 2 * HOUR,
	  3 * HOUR },
	{ "EET-2EEST,M3.4.4/50,M10.4.4/50", "2024-03-30T00:00:00Z", 2 * HOUR,
	  3 * HOUR },
	{ "EET-2EEST,M4.5.5/0,M10.5.4/24", "2024-10-31T21:00:00Z", 3 * HOUR,
	  2 * HOUR },
	/* Over the end of the year, forwards and backwards. */
	{ "ABC0DEF,M7.1.0/0,J365/167", "2025-01-06T22:00:00Z", HOUR, 0 },
	{ "ABC0DEF,J1/-167,M7.1.0/0", "2023-12-25T01:00:00Z", 0, HOUR },
	{ "ABC0DEF,0/-167:59:59,M7.1.0/0", "2023-12-25T00:00:01Z", 0, HOUR },
	/* Both switches of a year are in the next one, or in the one before. */
	{ "ABC0DEF,J365/167,J365/100", "2025-01-04T03:00:00Z", HOUR, 0 },
	{ "ABC0DEF,J365/167,J365/100", "2025-01-06T23:00:00Z", 0, HOUR },
	{ "ABC0DEF,J1/-167,J1/-100", "2024-12-27T19:00:00Z", HOUR, 0 },
	/* Days of the year, with and without 29 February. */
	{ "ABC0DEF,J60/0,J300/0", "2024-03-01T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,J60/0,J300/0", "2023-03-01T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,J59/0,J300/0", "2024-02-28T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,59/0,300/0", "2024-02-29T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,59/0,300/0", "2023-03-01T00:00:00Z", 0, HOUR },
	{ "ABC0DEF,100,365/0", "2024-12-30T23:00:00Z", HOUR, 0 },
	/* Two o'clock, where nothing is said. */
	{ "ABC0DEF,J100,J200", "2023-04-10T02:00:00Z", 0, HOUR },
	{ "ABC0DEF-3,J100,J200", "2023-07-18T23:00:00Z", 3 * HOUR, 0 },
};

static void clocks_are_changed_when_the_rule_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(changes); i++) {
		struct tb_zone_rule rule = rule_of(changes[i].rule);
		int64_t at = seconds(changes[i].at);
		int64_t until;
		int32_t before = tb_zone_rule_offset(&rule, at - 1, &until);

		if (before != changes[i].before_s || until != at ||
		    tb_zone_rule_offset(&rule, at, &until) != changes[i].then_s)
			fail_msg("%s at %s", changes[i].rule, changes[i].at);
		assert_true(until > at);
	}
}

/* From the end of a year on, in which both of the next one have been. */
static void the_next_change_is_found_a_year_ahead(void **state)
{
	struct tb_zone_rule rule = rule_of("ABC0DEF,J1/-167,J1/-100");
	int64_t until;

	(void)state;
	assert_int_equal(tb_zone_rule_offset(&rule,
					     seconds("2024-12-28T00:00:00Z"),
					     &until),
			 0);
	assert_int_equal(until, seconds("2025-12-25T01:00:00Z"));
}

/* "DST is in effect all year" (RFC 8536, section 3.3.1 has such a rule). */
static void summer_time_may_be_for_ever(void **state)
{
	struct tb_zone_rule rule = rule_of("EST5EDT,0/0,J365/25");
	int64_t at = seconds("2023-06-01T00:00:00Z");
	int64_t until;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(tb_zone_rule_offset(&rule, at, &until),
				 -4 * HOUR);
		assert_int_equal(tb_zone_rule_offset(&rule, until - 1, &until),
				 -4 * HOUR);
		at = until;
	}
	assert_true(at > seconds("2030-01-01T00:00:00Z"));
}

/* The changes one by one, over eras. */
static void changes_follow_each_other(void **state)
{
	struct tb_zone_rule rule = rule_of("CET-1CEST,M3.5.0,M10.5.0/3");
	int64_t at = seconds("1900-01-01T00:00:00Z");
	int32_t offset = HOUR;
	int64_t until;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(tb_zone_rule_offset(&rule, at, &until),
				 offset);
		assert_int_equal(tb_zone_rule_offset(&rule, until - 1, &until),
				 offset);
		assert_true(until - at > 80 * 86400 &&
			    until - at < 250 * 86400);
		offset = 3 * HOUR - offset;
		at = until;
	}
	assert_true(at > seconds("2399-01-01T00:00:00Z") &&
		    at < seconds("2401-01-01T00:00:00Z"));
}

static const char *const bad[] = {
	"",
	"0",
	"XX0",
	"ABC",
	"ABC ",
	"ABC+",
	"ABC-",
	"ABC--5",
	"ABC+-5",
	"X1X5",
	"<XX>5",
	"<ABC5",
	"<X_X>5",
	"ABC>5",
	"ABC25",
	"ABC5:",
	"ABC5:60",
	"ABC5:00:60",
	"ABC5:00:00:00",
	"ABC5 ",
	" ABC5",
	"ABC5DEF",
	"ABC5YY,M3.2.0,M11.1.0",
	"ABC5DEF4",
	"ABC5DEF25,M3.2.0,M11.1.0",
	"ABC5DEF,",
	"ABC5DEF,M3.2.0",
	"ABC5DEF,M3.2.0,",
	"ABC5DEF,M3.2.0,M11.1.0,",
	"ABC5DEF,M3.2.0,M11.1.0x",
	"ABC5DEF,M0.2.0,M11.1.0",
	"ABC5DEF,M13.2.0,M11.1.0",
	"ABC5DEF,M3.0.0,M11.1.0",
	"ABC5DEF,M3.6.0,M11.1.0",
	"ABC5DEF,M3.2.7,M11.1.0",
	"ABC5DEF,M3.2,M11.1.0",
	"ABC5DEF,M3.2.,M11.1.0",
	"ABC5DEF,M3,2,0,M11.1.0",
	"ABC5DEF,J0,M11.1.0",
	"ABC5DEF,J366,M11.1.0",
	"ABC5DEF,366,M11.1.0",
	"ABC5DEF,-1,M11.1.0",
	"ABC5DEF,J,M11.1.0",
	"ABC5DEF,M3.2.0/,M11.1.0",
	"ABC5DEF,M3.2.0/168,M11.1.0",
	"ABC5DEF,M3.2.0/-168,M11.1.0",
	"ABC5DEF,M3.2.0/2:60,M11.1.0",
	"ABC5DEF,M3.2.0/2:,M11.1.0",
	"ABC5DEF,M3.2.0/1000,M11.1.0",
};

static void what_is_no_rule_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		struct tb_zone_rule rule = { .standard_s = 42 };

		if (tb_zone_rule_parse(tb_str_z(bad[i]), &rule) !=
		    TB_ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
		assert_int_equal(rule.standard_s, 42);
	}
	assert_int_equal(tb_zone_rule_parse(TB_STR("ABC5\0"),
					    &(struct tb_zone_rule) { 0 }),
			 TB_ERR_INVALID);
}

static void rules_that_are_cut_short_are_refused(void **state)
{
	const struct tb_str text = TB_STR("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
	struct tb_zone_rule rule;

	(void)state;
	for (size_t n = 0; n < text.n; n++) {
		/* Without summer time, and without the last hour. */
		bool is_rule = n == 6 || n == text.n - 2;

		assert_int_equal(tb_zone_rule_parse(tb_str(text.p, n), &rule),
				 is_rule ? TB_OK : TB_ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_without_summer_time_is_always_the_same),
		cmocka_unit_test(clocks_are_changed_when_the_rule_says),
		cmocka_unit_test(the_next_change_is_found_a_year_ahead),
		cmocka_unit_test(summer_time_may_be_for_ever),
		cmocka_unit_test(changes_follow_each_other),
		cmocka_unit_test(what_is_no_rule_is_refused),
		cmocka_unit_test(rules_that_are_cut_short_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
