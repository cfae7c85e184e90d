#include "api/resources/peers.h"

#include "api/resources/render.h"
#include "base/alloc.h"
#include "codec/json.h"
#include "codec/json_members.h"
#include "kernel/sight.h"

/* Half of them are filled at most: then there are to be twice as many, or all
 * is forgotten. Powers of two. */
#define SLOTS_MIN ((size_t)64)
#define SLOTS_MAX ((size_t)16384)
#define KEPT_MAX_BYTES ((size_t)16 << 20)
/* For what is read to find one. */
#define SCRATCH_MAX_BYTES ((size_t)64 << 20)
#define TEXT_MAX_BYTES ((size_t)32 << 20)

struct slot {
	const struct tb_layout_member *member; /* NULL: empty */
	uint64_t hash;
	struct tb_str value;
	struct tb_str found;
};

struct tb_peers {
	struct tb_core *core;
	uint32_t org;
	struct tb_tx *tx;
	struct tb_arena *kept;    /* what the slots point at */
	struct tb_arena *scratch; /* for the last one */
	struct tb_buf text;       /* of an id that was found */
	size_t n;
	size_t n_slots;
	struct slot *slots;
};

struct tb_peers *tb_peers_create(struct tb_core *core, uint32_t org)
{
	struct tb_peers *peers = tb_calloc(1, sizeof(*peers));

	if (!peers)
		return NULL;
	peers->core = core;
	peers->org = org;
	peers->n_slots = SLOTS_MIN;
	peers->slots = tb_calloc(peers->n_slots, sizeof(peers->slots[0]));
	tb_buf_init(&peers->text, TEXT_MAX_BYTES);
	peers->kept = tb_arena_create(KEPT_MAX_BYTES);
	peers->scratch = tb_arena_create(SCRATCH_MAX_BYTES);
	if (!peers->slots || !peers->kept || !peers->scratch) {
		tb_peers_destroy(peers);
		return NULL;
	}
	return peers;
}

void tb_peers_destroy(struct tb_peers *peers)
{
	if (!peers)
		return;
	tb_buf_fini(&peers->text);
	tb_arena_destroy(peers->kept);
	tb_arena_destroy(peers->scratch);
	tb_free(peers->slots);
	tb_free(peers);
}

static void forget(struct tb_peers *peers)
{
	if (peers->n > 0)
		memset(peers->slots, 0,
		       peers->n_slots * sizeof(peers->slots[0]));
	peers->n = 0;
	tb_arena_reset(peers->kept);
}

void tb_peers_use(struct tb_peers *peers, struct tb_tx *tx)
{
	forget(peers);
	peers->tx = tx;
}

/* ---- in memory ---- */

static uint64_t hash_of(const struct tb_layout_member *member,
			struct tb_str value)
{
	return tb_str_hash(value) ^ (uintptr_t)member * 0x9e3779b97f4a7c15u;
}

/* The slot that has it, or the empty one where it would be. */
static struct slot *slot_of(struct tb_peers *peers,
			    const struct tb_layout_member *member,
			    struct tb_str value, uint64_t hash)
{
	size_t mask = peers->n_slots - 1;
	size_t at = (size_t)hash & mask;

	for (;; at = (at + 1) & mask) {
		struct slot *slot = &peers->slots[at];

		if (!slot->member ||
		    (slot->member == member && slot->hash == hash &&
		     tb_str_eq(slot->value, value)))
			return slot;
	}
}

/* Without memory nothing changes. */
static bool grow(struct tb_peers *peers)
{
	struct slot *old = peers->slots;
	size_t n_old = peers->n_slots;
	struct slot *more = tb_calloc(2 * n_old, sizeof(*more));

	if (!more)
		return false;
	peers->slots = more;
	peers->n_slots = 2 * n_old;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].member)
			*slot_of(peers, old[i].member, old[i].value,
				 old[i].hash) = old[i];
	tb_free(old);
	return true;
}

static void make_room(struct tb_peers *peers)
{
	if (peers->n < peers->n_slots / 2)
		return;
	if (peers->n_slots == SLOTS_MAX || !grow(peers))
		forget(peers);
}

/* Without room or memory it is not kept. */
static void keep(struct tb_peers *peers, const struct slot *found)
{
	struct slot copy = *found;

	make_room(peers);
	if (tb_arena_strdup(peers->kept, found->value, &copy.value) ||
	    tb_arena_strdup(peers->kept, found->found, &copy.found)) {
		forget(peers);
		return;
	}
	*slot_of(peers, copy.member, copy.value, copy.hash) = copy;
	peers->n++;
}

/* ---- in the store ---- */

/* NULL: there is none, or it is deleted. */
static enum tb_err read_peer(struct tb_peers *peers,
			     const struct tb_collection *target,
			     struct tb_str value, struct tb_record **ret)
{
	struct tb_key key = { .org = peers->org };
	struct tb_record *record = NULL;
	enum tb_err err = tb_render_key(peers->scratch, value, &key.key);

	if (!err && (key.key.n == 0 || key.key.n > TB_KEY_MAX))
		err = TB_ERR_NOT_FOUND;
	if (!err)
		err = tb_core_name_rid(peers->core, peers->tx, peers->org,
				       TB_COLL_COLLECTION, target->name,
				       &key.coll);
	if (!err)
		err = peers->tx->store->ops->find(peers->tx, peers->scratch,
						  &key, 1, &record);
	if (err && err != TB_ERR_NOT_FOUND)
		return err;
	*ret = record && !record->deleted ? record : NULL;
	return TB_OK;
}

/* A member of a body as it is written; `null` where it has none. */
static struct tb_str member_of(struct tb_str body, struct tb_str name)
{
	struct tb_json_members it = tb_json_members(body);

	while (tb_json_members_next(&it))
		if (tb_layout_key_is(it.key, name))
			return it.value;
	return TB_STR("null");
}

static enum tb_err text_of(struct tb_peers *peers,
			   const struct tb_layout_member *member,
			   const struct tb_record *record, struct tb_str *ret)
{
	struct tb_buf *text = &peers->text;
	uint64_t id = record ? tb_record_id(record) : 0;

	tb_buf_reset(text);
	if (record && member->kind == TB_MEMBER_SHOWN)
		tb_buf_append_str(text, member_of(record->body, member->show));
	else if (record && member->target->id_type == TB_ID_STRING)
		tb_json_put_string(text, record->key);
	else if (id > 0)
		tb_buf_append_u64(text, id);
	else
		tb_buf_append_z(text, "null");
	*ret = tb_buf_str(text);
	return tb_buf_err(text);
}

enum tb_err tb_peers_find(void *ctx, const struct tb_layout_member *member,
			  struct tb_str value, struct tb_str *ret)
{
	struct tb_peers *peers = ctx;
	struct slot found = { .member = member,
			      .hash = hash_of(member, value),
			      .value = value };
	struct slot *slot = slot_of(peers, member, value, found.hash);
	struct tb_record *record;
	enum tb_err err;

	if (slot->member) {
		*ret = slot->found;
		return TB_OK;
	}
	tb_arena_reset(peers->scratch);
	err = read_peer(peers, member->target, value, &record);
	if (!err)
		err = text_of(peers, member, record, &found.found);
	if (err)
		return err;
	keep(peers, &found);
	*ret = found.found;
	return TB_OK;
}
