#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/time.h"

#define S INT64_C(1000000)
#define ZONE TB_TIME_ZONE_REQUIRED
#define DATE TB_TIME_DATE_ALLOWED

static const struct {
	const char *text;
	unsigned flags;
	int64_t us;
} good[] = {
	{ "1970-01-01T00:00:00Z", ZONE, 0 },
	{ "1970-01-01T00:00:00", 0, 0 },
	{ "1970-01-01", DATE, 0 },
	{ "1970-01-01", DATE | ZONE, 0 },
	{ "2024-01-20T10:00:00Z", ZONE, 1705744800 * S },
	{ "2024-01-20t10:00:00z", ZONE, 1705744800 * S },
	{ "2024-01-20 10:00:00", 0, 1705744800 * S },
	{ "2024-01-20T10:00:00", DATE, 1705744800 * S },
	/* Offsets: local time minus the offset is UTC. */
	{ "2024-01-20T10:00:00+02:00", ZONE, 1705737600 * S },
	{ "2024-01-20T10:00:00-0530", ZONE, 1705764600 * S },
	{ "2024-01-20T10:00:00+05", ZONE, 1705726800 * S },
	{ "2024-01-20T10:00:00-00:00", ZONE, 1705744800 * S },
	{ "2024-01-20T10:00:00+23:59", ZONE, 1705658460 * S },
	{ "2023-12-31T23:30:00-01:00", ZONE, 1704069000 * S },
	/* Leap years. */
	{ "2024-02-29", DATE, 1709164800 * S },
	{ "2000-02-29T00:00:00Z", 0, 951782400 * S },
	{ "2024-03-01", DATE, 1709251200 * S },
	{ "2023-03-01", DATE, 1677628800 * S },
	{ "1900-03-01", DATE, -2203891200 * S },
	{ "2024-12-31T23:59:59Z", 0, 1735689599 * S },
	/* Fractions are cut behind the sixth digit, never rounded. */
	{ "1970-01-01T00:00:00.5Z", 0, 500000 },
	{ "1970-01-01T00:00:00.000001Z", 0, 1 },
	{ "1970-01-01T00:00:00.0000019Z", 0, 1 },
	{ "1970-01-01T00:00:00.999999999Z", 0, 999999 },
	{ "1970-01-01T00:00:00.000000999", 0, 0 },
	{ "1970-01-01T00:00:00.123456789+01:00", 0, -3600 * S + 123456 },
	{ "1970-01-01 00:00:00.12", 0, 120000 },
	/* Before the epoch: the fraction still counts forwards. */
	{ "1969-12-31T23:59:59.999999Z", 0, -1 },
	{ "1969-12-31T23:59:59Z", 0, -1 * S },
	{ "1969-12-31T23:59:58.25Z", 0, -1750000 },
	{ "1601-01-01T00:00:00Z", 0, -11644473600 * S },
	/* The first and the last. */
	{ "0001-01-01T00:00:00Z", 0, -62135596800 * S },
	{ "0004-02-29", DATE, -62035891200 * S },
	{ "9999-12-31T23:59:59.999999Z", 0, 253402300799 * S + 999999 },
	{ "9999-12-31T23:59:59.9999999Z", 0, 253402300799 * S + 999999 },
};

static const struct {
	const char *text;
	unsigned flags;
} bad[] = {
	{ "", DATE },
	{ "2024", DATE },
	{ "2024-01", DATE },
	{ "2024-01-20", 0 },
	{ "2024-01-20", ZONE },
	{ "2024-01-20Z", DATE },
	{ "2024-01-20T", DATE },
	{ "2024-01-20 ", DATE },
	{ " 2024-01-20", DATE },
	{ "2024-1-20", DATE },
	{ "24-01-20", DATE },
	{ "20240120", DATE },
	{ "2024/01/20", DATE },
	{ "+2024-01-20", DATE },
	{ "12024-01-20", DATE },
	{ "-001-01-20", DATE },
	{ "2024-01-2x", DATE },
	/* No such day. */
	{ "0000-01-01", DATE },
	{ "2024-00-01", DATE },
	{ "2024-13-01", DATE },
	{ "2024-01-00", DATE },
	{ "2024-01-32", DATE },
	{ "2024-04-31", DATE },
	{ "2024-06-31", DATE },
	{ "2024-09-31", DATE },
	{ "2024-11-31", DATE },
	{ "2024-02-30", DATE },
	{ "2023-02-29", DATE },
	{ "1900-02-29", DATE },
	{ "2100-02-29", DATE },
	/* No such time. */
	{ "2024-01-20T24:00:00Z", 0 },
	{ "2024-01-20T10:60:00Z", 0 },
	{ "2024-01-20T10:00:60Z", 0 },
	{ "2016-12-31T23:59:60Z", 0 },
	{ "2024-01-20T1:00:00Z", 0 },
	{ "2024-01-20T10:00Z", 0 },
	{ "2024-01-20T10:00:0Z", 0 },
	{ "2024-01-20T100000Z", 0 },
	{ "2024-01-20T-1:00:00Z", 0 },
	{ "2024-01-20_10:00:00Z", 0 },
	{ "2024-01-20  10:00:00Z", 0 },
	/* Fractions. */
	{ "2024-01-20T10:00:00.Z", 0 },
	{ "2024-01-20T10:00:00.", 0 },
	{ "2024-01-20T10:00:00,5Z", 0 },
	{ "2024-01-20T10:00:00.1234567890Z", 0 },
	{ "2024-01-20T10:00:00.-5Z", 0 },
	/* Zones. */
	{ "2024-01-20T10:00:00", ZONE },
	{ "2024-01-20T10:00:00.5", ZONE | DATE },
	{ "2024-01-20T10:00:00ZZ", 0 },
	{ "2024-01-20T10:00:00Z ", 0 },
	{ "2024-01-20T10:00:00 Z", 0 },
	{ "2024-01-20T10:00:00UTC", 0 },
	{ "2024-01-20T10:00:00+", 0 },
	{ "2024-01-20T10:00:00+1", 0 },
	{ "2024-01-20T10:00:00+1:00", 0 },
	{ "2024-01-20T10:00:00+10:", 0 },
	{ "2024-01-20T10:00:00+10:0", 0 },
	{ "2024-01-20T10:00:00+100", 0 },
	{ "2024-01-20T10:00:00+10:000", 0 },
	{ "2024-01-20T10:00:00+24:00", 0 },
	{ "2024-01-20T10:00:00+10:60", 0 },
	{ "2024-01-20T10:00:00+-1:00", 0 },
	{ "2024-01-20T10:00:00+10:00Z", 0 },
	/* In UTC these lie outside the years that can be written. */
	{ "0001-01-01T00:00:00+00:01", 0 },
	{ "9999-12-31T23:59:59-00:01", 0 },
};

/* What else ISO 8601 has, which must be asked for. */
static const struct {
	const char *text;
	const char *same;
} any_form[] = {
	{ "20240120T100000Z", "2024-01-20T10:00:00Z" },
	{ "20240120T1000", "2024-01-20T10:00:00Z" },
	{ "20240120", "2024-01-20T00:00:00Z" },
	{ "20240120 100000.5+0130", "2024-01-20T08:30:00.5Z" },
	{ "2024-01-20T10:00Z", "2024-01-20T10:00:00Z" },
	{ "2024-01-20T10:00", "2024-01-20T10:00:00Z" },
	{ "2024-01-20T10:00-05:30", "2024-01-20T15:30:00Z" },
	{ "2024-01-20T10:00:00,5Z", "2024-01-20T10:00:00.5Z" },
	{ "2024-01-20T10:00:00.25Z", "2024-01-20T10:00:00.25Z" },
	{ "2024-01-20T100000Z", "2024-01-20T10:00:00Z" },
};
static const char *const no_form[] = {
	"2024012",
	"202401201",
	"2024-0120",
	"202401-20",
	"20240132",
	"20240120T",
	"20240120T10",
	"20240120T1",
	"20240120T1000000Z",
	"20240120T10000Z",
	"20240120T10:0000",
	"20240120T1000:00",
	"2024-01-20T10",
	"2024-01-20T10:",
	"2024-01-20T10:00.5Z",
	"2024-01-20T10:00,5",
	"1753444800",
	"2024-01-20T10:00:00,Z",
	"2024-01-20T10:0",
};

static void any_form_is_understood_where_it_is_asked_for(void **state)
{
	int64_t us;
	int64_t same;

	(void)state;
	for (size_t i = 0; i < sizeof(any_form) / sizeof(any_form[0]); i++) {
		struct tb_str text = tb_str_z(any_form[i].text);

		assert_int_equal(
			tb_time_parse(text, DATE | TB_TIME_ANY_FORM, &us),
			TB_OK);
		assert_int_equal(
			tb_time_parse(tb_str_z(any_form[i].same), 0, &same),
			TB_OK);
		assert_true(us == same);
	}
	for (size_t i = 0; i < sizeof(no_form) / sizeof(no_form[0]); i++)
		assert_int_equal(tb_time_parse(tb_str_z(no_form[i]),
					       DATE | TB_TIME_ANY_FORM, &us),
				 TB_ERR_INVALID);
}

static void good_times_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		int64_t us = 42;
		enum tb_err err = tb_time_parse(tb_str_z(good[i].text),
						good[i].flags, &us);
		if (err != TB_OK || us != good[i].us)
			fail_msg("%s: %s, %lld", good[i].text, tb_err_name(err),
				 (long long)us);
	}
}

static void bad_times_are_refused_and_leave_the_result(void **state)
{
	int64_t us = 42;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		enum tb_err err =
			tb_time_parse(tb_str_z(bad[i].text), bad[i].flags, &us);
		if (err != TB_ERR_INVALID || us != 42)
			fail_msg("%s: %s", bad[i].text, tb_err_name(err));
	}
	assert_int_equal(tb_time_parse(TB_STR("2024-01-20T10:00:00\0"), 0, &us),
			 TB_ERR_INVALID);
	assert_int_equal(
		tb_time_parse(TB_STR("2024-01-20\00010:00:00"), 0, &us),
		TB_ERR_INVALID);
	assert_int_equal(tb_time_parse(TB_STR_NONE, DATE, &us), TB_ERR_INVALID);
}

static void cut_short_times_are_refused(void **state)
{
	const struct tb_str text = TB_STR("2024-01-20T10:00:00.5+02:00");
	int64_t us;

	(void)state;
	for (size_t n = 0; n < text.n; n++) {
		/* "+02" is a zone as well. */
		if (n == text.n - 3)
			continue;
		assert_int_equal(tb_time_parse(tb_str(text.p, n), ZONE, &us),
				 TB_ERR_INVALID);
	}
}

static void assert_put(void (*put)(struct tb_buf *buf, int64_t us), int64_t us,
		       const char *expected)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 100);
	put(&buf, us);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	tb_buf_append_char(&buf, '\0');
	assert_string_equal(buf.p, expected);
	tb_buf_fini(&buf);
}

static void fraction_is_written_without_trailing_zeros(void **state)
{
	const int64_t t = 1705744800 * S;

	(void)state;
	assert_put(tb_time_put, t, "2024-01-20T10:00:00Z");
	assert_put(tb_time_put, t + 120000, "2024-01-20T10:00:00.12Z");
	assert_put(tb_time_put, t + 1, "2024-01-20T10:00:00.000001Z");
	assert_put(tb_time_put, t + 999999, "2024-01-20T10:00:00.999999Z");
	assert_put(tb_time_put, t + 100, "2024-01-20T10:00:00.0001Z");
	assert_put(tb_time_put, 0, "1970-01-01T00:00:00Z");
	assert_put(tb_time_put_micros, t, "2024-01-20T10:00:00.000000Z");
	assert_put(tb_time_put_micros, t + 120, "2024-01-20T10:00:00.000120Z");
	assert_put(tb_time_put, -1, "1969-12-31T23:59:59.999999Z");
	assert_put(tb_time_put, -62135596800 * S, "0001-01-01T00:00:00Z");
	assert_put(tb_time_put, 253402300799 * S + 999999,
		   "9999-12-31T23:59:59.999999Z");
}

static void seconds_are_cut_downwards(void **state)
{
	(void)state;
	assert_put(tb_time_put_seconds, 1705744800 * S + 999999,
		   "2024-01-20T10:00:00Z");
	assert_put(tb_time_put_seconds, -1, "1969-12-31T23:59:59Z");
}

static void http_dates_have_the_right_weekday(void **state)
{
	(void)state;
	assert_put(tb_time_put_http, 1705855530 * S,
		   "Sun, 21 Jan 2024 16:45:30 GMT");
	/* The example of RFC 9110, section 5.6.7. */
	assert_put(tb_time_put_http, 784111777 * S,
		   "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_put(tb_time_put_http, 0, "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_put(tb_time_put_http, -1, "Wed, 31 Dec 1969 23:59:59 GMT");
	assert_put(tb_time_put_http, -5 * 86400 * S,
		   "Sat, 27 Dec 1969 00:00:00 GMT");
}

static void every_day_goes_there_and_back(void **state)
{
	const int64_t first = -62135596800 * S;
	const int64_t last = 253402300799 * S;
	struct tb_buf buf;
	int64_t back;

	(void)state;
	tb_buf_init(&buf, 100);
	/* A step of a day and a bit goes through all times of day as well. */
	for (int64_t us = first; us <= last; us += 86461 * S + 7001) {
		tb_buf_reset(&buf);
		tb_time_put(&buf, us);
		assert_int_equal(tb_time_parse(tb_buf_str(&buf), ZONE, &back),
				 TB_OK);
		assert_true(back == us);
	}
	tb_buf_fini(&buf);
}

static void any_number_can_be_written(void **state)
{
	(void)state;
	assert_put(tb_time_put, INT64_MAX, "294247-01-10T04:00:54.775807Z");
	assert_put(tb_time_put, INT64_MIN, "-290308-12-21T19:59:05.224192Z");
	assert_put(tb_time_put_seconds, INT64_MIN, "-290308-12-21T19:59:05Z");
}

static void years_are_padded_to_four_characters(void **state)
{
	/* Years from the year 0, which began so many days before 1970. */
	static const struct {
		int64_t days;
		const char *text;
	} rows[] = {
		{ 3652060, "9999-01-01T00:00:00.5Z" },
		{ 3652425, "10000-01-01T00:00:00.5Z" },
		{ 36524250, "100000-01-01T00:00:00.5Z" },
		{ 364878, "0999-01-01T00:00:00.5Z" },
		{ 36525, "0100-01-01T00:00:00.5Z" },
		{ 3288, "0009-01-01T00:00:00.5Z" },
		{ 0, "0000-01-01T00:00:00.5Z" },
		{ -1, "-001-12-31T00:00:00.5Z" },
		{ -36524, "-100-01-01T00:00:00.5Z" },
		{ -364877, "-999-01-01T00:00:00.5Z" },
		{ -365242, "-1000-01-01T00:00:00.5Z" },
		{ -3652425, "-10000-01-01T00:00:00.5Z" },
		{ -36524250, "-100000-01-01T00:00:00.5Z" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++)
		assert_put(tb_time_put,
			   (rows[i].days - 719528) * 86400 * S + 500000,
			   rows[i].text);
}

/* Also where a buffer has less room than the longest time would take. */
static void a_time_fits_where_its_text_does(void **state)
{
	const int64_t t = 1705744800 * S + 123456;
	const struct tb_str text = TB_STR("2024-01-20T10:00:00.123456Z");
	char room[64];

	(void)state;
	for (size_t n = 0; n < sizeof(room); n++) {
		struct tb_buf buf;
		memset(room, '#', sizeof(room));
		tb_buf_init_fixed(&buf, room, n);
		tb_time_put(&buf, t);
		assert_int_equal(tb_buf_err(&buf),
				 n < text.n ? TB_ERR_TOO_LARGE : TB_OK);
		assert_int_equal(buf.n, n < text.n ? 0 : text.n);
		assert_memory_equal(buf.p, text.p, buf.n);
		for (size_t i = n; i < sizeof(room); i++)
			assert_int_equal(room[i], '#');
	}
}

static void a_buffer_that_failed_stays_as_it_is(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 100);
	tb_buf_append_z(&buf, "x");
	assert_null(tb_buf_reserve(&buf, 101));
	tb_time_put(&buf, 0);
	assert_int_equal(buf.n, 1);
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_times_are_understood),
		cmocka_unit_test(any_form_is_understood_where_it_is_asked_for),
		cmocka_unit_test(bad_times_are_refused_and_leave_the_result),
		cmocka_unit_test(cut_short_times_are_refused),
		cmocka_unit_test(fraction_is_written_without_trailing_zeros),
		cmocka_unit_test(seconds_are_cut_downwards),
		cmocka_unit_test(http_dates_have_the_right_weekday),
		cmocka_unit_test(every_day_goes_there_and_back),
		cmocka_unit_test(any_number_can_be_written),
		cmocka_unit_test(years_are_padded_to_four_characters),
		cmocka_unit_test(a_time_fits_where_its_text_does),
		cmocka_unit_test(a_buffer_that_failed_stays_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
