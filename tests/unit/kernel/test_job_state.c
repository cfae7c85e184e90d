/*
 * The whole table of states and events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "kernel/job_state.h"

/* What each event makes of each state; "-": it may not happen. */
static const struct {
	enum tb_job_event event;
	const char *to[TB_JOB_STATES]; /* from queued, active, paused,
					* completed, failed */
} table[] = {
	{ TB_JOB_TAKE, { "active", "active", "-", "-", "-" } },
	{ TB_JOB_PAUSE, { "paused", "paused", "-", "-", "-" } },
	{ TB_JOB_RESUME, { "-", "-", "queued", "-", "-" } },
	{ TB_JOB_GO_ON, { "-", "-", "active", "-", "-" } },
	{ TB_JOB_WAIT, { "-", "queued", "-", "-", "-" } },
	{ TB_JOB_COMPLETE, { "-", "completed", "-", "-", "-" } },
	{ TB_JOB_FAIL, { "-", "failed", "-", "-", "-" } },
	{ TB_JOB_CANCEL, { "failed", "failed", "failed", "-", "-" } },
	{ TB_JOB_LOSE, { "-", "active", "-", "-", "-" } },
	{ TB_JOB_RETRY, { "-", "-", "-", "-", "queued" } },
};

static void test_each_event_in_each_state(void **unused)
{
	(void)unused;
	assert_int_equal(sizeof(table) / sizeof(table[0]), TB_JOB_EVENTS);
	for (unsigned e = 0; e < TB_JOB_EVENTS; e++)
		for (unsigned s = 0; s < TB_JOB_STATES; s++) {
			enum tb_job_state to = TB_JOB_STATES;
			bool may = tb_job_state_next((enum tb_job_state)s,
						     table[e].event, &to);

			assert_string_equal(may ? tb_job_state_name(to) : "-",
					    table[e].to[s]);
		}
}

static void test_names(void **unused)
{
	enum tb_job_state state;

	(void)unused;
	for (unsigned s = 0; s < TB_JOB_STATES; s++) {
		const char *name = tb_job_state_name((enum tb_job_state)s);

		assert_true(tb_job_state_parse(tb_str_z(name), &state));
		assert_int_equal(state, s);
	}
	assert_false(tb_job_state_parse(TB_STR("Queued"), &state));
	assert_false(tb_job_state_parse(TB_STR("queue"), &state));
	assert_false(tb_job_state_parse(TB_STR_NONE, &state));
}

static void test_finished(void **unused)
{
	(void)unused;
	assert_false(tb_job_state_is_finished(TB_JOB_QUEUED));
	assert_false(tb_job_state_is_finished(TB_JOB_ACTIVE));
	assert_false(tb_job_state_is_finished(TB_JOB_PAUSED));
	assert_true(tb_job_state_is_finished(TB_JOB_COMPLETED));
	assert_true(tb_job_state_is_finished(TB_JOB_FAILED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event_in_each_state),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
