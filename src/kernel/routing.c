#include "kernel/routing.h"

#include "base/assert.h"
#include "codec/json.h"

/* A merged record names its survivor; chains of merges are followed so far. */
#define MERGE_HOPS_MAX 8
#define MERGED_INTO TB_STR("merged_into")

static const struct tb_json_limits member_limits = {
	.max_depth = 64,
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

/* A value that names a record: a non-empty string, or a number as it is
 * written. */
static enum tb_err name_of(struct tb_arena *arena, struct tb_json_value v,
			   struct tb_str *ret)
{
	*ret = TB_STR_NONE;
	if (tb_json_is(v, TB_JSON_NUMBER))
		*ret = tb_json_raw(v);
	if (!tb_json_is(v, TB_JSON_STRING))
		return TB_OK;
	if (tb_json_raw(v).n > 2)
		return tb_json_string(arena, v, ret);
	return TB_OK;
}

static enum tb_err name_member(struct tb_arena *arena,
			       struct tb_json_value object, struct tb_str name,
			       struct tb_str *ret)
{
	return name_of(arena, tb_json_get(object, name), ret);
}

static bool condition_holds(const struct tb_also *also,
			    struct tb_json_value body)
{
	return also->when_value.p == NULL ||
	       tb_json_string_is(tb_json_get(body, also->when_field),
				 also->when_value);
}

/* The further stores of a body, while they are collected. */
struct stores {
	struct tb_arena *arena;
	struct tb_str *list;
	size_t n;
	size_t max;
};

static enum tb_err make_room(struct stores *stores, size_t n)
{
	struct tb_str *list;

	if (n > TB_ROUTE_STORES_MAX - stores->n)
		return TB_ERR_TOO_LARGE;
	if (stores->n + n <= stores->max)
		return TB_OK;
	list = tb_arena_resize(stores->arena, stores->list,
			       stores->max * sizeof(*list),
			       (stores->n + n) * sizeof(*list));
	if (list == NULL)
		return TB_ERR_NOMEM;
	stores->list = list;
	stores->max = stores->n + n;
	return TB_OK;
}

static enum tb_err add_store(struct stores *stores, struct tb_json_value v)
{
	struct tb_str store;
	enum tb_err err = name_of(stores->arena, v, &store);

	if (err == TB_OK && store.p != NULL)
		err = make_room(stores, 1);
	if (err == TB_OK && store.p != NULL)
		stores->list[stores->n++] = store;
	return err;
}

/* A list's items have no nodes on the tape of the body. */
static enum tb_err add_listed(struct stores *stores, struct tb_json_value v)
{
	struct tb_json json;
	struct tb_json_iter it;
	enum tb_err err = tb_json_parse(stores->arena, tb_json_raw(v),
					&member_limits, &json, NULL);

	if (err != TB_OK)
		return err;
	it = tb_json_iter(tb_json_root(&json));
	while (err == TB_OK && tb_json_next(&it))
		err = add_store(stores, it.value);
	return err;
}

static enum tb_err add_also(struct stores *stores,
			    const struct tb_collection *collection,
			    struct tb_json_value body)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < collection->n_also; i++) {
		const struct tb_also *also = &collection->also[i];
		struct tb_json_value v = tb_json_get(body, also->field);

		if (!condition_holds(also, body))
			continue;
		err = tb_json_is(v, TB_JSON_ARRAY) ? add_listed(stores, v)
						   : add_store(stores, v);
	}
	return err;
}

/* ---- the words of a resource ---- */

/* A value by which a record is listed: a string, or what is written like one
 * word. Others are listed nowhere. */
static enum tb_err value_member(struct tb_arena *arena,
				struct tb_json_value body, struct tb_str name,
				struct tb_str *ret)
{
	struct tb_json_value v = tb_json_get(body, name);

	*ret = TB_STR_NONE;
	if (tb_json_is(v, TB_JSON_STRING))
		return tb_json_string(arena, v, ret);
	if (tb_json_is(v, TB_JSON_NUMBER) || tb_json_is(v, TB_JSON_TRUE) ||
	    tb_json_is(v, TB_JSON_FALSE))
		*ret = tb_json_raw(v);
	return TB_OK;
}

static enum tb_err extract_values(struct tb_arena *arena,
				  const struct tb_collection *c,
				  struct tb_json_value body,
				  struct tb_route_words *words)
{
	struct tb_str *indexed =
		tb_arena_calloc(arena, c->n_indexed, sizeof(*indexed));
	struct tb_str *shown =
		tb_arena_calloc(arena, c->n_shown, sizeof(*shown));
	enum tb_err err = TB_OK;

	if (indexed == NULL || shown == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; err == TB_OK && i < c->n_indexed; i++)
		err = value_member(arena, body, c->indexed[i], &indexed[i]);
	for (size_t i = 0; i < c->n_shown; i++) {
		struct tb_json_value v = tb_json_get(body, c->shown[i]);

		if (!tb_json_is_absent(v))
			shown[i] = tb_json_raw(v);
	}
	words->indexed = indexed;
	words->shown = shown;
	return err;
}

static enum tb_err extract_references(struct tb_arena *arena,
				      const struct tb_collection *c,
				      struct tb_json_value body,
				      struct tb_route_words *words)
{
	struct tb_reference *list =
		tb_arena_calloc(arena, c->n_references, sizeof(*list));
	enum tb_err err = TB_OK;
	size_t n = 0;

	if (list == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; err == TB_OK && i < c->n_fields; i++) {
		const struct tb_field *f = &c->fields[i];
		struct tb_str key = TB_STR_NONE;

		if (f->references.p == NULL)
			continue;
		err = name_member(arena, body, f->name, &key);
		if (key.p != NULL && key.n <= TB_KEY_MAX)
			list[n++] = (struct tb_reference) {
				.by = f,
				.collection = f->references,
				.key = key,
			};
	}
	words->references = list;
	words->n_references = n;
	return err;
}

static enum tb_err extract_showings(struct tb_arena *arena,
				    const struct tb_collection *c,
				    struct tb_json_value body,
				    struct tb_route_words *words)
{
	struct tb_showing *list =
		tb_arena_calloc(arena, c->n_derivations, sizeof(*list));
	enum tb_err err = TB_OK;
	size_t n = 0;

	if (list == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; err == TB_OK && i < c->n_derivations; i++) {
		struct tb_showing showing = { .by = &c->derivations[i] };

		err = name_member(arena, body, showing.by->reference,
				  &showing.key);
		if (err == TB_OK)
			err = value_member(arena, body, showing.by->field,
					   &showing.owner);
		if (showing.key.p != NULL && showing.key.n <= TB_KEY_MAX &&
		    showing.owner.p != NULL)
			list[n++] = showing;
	}
	words->showings = list;
	words->n_showings = n;
	return err;
}

static enum tb_err extract_resource(struct tb_arena *arena,
				    const struct tb_collection *c,
				    struct tb_json_value body,
				    struct tb_route_words *words)
{
	enum tb_err err = TB_OK;

	if (c->n_indexed > 0 || c->n_shown > 0)
		err = extract_values(arena, c, body, words);
	if (err == TB_OK && c->n_references > 0)
		err = extract_references(arena, c, body, words);
	if (err == TB_OK && c->n_derivations > 0)
		err = extract_showings(arena, c, body, words);
	return err;
}

/* True if where its records go does not depend on their bodies. */
static bool says_nothing(const struct tb_collection *c)
{
	return c == NULL || (c->routing == TB_ROUTING_CENTRAL &&
			     c->n_indexed == 0 && c->n_shown == 0 &&
			     c->n_references == 0 && c->n_derivations == 0);
}

enum tb_err tb_routing_extract(struct tb_arena *arena,
			       const struct tb_collection *collection,
			       struct tb_str body, struct tb_route_words *ret)
{
	struct tb_route_words words = { .n_also = 0 };
	struct stores stores = { .arena = arena };
	struct tb_json json;
	struct tb_json_value root;
	enum tb_err err;

	if (says_nothing(collection)) {
		*ret = words;
		return TB_OK;
	}
	err = tb_json_parse(arena, body, &member_limits, &json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_TOO_LARGE ? TB_ERR_INVALID : err;
	root = tb_json_root(&json);
	if (!tb_json_is(root, TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	if (collection->routing != TB_ROUTING_CENTRAL)
		err = name_member(arena, root, collection->field, &words.home);
	if (err == TB_OK)
		err = add_also(&stores, collection, root);
	if (err == TB_OK)
		err = extract_resource(arena, collection, root, &words);
	if (err != TB_OK)
		return err;
	words.also = stores.list;
	words.n_also = stores.n;
	*ret = words;
	return TB_OK;
}

enum tb_err tb_routing_extract_stored(struct tb_arena *arena,
				      const struct tb_collection *collection,
				      struct tb_str body,
				      struct tb_route_words *ret)
{
	enum tb_err err = tb_routing_extract(arena, collection, body, ret);

	if (err == TB_OK || err == TB_ERR_NOMEM)
		return err;
	*ret = (struct tb_route_words) { .n_also = 0 };
	return TB_OK;
}

uint64_t tb_routing_home(const struct tb_record *record)
{
	for (size_t i = 0; i < record->n_entries; i++)
		if (record->entries[i].flags & TB_ENTRY_HOME)
			return record->entries[i].scope;
	return 0;
}

enum tb_err tb_routing_survivor(struct tb_arena *arena,
				const struct tb_record *record,
				struct tb_str *ret)
{
	struct tb_json json;
	enum tb_err err;

	*ret = TB_STR_NONE;
	if (!record->deleted)
		return TB_OK;
	err = tb_json_parse(arena, record->body, &member_limits, &json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	return name_member(arena, tb_json_root(&json), MERGED_INTO, ret);
}

enum tb_err tb_routing_merged_body(struct tb_arena *arena,
				   struct tb_str survivor, struct tb_str *ret)
{
	struct tb_buf body;
	struct tb_json_writer w = tb_json_writer(&body);

	tb_buf_init(&body, TB_KEY_MAX * 8);
	tb_json_begin_object(&w);
	tb_json_key(&w, MERGED_INTO);
	tb_json_str(&w, survivor);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&body, arena, ret);
}

/* The record that a parent's children go with: the parent, or the one that it
 * was merged into. NULL: there is none. */
static enum tb_err parent_of(struct tb_view *view, struct tb_str collection,
			     struct tb_str key, const struct tb_record **ret)
{
	const struct tb_record *record = NULL;
	enum tb_err err =
		tb_view_get(view, TB_COLL_COLLECTION, collection, &record);
	uint64_t coll = record != NULL ? record->rid : 0;

	if (err != TB_OK || coll == 0) {
		*ret = NULL;
		return err;
	}
	for (int hops = 0; hops < MERGE_HOPS_MAX; hops++) {
		struct tb_str next = TB_STR_NONE;

		err = tb_view_get(view, coll, key, &record);
		if (err == TB_OK && record != NULL)
			err = tb_routing_survivor(tb_view_arena(view), record,
						  &next);
		if (err != TB_OK)
			return err;
		if (next.p == NULL)
			break;
		key = next;
	}
	*ret = record;
	return TB_OK;
}

enum tb_err tb_route_plan_reserve(struct tb_view *view,
				  struct tb_route_plan *plan, size_t n)
{
	size_t max = plan->n_targets + n;
	struct tb_target *targets;

	if (max <= plan->max_targets)
		return TB_OK;
	targets = tb_arena_calloc(tb_view_arena(view), max, sizeof(*targets));
	if (targets == NULL)
		return TB_ERR_NOMEM;
	if (plan->n_targets > 0)
		memcpy(targets, plan->targets,
		       plan->n_targets * sizeof(*targets));
	plan->targets = targets;
	plan->max_targets = max;
	return TB_OK;
}

void tb_route_plan_add(struct tb_route_plan *plan,
		       const struct tb_target *target)
{
	for (size_t i = 0; i < plan->n_targets; i++)
		if (plan->targets[i].scope == target->scope) {
			plan->targets[i].flags |= target->flags;
			return;
		}
	TB_ASSERT(plan->n_targets < plan->max_targets);
	plan->targets[plan->n_targets++] = *target;
}

static void add_target(struct tb_route_plan *plan, uint64_t scope,
		       uint8_t flags)
{
	tb_route_plan_add(
		plan, &(struct tb_target) { .scope = scope, .flags = flags });
}

static void set_home(struct tb_route_plan *plan, uint64_t scope, uint8_t flags)
{
	plan->home = scope;
	add_target(plan, scope, TB_ENTRY_HOME | flags);
}

static enum tb_err plan_store(struct tb_view *view,
			      const struct tb_route_words *words,
			      bool makes_stores, struct tb_route_plan *plan)
{
	uint64_t scope;
	enum tb_err err;

	if (words->home.p == NULL) {
		plan->no_home = TB_STR("the record names no store");
		return TB_OK;
	}
	if (words->home.n > TB_KEY_MAX / 2) {
		plan->no_home = TB_STR("the store's id is too long");
		return TB_OK;
	}
	/* Naming a store does not make it, or a site could fill the names of
	 * an org with records that are refused. */
	if (makes_stores)
		err = tb_view_scope(view, TB_SCOPE_STORE_PREFIX, words->home,
				    &scope);
	else
		err = tb_view_find_scope(view, TB_SCOPE_STORE_PREFIX,
					 words->home, &scope);
	if (err == TB_OK)
		set_home(plan, scope != 0 ? scope : TB_ROUTE_NOBODYS, 0);
	return err;
}

/* A child goes wherever its parent is; where that is deleted, to its home. */
static void plan_with_parent(const struct tb_record *parent,
			     struct tb_route_plan *plan)
{
	for (size_t i = 0; i < parent->n_entries; i++) {
		const struct tb_entry *entry = &parent->entries[i];
		uint8_t home = entry->flags & TB_ENTRY_HOME;

		if ((entry->scope & TB_NUM_MAX) <= TB_NUM_RESERVED &&
		    (entry->scope & TB_NUM_MAX) != TB_SCOPE_CENTRAL)
			continue;
		if (entry->flags & (TB_ENTRY_WAITING | TB_VIEW_NOT_ROUTED))
			continue;
		if (parent->deleted ? !home
				    : !(entry->flags & TB_ENTRY_PRESENT))
			continue;
		if (home)
			set_home(plan, entry->scope, 0);
		else
			add_target(plan, entry->scope, 0);
	}
}

static enum tb_err plan_child(struct tb_view *view,
			      const struct tb_collection *collection,
			      const struct tb_route_words *words,
			      uint64_t site_scope, struct tb_route_plan *plan)
{
	const struct tb_record *parent;
	enum tb_err err;

	if (words->home.p == NULL) {
		plan->no_home = TB_STR("the record names no parent");
		return TB_OK;
	}
	if (words->home.n > TB_KEY_MAX) {
		plan->no_home = TB_STR("the parent's id is too long");
		return TB_OK;
	}
	err = parent_of(view, collection->parent, words->home, &parent);
	if (err != TB_OK)
		return err;
	if (parent != NULL)
		err = tb_route_plan_reserve(view, plan, parent->n_entries);
	if (err != TB_OK)
		return err;
	if (parent != NULL)
		plan_with_parent(parent, plan);
	if (plan->home == 0) {
		plan->n_targets = 0;
		plan->waiting = true;
		set_home(plan, site_scope, TB_ENTRY_WAITING);
		add_target(
			plan,
			tb_scope_known(tb_view_org_id(view), TB_SCOPE_WAITING),
			0);
	}
	return TB_OK;
}

enum tb_err tb_routing_plan(struct tb_view *view,
			    const struct tb_collection *collection,
			    const struct tb_route_words *words,
			    uint64_t site_scope, bool makes_stores,
			    struct tb_route_plan *ret)
{
	enum tb_routing_kind kind =
		collection != NULL ? collection->routing : TB_ROUTING_SITE;
	enum tb_err err;

	*ret = (struct tb_route_plan) { .n_targets = 0 };
	/* A home, and the list of those that wait. */
	err = tb_route_plan_reserve(view, ret, 2);
	if (err != TB_OK)
		return err;
	switch (kind) {
	case TB_ROUTING_SITE:
		set_home(ret, site_scope, 0);
		break;
	case TB_ROUTING_CENTRAL:
		set_home(ret,
			 tb_scope_known(tb_view_org_id(view), TB_SCOPE_CENTRAL),
			 0);
		break;
	case TB_ROUTING_STORE:
		err = plan_store(view, words, makes_stores, ret);
		break;
	case TB_ROUTING_PARENT:
		err = plan_child(view, collection, words, site_scope, ret);
		break;
	}
	return err;
}

enum tb_err tb_routing_plan_also(struct tb_view *view,
				 const struct tb_route_words *words,
				 struct tb_route_plan *plan)
{
	enum tb_err err = tb_route_plan_reserve(view, plan, words->n_also);

	for (size_t i = 0; err == TB_OK && i < words->n_also; i++) {
		uint64_t scope;

		if (plan->waiting || words->also[i].n > TB_KEY_MAX / 2)
			continue;
		err = tb_view_scope(view, TB_SCOPE_STORE_PREFIX, words->also[i],
				    &scope);
		if (err == TB_OK)
			add_target(plan, scope, 0);
	}
	return err;
}

enum tb_err tb_routing_collection(struct tb_view *view,
				  const struct tb_declaration *declaration,
				  const struct tb_record *record,
				  const struct tb_collection **ret)
{
	const struct tb_record *name;
	enum tb_err err = tb_view_get_rid(view, record->coll, &name);

	if (err == TB_OK)
		*ret = name != NULL
			       ? tb_declaration_find(declaration, name->key)
			       : NULL;
	return err;
}
