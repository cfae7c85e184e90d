/*
 * The sums of an org's jobs: one silent record, written by the commits that
 * change jobs. Only for the files that carry jobs out.
 */
#ifndef TB_KERNEL_JOB_SUMS_H
#define TB_KERNEL_JOB_SUMS_H

#include "kernel/job.h"
#include "kernel/view.h"

/* Gather: what the others look at. */
enum tb_err tb_job_sums_want(struct tb_view *view) tb_must_check;
enum tb_err tb_job_sums_get(struct tb_view *view,
			    struct tb_job_sums *ret) tb_must_check;
enum tb_err tb_job_sums_put(struct tb_view *view,
			    const struct tb_job_sums *sums) tb_must_check;

/* Counts a job as it was (NULL: it is new) and as it is (NULL: it goes).
 * CORRUPT: it was not counted. */
enum tb_err tb_job_sums_count(struct tb_job_sums *sums,
			      const struct tb_job *before,
			      const struct tb_job *after) tb_must_check;
/* How many will be taken before a job that is counted, at most: which of its
 * own priority are before it the sums do not say. */
uint64_t tb_job_sums_ahead(const struct tb_job_sums *sums,
			   const struct tb_job *job);
/* A run was completed at a time, and was worked on for so long. */
void tb_job_sums_complete(struct tb_job_sums *sums, int64_t at_us,
			  int64_t active_us);

#endif
