/*
 * Quarantine: what a site pushed and the centre could not take, with the
 * reason, until an operator retries or drops it or a later push succeeds. One
 * entry for each (site, table, record id), under ceilings.
 */
#ifndef TB_KERNEL_QUARANTINE_H
#define TB_KERNEL_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/commit.h"
#include "kernel/consumer.h"
#include "kernel/core.h"
#include "kernel/view.h"

/* Ceilings for each site; past them an entry is refused, not kept. */
#define TB_QUARANTINE_ENTRIES_MAX 10000u
#define TB_QUARANTINE_BYTES_MAX ((uint64_t)256 << 20)

/* One entry. `record` is the pushed element as it was written. */
struct tb_quarantine {
	uint32_t site_id;
	struct tb_str table;
	struct tb_str id;
	struct tb_str code;
	struct tb_str message;
	struct tb_str record;
	int64_t time_us; /* read back: when it was put there last */
	uint64_t num;    /* read back: its place in the list */
};

/* Puts or replaces the entry and counts it in the site's marks, which the
 * caller saves. `*ret_kept` false: over a ceiling. The same entry again
 * changes nothing. */
enum tb_err tb_quarantine_put(struct tb_view *view,
			      struct tb_consumer *consumer,
			      const struct tb_quarantine *entry,
			      bool *ret_kept) tb_must_check;
/* Takes the entry away, if there is one. */
enum tb_err tb_quarantine_close(struct tb_view *view,
				struct tb_consumer *consumer,
				struct tb_str table,
				struct tb_str id) tb_must_check;

/* Up to `max` entries of an org with a place above `after`, oldest first.
 * `site_id` 0: of all sites. Borrowed from the arena. */
enum tb_err tb_quarantine_list(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org, uint32_t site_id, uint64_t after,
			       struct tb_quarantine *rets, size_t max,
			       size_t *ret_n) tb_must_check;

/* An operator gives an entry up. NOT_FOUND. One commit. */
enum tb_err tb_quarantine_drop(struct tb_core *core,
			       const struct tb_audit_note *note, uint32_t org,
			       uint32_t site_id, struct tb_str table,
			       struct tb_str id) tb_must_check;

#endif
