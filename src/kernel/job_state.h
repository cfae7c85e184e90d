/*
 * What may become of a job: a table of states and events. Pure.
 */
#ifndef TB_KERNEL_JOB_STATE_H
#define TB_KERNEL_JOB_STATE_H

#include <stdbool.h>

#include "base/str.h"

enum tb_job_state {
	TB_JOB_QUEUED, /* is ready, or waits for its time */
	TB_JOB_ACTIVE, /* a worker has it, or is to take it over */
	TB_JOB_PAUSED,
	TB_JOB_COMPLETED,
	TB_JOB_FAILED, /* for good, until somebody retries it */
};
#define TB_JOB_STATES 5

enum tb_job_event {
	TB_JOB_TAKE,     /* a worker takes it */
	TB_JOB_PAUSE,    /* somebody pauses it */
	TB_JOB_RESUME,   /* and lets it go on: QUEUED if no run had begun ... */
	TB_JOB_GO_ON,    /* ... else ACTIVE, for a worker to take over */
	TB_JOB_WAIT,     /* its attempt or its run is over, and another comes */
	TB_JOB_COMPLETE, /* its last run is through */
	TB_JOB_FAIL,     /* its last attempt failed */
	TB_JOB_CANCEL,   /* somebody ends it */
	TB_JOB_LOSE,     /* its worker is gone */
	TB_JOB_RETRY,    /* somebody queues it again */
};
#define TB_JOB_EVENTS 10

/* "queued", "active", "paused", "completed", "failed". */
const char *tb_job_state_name(enum tb_job_state state);
/* False: it is none of these. */
bool tb_job_state_parse(struct tb_str name, enum tb_job_state *ret);
bool tb_job_state_is_finished(enum tb_job_state state);

/* The state after an event; false: that may not happen in this state. */
bool tb_job_state_next(enum tb_job_state state, enum tb_job_event event,
		       enum tb_job_state *ret);

#endif
