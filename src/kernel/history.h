/*
 * History: of a record of a collection that asks for it, the versions before
 * its present one, at most so many as the declaration says. They belong to
 * nobody's feed. A record's index lists them; each is a record of its own, so
 * that a change costs no more than one version, however many are kept.
 */
#ifndef TB_KERNEL_HISTORY_H
#define TB_KERNEL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/declaration.h"
#include "kernel/view.h"

/* A declaration that asks for more gets this many. */
#define TB_HISTORY_MAX 1000u

/* Keeps the version `old` of a record that changes, and lets go of the oldest
 * ones. `collection` and `old` may be NULL: then there is nothing to keep. Once
 * for each change. */
enum tb_err tb_history_keep(struct tb_view *view,
			    const struct tb_collection *collection,
			    const struct tb_record *old) tb_must_check;
/* The record itself vanishes: so do its earlier versions. */
enum tb_err tb_history_forget(struct tb_view *view, uint64_t rid) tb_must_check;

/* An earlier version. */
struct tb_version {
	uint64_t version; /* its number in the org's order */
	int64_t updated_us;
	uint32_t origin;
	bool deleted;
	struct tb_str body;
};

/* Some versions of a record before the version `before` (0: all), the newest
 * first, in the arena: up to `max`, and none behind the one with which they
 * have so many bytes. */
#define TB_HISTORY_READ_BYTES ((size_t)8 << 20)
enum tb_err tb_history_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint64_t rid, uint64_t before,
			    struct tb_version *rets, size_t max,
			    size_t *ret_n) tb_must_check;

#endif
