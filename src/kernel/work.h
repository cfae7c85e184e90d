/*
 * Work that follows from a commit: children go where their parent went,
 * records come into sight or out of it because of others, and look different
 * where they show what has changed elsewhere. As
 * much as fits a bound is done in the commit's own transaction; the rest is
 * kept as records and done in commits of its own, across restarts.
 */
#ifndef TB_KERNEL_WORK_H
#define TB_KERNEL_WORK_H

#include <stdbool.h>

#include "kernel/commit.h"
#include "kernel/core.h"
#include "kernel/declaration.h"
#include "kernel/view.h"

/* Children looked at in one transaction. */
#define TB_WORK_MAX 2048

/* Does what is on the view's agenda; what is over the bound is kept for
 * tb_work_commit. The view is flushed. */
enum tb_err
tb_work_follow(struct tb_view *view,
	       const struct tb_declaration *declaration) tb_must_check;

/* Does kept work of an org, up to the bound. */
struct tb_work {
	struct tb_commit commit;
	bool more; /* something is left */
};
void tb_work_init(struct tb_work *work, uint32_t org);

/* True if an org has kept work; from a snapshot. */
enum tb_err tb_work_is_waiting(struct tb_core *core, uint32_t org,
			       bool *ret) tb_must_check;

#endif
