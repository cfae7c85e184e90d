/*
 * Retention: tombstones go once nobody needs them, so that nothing grows with
 * absence. One of central data goes when every enabled site has passed it, or
 * has been away for too long (such a site resyncs); one of a store's queue
 * when the store's site has acknowledged it; one of a resource's collection
 * when clients may not ask for it any more (kernel/restart.h).
 */
#ifndef TB_KERNEL_RETENTION_H
#define TB_KERNEL_RETENTION_H

#include <stdint.h>

#include "kernel/commit.h"
#include "kernel/core.h"

/* Looks at up to this many tombstones in one run. */
#define TB_RETENTION_MAX 1000

/* For how long who is away may count on finding tombstones. */
struct tb_retention_ages {
	int64_t absence_us; /* sites: those of central data */
	int64_t deleted_us; /* clients of resources */
};

/* Drops what can be dropped among the next tombstones of an org. `*after` is
 * where the run before ended (0: the beginning), and where this one did. */
enum tb_err tb_retention_run(struct tb_core *core, uint32_t org,
			     const struct tb_retention_ages *ages,
			     uint64_t *after,
			     size_t *ret_dropped) tb_must_check;

#endif
