/*
 * A job's notes: earlier runs, its log and its errors, in one silent record
 * that is made when there is something to say. The lists are bounded: of runs
 * and of the log the newest are kept, of errors the first. Only for the files
 * that carry jobs out.
 */
#ifndef TB_KERNEL_JOB_NOTES_H
#define TB_KERNEL_JOB_NOTES_H

#include "kernel/job.h"
#include "kernel/view.h"

/* `record` (NULL: none) lives as long as the result. CORRUPT. */
enum tb_err tb_job_notes_decode(struct tb_arena *arena,
				const struct tb_record *record,
				struct tb_job_notes *ret) tb_must_check;
/* Empty where there are none. */
enum tb_err tb_job_notes_get(struct tb_view *view, uint64_t id,
			     struct tb_job_notes *ret) tb_must_check;
/* Empty ones vanish. */
enum tb_err tb_job_notes_put(struct tb_view *view, uint64_t id,
			     const struct tb_job_notes *notes) tb_must_check;

/* Texts are cut, and live in the arena or as long as what is given. */
enum tb_err tb_job_notes_add_run(struct tb_arena *arena,
				 struct tb_job_notes *notes,
				 const struct tb_job_run *run) tb_must_check;
enum tb_err tb_job_notes_add_line(struct tb_arena *arena,
				  struct tb_job_notes *notes,
				  const struct tb_job_line *line) tb_must_check;
enum tb_err tb_job_notes_add_errors(struct tb_arena *arena,
				    struct tb_job_notes *notes,
				    const struct tb_job_reject *errors,
				    size_t n) tb_must_check;

/* The run that a job's own record tells of, if it is over. */
bool tb_job_run_of(const struct tb_job *job, struct tb_job_run *ret);

/* A line in a job's log, at the view's time. */
enum tb_err tb_job_log(struct tb_view *view, uint64_t id,
		       struct tb_str message) tb_must_check;

#endif
