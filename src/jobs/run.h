/*
 * One attempt of one job that was taken: what it asks for is read, its entities
 * are copied, some at once, and what came of it is committed.
 */
#ifndef TB_JOBS_RUN_H
#define TB_JOBS_RUN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/runner.h"
#include "jobs/stop.h"
#include "kernel/core.h"
#include "kernel/job_run.h"

struct tb_run {
	struct tb_core *core;
	const struct tb_sources *sources;
	const struct tb_runner_options *options;
	tb_runner_log_fn *log;
	void *log_ctx;
	uint32_t org;
	struct tb_job *job;     /* as it was taken */
	struct tb_arena *arena; /* of the attempt */
	/* Set from outside when the lease is lost or the runner stops; set here
	 * when an entity fails. */
	struct tb_stop *stop;
	/* Asked when the job is about to be given back: what is to be taken in
	 * the same commit; NULL: nothing. */
	struct tb_job_taking *(*next)(void *ctx);
	void *next_ctx;
};

/* Runs and ends it. A lease that is lost is no error: there is nothing to do.
 * Others: the end could not be committed; the lease ends by itself. */
enum tb_err tb_run_job(const struct tb_run *run) tb_must_check;

#endif
