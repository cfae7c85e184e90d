/*
 * When a scheduled job runs: at a time, or every hour, day, week or month, or
 * as a cron line says, on the clocks of a time zone. Pure but for the zone's
 * file. Immutable once made; thread-safe.
 */
#ifndef TB_JOBS_SCHEDULE_SCHEDULE_H
#define TB_JOBS_SCHEDULE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum tb_schedule_missed {
	TB_MISSED_RUN_ONCE,
	TB_MISSED_SKIP
};

/* What was asked for; texts with p NULL are missing. */
struct tb_schedule_form {
	struct tb_str start_at; /* ISO 8601; without an offset by the zone's
				 * clocks */
	struct tb_str repeat;   /* hourly, daily, weekly, monthly, or cron */
	struct tb_str time;     /* HH:MM, of what repeats */
	struct tb_str timezone;
	struct tb_str default_timezone;
	int64_t queued_us; /* the anchor where start_at is missing */
};

struct tb_schedule;

/* INVALID: `*ret_problem` says why, in a static text that begins with the
 * member ("schedule.time must be HH:MM"). Owned by the caller. */
enum tb_err tb_schedule_create(const struct tb_schedule_form *form,
			       struct tb_schedule **ret,
			       const char **ret_problem) tb_must_check;
void tb_schedule_destroy(struct tb_schedule *schedule); /* takes NULL */

/* The first occurrence of a job that is queued now: at start_at, or the first
 * behind both it and `now_us`; of one that does not repeat start_at itself,
 * even if that is over. */
int64_t tb_schedule_first(const struct tb_schedule *schedule, int64_t now_us);
/* The first occurrence after a moment; 0: there is none. None is before 1970 or
 * after the year 9999. */
int64_t tb_schedule_after(const struct tb_schedule *schedule, int64_t after_us);

/* When the job is to run next. `due_us` was its last occurrence (never 0),
 * which is over, run or left out. RUN_ONCE: the first behind it; where that and
 * maybe more are behind `now_us`, one run at once: the last of them. SKIP: the
 * first behind both. A clock that was set back brings none twice. 0: there is
 * none. */
int64_t tb_schedule_next(const struct tb_schedule *schedule, int64_t due_us,
			 int64_t now_us, enum tb_schedule_missed missed);
/* True if an occurrence that was due then is too late to be run now, under
 * SKIP: it is over by more than a minute. */
bool tb_schedule_is_missed(int64_t due_us, int64_t now_us);

#endif
