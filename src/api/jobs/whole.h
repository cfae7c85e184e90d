/*
 * A job with all that there is about it.
 */
#ifndef TB_API_JOBS_WHOLE_H
#define TB_API_JOBS_WHOLE_H

#include "jobs/spec.h"
#include "kernel/job.h"

struct tb_jobs_whole {
	struct tb_job job;
	struct tb_job_notes notes;
	/* What it reads; none: of a source that is not configured any more
	 * nobody knows. */
	const struct tb_source_entity *entities;
	size_t n_entities;
};

/* By number, from a snapshot; in the arena. `context` is how requests of the
 * org are read now, whenever that is. NOT_FOUND. */
enum tb_err tb_jobs_whole_read(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org, uint64_t id,
			       const struct tb_spec_context *context,
			       struct tb_jobs_whole *ret) tb_must_check;

#endif
