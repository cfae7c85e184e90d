/*
 * Commits: atomic changes of one org, of several kinds, run in groups within
 * one transaction. A kind says what it will read (gather) and decides, purely
 * on the view, what changes (decide). Requests embed struct tb_commit first.
 */
#ifndef TB_KERNEL_COMMIT_H
#define TB_KERNEL_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/audit.h"
#include "kernel/declaration.h"
#include "kernel/scope_heads.h"
#include "kernel/store.h"
#include "kernel/view.h"

struct tb_commit;

struct tb_commit_kind {
	const char *name;
	/* Wants the records that decide will look at. May be run again after
	 * a group failed, so it also sets the results back. NULL: nothing. */
	enum tb_err (*gather)(struct tb_commit *commit, struct tb_view *view);
	/* Changes the view. A refusal (NOT_FOUND, EXISTS, CONFLICT, DENIED,
	 * INVALID, RESYNC) is returned before anything was changed; any other
	 * error undoes the group. */
	enum tb_err (*decide)(struct tb_commit *commit, struct tb_view *view);
};

struct tb_commit {
	const struct tb_commit_kind *kind;
	uint32_t org;
	const struct tb_declaration *declaration; /* set by tb_core_commit */
	struct tb_audit_note note; /* who and what; written if it changed
				    * anything. operation NULL: no row */
	size_t weight;             /* changes in it, for the group's ceiling */
	enum tb_err err;           /* the outcome */
	bool is_audited;           /* it has a row; if err is OK */
};

/* Told of each org that changed, after the transaction is durable, and of the
 * entries that moved in it. */
typedef void tb_group_publish_fn(void *ctx, const struct tb_org *org,
				 const struct tb_moves *moves);

/* Runs commits in one transaction; each outcome to its `err`. A failure that
 * one commit may have caused re-runs the group in halves, so that the culprit
 * fails alone. Returns IO when the store must not be written any more, else
 * OK. */
enum tb_err tb_group_run(struct tb_store *store, struct tb_commit **commits,
			 size_t n, int64_t now_us, tb_group_publish_fn *publish,
			 void *publish_ctx) tb_must_check;

#endif
