/*
 * From what was sent to what is queued: a spec (jobs/spec.h) is read, judged,
 * and becomes the kernel's order, with the time at which the job is to run
 * first. Pure but for zone files.
 */
#ifndef TB_JOBS_ORDER_H
#define TB_JOBS_ORDER_H

#include "jobs/spec.h"
#include "kernel/job_change.h"

/* `*ret` holds slices of the body and of the arena; org, named and
 * unfinished_max are left to the caller. INVALID: `*ret_problem` says why, in
 * the arena or static. */
enum tb_err tb_order_read(struct tb_arena *arena, struct tb_str body,
			  const struct tb_spec_context *context,
			  struct tb_job_order *ret,
			  struct tb_str *ret_problem) tb_must_check;

#endif
