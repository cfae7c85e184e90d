/*
 * What the audit trail says of commits that the runner makes by itself.
 */
#ifndef TB_JOBS_NOTE_H
#define TB_JOBS_NOTE_H

#include "base/str.h"
#include "kernel/audit.h"

/* A note of this job ("job7/2", borrowed), but for what was done. IO: no
 * randomness. */
enum tb_err tb_jobs_make_note(struct tb_str job,
			      struct tb_audit_note *ret) tb_must_check;

#endif
