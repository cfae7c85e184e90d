#include "codec/calendar.h"

#include <stdbool.h>

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned tb_calendar_month_days(int64_t year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
					31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Years are counted from March, which puts the leap day at their end, and in
 * eras of 400 years, after which the calendar repeats. */
int64_t tb_calendar_days(struct tb_date date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t march_month = (date.month + 9) % 12;
	int64_t day_of_year = (153 * march_month + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
			     year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

/* Within an era 32 bits do, which divide faster. */
struct tb_date tb_calendar_date(int64_t days)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	uint32_t day_of_era = (uint32_t)(days - era * 146097);
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 +
				day_of_era / 36524 - day_of_era / 146096) /
			       365;
	uint32_t day_of_year =
		day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t march_month = (5 * day_of_year + 2) / 153;
	unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;

	return (struct tb_date) {
		.year = year_of_era + era * 400 + (month <= 2),
		.month = month,
		.day = day_of_year - (153 * march_month + 2) / 5 + 1,
	};
}

unsigned tb_calendar_weekday(int64_t days)
{
	int64_t weekday;

	tb_calendar_split(days + 4, 7, &weekday); /* 1970-01-01: a Thursday. */
	return (unsigned)weekday;
}
