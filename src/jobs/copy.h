/*
 * Copying one entity of a job: page after page from the source, each stored
 * here, or sent to the target, together with the place behind it.
 */
#ifndef TB_JOBS_COPY_H
#define TB_JOBS_COPY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"
#include "jobs/stop.h"
#include "kernel/core.h"
#include "kernel/job_run.h"

struct tb_copy {
	struct tb_core *core;
	struct tb_job_lease lease;
	const struct tb_job_stream *from; /* where it was; NULL: nowhere yet */
	const struct tb_connector *connector; /* of the source */
	struct tb_connector_task task;        /* its is_stopped is stop's */
	const struct tb_source *target;       /* NULL: local */
	struct tb_stop *stop;
	uint32_t tries;
	uint32_t n_entities; /* of the job */
};

/* Of several entities' the last in this list is that of all. */
enum tb_copy_outcome {
	TB_COPY_DONE,
	TB_COPY_STOPPED,
	TB_COPY_FAILED, /* see the failure */
	TB_COPY_LOST,   /* the lease */
};

/* Runs until it is through, or somebody stops it. Text of the failure in the
 * arena. */
enum tb_copy_outcome tb_copy_run(const struct tb_copy *copy,
				 struct tb_arena *arena,
				 struct tb_connector_failure *ret_failure);

#endif
