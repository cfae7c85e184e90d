/*
 * Where a scope's feed ends, for ETags, which are made of these numbers: the
 * highest number that was ever in it. It is that of its last entry, or, where
 * the last ones have been dropped, one that was noted with the scope's name.
 */
#ifndef TB_KERNEL_SCOPE_END_H
#define TB_KERNEL_SCOPE_END_H

#include <stdint.h>

#include "base/arena.h"
#include "kernel/store.h"
#include "kernel/view.h"

/* 0: nothing was ever in it. */
enum tb_err tb_scope_end(struct tb_tx *tx, struct tb_arena *arena,
			 uint64_t scope, uint64_t *ret) tb_must_check;
/* An entry is to vanish: if it is its feed's last, its number is noted. */
enum tb_err tb_scope_keep_end(struct tb_view *view,
			      const struct tb_entry *entry) tb_must_check;

#endif
