/*
 * What is known of a job's name: which unfinished job has it, and the last run
 * under it that was completed: when, and where it ended, if the next one may go
 * on there. A name that is in use is in no feed; one that is not is in
 * TB_SCOPE_JOB_NAMES since it was used last, or is forgotten if there was no
 * such run. Only for the files that carry jobs out.
 */
#ifndef TB_KERNEL_JOB_NAME_H
#define TB_KERNEL_JOB_NAME_H

#include <stdint.h>

#include "kernel/view.h"

struct tb_job_name {
	uint64_t id;          /* 0: no unfinished one */
	int64_t began_us;     /* of that run */
	int64_t completed_us; /* 0: there is none */
	struct tb_str cursor; /* at which it ended; empty: that is not kept */
};

/* From a snapshot, and as a commit sees it; all 0 where nothing is known. */
enum tb_err tb_job_name_read(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, struct tb_str name,
			     struct tb_job_name *ret) tb_must_check;
enum tb_err tb_job_name_want(struct tb_view *view,
			     struct tb_str name) tb_must_check;
enum tb_err tb_job_name_get(struct tb_view *view, struct tb_str name,
			    struct tb_job_name *ret) tb_must_check;
enum tb_err tb_job_name_put(struct tb_view *view, struct tb_str name,
			    const struct tb_job_name *value) tb_must_check;

#endif
