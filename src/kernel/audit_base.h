/*
 * Where an org's audit chain begins: behind the last row that was dropped,
 * whose number and hash are kept. They stand in two places: in a silent
 * record, from which verifying starts, and in the row that tells of the drop
 * (kernel/audit_keep.h), by which the record is verified.
 */
#ifndef TB_KERNEL_AUDIT_BASE_H
#define TB_KERNEL_AUDIT_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/audit.h"
#include "kernel/store.h"
#include "kernel/view.h"

/* The last row that was dropped; zeroed: the chain is there from row 1. */
struct tb_audit_base {
	uint64_t n;
	uint8_t hash[32];
};

bool tb_audit_base_equal(const struct tb_audit_base *a,
			 const struct tb_audit_base *b);

/* CORRUPT: what is kept is no base. */
enum tb_err tb_audit_base_read(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org,
			       struct tb_audit_base *ret) tb_must_check;
/* The same in a commit. */
enum tb_err tb_audit_base_get(struct tb_view *view,
			      struct tb_audit_base *ret) tb_must_check;
enum tb_err tb_audit_base_put(struct tb_view *view,
			      const struct tb_audit_base *base) tb_must_check;

/* The members "up_to" and "hash" of the detail of the row that tells of a
 * drop; in the arena. */
enum tb_err tb_audit_base_tell(struct tb_arena *arena,
			       const struct tb_audit_base *base,
			       struct tb_str *ret) tb_must_check;
/* Takes them from a row, if it is one that tells of a drop. */
enum tb_err tb_audit_base_told(struct tb_arena *arena,
			       const struct tb_audit_row *row,
			       struct tb_audit_base *base) tb_must_check;

#endif
