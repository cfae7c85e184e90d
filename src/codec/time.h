/*
 * Times are signed microseconds since 1970-01-01T00:00:00Z, without leap
 * seconds. Pure functions between them and ISO 8601 / RFC 3339 text.
 */
#ifndef TB_CODEC_TIME_H
#define TB_CODEC_TIME_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* What the text must have to be taken. */
enum tb_time_flags {
	TB_TIME_ZONE_REQUIRED = 1, /* else no zone means UTC */
	TB_TIME_DATE_ALLOWED = 2,  /* a date alone is its midnight */
	/* Also the basic form (20240120T100000Z), times without seconds, and
	 * the comma before a fraction. */
	TB_TIME_ANY_FORM = 4,
};

/* Years 1 to 9999; `T`, `t` or a space between date and time; `Z`, `z`,
 * +hh:mm, -hh:mm, +hhmm or +hh; up to nine fractional digits, of which those
 * behind the sixth are dropped, never rounded. Second 60 and impossible dates
 * are INVALID. */
enum tb_err tb_time_parse(struct tb_str text, unsigned flags,
			  int64_t *ret_us) tb_must_check;
/* Ends in Z; fractional digits only where they are not zero, trailing zeros
 * cut ("2024-01-20T10:00:00.12Z"). */
void tb_time_put(struct tb_buf *buf, int64_t us);
/* The same with all six fractional digits: texts of one length, which sort as
 * their times do. */
void tb_time_put_micros(struct tb_buf *buf, int64_t us);
/* The same with whole seconds, dropping the rest. */
void tb_time_put_seconds(struct tb_buf *buf, int64_t us);
/* "Sun, 21 Jan 2024 16:45:30 GMT" (RFC 9110, 5.6.7). */
void tb_time_put_http(struct tb_buf *buf, int64_t us);

#endif
