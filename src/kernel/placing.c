#include "kernel/placing.h"

#include "kernel/counter.h"
#include "kernel/history.h"
#include "kernel/sight.h"
#include "kernel/traces.h"

/* Places of those who see a record, and its id: beside them there is one for
 * each indexed field. */
#define SIGHT_MAX (TB_INDEXED_MAX + 2)

/* ---- ids ---- */

static enum tb_err next_id_name(struct tb_arena *arena,
				const struct tb_collection *collection,
				struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "next_id/%.*s",
			       TB_STR_ARG(collection->name));
}

/* Nothing was given yet: the first id is 1. */
static uint64_t at_least_one(uint64_t id)
{
	return id > 0 ? id : 1;
}

enum tb_err tb_place_next_id(struct tb_view *view,
			     const struct tb_collection *collection,
			     uint64_t *ret)
{
	struct tb_str name;
	uint64_t id = 0;
	enum tb_err err = next_id_name(tb_view_arena(view), collection, &name);

	if (err == TB_OK)
		err = tb_counter_get(view, name, &id);
	if (err == TB_OK)
		*ret = at_least_one(id);
	return err;
}

enum tb_err tb_place_read_next_id(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org,
				  const struct tb_collection *collection,
				  uint64_t *ret)
{
	struct tb_str name;
	uint64_t id = 0;
	enum tb_err err = next_id_name(arena, collection, &name);

	if (err == TB_OK)
		err = tb_counter_read(tx, arena, org, name, &id);
	if (err == TB_OK)
		*ret = at_least_one(id);
	return err;
}

static enum tb_err keep_next_id(struct tb_view *view,
				const struct tb_collection *collection,
				uint64_t next)
{
	struct tb_str name;
	enum tb_err err = next_id_name(tb_view_arena(view), collection, &name);

	return err == TB_OK ? tb_counter_put(view, name, next) : err;
}

enum tb_err tb_place_spend_id(struct tb_view *view,
			      const struct tb_collection *collection,
			      uint64_t id)
{
	uint64_t next = 0;
	enum tb_err err = tb_place_next_id(view, collection, &next);

	return err == TB_OK && id >= next && id <= TB_FIXED_NUM_MAX
		       ? keep_next_id(view, collection, id + 1)
		       : err;
}

/* The counter of the highest id in a feed of ids whose record is there no
 * more. */
static enum tb_err dropped_name(struct tb_view *view, uint64_t scope,
				struct tb_str *ret)
{
	return tb_arena_printf(tb_view_arena(view), ret, "dropped_id/%llu",
			       (unsigned long long)scope);
}

static enum tb_err highest_dropped(struct tb_view *view, uint64_t scope,
				   uint64_t *ret)
{
	struct tb_str name;
	enum tb_err err = dropped_name(view, scope, &name);

	return err == TB_OK ? tb_counter_get(view, name, ret) : err;
}

static enum tb_err note_dropped(struct tb_view *view,
				const struct tb_entry *entry)
{
	struct tb_str name;
	uint64_t highest = 0;
	enum tb_err err = dropped_name(view, entry->scope, &name);

	if (err == TB_OK)
		err = tb_counter_get(view, name, &highest);
	return err == TB_OK && entry->num > highest
		       ? tb_counter_put(view, name, entry->num)
		       : err;
}

enum tb_err tb_place_forget(struct tb_view *view,
			    const struct tb_record *record)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < record->n_entries; i++)
		if (record->entries[i].flags & TB_ENTRY_FIXED)
			err = note_dropped(view, &record->entries[i]);
	return err == TB_OK ? tb_view_remove(view, record->coll, record->key)
			    : err;
}

/* EXISTS: a record has this id, this group's changes included. NOT_FOUND. */
static enum tb_err check_free(struct tb_view *view, uint64_t scope, uint64_t id)
{
	struct tb_tx *tx = tb_view_tx(view);
	struct tb_feed_query query = {
		.scope = scope,
		.after = id - 1,
		.until = id,
		.limit = 1,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tb_view_flush(view);

	if (err == TB_OK)
		err = tx->store->ops->feed_open(tx, &query, &cursor);
	if (err != TB_OK)
		return err;
	err = tx->store->ops->feed_next(cursor, &row);
	tx->store->ops->feed_close(cursor);
	return err == TB_OK ? TB_ERR_EXISTS : err;
}

/* An id below the next one may have been given, or not. No id is given again
 * that a record had which is there no more: which it was is not known any
 * more, so that all below the highest are out of the question. */
static enum tb_err check_unused(struct tb_view *view, uint64_t scope,
				uint64_t id)
{
	uint64_t dropped = 0;
	enum tb_err err = highest_dropped(view, scope, &dropped);

	if (err == TB_OK && id <= dropped)
		return TB_ERR_EXISTS;
	if (err == TB_OK)
		err = check_free(view, scope, id);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* Chooses the id of a record that has none yet. A key that looks like an id is
 * that id's record. */
static enum tb_err choose_id(struct tb_view *view,
			     const struct tb_placement *placement,
			     uint64_t scope, uint64_t *ret)
{
	uint64_t next = 0;
	enum tb_err err = tb_place_next_id(view, placement->collection, &next);

	if (err != TB_OK)
		return err;
	if (!tb_sight_is_id(placement->key, ret))
		*ret = placement->id != 0 ? placement->id : next;
	if (*ret > TB_FIXED_NUM_MAX)
		return TB_ERR_FULL;
	if (*ret < next)
		return check_unused(view, scope, *ret);
	return keep_next_id(view, placement->collection, *ret + 1);
}

static enum tb_err add_id(struct tb_view *view, struct tb_placement *placement)
{
	struct tb_target target = { .flags = TB_ENTRY_FIXED };
	struct tb_str name;
	enum tb_err err;

	if (placement->collection->id_type != TB_ID_INTEGER ||
	    (placement->old != NULL && tb_record_id(placement->old) != 0))
		return TB_OK;
	err = tb_sight_ids_name(tb_view_arena(view), placement->collection,
				&name);
	if (err == TB_OK)
		err = tb_view_name(view, TB_COLL_SCOPE, name, &target.scope);
	if (err == TB_OK)
		err = choose_id(view, placement, target.scope, &target.num);
	if (err == TB_OK)
		tb_route_plan_add(&placement->plan, &target);
	return err;
}

/* ---- who sees it ---- */

static enum tb_err add_named(struct tb_view *view, struct tb_route_plan *plan,
			     struct tb_str name)
{
	struct tb_target target = { .flags = TB_ENTRY_SIGHT };
	enum tb_err err =
		tb_view_name(view, TB_COLL_SCOPE, name, &target.scope);

	if (err == TB_OK)
		tb_route_plan_add(plan, &target);
	return err;
}

static enum tb_err add_all(struct tb_view *view, struct tb_placement *placement)
{
	struct tb_str name;
	enum tb_err err = tb_sight_all_name(tb_view_arena(view),
					    placement->collection, &name);

	return err == TB_OK ? add_named(view, &placement->plan, name) : err;
}

static enum tb_err add_value(struct tb_view *view,
			     struct tb_placement *placement, size_t i)
{
	const struct tb_collection *collection = placement->collection;
	struct tb_str field = collection->indexed[i];
	struct tb_str value = TB_STR_NONE;
	struct tb_str name;
	enum tb_err err;

	if (tb_str_eq(field, TB_SIGHT_SELF))
		value = placement->key;
	else if (placement->words.indexed != NULL)
		value = placement->words.indexed[i];
	if (value.p == NULL || value.n > TB_SIGHT_VALUE_MAX_BYTES)
		return TB_OK;
	err = tb_sight_value_name(tb_view_arena(view), collection, field, value,
				  &name);
	return err == TB_OK ? add_named(view, &placement->plan, name) : err;
}

/* Adds what a collection that is shown as a resource, or referred to by one,
 * adds to the places of its records. */
static enum tb_err add_sight(struct tb_view *view,
			     struct tb_placement *placement)
{
	const struct tb_collection *collection = placement->collection;
	enum tb_err err;

	if (collection == NULL || (collection->path.p == NULL &&
				   collection->id_type != TB_ID_INTEGER))
		return TB_OK;
	err = tb_route_plan_reserve(view, &placement->plan, SIGHT_MAX);
	if (err == TB_OK)
		err = add_id(view, placement);
	if (err != TB_OK || collection->path.p == NULL)
		return err;
	err = add_all(view, placement);
	for (size_t i = 0; err == TB_OK && i < collection->n_indexed; i++)
		err = add_value(view, placement, i);
	return err;
}

/* ---- links ---- */

/* What a record hangs below. `recheck.scope` is not 0: who sees the record
 * (recheck.coll, recheck.key) depends on it. */
struct hook {
	uint64_t coll;
	struct tb_str key;
	struct tb_recheck recheck;
};

struct hooks {
	struct hook *list;
	size_t n;
};

static bool has_hook(const struct hooks *hooks, const struct hook *hook)
{
	for (size_t i = 0; i < hooks->n; i++)
		if (hooks->list[i].coll == hook->coll &&
		    tb_str_eq(hooks->list[i].key, hook->key))
			return true;
	return false;
}

static enum tb_err add_hook(struct tb_view *view, struct hooks *hooks,
			    struct tb_str collection, struct tb_str key)
{
	struct hook hook = { .key = key };
	enum tb_err err =
		tb_view_name(view, TB_COLL_COLLECTION, collection, &hook.coll);

	if (err == TB_OK && !has_hook(hooks, &hook))
		hooks->list[hooks->n++] = hook;
	return err;
}

static enum tb_err add_showing(struct tb_view *view, struct hooks *hooks,
			       const struct tb_collection *from,
			       const struct tb_showing *showing)
{
	const struct tb_derivation *by = showing->by;
	struct hook hook = { .key = showing->key };
	struct tb_str name;
	enum tb_err err = TB_OK;

	if (showing->owner.n > TB_SIGHT_VALUE_MAX_BYTES)
		return TB_OK;
	err = tb_sight_derived_name(tb_view_arena(view), by->to, from,
				    by->reference, by->field, showing->owner,
				    &name);
	if (err == TB_OK)
		err = tb_view_name(view, TB_COLL_SCOPE, name, &hook.coll);
	if (err == TB_OK)
		err = tb_view_name(view, TB_COLL_COLLECTION, by->to->name,
				   &hook.recheck.coll);
	if (err != TB_OK || has_hook(hooks, &hook))
		return err;
	hook.recheck.scope = hook.coll;
	hook.recheck.key = showing->key;
	hooks->list[hooks->n++] = hook;
	return TB_OK;
}

/* Everything that the words of a body hang its record below. */
static enum tb_err collect(struct tb_view *view,
			   const struct tb_collection *collection,
			   const struct tb_route_words *words,
			   struct hooks *ret)
{
	size_t max = 1 + words->n_references + words->n_showings;
	struct hooks hooks = {
		.list = tb_arena_calloc(tb_view_arena(view), max,
					sizeof(*hooks.list)),
	};
	enum tb_err err = hooks.list != NULL ? TB_OK : TB_ERR_NOMEM;

	if (err == TB_OK && collection->routing == TB_ROUTING_PARENT &&
	    words->home.p != NULL)
		err = add_hook(view, &hooks, collection->parent, words->home);
	for (size_t i = 0; err == TB_OK && i < words->n_references; i++)
		err = add_hook(view, &hooks, words->references[i].collection,
			       words->references[i].key);
	for (size_t i = 0; err == TB_OK && i < words->n_showings; i++)
		err = add_showing(view, &hooks, collection,
				  &words->showings[i]);
	if (err == TB_OK)
		*ret = hooks;
	return err;
}

static enum tb_err hook_changed(struct tb_view *view, const struct hook *hook)
{
	if (hook->recheck.scope == 0)
		return TB_OK;
	return tb_agenda_recheck(tb_view_agenda(view), tb_view_arena(view),
				 &hook->recheck);
}

/* Takes the record off what it is not hung below any more, and hangs it below
 * what is new. */
static enum tb_err exchange(struct tb_view *view, const struct hooks *before,
			    const struct hooks *after, uint64_t child)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < before->n; i++) {
		const struct hook *hook = &before->list[i];

		if (has_hook(after, hook))
			continue;
		err = tb_view_unlink(view, hook->coll, hook->key, child);
		if (err == TB_OK)
			err = hook_changed(view, hook);
	}
	for (size_t i = 0; err == TB_OK && i < after->n; i++) {
		const struct hook *hook = &after->list[i];

		if (has_hook(before, hook))
			continue;
		err = tb_view_link(view, hook->coll, hook->key, child);
		if (err == TB_OK)
			err = hook_changed(view, hook);
	}
	return err;
}

/* True if records of the collection hang below others. */
static bool hangs(const struct tb_collection *collection)
{
	return collection != NULL &&
	       (collection->routing == TB_ROUTING_PARENT ||
		collection->n_references > 0 || collection->n_derivations > 0);
}

static enum tb_err relink(struct tb_view *view,
			  const struct tb_placement *placement,
			  const struct tb_route_words *words_before,
			  uint64_t child)
{
	const struct tb_collection *collection = placement->collection;
	struct hooks before = { .n = 0 };
	struct hooks after = { .n = 0 };
	enum tb_err err = TB_OK;

	if (!hangs(collection))
		return TB_OK;
	if (placement->old != NULL && !placement->old->deleted)
		err = collect(view, collection, words_before, &before);
	if (err == TB_OK && !placement->deleted)
		err = collect(view, collection, &placement->words, &after);
	return err == TB_OK ? exchange(view, &before, &after, child) : err;
}

/* ---- what depends on it ---- */

static bool is_shown_alike(const struct tb_collection *collection,
			   const struct tb_route_words *a,
			   const struct tb_route_words *b)
{
	/* A stored body that could not be read shows nothing. */
	if (a->shown == NULL || b->shown == NULL)
		return collection->n_shown == 0;
	for (size_t i = 0; i < collection->n_shown; i++)
		if (!tb_str_eq(a->shown[i], b->shown[i]))
			return false;
	return true;
}

static unsigned follow_reasons(const struct tb_placement *placement,
			       const struct tb_route_words *words_before)
{
	const struct tb_collection *collection = placement->collection;
	const struct tb_record *old = placement->old;
	bool was_there = old != NULL && !old->deleted;
	unsigned reasons = 0;

	if (collection->is_parent)
		reasons |= TB_FOLLOW_ROUTE;
	if (collection->is_derived && !was_there && !placement->deleted)
		reasons |= TB_FOLLOW_SIGHT;
	if (collection->is_shown &&
	    (was_there == placement->deleted ||
	     (was_there &&
	      !is_shown_alike(collection, words_before, &placement->words))))
		reasons |= TB_FOLLOW_SHOW;
	return reasons;
}

static enum tb_err let_follow(struct tb_view *view,
			      const struct tb_placement *placement,
			      const struct tb_route_words *words_before,
			      uint64_t rid)
{
	unsigned reasons = 0;

	if (placement->collection != NULL)
		reasons = follow_reasons(placement, words_before);
	return reasons != 0
		       ? tb_agenda_follow(tb_view_agenda(view),
					  tb_view_arena(view), rid, reasons)
		       : TB_OK;
}

/* ---- writing ---- */

static enum tb_err words_of(struct tb_view *view,
			    const struct tb_placement *placement,
			    struct tb_route_words *ret)
{
	*ret = (struct tb_route_words) { .n_also = 0 };
	if (placement->old == NULL || placement->old->deleted)
		return TB_OK;
	if (!hangs(placement->collection) &&
	    (placement->collection == NULL ||
	     placement->collection->n_shown == 0))
		return TB_OK;
	return tb_routing_extract_stored(tb_view_arena(view),
					 placement->collection,
					 placement->old->body, ret);
}

enum tb_err tb_place_plan(struct tb_view *view, struct tb_placement *placement)
{
	return tb_routing_plan(view, placement->collection, &placement->words,
			       placement->site_scope, placement->makes_stores,
			       &placement->plan);
}

enum tb_err tb_place_keep(struct tb_view *view, struct tb_placement *placement)
{
	struct tb_target target = { .scope = placement->site_scope,
				    .flags = TB_ENTRY_HOME };
	enum tb_err err = tb_route_plan_reserve(view, &placement->plan, 1);

	if (err != TB_OK)
		return err;
	tb_route_plan_add(&placement->plan, &target);
	placement->plan.home = target.scope;
	return TB_OK;
}

static enum tb_err put_record(struct tb_view *view,
			      const struct tb_placement *placement,
			      const struct tb_record **ret)
{
	struct tb_put put = {
		.coll = placement->coll,
		.key = placement->key,
		.body = placement->body,
		.origin = placement->origin,
		.deleted = placement->deleted,
		.targets = placement->plan.targets,
		.n_targets = placement->plan.n_targets,
		.keeps = TB_ENTRY_DERIVED,
		.is_synced = placement->is_synced,
		.created_us = placement->created_us,
		.updated_us = placement->updated_us,
	};

	return tb_view_put(view, &put, ret);
}

/* Before the record is written: its places may leave no room. */
static enum tb_err make_room(struct tb_view *view,
			     struct tb_placement *placement)
{
	uint64_t rid = placement->old != NULL ? placement->old->rid : 0;
	enum tb_err err = TB_OK;

	if (rid == 0)
		return TB_OK;
	err = tb_traces_make_room(view, placement->collection, rid);
	return err == TB_OK ? tb_view_get_rid(view, rid, &placement->old) : err;
}

enum tb_err tb_place_write(struct tb_view *view, struct tb_placement *placement,
			   const struct tb_record **ret)
{
	struct tb_route_words words_before;
	const struct tb_record *record;
	enum tb_err err = make_room(view, placement);

	if (err == TB_OK)
		err = words_of(view, placement, &words_before);
	if (err == TB_OK && !placement->deleted)
		err = tb_routing_plan_also(view, &placement->words,
					   &placement->plan);
	if (err == TB_OK && !placement->deleted)
		err = add_sight(view, placement);
	if (err == TB_OK)
		err = put_record(view, placement, &record);
	if (err == TB_OK)
		err = tb_history_keep(view, placement->collection,
				      placement->old);
	if (err == TB_OK)
		err = relink(view, placement, &words_before, record->rid);
	if (err == TB_OK)
		err = let_follow(view, placement, &words_before, record->rid);
	if (err == TB_OK && ret != NULL)
		*ret = record;
	return err;
}

/* ---- placing anew ---- */

/* A record whose body names no home any more stays where it is. */
static enum tb_err keep_places(struct tb_view *view,
			       const struct tb_record *record,
			       struct tb_route_plan *plan)
{
	enum tb_err err = tb_route_plan_reserve(view, plan, record->n_entries);

	for (size_t i = 0; err == TB_OK && i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];
		struct tb_target target = { .scope = entry->scope,
					    .flags = entry->flags };

		if ((entry->flags & TB_ENTRY_PRESENT) &&
		    !(entry->flags & (TB_ENTRY_SIGHT | TB_ENTRY_FIXED)))
			tb_route_plan_add(plan, &target);
	}
	return err;
}

static enum tb_err plan_anew(struct tb_view *view,
			     struct tb_placement *placement)
{
	const struct tb_record *record = placement->old;
	struct tb_str id;
	enum tb_err err = tb_arena_printf(tb_view_arena(view), &id, "%u",
					  (unsigned)record->origin);

	if (err == TB_OK)
		err = tb_view_scope(view, TB_SCOPE_SITE_PREFIX, id,
				    &placement->site_scope);
	if (err == TB_OK)
		err = tb_routing_extract_stored(
			tb_view_arena(view), placement->collection,
			record->body, &placement->words);
	if (err == TB_OK)
		err = tb_place_plan(view, placement);
	if (err != TB_OK)
		return err;
	if (placement->plan.home == 0)
		err = keep_places(view, record, &placement->plan);
	else
		err = tb_routing_plan_also(view, &placement->words,
					   &placement->plan);
	return err == TB_OK ? add_sight(view, placement) : err;
}

/* Those who saw a record by a rule that is no more do not see it any more. */
static enum tb_err recheck_sight(struct tb_view *view,
				 const struct tb_record *record)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < record->n_entries; i++) {
		const struct tb_recheck recheck = {
			.scope = record->entries[i].scope,
			.coll = record->coll,
			.key = record->key,
		};

		if (record->entries[i].flags & TB_ENTRY_DERIVED)
			err = tb_agenda_recheck(tb_view_agenda(view),
						tb_view_arena(view), &recheck);
	}
	return err;
}

enum tb_err tb_place_anew(struct tb_view *view,
			  const struct tb_declaration *declaration,
			  uint64_t rid)
{
	struct tb_placement placement = { .makes_stores = true };
	struct tb_route_words nothing = { .n_also = 0 };
	enum tb_err err = tb_view_get_rid(view, rid, &placement.old);

	if (err != TB_OK || placement.old == NULL || placement.old->deleted)
		return err;
	placement.key = placement.old->key;
	err = tb_routing_collection(view, declaration, placement.old,
				    &placement.collection);
	if (err == TB_OK)
		err = plan_anew(view, &placement);
	if (err == TB_OK)
		err = tb_view_reroute(view, rid, placement.plan.targets,
				      placement.plan.n_targets,
				      TB_ENTRY_DERIVED, TB_ORIGIN_CENTRE);
	if (err == TB_OK)
		err = recheck_sight(view, placement.old);
	/* As if it were new: what hangs already stays. */
	placement.old = NULL;
	if (err == TB_OK)
		err = relink(view, &placement, &nothing, rid);
	return err == TB_OK ? let_follow(view, &placement, &nothing, rid) : err;
}
