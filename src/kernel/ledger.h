/*
 * The ledger of conflicts: of each, both versions, so that no edit is lost
 * whoever won. Late pushes of sites (conflict.h) and stale edits of users
 * (resource.h) stand beside each other, in the order of their detection; an
 * entry's id is its number in that order and never changes.
 */
#ifndef TB_KERNEL_LEDGER_H
#define TB_KERNEL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/view.h"

/* Entries of one org, and their bytes. Beyond it the oldest of those that are
 * resolved go, and where there are none, the oldest. */
#define TB_LEDGER_MAX 100000u
#define TB_LEDGER_BYTES_MAX ((uint64_t)16 << 30)

/* One conflict. Bodies are JSON; p NULL: that side deleted the record. */
struct tb_ledger_entry {
	struct tb_str key;    /* a digest of what it is about: the same conflict
			       * has the same one */
	struct tb_str table;  /* the collection's name */
	struct tb_str record; /* its recordID */
	uint64_t number;      /* its integer id; 0: it has none */
	struct tb_str by;     /* "site/63", "user/5f1c" */
	struct tb_str base;   /* JSON: what the edit was based on */
	struct tb_str resolution; /* "rejected", "site", "centre", "merged",
				   * and once it is resolved "client",
				   * "server" */
	struct tb_str server;     /* what was stored */
	struct tb_str client;     /* what was sent over it: by a site the whole
				   * body, by a user the changed members */

	/* Of one that is read. */
	uint64_t id;
	int64_t detected_us;
	struct tb_str resolved_by; /* p NULL: it is not resolved */
	int64_t resolved_us;
};

/* True if a conflict of this key is in the ledger. */
enum tb_err tb_ledger_knows(struct tb_view *view, struct tb_str key,
			    bool *ret) tb_must_check;
/* Adds an entry, detected now; `origin` is the site that sent it, or the
 * centre. One that is known must not be added again. */
enum tb_err tb_ledger_add(struct tb_view *view,
			  const struct tb_ledger_entry *entry,
			  uint32_t origin) tb_must_check;
/* An entry as it is now. NOT_FOUND. */
enum tb_err tb_ledger_get(struct tb_view *view, uint64_t id,
			  struct tb_ledger_entry *ret) tb_must_check;
/* Writes that an entry is resolved, now. */
enum tb_err tb_ledger_close(struct tb_view *view,
			    const struct tb_ledger_entry *entry,
			    struct tb_str resolution,
			    struct tb_str resolved_by) tb_must_check;

/* Some of the entries with ids above `after`, in their order: up to `max`, and
 * none behind the one with which they have so many bytes. 0: there are no more.
 * All strings in the arena. */
#define TB_LEDGER_LIST_BYTES ((size_t)8 << 20)
enum tb_err tb_ledger_list(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, uint64_t after,
			   struct tb_ledger_entry *rets, size_t max,
			   size_t *ret_n) tb_must_check;
/* One entry. NOT_FOUND. */
enum tb_err tb_ledger_find(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, uint64_t id,
			   struct tb_ledger_entry *ret) tb_must_check;

#endif
