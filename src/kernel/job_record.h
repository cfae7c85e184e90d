/*
 * A job as a record: its key, its body, and its place, which is the one feed
 * that it is in by what it is now. Only for the files that carry jobs out.
 */
#ifndef TB_KERNEL_JOB_RECORD_H
#define TB_KERNEL_JOB_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/job.h"
#include "kernel/system.h"

/* "jobN", in the arena. */
enum tb_err tb_job_key(struct tb_arena *arena, uint64_t id,
		       struct tb_str *ret) tb_must_check;

enum tb_err tb_job_encode(struct tb_arena *arena, const struct tb_job *job,
			  struct tb_str *ret) tb_must_check;
/* `record` lives as long as the result. CORRUPT. */
enum tb_err tb_job_decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_job *ret) tb_must_check;
/* The same of a record that goes before the result. */
enum tb_err tb_job_copy(struct tb_arena *arena, const struct tb_record *record,
			struct tb_job *ret) tb_must_check;

/* ---- places ---- */

struct tb_job_place {
	enum tb_known_scope scope;
	uint64_t num; /* 0: that of the change that brought it there */
};
struct tb_job_place tb_job_place(const struct tb_job *job);

/* QUEUED, and not waiting; or ACTIVE without a lease. */
bool tb_job_is_ready(const struct tb_job *job);

/* The highest number in TB_SCOPE_JOBS_DUE of a job that is due by then; and
 * when one is due that has this number there, which is at most a second
 * later than it asked for. */
uint64_t tb_job_due_until(int64_t now_us);
int64_t tb_job_due_of(uint64_t num);

#endif
