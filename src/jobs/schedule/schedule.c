#include "jobs/schedule/schedule.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/calendar.h"
#include "codec/time.h"
#include "jobs/schedule/cron.h"
#include "jobs/schedule/zone.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_S 60
#define HOUR_MINUTES 60
#define DAY_MINUTES 1440
/* 9999-12-31T23:59:59.999999Z: later times cannot be read again. */
#define LAST_US (INT64_C(253402300800) * SECOND_US - 1)
#define MISSED_US (60 * SECOND_US)

struct tb_schedule {
	struct tb_zone *zone;
	/* No occurrence is before it. Not before 1970, so that none is 0. */
	int64_t start_us;
	bool repeats;
	/* The minutes of those that repeat, on the zone's clocks, ... */
	struct tb_cron pattern;
	/* ... and when in them. */
	int64_t second;
	int64_t rest_us;
};

/* ---- making one ---- */

/* A moment on the clocks of the zone, in parts. */
struct clock_face {
	int64_t days;
	unsigned hour;
	unsigned minute;
	int64_t second;
	int64_t rest_us;
};

static struct clock_face face_of(const struct tb_zone *zone, int64_t us)
{
	struct clock_face face;
	int64_t seconds = tb_calendar_split(us, SECOND_US, &face.rest_us);
	int64_t minutes = tb_calendar_split(tb_zone_local(zone, seconds),
					    MINUTE_S, &face.second);
	int64_t minute;

	face.days = tb_calendar_split(minutes, DAY_MINUTES, &minute);
	face.hour = (unsigned)(minute / HOUR_MINUTES);
	face.minute = (unsigned)(minute % HOUR_MINUTES);
	return face;
}

/* A time without an offset is one of the zone's clocks. */
static enum tb_err parse_start(struct tb_str text, const struct tb_zone *zone,
			       int64_t *ret_us)
{
	int64_t rest_us;
	int64_t us;

	if (!tb_time_parse(text, TB_TIME_ZONE_REQUIRED | TB_TIME_ANY_FORM,
			   ret_us))
		return TB_OK;
	if (tb_time_parse(text, TB_TIME_DATE_ALLOWED | TB_TIME_ANY_FORM, &us))
		return TB_ERR_INVALID;
	int64_t seconds = tb_calendar_split(us, SECOND_US, &rest_us);
	us = tb_zone_utc(zone, seconds) * SECOND_US + rest_us;
	if (us > LAST_US)
		return TB_ERR_INVALID;
	*ret_us = us;
	return TB_OK;
}

/* HH:MM */
static enum tb_err parse_time(struct tb_str text, struct clock_face *face)
{
	struct tb_str minutes = text;
	struct tb_str hours = tb_str_cut(&minutes, ':');
	uint64_t hour;
	uint64_t minute;

	if (hours.n != 2 || minutes.n != 2 || tb_str_to_u64(hours, &hour) ||
	    tb_str_to_u64(minutes, &minute) || hour > 23 || minute > 59)
		return TB_ERR_INVALID;
	face->hour = (unsigned)hour;
	face->minute = (unsigned)minute;
	face->second = 0;
	face->rest_us = 0;
	return TB_OK;
}

/* Every minute; the words below take away from it. */
static const struct tb_cron always = {
	.minutes = (UINT64_C(1) << 60) - 1,
	.hours = (1u << 24) - 1,
	.days = ~1u,
	.months = 0x1ffe,
	.weekdays = 0x7f,
};

static void set_hourly(const struct clock_face *face, struct tb_cron *pattern)
{
	pattern->minutes = UINT64_C(1) << face->minute;
	pattern->is_each_hour = true;
}

static void set_daily(const struct clock_face *face, struct tb_cron *pattern)
{
	pattern->minutes = UINT64_C(1) << face->minute;
	pattern->hours = 1u << face->hour;
}

static void set_weekly(const struct clock_face *face, struct tb_cron *pattern)
{
	set_daily(face, pattern);
	pattern->weekdays = (uint8_t)(1u << tb_calendar_weekday(face->days));
}

/* "on its day, or on the last day of a month that does not have it" */
static void set_monthly(const struct clock_face *face, struct tb_cron *pattern)
{
	set_daily(face, pattern);
	pattern->days = 1u << tb_calendar_date(face->days).day;
	pattern->has_last_day = true;
}

static const struct {
	const char *name;
	void (*set)(const struct clock_face *face, struct tb_cron *pattern);
} repeats[] = {
	{ "hourly", set_hourly },
	{ "daily", set_daily },
	{ "weekly", set_weekly },
	{ "monthly", set_monthly },
};

/* Which minutes it is, by one of the words or a cron line. */
static const char *set_pattern(const struct tb_schedule_form *form,
			       const struct clock_face *face,
			       struct tb_schedule *schedule)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(repeats); i++) {
		if (!tb_str_eq(form->repeat, tb_str_z(repeats[i].name)))
			continue;
		schedule->pattern = always;
		repeats[i].set(face, &schedule->pattern);
		schedule->second = face->second;
		schedule->rest_us = face->rest_us;
		return NULL;
	}
	if (tb_cron_parse(form->repeat, &schedule->pattern))
		return "schedule.repeat must be one of hourly, daily, weekly, "
		       "monthly, or a cron line of five fields";
	if (form->time.p)
		return "schedule.time cannot be used with a cron line";
	return NULL;
}

/* What is wrong with a form, or NULL. */
static const char *read_form(const struct tb_schedule_form *form,
			     struct tb_schedule *schedule)
{
	int64_t start_us = form->queued_us;
	struct clock_face face;
	const char *problem;

	if (form->start_at.p &&
	    parse_start(form->start_at, schedule->zone, &start_us))
		return "schedule.startAt must be a time";
	if (!form->start_at.p && !form->repeat.p)
		return "schedule.startAt or schedule.repeat is required";
	face = face_of(schedule->zone, start_us);
	if (form->time.p && parse_time(form->time, &face))
		return "schedule.time must be HH:MM";
	schedule->start_us = start_us > 0 ? start_us : 1;
	schedule->repeats = form->repeat.p != NULL;
	if (!schedule->repeats)
		return NULL;
	problem = set_pattern(form, &face, schedule);
	if (!problem && tb_schedule_after(schedule, 0) == 0)
		problem = "schedule never occurs";
	return problem;
}

enum tb_err tb_schedule_create(const struct tb_schedule_form *form,
			       struct tb_schedule **ret,
			       const char **ret_problem)
{
	struct tb_schedule *schedule = tb_calloc(1, sizeof(*schedule));
	const char *problem = NULL;
	enum tb_err err;

	if (!schedule)
		return TB_ERR_NOMEM;
	err = tb_zone_load(form->timezone.p ? form->timezone
					    : form->default_timezone,
			   &schedule->zone);
	if (err == TB_ERR_NOT_FOUND || err == TB_ERR_CORRUPT ||
	    err == TB_ERR_UNSUPPORTED)
		problem = "schedule.timezone is unknown";
	else if (!err)
		problem = read_form(form, schedule);
	if (problem) {
		*ret_problem = problem;
		err = TB_ERR_INVALID;
	}
	if (err)
		tb_schedule_destroy(schedule);
	else
		*ret = schedule;
	return err;
}

void tb_schedule_destroy(struct tb_schedule *schedule)
{
	if (!schedule)
		return;
	tb_zone_destroy(schedule->zone);
	tb_free(schedule);
}

/* ---- when it occurs ---- */

/* The first time behind one that the clocks may show. False: there is none. */
static bool next_shown(const struct tb_schedule *schedule, int64_t local_s,
		       int64_t *ret_s)
{
	int64_t rest;
	int64_t minute =
		tb_calendar_split(local_s - schedule->second, MINUTE_S, &rest);

	if (!tb_cron_next(&schedule->pattern, minute + 1, &minute))
		return false;
	*ret_s = minute * MINUTE_S + schedule->second;
	return true;
}

/* "A time that the clock jumps over runs when the jump ends; one that comes
 * twice runs the first time." */
static bool next_by_wall(const struct tb_schedule *schedule, int64_t after_s,
			 int64_t *ret_s)
{
	int64_t local_s = tb_zone_local(schedule->zone, after_s);
	int64_t at_s = after_s;

	/* What the clock shows once more after it was set back is over. */
	while (at_s <= after_s) {
		if (!next_shown(schedule, local_s, &local_s))
			return false;
		at_s = tb_zone_utc(schedule->zone, local_s);
	}
	*ret_s = at_s;
	return true;
}

/* "`hourly` runs each hour that passes, and so do cron lines whose hour is
 * `*`": whatever the clock shows while it goes, and nothing else. */
static bool next_each_hour(const struct tb_schedule *schedule, int64_t after_s,
			   int64_t *ret_s)
{
	int64_t last_s = after_s;

	for (;;) {
		int64_t until_s;
		int64_t offset_s =
			tb_zone_offset(schedule->zone, last_s + 1, &until_s);
		int64_t local_s;

		if (!next_shown(schedule, last_s + offset_s, &local_s))
			return false;
		if (local_s - offset_s < until_s) {
			*ret_s = local_s - offset_s;
			return true;
		}
		last_s = until_s - 1;
	}
}

int64_t tb_schedule_after(const struct tb_schedule *schedule, int64_t after_us)
{
	int64_t rest;
	int64_t at_s;
	int64_t at_us;
	bool is_found;

	if (!schedule->repeats)
		return schedule->start_us > after_us ? schedule->start_us : 0;
	if (after_us < schedule->start_us)
		after_us = schedule->start_us - 1;
	if (after_us >= LAST_US)
		return 0;
	int64_t after_s = tb_calendar_split(after_us - schedule->rest_us,
					    SECOND_US, &rest);
	is_found = schedule->pattern.is_each_hour
			   ? next_each_hour(schedule, after_s, &at_s)
			   : next_by_wall(schedule, after_s, &at_s);
	at_us = is_found ? at_s * SECOND_US + schedule->rest_us : 0;
	return at_us <= LAST_US ? at_us : 0;
}

int64_t tb_schedule_first(const struct tb_schedule *schedule, int64_t now_us)
{
	return schedule->repeats ? tb_schedule_after(schedule, now_us)
				 : schedule->start_us;
}

/* The last occurrence by now, of which there is one after `low_us`: halves what
 * is between, since a year has half a million minutes. */
static int64_t last_by(const struct tb_schedule *schedule, int64_t low_us,
		       int64_t now_us)
{
	int64_t high_us = now_us;
	int64_t last_us = 0;

	/* There is one in (low, now], and last is it or before it; there is
	 * none in (high, now]. */
	while (low_us < high_us) {
		int64_t middle_us = low_us + (high_us - low_us) / 2;
		int64_t at_us = tb_schedule_after(schedule, middle_us);

		if (at_us != 0 && at_us <= now_us)
			low_us = last_us = at_us;
		else
			high_us = middle_us;
	}
	return last_us;
}

int64_t tb_schedule_next(const struct tb_schedule *schedule, int64_t due_us,
			 int64_t now_us, enum tb_schedule_missed missed)
{
	int64_t next_us = tb_schedule_after(schedule, due_us);

	if (next_us == 0 || next_us > now_us)
		return next_us;
	return missed == TB_MISSED_SKIP ? tb_schedule_after(schedule, now_us)
					: last_by(schedule, due_us, now_us);
}

bool tb_schedule_is_missed(int64_t due_us, int64_t now_us)
{
	return now_us - due_us > MISSED_US;
}
