/*
 * The rule of a zone for the time behind the end of its table: a POSIX TZ
 * string, with what RFC 8536 (section 3.3.1) adds to it. Pure.
 */
#ifndef TB_JOBS_SCHEDULE_ZONE_RULE_H
#define TB_JOBS_SCHEDULE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* The least and the most that a zone may be off UTC is less than this (RFC
 * 8536, section 3.2). */
#define TB_ZONE_OFFSET_MAX_S (26 * 3600)

/* A day of each year and a time on it. */
struct tb_zone_switch {
	enum {
		TB_ZONE_JULIAN,     /* day 1 to 365, without 29 February */
		TB_ZONE_DAY,        /* day 0 to 365 */
		TB_ZONE_MONTH_WEEK, /* a weekday of a month */
	} kind;
	unsigned month;
	unsigned week; /* 5: the last one */
	unsigned day;  /* of the year; or of the week, 0 being Sunday */
	int32_t time_s;
};

struct tb_zone_rule {
	int32_t standard_s; /* east of UTC */
	bool has_summer;
	int32_t summer_s;
	struct tb_zone_switch begin; /* of summer time, by standard time */
	struct tb_zone_switch end;   /* by summer time */
};

/* The whole text. INVALID: it is none. */
enum tb_err tb_zone_rule_parse(struct tb_str text,
			       struct tb_zone_rule *ret) tb_must_check;
/* As tb_zone_offset. */
int32_t tb_zone_rule_offset(const struct tb_zone_rule *rule, int64_t utc_s,
			    int64_t *ret_until_s);

#endif
