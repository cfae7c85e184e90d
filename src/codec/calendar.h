/*
 * Dates of the Gregorian calendar, also before it was in use, and the number of
 * days since 1970-01-01. Pure.
 */
#ifndef TB_CODEC_CALENDAR_H
#define TB_CODEC_CALENDAR_H

#include <stdint.h>

struct tb_date {
	int64_t year;
	unsigned month; /* 1 to 12 */
	unsigned day;   /* 1 to 31 */
};

/* The days from 1970-01-01 to a date, which must be one. */
int64_t tb_calendar_days(struct tb_date date);
/* And back. */
struct tb_date tb_calendar_date(int64_t days);
/* How many days a month has, 1 to 12. */
unsigned tb_calendar_month_days(int64_t year, unsigned month);
/* 0 is a Sunday. */
unsigned tb_calendar_weekday(int64_t days);

/* Divides and rounds down, so that times before 1970 keep a positive rest. */
static inline int64_t tb_calendar_split(int64_t v, int64_t unit,
					int64_t *ret_rest)
{
	int64_t rest = v % unit;

	*ret_rest = rest < 0 ? rest + unit : rest;
	return v / unit - (rest < 0);
}

#endif
