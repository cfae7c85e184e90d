/*
 * Cron lines: which are taken, what they say, and when they match.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/time.h"
#include "jobs/schedule/cron.h"

#define MINUTE_US INT64_C(60000000)
#define BIT(n) (UINT64_C(1) << (n))
#define ALL_MINUTES (BIT(60) - 1)

static struct tb_cron cron_of(const char *line)
{
	struct tb_cron cron;

	if (tb_cron_parse(tb_str_z(line), &cron))
		fail_msg("%s is no line", line);
	return cron;
}

static int64_t minute(const char *text)
{
	int64_t us;

	assert_int_equal(tb_time_parse(tb_str_z(text),
				       TB_TIME_ANY_FORM | TB_TIME_DATE_ALLOWED,
				       &us),
			 TB_OK);
	return us / MINUTE_US;
}

static const struct {
	const char *field; /* of minutes */
	uint64_t set;
} minutes[] = {
	{ "*", ALL_MINUTES },
	{ "0", BIT(0) },
	{ "59", BIT(59) },
	{ "007", BIT(7) },
	{ "1,3,5", BIT(1) | BIT(3) | BIT(5) },
	{ "5,1", BIT(1) | BIT(5) },
	{ "1,1", BIT(1) },
	{ "2-4", BIT(2) | BIT(3) | BIT(4) },
	{ "4-4", BIT(4) },
	{ "0-59", ALL_MINUTES },
	{ "*/1", ALL_MINUTES },
	{ "*/20", BIT(0) | BIT(20) | BIT(40) },
	{ "*/25", BIT(0) | BIT(25) | BIT(50) },
	{ "*/59", BIT(0) | BIT(59) },
	{ "*/60", BIT(0) },
	{ "*/18446744073709551615", BIT(0) },
	{ "10-20/5", BIT(10) | BIT(15) | BIT(20) },
	{ "10-19/5", BIT(10) | BIT(15) },
	{ "58-59/1", BIT(58) | BIT(59) },
	{ "1-3,30,*/45",
	  BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(30) | BIT(45) },
};

static void a_field_is_a_set_of_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(minutes); i++) {
		char line[64];
		struct tb_cron cron;

		(void)snprintf(line, sizeof(line), "%s * * * *",
			       minutes[i].field);
		cron = cron_of(line);
		if (cron.minutes != minutes[i].set)
			fail_msg("%s", line);
	}
}

static void each_field_has_its_numbers_and_names(void **state)
{
	struct tb_cron cron = cron_of("* * * * *");

	(void)state;
	assert_true(cron.minutes == ALL_MINUTES);
	assert_true(cron.hours == BIT(24) - 1);
	assert_true(cron.days == BIT(32) - 2);
	assert_true(cron.months == BIT(13) - 2);
	assert_true(cron.weekdays == BIT(7) - 1);
	cron = cron_of("0 23 1,31 12 6");
	assert_true(cron.hours == BIT(23));
	assert_true(cron.days == (BIT(1) | BIT(31)));
	assert_true(cron.months == BIT(12));
	assert_true(cron.weekdays == BIT(6));
	cron = cron_of("0 0 * Jan,FEB,mar-may mon,WED-fri");
	assert_true(cron.months ==
		    (BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5)));
	assert_true(cron.weekdays == (BIT(1) | BIT(3) | BIT(4) | BIT(5)));
	cron = cron_of("0 0 * jan-12/3 sun-2");
	assert_true(cron.months == (BIT(1) | BIT(4) | BIT(7) | BIT(10)));
	assert_true(cron.weekdays == (BIT(0) | BIT(1) | BIT(2)));
	/* Sunday is 0 or 7. */
	assert_true(cron_of("0 0 * * 7").weekdays == BIT(0));
	assert_true(cron_of("0 0 * * 0").weekdays == BIT(0));
	assert_true(cron_of("0 0 * * 5-7").weekdays ==
		    (BIT(5) | BIT(6) | BIT(0)));
	assert_true(cron_of("0 0 * * */7").weekdays == BIT(0));
}

static void a_line_says_how_its_fields_go_together(void **state)
{
	(void)state;
	assert_true(cron_of("0 * * * *").is_each_hour);
	assert_false(cron_of("0 */1 * * *").is_each_hour);
	assert_false(cron_of("0 0-23 * * *").is_each_hour);
	assert_false(cron_of("0 0 * * *").is_either);
	assert_false(cron_of("0 0 1 * *").is_either);
	assert_false(cron_of("0 0 * * 1").is_either);
	assert_true(cron_of("0 0 1 * 1").is_either);
	assert_true(cron_of("0 0 */2 * 1").is_either);
	assert_false(cron_of("0 0 1 * 1").has_last_day);
}

static void blanks_are_between_fields(void **state)
{
	struct tb_cron cron = cron_of(" \t1  2\t3 \t 4 5 ");

	(void)state;
	assert_true(cron.minutes == BIT(1) && cron.hours == BIT(2) &&
		    cron.days == BIT(3) && cron.months == BIT(4) &&
		    cron.weekdays == BIT(5));
}

static const char *const bad[] = {
	"",
	" ",
	"daily",
	"@daily",
	"* * * *",
	"* * * * * *",
	"* * * * * x",
	"60 * * * *",
	"-1 * * * *",
	"+1 * * * *",
	"1.5 * * * *",
	"0x1 * * * *",
	"* 24 * * *",
	"* * 0 * *",
	"* * 32 * *",
	"* * * 0 *",
	"* * * 13 *",
	"* * * * 8",
	"* * * * -1",
	"x * * * *",
	"jan * * * *",
	"* jan * * *",
	"* * jan * *",
	"* * * mon *",
	"* * * * jan",
	"* * * january *",
	"* * * ja *",
	"* * * * monday",
	"1, * * * *",
	",1 * * * *",
	"1,,2 * * * *",
	", * * * *",
	"1- * * * *",
	"-1- * * * *",
	"1-2-3 * * * *",
	"4-2 * * * *",
	"1-60 * * * *",
	"*-5 * * * *",
	"1-* * * * *",
	"** * * * *",
	"*/0 * * * *",
	"*/ * * * *",
	"*/-1 * * * *",
	"*/x * * * *",
	"*/2/3 * * * *",
	"*/18446744073709551616 * * * *",
	"5/2 * * * *",
	"/2 * * * *",
	"1-5/ * * * *",
	"1-5/0 * * * *",
	"L * * * *",
	"* * L * *",
	"* * ? * *",
	"* * * * 5#3",
	"* * * * sat-sun",
	"*\n* * * *",
};

static void what_is_no_line_is_refused(void **state)
{
	struct tb_cron cron = { .hours = 42 };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		if (tb_cron_parse(tb_str_z(bad[i]), &cron) != TB_ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(tb_cron_parse(TB_STR("* * * * *\0"), &cron),
			 TB_ERR_INVALID);
	assert_int_equal(tb_cron_parse(TB_STR_NONE, &cron), TB_ERR_INVALID);
	assert_int_equal(cron.hours, 42);
}

static const struct {
	const char *line;
	const char *from;
	const char *next;
} nexts[] = {
	/* From this minute on, itself included. */
	{ "* * * * *", "2024-01-20T10:30", "2024-01-20T10:30" },
	{ "30 10 * * *", "2024-01-20T10:30", "2024-01-20T10:30" },
	{ "30 10 * * *", "2024-01-20T10:31", "2024-01-21T10:30" },
	{ "0 * * * *", "2024-01-20T10:01", "2024-01-20T11:00" },
	{ "0 * * * *", "2024-01-20T23:01", "2024-01-21T00:00" },
	{ "15,45 8-10 * * *", "2024-01-20T10:16", "2024-01-20T10:45" },
	{ "15,45 8-10 * * *", "2024-01-20T10:46", "2024-01-21T08:15" },
	{ "0 0 * * *", "2023-12-31T00:01", "2024-01-01T00:00" },
	{ "59 23 31 12 *", "2024-01-01T00:00", "2024-12-31T23:59" },
	/* Months without the day. */
	{ "0 0 31 * *", "2024-02-01T00:00", "2024-03-31T00:00" },
	{ "0 0 31 4,6,7 *", "2024-02-01T00:00", "2024-07-31T00:00" },
	{ "0 0 30 1-2 *", "2024-01-31T00:00", "2025-01-30T00:00" },
	{ "0 0 29 2 *", "2024-02-29T00:01", "2028-02-29T00:00" },
	{ "0 0 29 2 *", "2096-02-29T00:01", "2104-02-29T00:00" },
	{ "0 0 29 2 *", "1896-03-01T00:00", "1904-02-29T00:00" },
	/* Days of the week; 2024-01-20 is a Saturday. */
	{ "0 0 * * 1", "2024-01-20T00:00", "2024-01-22T00:00" },
	{ "0 0 * * 6", "2024-01-20T00:00", "2024-01-20T00:00" },
	{ "0 0 * 3 0", "2024-01-20T00:00", "2024-03-03T00:00" },
	{ "0 0 * 2 4", "2024-02-23T00:00", "2024-02-29T00:00" },
	/* "either is enough" */
	{ "0 0 13 * 5", "2024-01-20T00:00", "2024-01-26T00:00" },
	{ "0 0 13 * 5", "2024-02-10T00:00", "2024-02-13T00:00" },
	{ "0 0 30 2 1", "2024-02-01T00:00", "2024-02-05T00:00" },
	/* Before 1970. */
	{ "0 12 1 1 *", "1969-01-01T12:01", "1970-01-01T12:00" },
	{ "0 12 * * *", "1969-12-30T12:01", "1969-12-31T12:00" },
	{ "1 0 29 2 *", "0001-01-01T00:00", "0004-02-29T00:01" },
};

static void the_next_minute_is_the_first_that_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(nexts); i++) {
		struct tb_cron cron = cron_of(nexts[i].line);
		int64_t next;

		if (!tb_cron_next(&cron, minute(nexts[i].from), &next) ||
		    next != minute(nexts[i].next))
			fail_msg("%s from %s", nexts[i].line, nexts[i].from);
	}
}

static void days_that_never_come_are_not_found(void **state)
{
	static const char *const lines[] = { "0 0 30 2 *", "0 0 30-31 2 *",
					     "0 0 31 2,4,6,9,11 *" };
	int64_t next = 42;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(lines); i++) {
		struct tb_cron cron = cron_of(lines[i]);

		assert_false(tb_cron_next(&cron, 0, &next));
		assert_int_equal(next, 42);
	}
}

static void a_month_without_the_day_may_have_its_last_one(void **state)
{
	static const char *const ends[] = {
		"2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30",
		"2023-05-31", "2023-06-30", "2023-07-31", "2023-08-31",
		"2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31",
		"2024-01-31", "2024-02-29", "2024-03-31",
	};
	struct tb_cron cron = cron_of("0 0 31 * *");
	int64_t next = minute("2023-01-01") - 1;

	(void)state;
	cron.has_last_day = true;
	for (size_t i = 0; i < TB_ARRAY_LEN(ends); i++) {
		assert_true(tb_cron_next(&cron, next + 1, &next));
		if (next != minute(ends[i]))
			fail_msg("%s", ends[i]);
	}
	cron.days = 1u << 29;
	assert_true(tb_cron_next(&cron, minute("2024-02-28"), &next));
	assert_int_equal(next, minute("2024-02-29"));
	assert_true(tb_cron_next(&cron, minute("2023-02-01"), &next));
	assert_int_equal(next, minute("2023-02-28"));
	assert_true(tb_cron_next(&cron, minute("2023-04-01"), &next));
	assert_int_equal(next, minute("2023-04-29"));
	assert_true(tb_cron_next(&cron, minute("2023-04-30"), &next));
	assert_int_equal(next, minute("2023-05-29"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_a_set_of_numbers),
		cmocka_unit_test(each_field_has_its_numbers_and_names),
		cmocka_unit_test(a_line_says_how_its_fields_go_together),
		cmocka_unit_test(blanks_are_between_fields),
		cmocka_unit_test(what_is_no_line_is_refused),
		cmocka_unit_test(the_next_minute_is_the_first_that_matches),
		cmocka_unit_test(days_that_never_come_are_not_found),
		cmocka_unit_test(a_month_without_the_day_may_have_its_last_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
