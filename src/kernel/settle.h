/*
 * Settling a conflict of the ledger by hand: an operator lets the stored
 * version be, or applies what the client sent after all.
 */
#ifndef TB_KERNEL_SETTLE_H
#define TB_KERNEL_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/audit.h"
#include "kernel/core.h"

struct tb_settlement {
	uint32_t org;
	uint64_t id;       /* of the ledger's entry */
	bool takes_client; /* else the stored version stays */
	struct tb_audit_note note;
	struct tb_arena *arena; /* for the detail and the message */
	/* The outcome. */
	struct tb_str message; /* of INVALID */
};

/* NOT_FOUND: no such entry. CONFLICT: it was settled before. INVALID: what the
 * client sent cannot be applied any more; `message` says why. Then nothing
 * changed. */
enum tb_err tb_settle(struct tb_core *core,
		      struct tb_settlement *settlement) tb_must_check;

#endif
