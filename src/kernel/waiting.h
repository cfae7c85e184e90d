/*
 * Children without their parents: records that a site pushed before the
 * record that they belong to. They are kept, go nowhere until it comes, and
 * are listed here for operators.
 */
#ifndef TB_KERNEL_WAITING_H
#define TB_KERNEL_WAITING_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"

struct tb_waiting {
	struct tb_str table;
	struct tb_str id;
	int64_t since_us;
};

/* Up to `max` of a site's records that wait, the longest waiting first. */
enum tb_err tb_waiting_list(struct tb_core *core, struct tb_tx *tx,
			    struct tb_arena *arena, uint32_t org,
			    uint32_t site_id, struct tb_waiting *rets,
			    size_t max, size_t *ret_n) tb_must_check;

#endif
