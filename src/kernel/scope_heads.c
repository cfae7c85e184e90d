#include "kernel/scope_heads.h"

#include "base/alloc.h"
#include "kernel/record.h"

#define SLOTS_MIN 256u

struct slot {
	uint64_t scope; /* 0: free */
	uint64_t num;
	bool is_known; /* else it is only expected */
};

/* Open addressing. Slots are freed only all at once: an org's are marked
 * unknown, and expected anew by whoever asks. */
struct tb_scope_heads {
	struct slot *slots;
	size_t n_slots; /* a power of two */
	size_t n;
	uint64_t turn; /* rises whenever something is forgotten */
};

struct tb_scope_heads *tb_scope_heads_create(void)
{
	struct tb_scope_heads *heads = tb_calloc(1, sizeof(*heads));

	if (heads == NULL)
		return NULL;
	heads->n_slots = SLOTS_MIN;
	heads->slots = tb_calloc(SLOTS_MIN, sizeof(*heads->slots));
	if (heads->slots == NULL) {
		tb_free(heads);
		return NULL;
	}
	return heads;
}

void tb_scope_heads_destroy(struct tb_scope_heads *heads)
{
	if (heads == NULL)
		return;
	tb_free(heads->slots);
	tb_free(heads);
}

/* Where a scope is or would be. */
static struct slot *slot_of(struct slot *slots, size_t n_slots, uint64_t scope)
{
	size_t at = (size_t)(scope * 0x9e3779b97f4a7c15ull >> 20);

	while (slots[at & (n_slots - 1)].scope != 0 &&
	       slots[at & (n_slots - 1)].scope != scope)
		at++;
	return &slots[at & (n_slots - 1)];
}

bool tb_scope_heads_find(const struct tb_scope_heads *heads, uint64_t scope,
			 uint64_t *ret)
{
	const struct slot *slot = slot_of(heads->slots, heads->n_slots, scope);

	if (slot->scope == 0 || !slot->is_known)
		return false;
	*ret = slot->num;
	return true;
}

static enum tb_err grow(struct tb_scope_heads *heads)
{
	size_t n = heads->n_slots * 2;
	struct slot *slots = tb_calloc(n, sizeof(*slots));

	if (slots == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < heads->n_slots; i++)
		if (heads->slots[i].scope != 0)
			*slot_of(slots, n, heads->slots[i].scope) =
				heads->slots[i];
	tb_free(heads->slots);
	heads->slots = slots;
	heads->n_slots = n;
	return TB_OK;
}

static void clear(struct tb_scope_heads *heads)
{
	for (size_t i = 0; i < heads->n_slots; i++)
		heads->slots[i] = (struct slot) { .scope = 0 };
	heads->n = 0;
	heads->turn++;
}

static enum tb_err add(struct tb_scope_heads *heads, uint64_t scope)
{
	struct slot *slot;
	enum tb_err err = TB_OK;

	if (heads->n == TB_SCOPE_HEADS_MAX)
		clear(heads);
	else if (heads->n * 2 >= heads->n_slots)
		err = grow(heads);
	if (err != TB_OK)
		return err;
	slot = slot_of(heads->slots, heads->n_slots, scope);
	*slot = (struct slot) { .scope = scope };
	heads->n++;
	return TB_OK;
}

enum tb_err tb_scope_heads_expect(struct tb_scope_heads *heads, uint64_t scope,
				  uint64_t *ret_turn)
{
	const struct slot *slot = slot_of(heads->slots, heads->n_slots, scope);
	enum tb_err err = slot->scope == 0 ? add(heads, scope) : TB_OK;

	if (err == TB_OK)
		*ret_turn = heads->turn;
	return err;
}

void tb_scope_heads_settle(struct tb_scope_heads *heads, uint64_t scope,
			   uint64_t turn, uint64_t num)
{
	struct slot *slot = slot_of(heads->slots, heads->n_slots, scope);

	if (slot->scope == 0 || turn != heads->turn)
		return;
	if (slot->num < num)
		slot->num = num;
	slot->is_known = true;
}

void tb_scope_heads_move(struct tb_scope_heads *heads,
			 const struct tb_move *move)
{
	struct slot *slot = slot_of(heads->slots, heads->n_slots, move->scope);

	if (slot->scope != 0 && slot->num < move->num)
		slot->num = move->num;
}

void tb_scope_heads_forget(struct tb_scope_heads *heads, uint32_t org)
{
	for (size_t i = 0; i < heads->n_slots; i++)
		if (tb_rid_org(heads->slots[i].scope) == org)
			heads->slots[i].is_known = false;
	heads->turn++;
}
