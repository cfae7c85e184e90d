#include "kernel/view.h"

#include "base/assert.h"
#include "kernel/audit.h"
#include "kernel/slots.h"

/* A record's own times differ by this much at least, because browsers keep
 * no more than milliseconds of them. */
#define RECORD_STEP_US 1000

struct pending {
	struct pending *next;
	struct tb_op op;
};

/* How far a feed was walked. */
struct walked {
	struct walked *next;
	uint64_t scope;
	uint64_t num;
};

struct tb_view {
	struct tb_arena *arena;
	struct tb_tx *tx;
	int64_t now_us;
	struct tb_org org;
	bool org_dirty;
	uint64_t changes;
	struct tb_slots slots;
	struct tb_slot *wanted;
	size_t n_wanted;
	struct tb_slot *dirty;
	struct tb_slot **dirty_tail;
	size_t n_dirty;
	struct pending *ops;
	struct pending **ops_tail;
	size_t n_ops;
	struct tb_agenda agenda;
	struct walked *walked;
	uint64_t head_before;
	struct tb_move *moves;
	size_t n_moves;
	size_t cap_moves;
	bool makes_scopes;
};

static void make_org(struct tb_org *org, uint32_t id)
{
	*org = (struct tb_org) { .id = id, .head = TB_NUM_RESERVED };
}

enum tb_err tb_view_create(struct tb_arena *arena, struct tb_tx *tx,
			   uint32_t org, int64_t now_us, struct tb_view **ret)
{
	struct tb_view *view = tb_arena_calloc(arena, 1, sizeof(*view));
	enum tb_err err;

	if (view == NULL)
		return TB_ERR_NOMEM;
	view->arena = arena;
	view->tx = tx;
	view->now_us = now_us;
	view->dirty_tail = &view->dirty;
	view->ops_tail = &view->ops;
	tb_agenda_init(&view->agenda);
	err = tb_slots_init(&view->slots, arena);
	if (err != TB_OK)
		return err;
	err = tx->store->ops->org_get(tx, org, &view->org);
	if (err == TB_ERR_NOT_FOUND && org == TB_ORG_SYSTEM) {
		make_org(&view->org, org);
		view->org_dirty = true;
		err = TB_OK;
	}
	if (err != TB_OK)
		return err;
	view->head_before = view->org.head;
	*ret = view;
	return TB_OK;
}

struct tb_tx *tb_view_tx(struct tb_view *view)
{
	return view->tx;
}

struct tb_arena *tb_view_arena(struct tb_view *view)
{
	return view->arena;
}

int64_t tb_view_now_us(const struct tb_view *view)
{
	return view->now_us;
}

uint32_t tb_view_org_id(const struct tb_view *view)
{
	return view->org.id;
}

const struct tb_org *tb_view_org_row(const struct tb_view *view)
{
	return &view->org;
}

struct tb_org *tb_view_org(struct tb_view *view)
{
	view->org_dirty = true;
	return &view->org;
}

void tb_view_bump_generation(struct tb_view *view)
{
	view->org.generation++;
	view->org_dirty = true;
	view->changes++;
}

static enum tb_err slot_for(struct tb_view *view, uint64_t coll,
			    struct tb_str key, struct tb_slot **ret)
{
	struct tb_key name = { .org = view->org.id, .coll = coll, .key = key };

	return tb_slots_get(&view->slots, &name, ret);
}

static enum tb_err slot_loaded(struct tb_view *view, struct tb_slot *slot,
			       struct tb_record *record)
{
	slot->loaded = true;
	slot->stored = record;
	slot->now = record;
	return record != NULL ? tb_slots_index(&view->slots, slot) : TB_OK;
}

enum tb_err tb_view_want(struct tb_view *view, uint64_t coll, struct tb_str key)
{
	struct tb_slot *slot;
	enum tb_err err = slot_for(view, coll, key, &slot);

	if (err != TB_OK || slot->loaded || slot->wanted)
		return err;
	slot->wanted = true;
	slot->next_wanted = view->wanted;
	view->wanted = slot;
	view->n_wanted++;
	return TB_OK;
}

enum tb_err tb_view_load(struct tb_view *view)
{
	size_t n = view->n_wanted;
	struct tb_key *keys;
	struct tb_record **records;
	struct tb_slot *slot = view->wanted;
	enum tb_err err;

	if (n == 0)
		return TB_OK;
	keys = tb_arena_calloc(view->arena, n, sizeof(*keys));
	records = tb_arena_calloc(view->arena, n, sizeof(*records));
	if (keys == NULL || records == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < n; i++, slot = slot->next_wanted)
		keys[i] = slot->key;
	err = view->tx->store->ops->find(view->tx, view->arena, keys, n,
					 records);
	slot = view->wanted;
	for (size_t i = 0; err == TB_OK && i < n; i++, slot = slot->next_wanted)
		if (!slot->loaded)
			err = slot_loaded(view, slot, records[i]);
	view->wanted = NULL;
	view->n_wanted = 0;
	return err;
}

static enum tb_err slot_read(struct tb_view *view, struct tb_slot *slot)
{
	struct tb_record *record = NULL;
	enum tb_err err;

	if (slot->loaded)
		return TB_OK;
	err = view->tx->store->ops->find(view->tx, view->arena, &slot->key, 1,
					 &record);
	return err == TB_OK ? slot_loaded(view, slot, record) : err;
}

static enum tb_err slot_get(struct tb_view *view, uint64_t coll,
			    struct tb_str key, struct tb_slot **ret)
{
	struct tb_slot *slot;
	enum tb_err err = slot_for(view, coll, key, &slot);

	if (err == TB_OK)
		err = slot_read(view, slot);
	if (err == TB_OK)
		*ret = slot;
	return err;
}

enum tb_err tb_view_get(struct tb_view *view, uint64_t coll, struct tb_str key,
			const struct tb_record **ret)
{
	struct tb_slot *slot;
	enum tb_err err = slot_get(view, coll, key, &slot);

	if (err == TB_OK)
		*ret = slot->now;
	return err;
}

static enum tb_err slot_get_rid(struct tb_view *view, uint64_t rid,
				struct tb_slot **ret)
{
	struct tb_slot *slot = tb_slots_find_rid(&view->slots, rid);
	struct tb_key key = { .org = view->org.id, .rid = rid };
	struct tb_record *record = NULL;
	enum tb_err err;

	if (slot != NULL) {
		*ret = slot;
		return TB_OK;
	}
	err = view->tx->store->ops->find(view->tx, view->arena, &key, 1,
					 &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = slot_for(view, record->coll, record->key, &slot);
	if (err != TB_OK)
		return err;
	/* A slot that is loaded and has another record, or none, replaced the
	 * one with this number. */
	if (slot->loaded)
		return TB_ERR_NOT_FOUND;
	err = slot_loaded(view, slot, record);
	if (err == TB_OK)
		*ret = slot;
	return err;
}

enum tb_err tb_view_get_rid(struct tb_view *view, uint64_t rid,
			    const struct tb_record **ret)
{
	struct tb_slot *slot;
	enum tb_err err = slot_get_rid(view, rid, &slot);

	if (err == TB_ERR_NOT_FOUND) {
		*ret = NULL;
		return TB_OK;
	}
	if (err == TB_OK)
		*ret = slot->now;
	return err;
}

static void mark_dirty(struct tb_view *view, struct tb_slot *slot)
{
	view->changes++;
	if (slot->dirty)
		return;
	slot->dirty = true;
	slot->next_dirty = NULL;
	*view->dirty_tail = slot;
	view->dirty_tail = &slot->next_dirty;
	view->n_dirty++;
}

static enum tb_err next_num(struct tb_view *view, uint64_t *ret)
{
	if (view->org.head >= TB_NUM_MAX)
		return TB_ERR_FULL;
	view->org_dirty = true;
	*ret = ++view->org.head;
	return TB_OK;
}

/* The time of the next change: never before the last one's, unless an import
 * brings its own (`imported_us`, else 0). Those lie before the times of the
 * accounts that the org has already; the importer keeps them apart. */
static int64_t peek_time(const struct tb_view *view, int64_t imported_us,
			 int64_t not_before_us)
{
	int64_t time_us = imported_us != 0 ? imported_us : view->now_us;

	if (imported_us == 0 && time_us <= view->org.last_us)
		time_us = view->org.last_us + 1;
	return time_us < not_before_us ? not_before_us : time_us;
}

static int64_t next_time(struct tb_view *view, int64_t imported_us,
			 int64_t not_before_us)
{
	int64_t time_us = peek_time(view, imported_us, not_before_us);

	if (time_us > view->org.last_us)
		view->org.last_us = time_us;
	return time_us;
}

/* The earliest time of the next change of a record. */
static int64_t not_before(const struct tb_record *old)
{
	return old != NULL ? old->updated_us + RECORD_STEP_US : INT64_MIN;
}

enum tb_err tb_view_pass(struct tb_view *view, uint64_t *ret_num,
			 int64_t *ret_us)
{
	uint64_t num;
	enum tb_err err = next_num(view, &num);

	if (err != TB_OK)
		return err;
	view->changes++;
	*ret_num = num;
	*ret_us = next_time(view, 0, INT64_MIN);
	return TB_OK;
}

int64_t tb_view_next_time(const struct tb_view *view,
			  const struct tb_record *old)
{
	return peek_time(view, 0, not_before(old));
}

static struct tb_record make_record(const struct tb_view *view,
				    const struct tb_slot *slot,
				    const struct tb_put *put,
				    const struct tb_entries_change *change)
{
	const struct tb_record *old = slot->now;
	struct tb_record record = {
		.rid = tb_rid(view->org.id, change->num),
		.coll = put->coll,
		.key = slot->key.key,
		.body = put->body,
		.version = change->num,
		.created_us = change->time_us,
		.updated_us = change->time_us,
		.origin = put->origin,
		.deleted = put->deleted,
	};

	if (old != NULL) {
		record.rid = old->rid;
		record.created_us = old->created_us;
		record.synced_us = old->synced_us;
	}
	if (put->created_us != 0)
		record.created_us = put->created_us;
	if (put->is_synced)
		record.synced_us = record.updated_us;
	return record;
}

/* A record's last place is kept for the index of deleted ones, so that
 * whatever could be written can be deleted. */
static bool has_room(const struct tb_view *view, const struct tb_record *old,
		     const struct tb_entries_change *change)
{
	return tb_entries_count(&view->org, old, change) <
	       TB_ENTRIES_MAX + (size_t)change->deleted;
}

static enum tb_err slot_put(struct tb_view *view, struct tb_slot *slot,
			    const struct tb_put *put,
			    const struct tb_target *targets, size_t n_targets)
{
	const struct tb_record *old = slot->now;
	struct tb_record *record = tb_arena_alloc(view->arena, sizeof(*record));
	struct tb_entries_change change = {
		.targets = targets,
		.n_targets = n_targets,
		.origin = put->origin,
		.move_all = true,
		.deleted = put->deleted,
		.keeps = put->keeps,
	};
	enum tb_err err;

	if (!has_room(view, old, &change))
		return TB_ERR_TOO_LARGE;
	if (record == NULL)
		return TB_ERR_NOMEM;
	err = next_num(view, &change.num);
	if (err != TB_OK)
		return err;
	change.time_us = next_time(view, put->updated_us, not_before(old));
	*record = make_record(view, slot, put, &change);
	err = tb_entries_route(view->arena, &view->org, old, &change,
			       &record->entries, &record->n_entries);
	if (err != TB_OK)
		return err;
	slot->now = record;
	if (old == NULL)
		err = tb_slots_index(&view->slots, slot);
	mark_dirty(view, slot);
	return err;
}

enum tb_err tb_view_put(struct tb_view *view, const struct tb_put *put,
			const struct tb_record **ret)
{
	struct tb_target tombstone = {
		.scope = tb_scope_known(view->org.id, TB_SCOPE_TOMBSTONES),
	};
	struct tb_slot *slot;
	enum tb_err err = slot_get(view, put->coll, put->key, &slot);

	if (err != TB_OK)
		return err;
	if (put->deleted)
		err = slot_put(view, slot, put, &tombstone, 1);
	else
		err = slot_put(view, slot, put, put->targets, put->n_targets);
	if (err == TB_OK && ret != NULL)
		*ret = slot->now;
	return err;
}

/* Gives a slot's record new entries and nothing else. */
static enum tb_err slot_set_entries(struct tb_view *view, struct tb_slot *slot,
				    const struct tb_entry *entries, size_t n)
{
	struct tb_record *record = tb_arena_alloc(view->arena, sizeof(*record));

	if (record == NULL)
		return TB_ERR_NOMEM;
	*record = *slot->now;
	record->entries = entries;
	record->n_entries = n;
	slot->now = record;
	mark_dirty(view, slot);
	return TB_OK;
}

enum tb_err tb_view_touch(struct tb_view *view, uint64_t rid, uint64_t scope,
			  uint32_t origin)
{
	struct tb_entries_change change = { .origin = origin };
	const struct tb_entry *entries;
	struct tb_slot *slot;
	enum tb_err err = slot_get_rid(view, rid, &slot);

	if (err != TB_OK)
		return err;
	if (tb_record_entry(slot->now, scope) == NULL)
		return TB_ERR_NOT_FOUND;
	err = next_num(view, &change.num);
	if (err != TB_OK)
		return err;
	change.time_us = next_time(view, 0, INT64_MIN);
	err = tb_entries_touch(view->arena, &view->org, slot->now, scope,
			       &change, &entries);
	if (err != TB_OK)
		return err;
	return slot_set_entries(view, slot, entries, slot->now->n_entries);
}

/* Gives a slot's record its entries after a change that is no change of the
 * record itself. */
static enum tb_err slot_route(struct tb_view *view, struct tb_slot *slot,
			      struct tb_entries_change *change)
{
	const struct tb_entry *entries;
	size_t n;
	enum tb_err err;

	if (!has_room(view, slot->now, change))
		return TB_ERR_TOO_LARGE;
	err = next_num(view, &change->num);
	if (err != TB_OK)
		return err;
	change->time_us = next_time(view, 0, INT64_MIN);
	err = tb_entries_route(view->arena, &view->org, slot->now, change,
			       &entries, &n);
	return err == TB_OK ? slot_set_entries(view, slot, entries, n) : err;
}

enum tb_err tb_view_reroute(struct tb_view *view, uint64_t rid,
			    const struct tb_target *targets, size_t n_targets,
			    uint8_t keeps, uint32_t origin)
{
	struct tb_entries_change change = {
		.targets = targets,
		.n_targets = n_targets,
		.origin = origin,
		.keeps = keeps,
	};
	struct tb_slot *slot;
	enum tb_err err = slot_get_rid(view, rid, &slot);

	if (err != TB_OK)
		return err;
	if (tb_entries_are_routed(slot->now, targets, n_targets, keeps))
		return TB_OK;
	return slot_route(view, slot, &change);
}

/* The places of a record as targets, but for the one in `scope`. */
static enum tb_err other_targets(struct tb_view *view,
				 const struct tb_record *record, uint64_t scope,
				 struct tb_target **ret, size_t *ret_n)
{
	struct tb_target *targets = tb_arena_calloc(
		view->arena, record->n_entries + 1, sizeof(*targets));
	size_t n = 0;

	if (targets == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];

		if (entry->scope != scope &&
		    (entry->flags & TB_ENTRY_PRESENT) &&
		    !(entry->flags & TB_ENTRY_FIXED))
			targets[n++] = (struct tb_target) {
				.scope = entry->scope,
				.flags = entry->flags,
			};
	}
	*ret = targets;
	*ret_n = n;
	return TB_OK;
}

enum tb_err tb_view_set_place(struct tb_view *view, uint64_t rid,
			      uint64_t scope, uint8_t flags)
{
	struct tb_entries_change change = { .origin = TB_ORIGIN_CENTRE };
	const struct tb_entry *entry;
	struct tb_target *targets;
	struct tb_slot *slot;
	bool is_in;
	enum tb_err err = slot_get_rid(view, rid, &slot);

	if (err != TB_OK)
		return err;
	entry = tb_record_entry(slot->now, scope);
	is_in = entry != NULL && (entry->flags & TB_ENTRY_PRESENT);
	if (is_in == ((flags & TB_ENTRY_PRESENT) != 0))
		return TB_OK;
	err = other_targets(view, slot->now, scope, &targets,
			    &change.n_targets);
	if (err != TB_OK)
		return err;
	if (flags & TB_ENTRY_PRESENT)
		targets[change.n_targets++] = (struct tb_target) {
			.scope = scope,
			.flags = flags,
		};
	change.targets = targets;
	return slot_route(view, slot, &change);
}

static bool is_among(const uint64_t *scopes, size_t n, uint64_t scope)
{
	for (size_t i = 0; i < n; i++)
		if (scopes[i] == scope)
			return true;
	return false;
}

enum tb_err tb_view_forget_places(struct tb_view *view, uint64_t rid,
				  const uint64_t *scopes, size_t n)
{
	struct tb_entry *entries;
	struct tb_slot *slot;
	size_t n_left = 0;
	enum tb_err err = slot_get_rid(view, rid, &slot);

	if (err != TB_OK)
		return err;
	entries = tb_arena_calloc(view->arena, slot->now->n_entries,
				  sizeof(*entries));
	if (entries == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < slot->now->n_entries; i++)
		if (!is_among(scopes, n, slot->now->entries[i].scope))
			entries[n_left++] = slot->now->entries[i];
	return slot_set_entries(view, slot, entries, n_left);
}

enum tb_err tb_view_touch_sight(struct tb_view *view, uint64_t rid)
{
	struct tb_entries_change change = { .origin = TB_ORIGIN_CENTRE };
	const struct tb_entry *entries;
	struct tb_slot *slot;
	enum tb_err err = slot_get_rid(view, rid, &slot);

	if (err == TB_OK)
		err = next_num(view, &change.num);
	if (err != TB_OK)
		return err;
	change.time_us = next_time(view, 0, INT64_MIN);
	err = tb_entries_touch_flagged(view->arena, &view->org, slot->now,
				       TB_ENTRY_SIGHT | TB_ENTRY_PRESENT,
				       &change, &entries);
	return err == TB_OK ? slot_set_entries(view, slot, entries,
					       slot->now->n_entries)
			    : err;
}

enum tb_err tb_view_put_silent(struct tb_view *view, uint64_t coll,
			       struct tb_str key, struct tb_str body)
{
	struct tb_record *record;
	struct tb_slot *slot;
	enum tb_err err = slot_get(view, coll, key, &slot);

	if (err != TB_OK)
		return err;
	record = tb_arena_calloc(view->arena, 1, sizeof(*record));
	if (record == NULL)
		return TB_ERR_NOMEM;
	if (slot->now != NULL) {
		*record = *slot->now;
	} else {
		/* Its rid needs a number of its own, though nobody sees it. */
		err = next_num(view, &record->version);
		if (err != TB_OK)
			return err;
		record->rid = tb_rid(view->org.id, record->version);
		record->coll = coll;
		record->key = slot->key.key;
		record->created_us = view->now_us;
		record->updated_us = view->now_us;
	}
	record->body = body;
	if (slot->now == NULL) {
		slot->now = record;
		err = tb_slots_index(&view->slots, slot);
	}
	slot->now = record;
	mark_dirty(view, slot);
	return err;
}

enum tb_err tb_view_remove(struct tb_view *view, uint64_t coll,
			   struct tb_str key)
{
	struct tb_slot *slot;
	enum tb_err err = slot_get(view, coll, key, &slot);

	if (err != TB_OK || slot->now == NULL)
		return err;
	tb_slots_unindex(&view->slots, slot);
	slot->now = NULL;
	mark_dirty(view, slot);
	return TB_OK;
}

enum tb_err tb_view_name(struct tb_view *view, uint64_t coll,
			 struct tb_str name, uint64_t *ret)
{
	struct tb_target target = {
		.scope = tb_scope_known(view->org.id, TB_SCOPE_NAMES),
	};
	struct tb_put put = { .coll = coll,
			      .key = name,
			      .body = TB_STR("{}"),
			      .targets = &target,
			      .n_targets = 1 };
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, coll, name, &record);

	if (err == TB_OK && record == NULL)
		err = tb_view_put(view, &put, &record);
	if (err == TB_OK)
		*ret = record->rid;
	return err;
}

static enum tb_err scope_name(struct tb_view *view, const char *prefix,
			      struct tb_str id, struct tb_str *ret)
{
	return tb_arena_printf(view->arena, ret, "%s%.*s", prefix,
			       TB_STR_ARG(id));
}

enum tb_err tb_view_scope(struct tb_view *view, const char *prefix,
			  struct tb_str id, uint64_t *ret)
{
	struct tb_str name;
	enum tb_err err = scope_name(view, prefix, id, &name);

	return err == TB_OK ? tb_view_name(view, TB_COLL_SCOPE, name, ret)
			    : err;
}

enum tb_err tb_view_find_scope(struct tb_view *view, const char *prefix,
			       struct tb_str id, uint64_t *ret)
{
	const struct tb_record *record;
	struct tb_str name;
	enum tb_err err = scope_name(view, prefix, id, &name);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_SCOPE, name, &record);
	if (err == TB_OK)
		*ret = record != NULL ? record->rid : 0;
	return err;
}

static enum tb_err add_op(struct tb_view *view, const struct tb_op *op)
{
	struct pending *pending =
		tb_arena_calloc(view->arena, 1, sizeof(*pending));

	if (pending == NULL)
		return TB_ERR_NOMEM;
	pending->op = *op;
	pending->op.org_id = view->org.id;
	*view->ops_tail = pending;
	view->ops_tail = &pending->next;
	view->n_ops++;
	view->changes++;
	return TB_OK;
}

enum tb_err tb_view_link(struct tb_view *view, uint64_t coll, struct tb_str key,
			 uint64_t child)
{
	return add_op(view, &(struct tb_op) { .kind = TB_OP_LINK,
					      .link_coll = coll,
					      .link_key = key,
					      .link_child = child });
}

enum tb_err tb_view_unlink(struct tb_view *view, uint64_t coll,
			   struct tb_str key, uint64_t child)
{
	return add_op(view, &(struct tb_op) { .kind = TB_OP_UNLINK,
					      .link_coll = coll,
					      .link_key = key,
					      .link_child = child });
}

enum tb_err tb_view_add_org(struct tb_view *view, const struct tb_org *org)
{
	struct tb_org *copy = tb_arena_alloc(view->arena, sizeof(*copy));

	TB_ASSERT(view->org.id == TB_ORG_SYSTEM);
	if (copy == NULL)
		return TB_ERR_NOMEM;
	*copy = *org;
	return add_op(view, &(struct tb_op) { .kind = TB_OP_ORG, .org = copy });
}

struct tb_agenda *tb_view_agenda(struct tb_view *view)
{
	return &view->agenda;
}

enum tb_err tb_view_audit(struct tb_view *view, const struct tb_audit_row *row)
{
	struct tb_op op = { .kind = TB_OP_AUDIT, .audit = *row };
	struct tb_org *org = &view->org;

	op.audit.n = ++org->audit_n;
	tb_audit_hash(org->audit_hash, row->row, op.audit.hash);
	memcpy(org->audit_hash, op.audit.hash, sizeof(org->audit_hash));
	view->org_dirty = true;
	return add_op(view, &op);
}

enum tb_err tb_view_audit_forget(struct tb_view *view, enum tb_op_kind kind,
				 uint64_t n)
{
	struct tb_op op = { .kind = kind, .audit.n = n };

	TB_ASSERT(kind == TB_OP_AUDIT_ERASE || kind == TB_OP_AUDIT_DROP);
	return add_op(view, &op);
}

static struct walked *find_walked(const struct tb_view *view, uint64_t scope)
{
	struct walked *walked = view->walked;

	while (walked != NULL && walked->scope != scope)
		walked = walked->next;
	return walked;
}

uint64_t tb_view_walked(const struct tb_view *view, uint64_t scope)
{
	const struct walked *walked = find_walked(view, scope);

	return walked != NULL ? walked->num : 0;
}

enum tb_err tb_view_set_walked(struct tb_view *view, uint64_t scope,
			       uint64_t num)
{
	struct walked *walked = find_walked(view, scope);

	if (walked == NULL) {
		walked = tb_arena_calloc(view->arena, 1, sizeof(*walked));
		if (walked == NULL)
			return TB_ERR_NOMEM;
		walked->scope = scope;
		walked->next = view->walked;
		view->walked = walked;
	}
	walked->num = num;
	return TB_OK;
}

uint64_t tb_view_changes(const struct tb_view *view)
{
	return view->changes;
}

bool tb_view_is_dirty(const struct tb_view *view)
{
	return view->n_dirty > 0 || view->n_ops > 0 || view->org_dirty;
}

static enum tb_err add_move(struct tb_view *view, const struct tb_entry *entry)
{
	if (view->n_moves == view->cap_moves) {
		size_t cap = view->cap_moves > 0 ? view->cap_moves * 2 : 64;
		struct tb_move *moves =
			tb_arena_calloc(view->arena, cap, sizeof(*moves));

		if (moves == NULL)
			return TB_ERR_NOMEM;
		if (view->n_moves > 0)
			memcpy(moves, view->moves,
			       view->n_moves * sizeof(*moves));
		view->moves = moves;
		view->cap_moves = cap;
	}
	view->moves[view->n_moves++] =
		(struct tb_move) { entry->scope, entry->num };
	return TB_OK;
}

/* True if a feed has numbers of the org's order. */
static bool is_in_order(const struct tb_entry *entry)
{
	uint64_t known = entry->scope & TB_NUM_MAX;

	return known != TB_SCOPE_CENTRAL && known != TB_SCOPE_EVENTS &&
	       !(entry->flags & TB_ENTRY_FIXED);
}

/* What a record's entries took of the numbers given in this view. */
static enum tb_err note_moves(struct tb_view *view,
			      const struct tb_record *record)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];

		if (is_in_order(entry) && entry->num > view->head_before)
			err = add_move(view, entry);
	}
	return err;
}

struct tb_moves tb_view_moves(const struct tb_view *view)
{
	return (struct tb_moves) {
		.head_before = view->head_before,
		.list = view->moves,
		.n = view->n_moves,
		.makes_scopes = view->makes_scopes,
	};
}

/* Appends the operations that bring a slot's record to the store. */
static size_t flush_slot(const struct tb_view *view, struct tb_slot *slot,
			 struct tb_op *ops)
{
	const struct tb_record *old = slot->stored;
	size_t n = 0;

	slot->dirty = false;
	if (old != NULL && (slot->now == NULL || slot->now->rid != old->rid)) {
		ops[n++] = (struct tb_op) { .kind = TB_OP_REMOVE,
					    .org_id = view->org.id,
					    .old = old };
		old = NULL;
	}
	if (slot->now != NULL)
		ops[n++] = (struct tb_op) { .kind = TB_OP_RECORD,
					    .org_id = view->org.id,
					    .record = slot->now,
					    .old = old };
	slot->stored = slot->now;
	return n;
}

static bool is_new_scope(const struct tb_slot *slot)
{
	return slot->stored == NULL && slot->now != NULL &&
	       slot->now->coll == TB_COLL_SCOPE;
}

enum tb_err tb_view_flush(struct tb_view *view)
{
	size_t max = 2 * view->n_dirty + view->n_ops + 1;
	enum tb_err err = TB_OK;
	struct tb_op *ops;
	size_t n = 0;

	if (!tb_view_is_dirty(view))
		return TB_OK;
	ops = tb_arena_calloc(view->arena, max, sizeof(*ops));
	if (ops == NULL)
		return TB_ERR_NOMEM;
	for (struct tb_slot *s = view->dirty; s != NULL; s = s->next_dirty) {
		view->makes_scopes |= is_new_scope(s);
		n += flush_slot(view, s, &ops[n]);
		if (s->now != NULL)
			err = note_moves(view, s->now);
		if (err != TB_OK)
			return err;
	}
	for (struct pending *p = view->ops; p != NULL; p = p->next)
		ops[n++] = p->op;
	if (view->org_dirty)
		ops[n++] = (struct tb_op) { .kind = TB_OP_ORG,
					    .org_id = view->org.id,
					    .org = &view->org };
	TB_ASSERT(n <= max);
	view->dirty = NULL;
	view->dirty_tail = &view->dirty;
	view->n_dirty = 0;
	view->ops = NULL;
	view->ops_tail = &view->ops;
	view->n_ops = 0;
	view->org_dirty = false;
	return view->tx->store->ops->apply(view->tx, ops, n);
}
