#include "jobs/schedule/cron.h"

#include "base/assert.h"
#include "codec/calendar.h"

#define HOUR_MINUTES 60
#define DAY_MINUTES 1440
/* From one 29 February to the next there are up to eight years (1896 to 1904),
 * and no day is rarer. */
#define SEARCH_MONTHS (8 * 12 + 2)

static const char *const month_names[] = { "jan", "feb", "mar", "apr",
					   "may", "jun", "jul", "aug",
					   "sep", "oct", "nov", "dec" };
static const char *const weekday_names[] = { "sun", "mon", "tue", "wed",
					     "thu", "fri", "sat" };

struct field {
	unsigned min;
	unsigned max;
	const char *const *names; /* of `min` and those that follow */
	size_t n_names;
};

enum field_kind {
	MINUTE,
	HOUR,
	DAY,
	MONTH,
	WEEKDAY,
	FIELDS
};

static const struct field fields[FIELDS] = {
	[MINUTE] = { 0, 59, NULL, 0 },
	[HOUR] = { 0, 23, NULL, 0 },
	[DAY] = { 1, 31, NULL, 0 },
	[MONTH] = { 1, 12, month_names, TB_ARRAY_LEN(month_names) },
	/* Sunday is 0 or 7. */
	[WEEKDAY] = { 0, 7, weekday_names, TB_ARRAY_LEN(weekday_names) },
};

/* A number of the field, or one of its names. */
static bool parse_value(const struct field *field, struct tb_str text,
			unsigned *ret)
{
	uint64_t v;

	for (size_t i = 0; i < field->n_names; i++)
		if (tb_str_eq_nocase(text, tb_str_z(field->names[i]))) {
			*ret = field->min + (unsigned)i;
			return true;
		}
	if (tb_str_to_u64(text, &v) || v < field->min || v > field->max)
		return false;
	*ret = (unsigned)v;
	return true;
}

/* "each `*`, numbers, ranges `a-b`, steps" of them, of which a number has none.
 */
static bool parse_item(const struct field *field, struct tb_str item,
		       uint64_t *set)
{
	struct tb_str step_text = item;
	struct tb_str range = tb_str_cut(&step_text, '/');
	struct tb_str last = range;
	struct tb_str first = tb_str_cut(&last, '-');
	unsigned from = field->min;
	unsigned to = field->max;
	uint64_t step = 1;

	if (!tb_str_eq(range, TB_STR("*"))) {
		if (!parse_value(field, first, &from))
			return false;
		to = from;
		if (last.p ? !parse_value(field, last, &to) || to < from
			   : step_text.p != NULL)
			return false;
	}
	if (step_text.p && (tb_str_to_u64(step_text, &step) || step == 0))
		return false;
	for (uint64_t v = from; v <= to; v += step) {
		*set |= UINT64_C(1) << v;
		if (step > to - v)
			break;
	}
	return true;
}

static bool parse_field(const struct field *field, struct tb_str text,
			uint64_t *ret)
{
	uint64_t set = 0;

	while (text.p)
		if (!parse_item(field, tb_str_cut(&text, ','), &set))
			return false;
	*ret = set;
	return true;
}

/* Cuts the next word off; n 0: there is none. */
static struct tb_str cut_word(struct tb_str *line)
{
	struct tb_str s = tb_str_trim(*line);
	size_t n = 0;

	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	*line = n < s.n ? tb_str(s.p + n, s.n - n) : TB_STR_NONE;
	return tb_str(s.p, n);
}

enum tb_err tb_cron_parse(struct tb_str line, struct tb_cron *ret)
{
	struct tb_str words[FIELDS];
	uint64_t sets[FIELDS];
	bool is_any[FIELDS];

	for (size_t i = 0; i < FIELDS; i++) {
		words[i] = cut_word(&line);
		is_any[i] = tb_str_eq(words[i], TB_STR("*"));
		if (words[i].n == 0 ||
		    !parse_field(&fields[i], words[i], &sets[i]))
			return TB_ERR_INVALID;
	}
	if (cut_word(&line).n > 0)
		return TB_ERR_INVALID;
	*ret = (struct tb_cron) {
		.minutes = sets[MINUTE],
		.hours = (uint32_t)sets[HOUR],
		.days = (uint32_t)sets[DAY],
		.months = (uint16_t)sets[MONTH],
		.weekdays = (sets[WEEKDAY] | sets[WEEKDAY] >> 7) & 0x7f,
		.is_either = !is_any[DAY] && !is_any[WEEKDAY],
		.is_each_hour = is_any[HOUR],
	};
	return TB_OK;
}

static bool has(uint64_t set, unsigned n)
{
	return set >> n & 1;
}

static bool matches_day(const struct tb_cron *cron, struct tb_date date,
			unsigned month_days)
{
	unsigned weekday = tb_calendar_weekday(tb_calendar_days(date));
	bool by_weekday = has(cron->weekdays, weekday);
	bool by_day = has(cron->days, date.day);

	if (cron->has_last_day && date.day == month_days)
		by_day =
			by_day || (uint64_t)cron->days >> (month_days + 1) != 0;
	return cron->is_either ? by_day || by_weekday : by_day && by_weekday;
}

/* The first day from this one on. */
static bool next_day(const struct tb_cron *cron, int64_t from, int64_t *ret)
{
	struct tb_date date = tb_calendar_date(from);

	for (unsigned i = 0; i < SEARCH_MONTHS; i++) {
		unsigned n = tb_calendar_month_days(date.year, date.month);

		for (; has(cron->months, date.month) && date.day <= n;
		     date.day++)
			if (matches_day(cron, date, n)) {
				*ret = tb_calendar_days(date);
				return true;
			}
		date.day = 1;
		date.year += date.month == 12;
		date.month = date.month % 12 + 1;
	}
	return false;
}

/* The first minute of a day from this one on. */
static bool next_time(const struct tb_cron *cron, unsigned from, unsigned *ret)
{
	unsigned minute = from % HOUR_MINUTES;

	for (unsigned hour = from / HOUR_MINUTES; hour < 24; hour++) {
		uint64_t left = cron->minutes >> minute;

		if (has(cron->hours, hour) && left != 0) {
			*ret = hour * HOUR_MINUTES + minute +
			       (unsigned)__builtin_ctzll(left);
			return true;
		}
		minute = 0;
	}
	return false;
}

bool tb_cron_next(const struct tb_cron *cron, int64_t minute, int64_t *ret)
{
	int64_t rest;
	int64_t first = tb_calendar_split(minute, DAY_MINUTES, &rest);
	unsigned from = (unsigned)rest;
	unsigned time;
	int64_t day;

	if (!next_day(cron, first, &day))
		return false;
	if (!next_time(cron, day == first ? from : 0, &time)) {
		/* That day is over; the times of the next one are not. */
		if (!next_day(cron, first + 1, &day) ||
		    !next_time(cron, 0, &time))
			return false;
	}
	*ret = day * DAY_MINUTES + time;
	return true;
}
