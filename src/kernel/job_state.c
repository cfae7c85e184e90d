#include "kernel/job_state.h"

#include <stdint.h>

#include "base/assert.h"

static const char *const names[TB_JOB_STATES] = {
	[TB_JOB_QUEUED] = "queued", [TB_JOB_ACTIVE] = "active",
	[TB_JOB_PAUSED] = "paused", [TB_JOB_COMPLETED] = "completed",
	[TB_JOB_FAILED] = "failed",
};

/* What an event makes of the states in which it may happen. */
#define FROM(state) (1u << (state))
#define FROM_UNFINISHED                                                        \
	(FROM(TB_JOB_QUEUED) | FROM(TB_JOB_ACTIVE) | FROM(TB_JOB_PAUSED))
static const struct {
	unsigned from;
	enum tb_job_state to;
} events[TB_JOB_EVENTS] = {
	/* An active one without a lease is taken over. */
	[TB_JOB_TAKE] = { FROM(TB_JOB_QUEUED) | FROM(TB_JOB_ACTIVE),
			  TB_JOB_ACTIVE },
	[TB_JOB_PAUSE] = { FROM(TB_JOB_QUEUED) | FROM(TB_JOB_ACTIVE),
			   TB_JOB_PAUSED },
	[TB_JOB_RESUME] = { FROM(TB_JOB_PAUSED), TB_JOB_QUEUED },
	[TB_JOB_GO_ON] = { FROM(TB_JOB_PAUSED), TB_JOB_ACTIVE },
	[TB_JOB_WAIT] = { FROM(TB_JOB_ACTIVE), TB_JOB_QUEUED },
	[TB_JOB_COMPLETE] = { FROM(TB_JOB_ACTIVE), TB_JOB_COMPLETED },
	[TB_JOB_FAIL] = { FROM(TB_JOB_ACTIVE), TB_JOB_FAILED },
	[TB_JOB_CANCEL] = { FROM_UNFINISHED, TB_JOB_FAILED },
	[TB_JOB_LOSE] = { FROM(TB_JOB_ACTIVE), TB_JOB_ACTIVE },
	[TB_JOB_RETRY] = { FROM(TB_JOB_FAILED), TB_JOB_QUEUED },
};

const char *tb_job_state_name(enum tb_job_state state)
{
	TB_ASSERT((unsigned)state < TB_JOB_STATES);
	return names[state];
}

bool tb_job_state_parse(struct tb_str name, enum tb_job_state *ret)
{
	for (unsigned i = 0; i < TB_JOB_STATES; i++)
		if (tb_str_eq(name, tb_str_z(names[i]))) {
			*ret = (enum tb_job_state)i;
			return true;
		}
	return false;
}

bool tb_job_state_is_finished(enum tb_job_state state)
{
	return state == TB_JOB_COMPLETED || state == TB_JOB_FAILED;
}

bool tb_job_state_next(enum tb_job_state state, enum tb_job_event event,
		       enum tb_job_state *ret)
{
	TB_ASSERT((unsigned)state < TB_JOB_STATES &&
		  (unsigned)event < TB_JOB_EVENTS);
	if (!(events[event].from & FROM(state)))
		return false;
	*ret = events[event].to;
	return true;
}
