/*
 * Counters: numbers that an org, or the system's own, keeps under a name, such
 * as the id that a collection's next record gets. Each is a silent record of
 * TB_COLL_SETTING whose body is the number; system.h lists them.
 */
#ifndef TB_KERNEL_COUNTER_H
#define TB_KERNEL_COUNTER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/store.h"
#include "kernel/view.h"

/* 0: it was never put. CORRUPT: what is there is no number. */
enum tb_err tb_counter_get(struct tb_view *view, struct tb_str name,
			   uint64_t *ret) tb_must_check;
/* The same from a snapshot. */
enum tb_err tb_counter_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, struct tb_str name,
			    uint64_t *ret) tb_must_check;
/* The name's bytes are borrowed until the group has ended. */
enum tb_err tb_counter_put(struct tb_view *view, struct tb_str name,
			   uint64_t value) tb_must_check;

#endif
