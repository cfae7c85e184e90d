/*
 * Where feeds end (scope_end.h), in memory: what an answer that reads no record
 * is made of. Of a scope that somebody asked for the number is kept, and raised
 * by each commit that moves an entry in it; when others have changed an org's
 * feeds unseen, what was known of them is forgotten. Bounded. Not thread-safe:
 * the core's lock guards it.
 */
#ifndef TB_KERNEL_SCOPE_HEADS_H
#define TB_KERNEL_SCOPE_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* More scopes than this are not kept; then all are forgotten. */
#define TB_SCOPE_HEADS_MAX (1u << 18)

/* An entry that a commit gave a new number. */
struct tb_move {
	uint64_t scope;
	uint64_t num;
};

struct tb_moves {
	uint64_t head_before; /* of the org, before the group that moved them */
	const struct tb_move *list;
	size_t n;
	bool makes_scopes; /* some are of scopes that were not there before */
};

struct tb_scope_heads;

struct tb_scope_heads *tb_scope_heads_create(void);        /* NULL: no memory */
void tb_scope_heads_destroy(struct tb_scope_heads *heads); /* takes NULL */

/* False: it is not known. */
bool tb_scope_heads_find(const struct tb_scope_heads *heads, uint64_t scope,
			 uint64_t *ret);
/* From now on moves in this scope are noted. To be called before the scope is
 * read, so that no move between is missed. `*ret_turn` is for settle. NOMEM. */
enum tb_err tb_scope_heads_expect(struct tb_scope_heads *heads, uint64_t scope,
				  uint64_t *ret_turn) tb_must_check;
/* What was read of a scope that is expected; nothing is kept if anything was
 * forgotten meanwhile. */
void tb_scope_heads_settle(struct tb_scope_heads *heads, uint64_t scope,
			   uint64_t turn, uint64_t num);
void tb_scope_heads_move(struct tb_scope_heads *heads,
			 const struct tb_move *move);
void tb_scope_heads_forget(struct tb_scope_heads *heads, uint32_t org);

#endif
