/*
 * What the audit trail says of commits that the runner makes by itself.
 */
#ifndef TB_JOBS_NOTE_H
#define TB_JOBS_NOTE_H

#include <stdint.h>

#include "base/arena.h"
#include "kernel/audit.h"

/* A note of this job ("job/job7"), but for what was done; text in the arena.
 * IO: no randomness. */
enum tb_err tb_jobs_make_note(struct tb_arena *arena, uint64_t job,
			      struct tb_audit_note *ret) tb_must_check;

#endif
