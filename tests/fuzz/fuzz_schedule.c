/*
 * Schedules: cron lines, and the forms around them. The first line of the
 * input is a zone, the next ones are startAt, repeat and time; a line `-` is a
 * member that is missing.
 */
#include "fuzz.h"

#include "jobs/schedule/cron.h"
#include "jobs/schedule/schedule.h"

#define NOW_US INT64_C(1705746600000000)

static bool matches(const struct tb_cron *cron, int64_t minute)
{
	int64_t next;

	return tb_cron_next(cron, minute, &next) && next == minute;
}

static void cron(struct tb_str line)
{
	struct tb_cron parsed;
	int64_t minute = NOW_US / 60000000;
	int64_t next;

	if (tb_cron_parse(line, &parsed))
		return;
	TB_ASSERT(parsed.minutes && parsed.hours && parsed.days);
	TB_ASSERT(parsed.months && parsed.weekdays);
	TB_ASSERT(!(parsed.days & 1) && !(parsed.months & 1));
	TB_ASSERT(!parsed.has_last_day);
	for (int i = 0; i < 10; i++) {
		if (!tb_cron_next(&parsed, minute, &next)) {
			TB_ASSERT(i == 0 && !parsed.is_either);
			return;
		}
		TB_ASSERT(next >= minute && matches(&parsed, next));
		TB_ASSERT(next == minute || !matches(&parsed, next - 1));
		minute = next + 1;
	}
}

static void walk(const struct tb_schedule *schedule)
{
	int64_t at_us = tb_schedule_first(schedule, NOW_US);
	int64_t last_us;

	for (int i = 0; at_us != 0 && i < 10; i++) {
		int64_t next_us = tb_schedule_after(schedule, at_us);

		TB_ASSERT(at_us > 0);
		TB_ASSERT(tb_schedule_after(schedule, at_us - 1) == at_us);
		TB_ASSERT(next_us == 0 || next_us > at_us);
		TB_ASSERT(tb_schedule_next(schedule, at_us, at_us,
					   TB_MISSED_RUN_ONCE) == next_us);
		at_us = next_us;
	}
	last_us = tb_schedule_next(schedule, 1, NOW_US, TB_MISSED_RUN_ONCE);
	if (last_us != 0 && last_us <= NOW_US)
		TB_ASSERT(tb_schedule_after(schedule, last_us) == 0 ||
			  tb_schedule_after(schedule, last_us) > NOW_US);
}

static struct tb_str cut_member(struct tb_str *rest)
{
	struct tb_str line = tb_str_cut(rest, '\n');

	return tb_str_eq(line, TB_STR("-")) ? TB_STR_NONE : line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str rest = fuzz_input(data, n);
	struct tb_schedule_form form = {
		.timezone = cut_member(&rest),
		.start_at = cut_member(&rest),
		.repeat = cut_member(&rest),
		.time = cut_member(&rest),
		.default_timezone = TB_STR("UTC"),
		.queued_us = NOW_US,
	};
	struct tb_schedule *schedule = NULL;
	const char *problem = NULL;
	enum tb_err err;

	cron(fuzz_input(data, n));
	cron(form.repeat);
	err = tb_schedule_create(&form, &schedule, &problem);
	TB_ASSERT((err == TB_OK) == (schedule != NULL));
	TB_ASSERT((err == TB_ERR_INVALID) == (problem != NULL));
	if (schedule)
		walk(schedule);
	tb_schedule_destroy(schedule);
	return 0;
}
