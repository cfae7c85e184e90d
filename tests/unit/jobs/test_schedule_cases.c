/*
 * When schedules occur, against schedule_cases.py, which asks each minute of
 * the wall clocks around many changes of theirs.
 */
#include "cases.h"

#include "jobs/schedule/schedule.h"

#define SECOND_US INT64_C(1000000)
#define CASES_MIN 10000

static const char *cases_path;

static struct tb_str field_or_none(struct tb_str field)
{
	return tb_str_eq(field, TB_STR("-")) ? TB_STR_NONE : field;
}

static struct tb_schedule *schedule_of(const struct test_case *c)
{
	const struct tb_schedule_form form = {
		.timezone = c->fields[1],
		.start_at = c->fields[2],
		.repeat = c->fields[3],
		.time = field_or_none(c->fields[4]),
	};
	struct tb_schedule *schedule;
	const char *problem;

	if (tb_schedule_create(&form, &schedule, &problem))
		fail_msg("%.*s: %s", TB_STR_ARG(c->line), problem);
	return schedule;
}

/* after|ZONE|STARTAT|REPEAT|TIME|AFTER|EXPECTED */
static bool check_after(const struct test_case *c,
			const struct tb_schedule *schedule)
{
	int64_t after_us = case_number(c, 5) * SECOND_US;
	int64_t expected_us = case_number(c, 6) * SECOND_US;

	return tb_schedule_after(schedule, after_us) == expected_us &&
	       tb_schedule_first(schedule, after_us) == expected_us &&
	       tb_schedule_next(schedule, 1, after_us, TB_MISSED_SKIP) ==
		       expected_us &&
	       tb_schedule_next(schedule, after_us, 0, TB_MISSED_RUN_ONCE) ==
		       expected_us;
}

/* last|ZONE|STARTAT|REPEAT|TIME|DUE|NOW|EXPECTED */
static bool check_last(const struct test_case *c,
		       const struct tb_schedule *schedule)
{
	return tb_schedule_next(schedule, case_number(c, 5) * SECOND_US,
				case_number(c, 6) * SECOND_US,
				TB_MISSED_RUN_ONCE) ==
	       case_number(c, 7) * SECOND_US;
}

static size_t n_after;
static size_t n_last;

static bool check(const struct test_case *c)
{
	struct tb_schedule *schedule;
	bool is_right;

	assert_true(c->n_fields >= 7);
	schedule = schedule_of(c);
	if (tb_str_eq(c->fields[0], TB_STR("after"))) {
		is_right = check_after(c, schedule);
		n_after++;
	} else {
		is_right = check_last(c, schedule);
		n_last++;
	}
	tb_schedule_destroy(schedule);
	return is_right;
}

static void schedules_occur_when_another_program_says(void **state)
{
	(void)state;
	check_cases(cases_path, CASES_MIN, check);
	assert_true(n_after > 0 && n_last > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedules_occur_when_another_program_says),
	};

	if (argc != 2)
		return 2;
	cases_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
