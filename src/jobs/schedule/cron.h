/*
 * Minutes that return: those that a cron line matches, which are those of the
 * clock on a wall. Minutes are counted from 1970-01-01T00:00 on that clock.
 * Pure.
 */
#ifndef TB_JOBS_SCHEDULE_CRON_H
#define TB_JOBS_SCHEDULE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Bit n of a set: n is in it. */
struct tb_cron {
	uint64_t minutes;
	uint32_t hours;
	uint32_t days;    /* of the month, from 1 */
	uint16_t months;  /* from 1 */
	uint8_t weekdays; /* 0 is a Sunday */
	/* A day in one of `days` and `weekdays` is enough: the line restricts
	 * both. */
	bool is_either;
	/* The field of the hour is exactly `*`: what is asked for is each hour
	 * that passes. */
	bool is_each_hour;
	/* A month that has none of `days` has its last one instead; of no line.
	 */
	bool has_last_day;
};

/* Five fields with spaces or tabs between them: minute, hour, day of the month,
 * month, day of the week. INVALID: the text is none. A line that is one may
 * still match nothing (30 February). */
enum tb_err tb_cron_parse(struct tb_str line,
			  struct tb_cron *ret) tb_must_check;
/* The first minute from this one on that matches. False: there is none. */
bool tb_cron_next(const struct tb_cron *cron, int64_t minute, int64_t *ret);

#endif
