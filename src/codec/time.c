#include "codec/time.h"

#include <stdbool.h>

#include "codec/calendar.h"

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)
/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define FIRST_S INT64_C(-62135596800)
#define LAST_S INT64_C(253402300799)

static bool take_char(struct tb_str *s, const char *any_of)
{
	if (s->n == 0 || s->p[0] == '\0' || strchr(any_of, s->p[0]) == NULL)
		return false;
	*s = tb_str(s->p + 1, s->n - 1);
	return true;
}

static bool take_digits(struct tb_str *s, size_t n, unsigned max, unsigned *ret)
{
	uint64_t v;

	if (s->n < n || tb_str_to_u64(tb_str(s->p, n), &v) != TB_OK || v > max)
		return false;
	*s = tb_str(s->p + n, s->n - n);
	*ret = (unsigned)v;
	return true;
}

/* What stands between two numbers; the basic form has nothing there. */
static bool take_between(struct tb_str *s, const char *what, bool is_basic)
{
	return is_basic || take_char(s, what);
}

static bool take_date(struct tb_str *s, unsigned flags, int64_t *ret_days)
{
	unsigned year;
	unsigned month;
	unsigned day;
	bool is_basic;

	if (!take_digits(s, 4, 9999, &year) || year == 0)
		return false;
	is_basic = (flags & TB_TIME_ANY_FORM) && s->n > 0 && s->p[0] != '-';
	if (!take_between(s, "-", is_basic) || !take_digits(s, 2, 12, &month) ||
	    month == 0 || !take_between(s, "-", is_basic) ||
	    !take_digits(s, 2, tb_calendar_month_days(year, month), &day) ||
	    day == 0)
		return false;
	*ret_days = tb_calendar_days((struct tb_date) { year, month, day });
	return true;
}

/* True if a time ends here, or its zone begins. */
static bool is_at_zone(struct tb_str s)
{
	return s.n == 0 || strchr("Zz+-", s.p[0]) != NULL;
}

static bool take_time(struct tb_str *s, unsigned flags, int64_t *ret_seconds)
{
	bool is_any = flags & TB_TIME_ANY_FORM;
	unsigned hour;
	unsigned minute;
	unsigned second = 0;
	bool is_basic;

	if (!take_digits(s, 2, 23, &hour))
		return false;
	is_basic = is_any && s->n > 0 && s->p[0] != ':';
	if (!take_between(s, ":", is_basic) || !take_digits(s, 2, 59, &minute))
		return false;
	if (!(is_any && is_at_zone(*s)) && (!take_between(s, ":", is_basic) ||
					    !take_digits(s, 2, 59, &second)))
		return false;
	*ret_seconds = hour * 3600 + minute * 60 + second;
	return true;
}

/* Nothing, or a point and one to nine digits. */
static bool take_fraction(struct tb_str *s, unsigned flags, int64_t *ret_us)
{
	int64_t us = 0;
	size_t n = 0;

	if (take_char(s, flags & TB_TIME_ANY_FORM ? ".," : ".")) {
		unsigned digit;
		for (; n < 9 && take_digits(s, 1, 9, &digit); n++)
			us = n < 6 ? us * 10 + digit : us;
		if (n == 0)
			return false;
		for (; n < 6; n++)
			us *= 10;
	}
	*ret_us = us;
	return true;
}

/* Seconds east of UTC. */
static bool take_zone(struct tb_str *s, unsigned flags, int64_t *ret_seconds)
{
	unsigned hour;
	unsigned minute = 0;

	if (s->n == 0 ? !(flags & TB_TIME_ZONE_REQUIRED) : take_char(s, "Zz")) {
		*ret_seconds = 0;
		return true;
	}
	bool west = s->n > 0 && s->p[0] == '-';
	if (!take_char(s, "+-") || !take_digits(s, 2, 23, &hour))
		return false;
	bool colon = take_char(s, ":");
	if ((colon || s->n > 0) && !take_digits(s, 2, 59, &minute))
		return false;
	int64_t seconds = hour * 3600 + minute * 60;
	*ret_seconds = west ? -seconds : seconds;
	return true;
}

enum tb_err tb_time_parse(struct tb_str text, unsigned flags, int64_t *ret_us)
{
	struct tb_str s = text;
	int64_t days;
	int64_t time = 0;
	int64_t us = 0;
	int64_t zone = 0;

	if (!take_date(&s, flags, &days))
		return TB_ERR_INVALID;
	if (s.n == 0 && !(flags & TB_TIME_DATE_ALLOWED))
		return TB_ERR_INVALID;
	if (s.n > 0 && (!take_char(&s, "Tt ") || !take_time(&s, flags, &time) ||
			!take_fraction(&s, flags, &us) ||
			!take_zone(&s, flags, &zone) || s.n > 0))
		return TB_ERR_INVALID;
	/* The zone can lead out of the years that can be written again. */
	int64_t seconds = days * DAY_S + time - zone;
	if (seconds < FIRST_S || seconds > LAST_S)
		return TB_ERR_INVALID;
	*ret_us = seconds * SECOND_US + us;
	return TB_OK;
}

struct moment {
	int64_t days;
	struct tb_date date;
	unsigned hour;
	unsigned minute;
	unsigned second;
	unsigned us;
};

static struct moment moment_of(int64_t us)
{
	int64_t rest_us;
	int64_t rest_s;
	int64_t seconds = tb_calendar_split(us, SECOND_US, &rest_us);
	int64_t days = tb_calendar_split(seconds, DAY_S, &rest_s);
	unsigned second_of_day = (unsigned)rest_s;

	return (struct moment) {
		.days = days,
		.date = tb_calendar_date(days),
		.hour = second_of_day / 3600,
		.minute = second_of_day / 60 % 60,
		.second = second_of_day % 60,
		.us = (unsigned)rest_us,
	};
}

/* Lists of a million records have two times in each, so the text is put
 * together where it belongs if there is room for the longest, which is
 * "-290308-12-21T19:59:05.224192Z". */
#define TEXT_MAX_BYTES 32

/* 00 to 99. */
static char *write_pair(char *to, unsigned v)
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";

	memcpy(to, pairs + (size_t)v * 2, 2);
	return to + 2;
}

static char *write_digit(char *to, unsigned v)
{
	*to = (char)('0' + v);
	return to + 1;
}

/* Four digits, with the sign, or more where it takes more. 64 bits of
 * microseconds reach no year of seven digits. */
static char *write_year(char *to, int64_t year)
{
	unsigned v = (unsigned)(year < 0 ? -year : year);
	unsigned high = v / 100 % 100;

	if (year < 0)
		*to++ = '-';
	if (v >= 100000)
		to = write_pair(to, v / 10000);
	else if (v >= 10000)
		to = write_digit(to, v / 10000);
	if (year < 0 && v < 1000)
		to = write_digit(to, high);
	else
		to = write_pair(to, high);
	return write_pair(to, v % 100);
}

static char *write_behind(char *to, char sign, unsigned v)
{
	*to = sign;
	return write_pair(to + 1, v);
}

static char *write_seconds(char *to, const struct moment *m)
{
	to = write_year(to, m->date.year);
	to = write_behind(to, '-', m->date.month);
	to = write_behind(to, '-', m->date.day);
	to = write_behind(to, 'T', m->hour);
	to = write_behind(to, ':', m->minute);
	return write_behind(to, ':', m->second);
}

static char *write_no_fraction(char *to, unsigned us)
{
	(void)us;
	return to;
}

static char *write_micros(char *to, unsigned us)
{
	to = write_behind(to, '.', us / 10000);
	to = write_pair(to, us / 100 % 100);
	return write_pair(to, us % 100);
}

static char *write_fraction(char *to, unsigned us)
{
	if (us == 0)
		return to;
	to = write_micros(to, us);
	while (to[-1] == '0')
		to--;
	return to;
}

static void put(struct tb_buf *buf, int64_t us,
		char *(*write)(char *to, unsigned us))
{
	struct moment m = moment_of(us);
	bool has_room = !buf->err && buf->cap - buf->n >= TEXT_MAX_BYTES;
	char text[TEXT_MAX_BYTES];
	char *begin = has_room ? buf->p + buf->n : text;
	char *end = write_seconds(begin, &m);

	end = write(end, m.us);
	*end++ = 'Z';
	if (has_room)
		buf->n += (size_t)(end - begin);
	else
		tb_buf_append(buf, begin, (size_t)(end - begin));
}

void tb_time_put(struct tb_buf *buf, int64_t us)
{
	put(buf, us, write_fraction);
}

void tb_time_put_micros(struct tb_buf *buf, int64_t us)
{
	put(buf, us, write_micros);
}

void tb_time_put_seconds(struct tb_buf *buf, int64_t us)
{
	put(buf, us, write_no_fraction);
}

void tb_time_put_http(struct tb_buf *buf, int64_t us)
{
	static const char weekdays[][4] = { "Sun", "Mon", "Tue", "Wed",
					    "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr",
					  "May", "Jun", "Jul", "Aug",
					  "Sep", "Oct", "Nov", "Dec" };
	struct moment m = moment_of(us);

	tb_buf_printf(buf, "%s, %02u %s %04lld %02u:%02u:%02u GMT",
		      weekdays[tb_calendar_weekday(m.days)], m.date.day,
		      months[m.date.month - 1], (long long)m.date.year, m.hour,
		      m.minute, m.second);
}
