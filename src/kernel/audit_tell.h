/*
 * A row of the audit trail about what no other commit tells of.
 */
#ifndef TB_KERNEL_AUDIT_TELL_H
#define TB_KERNEL_AUDIT_TELL_H

#include "kernel/audit.h"
#include "kernel/core.h"

/* Appends the note's row to an org's trail, in a commit that changes nothing
 * else. NOT_FOUND: no such org. */
enum tb_err tb_audit_tell(struct tb_core *core,
			  const struct tb_audit_note *note,
			  uint32_t org) tb_must_check;

#endif
