/*
 * What goes from an org's audit trail, each time with a row that says so: old
 * rows are dropped from its beginning, and it is verified from there on; the
 * details of rows are erased, which the chain does not notice. Each call does a
 * bounded piece in one commit, or none where there is nothing to do.
 */
#ifndef TB_KERNEL_AUDIT_KEEP_H
#define TB_KERNEL_AUDIT_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/audit.h"
#include "kernel/core.h"

/* Rows looked at in one call. */
#define TB_AUDIT_DROP_MAX 4000
#define TB_AUDIT_ERASE_MAX 1000

/* Drops the oldest of an org's rows whose time is before `before_us`. Who did
 * it and the salt are the note's; the rest of it is set here. `*ret_dropped`
 * is TB_AUDIT_DROP_MAX where there may be more. CORRUPT: a row among them is
 * not as it was written: what shows that is not dropped. */
enum tb_err tb_audit_drop(struct tb_core *core,
			  const struct tb_audit_note *note, uint32_t org,
			  int64_t before_us,
			  uint64_t *ret_dropped) tb_must_check;

/* Erasing the details of all rows before a time. */
struct tb_audit_erasure {
	uint32_t org;
	uint64_t up_to; /* the last row of them */
	uint64_t after; /* rows up to here were looked at */
	uint64_t n_erased;
};
enum tb_err tb_audit_erase_begin(struct tb_core *core, uint32_t org,
				 int64_t before_us,
				 struct tb_audit_erasure *ret) tb_must_check;
bool tb_audit_erase_is_done(const struct tb_audit_erasure *erasure);
/* Erases in the next TB_AUDIT_ERASE_MAX rows. The first commit of an erasure
 * writes the row that tells of it all; the note as above. */
enum tb_err tb_audit_erase_next(struct tb_core *core,
				const struct tb_audit_note *note,
				struct tb_audit_erasure *erasure) tb_must_check;

#endif
