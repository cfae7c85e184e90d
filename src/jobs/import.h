/*
 * Records of a page become an import into the org's own collections.
 */
#ifndef TB_JOBS_IMPORT_H
#define TB_JOBS_IMPORT_H

#include <stddef.h>

#include "base/arena.h"
#include "jobs/connectors/connector.h"
#include "kernel/core.h"
#include "kernel/job_run.h"

/* What a job's errors say of a record that was refused; texts are borrowed. */
struct tb_job_reject tb_import_reject(struct tb_core *core,
				      const struct tb_connector_task *task,
				      const struct tb_connector_record *record);
/* Sets what a checkpoint says of these records: its push, its rejects, what it
 * passes. All in the arena. IO: no randomness. */
enum tb_err
tb_import_prepare(struct tb_core *core, struct tb_arena *arena,
		  const struct tb_connector_task *task,
		  const struct tb_connector_record *records, size_t n,
		  struct tb_job_checkpoint *checkpoint) tb_must_check;

#endif
