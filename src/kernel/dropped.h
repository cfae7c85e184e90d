/*
 * Up to where the traces of a collection's deleted records were dropped: who
 * reads changes from before that must start over. Kept as a silent record for
 * each collection.
 */
#ifndef TB_KERNEL_DROPPED_H
#define TB_KERNEL_DROPPED_H

#include "kernel/view.h"

struct tb_dropped {
	int64_t us;   /* the highest time of a trace that is gone */
	uint64_t num; /* and the highest number */
};

/* INT64_MIN and 0 where nothing was dropped. */
enum tb_err tb_dropped_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, struct tb_str collection,
			    struct tb_dropped *ret) tb_must_check;
/* Raises it to what is dropped now; for the commit that does. */
enum tb_err tb_dropped_raise(struct tb_view *view, struct tb_str collection,
			     const struct tb_dropped *dropped) tb_must_check;

#endif
