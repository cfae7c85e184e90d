/*
 * The runner: threads that take jobs, move their data and say what came of it.
 * Workers take their jobs themselves, org by org in turn, and run one each,
 * with a thread for each entity that is read at once. One dispatcher looks
 * which orgs have some, makes ready what is due, takes back leases that are
 * over and renews those of the workers.
 */
#ifndef TB_JOBS_RUNNER_H
#define TB_JOBS_RUNNER_H

#include <stdint.h>

#include "base/str.h"
#include "jobs/schedule/schedule.h"
#include "jobs/source.h"
#include "kernel/core.h"

struct tb_runner;

struct tb_runner_options {
	uint32_t workers; /* jobs at once; 0: none is run here */
	uint32_t lease_s;
	uint32_t backoff_max_s;
	uint32_t page_tries;  /* of each page, within an attempt; at least 1 */
	const char *timezone; /* of schedules that name none */
	unsigned missed;      /* enum tb_schedule_missed, where none says */
};

/* One line for the log: who failed, and why. No credentials. */
typedef void tb_runner_log_fn(void *ctx, const char *text);

/* Everything is borrowed and outlives the runner. Takes over jobs that were
 * active when the last one ended. NOMEM, or an error of the store: then there
 * is no runner. */
enum tb_err tb_runner_start(struct tb_core *core,
			    const struct tb_sources *sources,
			    const struct tb_runner_options *options,
			    tb_runner_log_fn *log, void *log_ctx,
			    struct tb_runner **ret) tb_must_check;
/* Ends pages that are under way, gives leases back, waits for all threads;
 * takes NULL. */
void tb_runner_stop(struct tb_runner *runner);

#endif
