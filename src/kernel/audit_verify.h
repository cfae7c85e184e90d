/*
 * Verifying an org's audit chain, from its first row that is kept to its end.
 * A chain may be long, so it is looked at slice by slice, each in a snapshot
 * of its own; what is appended or dropped meanwhile is taken as it comes.
 */
#ifndef TB_KERNEL_AUDIT_VERIFY_H
#define TB_KERNEL_AUDIT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/audit_base.h"
#include "kernel/core.h"

/* Rows in a slice. */
#define TB_AUDIT_SLICE 2048

struct tb_audit_verdict {
	uint64_t rows;
	uint64_t erased;     /* rows whose detail was erased */
	uint64_t first;      /* the first row of the chain; 0: it has none */
	uint64_t last;       /* and the last one */
	uint8_t hash[32];    /* of that; zeroed: of none */
	uint64_t first_bad;  /* if there is a problem */
	const char *problem; /* static; NULL: none */
};

struct tb_audit_verification {
	uint32_t org;
	struct tb_audit_base at;   /* all is well up to here */
	struct tb_audit_base told; /* as rows so far tell of what was dropped */
	struct tb_audit_verdict verdict;
	bool is_begun;
	bool is_done; /* the verdict stands */
};

void tb_audit_verify_init(struct tb_audit_verification *v, uint32_t org);
/* Looks at the next slice. */
enum tb_err tb_audit_verify_next(struct tb_core *core,
				 struct tb_audit_verification *v) tb_must_check;
/* The same of up to `max` rows in a given snapshot. The arena is reset. */
enum tb_err tb_audit_verify_slice(struct tb_tx *tx, struct tb_arena *arena,
				  struct tb_audit_verification *v,
				  uint64_t max) tb_must_check;

/* All of it. */
enum tb_err tb_audit_verify(struct tb_core *core, uint32_t org,
			    struct tb_audit_verdict *ret) tb_must_check;

#endif
