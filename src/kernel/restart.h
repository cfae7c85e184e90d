/*
 * Up to where readers of a collection must start over, because the changes do
 * not tell them all: the traces of deleted records were dropped, or other rules
 * say who sees its records. Kept as a silent record for each collection and
 * reason.
 */
#ifndef TB_KERNEL_RESTART_H
#define TB_KERNEL_RESTART_H

#include "kernel/view.h"

enum tb_restart_reason {
	TB_RESTART_DROPPED, /* traces are gone: who asks for deletions */
	TB_RESTART_SIGHT,   /* the declaration has changed: everybody */
};

/* Who has read up to an earlier time, or a lower number, starts over. */
struct tb_restart {
	int64_t us;
	uint64_t num;
};

/* INT64_MIN and 0 where nobody must. */
enum tb_err tb_restart_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, enum tb_restart_reason reason,
			    struct tb_str collection,
			    struct tb_restart *ret) tb_must_check;
/* Raises it; for the commit that is the reason. */
enum tb_err tb_restart_raise(struct tb_view *view,
			     enum tb_restart_reason reason,
			     struct tb_str collection,
			     const struct tb_restart *restart) tb_must_check;

#endif
