/*
 * What people do to jobs, each in a commit of its own: queue (job_queue.c),
 * pause, resume, cancel, retry (job_change.c), purge. And what time does: the
 * upkeep drops what is old (both job_purge.c). Thread-safe, as commits are.
 */
#ifndef TB_KERNEL_JOB_CHANGE_H
#define TB_KERNEL_JOB_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/audit.h"
#include "kernel/core.h"
#include "kernel/job.h"
#include "kernel/requests.h"

struct tb_job_order {
	uint32_t org;
	struct tb_str name;
	struct tb_str type;
	struct tb_str request; /* the JSON object, kept as it is */
	uint32_t priority;
	uint32_t retries_max;
	int64_t due_us; /* not before this; 0: at once */
	/* May be NULL: it has no Idempotency-Key. */
	const struct tb_named_request *named;
	uint64_t unfinished_max;
};

enum tb_job_queued {
	TB_JOB_IS_NEW,
	TB_JOB_IS_REPEATED, /* the request was made before; ret is its job */
	TB_JOB_NAME_IS_TAKEN,
	TB_JOB_KEY_IS_USED, /* for another request */
	TB_JOB_QUEUE_IS_FULL,
	TB_JOB_IS_GONE, /* the request was made before; its job was purged */
};
/* Durable when it returns OK; `*ret` (of IS_NEW and IS_REPEATED, else zeroed)
 * and `*ret_sums` are as of then, in the arena. The note's operation and detail
 * are set here. */
enum tb_err tb_job_queue(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note,
			 const struct tb_job_order *order,
			 enum tb_job_queued *ret_outcome, struct tb_job *ret,
			 struct tb_job_sums *ret_sums) tb_must_check;

/* By name, of unfinished ones: NOT_FOUND: there is none. CONFLICT: not in this
 * state. `*ret` is the job as it is then. */
enum tb_err tb_job_pause(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note, uint32_t org,
			 struct tb_str name, struct tb_job *ret) tb_must_check;
enum tb_err tb_job_resume(struct tb_core *core, struct tb_arena *arena,
			  const struct tb_audit_note *note, uint32_t org,
			  struct tb_str name, struct tb_job *ret) tb_must_check;
/* By number. NOT_FOUND; CONFLICT: it is finished. */
enum tb_err tb_job_cancel(struct tb_core *core, struct tb_arena *arena,
			  const struct tb_audit_note *note, uint32_t org,
			  uint64_t id, struct tb_job *ret) tb_must_check;
/* NOT_FOUND; CONFLICT: it has not failed; EXISTS: its name is that of an
 * unfinished one now. */
enum tb_err tb_job_retry(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note, uint32_t org,
			 uint64_t id, struct tb_job *ret) tb_must_check;

struct tb_job_purged {
	uint64_t completed;
	uint64_t failed;
};
/* Removes what was finished when it began, in commits of a bounded size. After
 * an error, `*ret` says what is gone. */
enum tb_err tb_job_purge(struct tb_core *core, const struct tb_audit_note *note,
			 uint32_t org, struct tb_job_purged *ret) tb_must_check;

struct tb_job_ages {
	int64_t keep_us;    /* finished jobs; 0: for ever */
	int64_t success_us; /* when a name was last completed */
};
/* One bounded commit at most, none if there is nothing to do; `*ret_more`: to
 * be called again. */
enum tb_err tb_job_upkeep(struct tb_core *core, uint32_t org,
			  const struct tb_job_ages *ages,
			  bool *ret_more) tb_must_check;

#endif
