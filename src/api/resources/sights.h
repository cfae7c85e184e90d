/*
 * Who sees which scopes, in memory, so that an answer that reads nothing need
 * not ask for them. Only what cannot change any more for this state of an
 * account is kept, or not until a scope is made. Bounded. Thread-safe.
 */
#ifndef TB_API_RESOURCES_SIGHTS_H
#define TB_API_RESOURCES_SIGHTS_H

#include "auth/principal.h"
#include "kernel/sight.h"

struct tb_sights;

/* Who looks, as the kernel knows it; borrows the principal. */
struct tb_viewer tb_sights_viewer(const struct tb_principal *principal);

/* NULL: no memory. */
struct tb_sights *tb_sights_create(void);
void tb_sights_destroy(struct tb_sights *sights); /* takes NULL */

/* Of whom it is, as the account was at a generation of its org; and narrowed to
 * which value of the first filter (p NULL: not narrowed). */
struct tb_sights_key {
	uint64_t rid; /* of the account */
	uint64_t generation;
	const struct tb_collection *collection;
	struct tb_str field;
	struct tb_str value;
};

/* False: it is not known. `*ret_turn`: one that is not settled holds while this
 * is the scopes_turn of the heads. */
bool tb_sights_find(struct tb_sights *sights, const struct tb_sights_key *key,
		    struct tb_sight *ret, uint64_t *ret_turn);
/* True of a sight that can be kept. */
bool tb_sights_keeps(const struct tb_sight *sight);
/* Keeps a copy, if it can be and there is memory for it. `turn`: scopes_turn
 * before it was read. */
void tb_sights_put(struct tb_sights *sights, const struct tb_sights_key *key,
		   const struct tb_sight *sight, uint64_t turn);

#endif
