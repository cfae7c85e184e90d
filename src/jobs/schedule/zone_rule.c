#include "jobs/schedule/zone_rule.h"

#include "base/assert.h"
#include "codec/calendar.h"

#define HOUR_S 3600
#define DAY_S 86400
#define NAME_MIN_BYTES 3
#define STANDARD_HOURS_MAX 24
/* "the hours part of the transition times may be signed and range from -167
 * through 167" (RFC 8536, section 3.3.1). */
#define SWITCH_HOURS_MAX 167
#define SWITCH_DEFAULT_S (2 * HOUR_S)

static bool take_char(struct tb_str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = tb_str(s->p + 1, s->n - 1);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A name of three characters or more: letters, or others as well in <>. */
static bool take_name(struct tb_str *s)
{
	bool is_quoted = take_char(s, '<');
	size_t n = 0;

	while (n < s->n && (is_letter(s->p[n]) ||
			    (is_quoted && (is_digit(s->p[n]) ||
					   s->p[n] == '+' || s->p[n] == '-'))))
		n++;
	*s = tb_str(s->p + n, s->n - n);
	return n >= NAME_MIN_BYTES && (!is_quoted || take_char(s, '>'));
}

/* One to three digits. */
static bool take_number(struct tb_str *s, unsigned min, unsigned max,
			unsigned *ret)
{
	unsigned v = 0;
	size_t n = 0;

	for (; n < s->n && n < 3 && is_digit(s->p[n]); n++)
		v = v * 10 + (unsigned)(s->p[n] - '0');
	if (n == 0 || v < min || v > max)
		return false;
	*s = tb_str(s->p + n, s->n - n);
	*ret = v;
	return true;
}

/* A sign, hours, and maybe minutes and seconds behind colons. */
static bool take_time(struct tb_str *s, unsigned hours_max, int32_t *ret_s)
{
	bool is_negative = take_char(s, '-');
	unsigned hours;
	unsigned minutes = 0;
	unsigned seconds = 0;

	if (!is_negative)
		(void)take_char(s, '+');
	if (!take_number(s, 0, hours_max, &hours))
		return false;
	if (take_char(s, ':')) {
		if (!take_number(s, 0, 59, &minutes) ||
		    (take_char(s, ':') && !take_number(s, 0, 59, &seconds)))
			return false;
	}
	int32_t time_s = (int32_t)(hours * HOUR_S + minutes * 60 + seconds);
	*ret_s = is_negative ? -time_s : time_s;
	return true;
}

static bool take_switch(struct tb_str *s, struct tb_zone_switch *ret)
{
	struct tb_zone_switch at = { .kind = TB_ZONE_DAY,
				     .time_s = SWITCH_DEFAULT_S };
	bool is_good;

	if (!take_char(s, ','))
		return false;
	if (take_char(s, 'M')) {
		at.kind = TB_ZONE_MONTH_WEEK;
		is_good = take_number(s, 1, 12, &at.month) &&
			  take_char(s, '.') && take_number(s, 1, 5, &at.week) &&
			  take_char(s, '.') && take_number(s, 0, 6, &at.day);
	} else if (take_char(s, 'J')) {
		at.kind = TB_ZONE_JULIAN;
		is_good = take_number(s, 1, 365, &at.day);
	} else {
		is_good = take_number(s, 0, 365, &at.day);
	}
	if (!is_good ||
	    (take_char(s, '/') && !take_time(s, SWITCH_HOURS_MAX, &at.time_s)))
		return false;
	*ret = at;
	return true;
}

enum tb_err tb_zone_rule_parse(struct tb_str text, struct tb_zone_rule *ret)
{
	struct tb_zone_rule rule = { 0 };
	struct tb_str s = text;
	int32_t west_s;

	if (!take_name(&s) || !take_time(&s, STANDARD_HOURS_MAX, &west_s))
		return TB_ERR_INVALID;
	rule.standard_s = -west_s;
	if (s.n > 0) {
		rule.has_summer = true;
		rule.summer_s = rule.standard_s + HOUR_S;
		if (!take_name(&s))
			return TB_ERR_INVALID;
		if (s.n > 0 && s.p[0] != ',') {
			if (!take_time(&s, STANDARD_HOURS_MAX, &west_s))
				return TB_ERR_INVALID;
			rule.summer_s = -west_s;
		}
		if (!take_switch(&s, &rule.begin) ||
		    !take_switch(&s, &rule.end) || s.n > 0)
			return TB_ERR_INVALID;
	}
	*ret = rule;
	return TB_OK;
}

/* The number of the day since 1970. */
static int64_t switch_day(const struct tb_zone_switch *at, int64_t year)
{
	struct tb_date date = { .year = year, .month = 1, .day = 1 };
	int64_t first = tb_calendar_days(date);
	bool is_leap = tb_calendar_month_days(year, 2) == 29;

	if (at->kind == TB_ZONE_DAY)
		return first + at->day;
	if (at->kind == TB_ZONE_JULIAN)
		return first + at->day - 1 + (is_leap && at->day > 59);
	date.month = at->month;
	first = tb_calendar_days(date);
	unsigned days = tb_calendar_month_days(year, at->month);
	unsigned day = (at->day + 7 - tb_calendar_weekday(first)) % 7 +
		       (at->week - 1) * 7;
	return first + (day < days ? day : day - 7);
}

static int64_t switch_utc(const struct tb_zone_switch *at, int64_t year,
			  int32_t offset_s)
{
	return switch_day(at, year) * DAY_S + at->time_s - offset_s;
}

static int64_t year_of(int64_t utc_s)
{
	int64_t rest;

	return tb_calendar_date(tb_calendar_split(utc_s, DAY_S, &rest)).year;
}

/* Times of switches reach up to a week into the years around theirs, so the
 * switch before and the one behind any moment are at most two years away. */
int32_t tb_zone_rule_offset(const struct tb_zone_rule *rule, int64_t utc_s,
			    int64_t *ret_until_s)
{
	int64_t since = INT64_MIN;
	int64_t until = INT64_MAX;
	bool is_summer = false;

	for (int i = 0; rule->has_summer && i < 10; i++) {
		int64_t year = year_of(utc_s) - 2 + i / 2;
		/* Where summer time ends and begins at once, it goes on. */
		bool begins = i % 2 == 1;
		int64_t at =
			begins ? switch_utc(&rule->begin, year,
					    rule->standard_s)
			       : switch_utc(&rule->end, year, rule->summer_s);
		if (at > utc_s && at < until)
			until = at;
		if (at <= utc_s && (at > since || (at == since && begins))) {
			since = at;
			is_summer = begins;
		}
	}
	*ret_until_s = until;
	return is_summer ? rule->summer_s : rule->standard_s;
}
