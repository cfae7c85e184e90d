#include "kernel/sight.h"

#include "codec/json.h"
#include "kernel/directory.h"
#include "kernel/feeds.h"
#include "kernel/system.h"

/* What the last import with times of its own has left. */
#define IMPORTED_KEY TB_STR("imported")

/* ---- names ---- */

enum tb_err tb_sight_all_name(struct tb_arena *arena,
			      const struct tb_collection *collection,
			      struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "all/%.*s",
			       TB_STR_ARG(collection->name));
}

enum tb_err tb_sight_ids_name(struct tb_arena *arena,
			      const struct tb_collection *collection,
			      struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "id/%.*s",
			       TB_STR_ARG(collection->name));
}

enum tb_err tb_sight_value_name(struct tb_arena *arena,
				const struct tb_collection *collection,
				struct tb_str field, struct tb_str value,
				struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "by/%.*s/%.*s/%.*s",
			       TB_STR_ARG(collection->name), TB_STR_ARG(field),
			       TB_STR_ARG(value));
}

enum tb_err tb_sight_derived_name(struct tb_arena *arena,
				  const struct tb_collection *to,
				  const struct tb_collection *from,
				  struct tb_str reference, struct tb_str field,
				  struct tb_str value, struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "by/%.*s/%.*s.%.*s.%.*s/%.*s",
			       TB_STR_ARG(to->name), TB_STR_ARG(from->name),
			       TB_STR_ARG(reference), TB_STR_ARG(field),
			       TB_STR_ARG(value));
}

bool tb_sight_is_by_name(struct tb_str name)
{
	return tb_str_starts(name, TB_STR("by/"));
}

/* ---- ids ---- */

bool tb_sight_is_id(struct tb_str text, uint64_t *ret)
{
	uint64_t id;

	if (text.n == 0 || text.p[0] == '0' || text.p[0] == '+' ||
	    tb_str_to_u64(text, &id) != TB_OK || id >= INT64_MAX)
		return false;
	*ret = id;
	return true;
}

uint64_t tb_record_id(const struct tb_record *record)
{
	for (size_t i = 0; i < record->n_entries; i++)
		if (record->entries[i].flags & TB_ENTRY_FIXED)
			return record->entries[i].num;
	return 0;
}

/* The rid of the record with a number in the feed of ids. */
static enum tb_err find_rid(struct tb_tx *tx, uint64_t scope, uint64_t id,
			    uint64_t *ret)
{
	struct tb_feed_query query = {
		.scope = scope,
		.after = id - 1,
		.until = id,
		.limit = 1,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->feed_next(cursor, &row);
	tx->store->ops->feed_close(cursor);
	if (err == TB_OK)
		*ret = row.rid;
	return err;
}

static enum tb_err find_one(struct tb_tx *tx, struct tb_arena *arena,
			    const struct tb_key *key, struct tb_record **ret)
{
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, key, 1, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		*ret = record;
	return err;
}

static enum tb_err scope_rid(struct tb_core *core, struct tb_tx *tx,
			     uint32_t org, struct tb_str name, uint64_t *ret)
{
	return tb_core_name_rid(core, tx, org, TB_COLL_SCOPE, name, ret);
}

enum tb_err tb_sight_find_id(struct tb_core *core, struct tb_tx *tx,
			     struct tb_arena *arena, uint32_t org,
			     const struct tb_collection *collection,
			     uint64_t id, struct tb_record **ret)
{
	struct tb_key key = { .org = org };
	struct tb_str name;
	uint64_t scope = 0;
	enum tb_err err = tb_sight_ids_name(arena, collection, &name);

	if (err == TB_OK)
		err = scope_rid(core, tx, org, name, &scope);
	if (err == TB_OK)
		err = find_rid(tx, scope, id, &key.rid);
	return err == TB_OK ? find_one(tx, arena, &key, ret) : err;
}

enum tb_err tb_sight_find(struct tb_core *core, struct tb_tx *tx,
			  struct tb_arena *arena, uint32_t org,
			  const struct tb_collection *collection,
			  struct tb_str id, struct tb_record **ret)
{
	struct tb_key key = { .org = org, .key = id };
	uint64_t number;
	enum tb_err err;

	if (collection->id_type == TB_ID_INTEGER)
		return tb_sight_is_id(id, &number)
			       ? tb_sight_find_id(core, tx, arena, org,
						  collection, number, ret)
			       : TB_ERR_NOT_FOUND;
	if (id.n == 0 || id.n > TB_KEY_MAX)
		return TB_ERR_NOT_FOUND;
	err = tb_core_name_rid(core, tx, org, TB_COLL_COLLECTION,
			       collection->name, &key.coll);
	return err == TB_OK ? find_one(tx, arena, &key, ret) : err;
}

/* ---- what a viewer sees ---- */

/* One resolution. */
struct resolving {
	struct tb_core *core;
	struct tb_tx *tx;
	struct tb_arena *arena;
	const struct tb_viewer *viewer;
	struct tb_sight *sight;
};

/* Adds a scope by its name, if it is there. */
static enum tb_err add_scope(struct resolving *r, struct tb_str name)
{
	struct tb_sight *sight = r->sight;
	uint64_t scope = 0;
	enum tb_err err =
		scope_rid(r->core, r->tx, r->viewer->org, name, &scope);

	if (err == TB_ERR_NOT_FOUND) {
		sight->is_settled = false;
		return TB_OK;
	}
	for (size_t i = 0; err == TB_OK && i < sight->n; i++)
		if (sight->scopes[i] == scope)
			return TB_OK;
	if (err == TB_OK)
		sight->scopes[sight->n++] = scope;
	return err;
}

static void note_birth(struct tb_sight *sight, const struct tb_record *record,
		       struct tb_str profile)
{
	/* One whose key is its id is referred to alike before and after. */
	if (tb_str_eq(record->key, profile))
		return;
	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];
		uint64_t num = record->rid & TB_NUM_MAX;

		if (!(entry->flags & TB_ENTRY_FIXED))
			continue;
		if (entry->time_us > sight->since_us)
			sight->since_us = entry->time_us;
		if (num > sight->since_num)
			sight->since_num = num;
	}
}

/* The profile as bodies have it that refer to a collection with integer ids:
 * its record's key. One that is not there yet would be made under its id. */
static enum tb_err profile_key(struct resolving *r,
			       const struct tb_collection *target,
			       struct tb_str *ret)
{
	struct tb_record *record;
	uint64_t id;
	enum tb_err err;

	*ret = r->viewer->profile;
	if (target == NULL || target->id_type != TB_ID_INTEGER ||
	    !tb_sight_is_id(r->viewer->profile, &id))
		return TB_OK;
	err = tb_sight_find_id(r->core, r->tx, r->arena, r->viewer->org, target,
			       id, &record);
	if (err == TB_OK) {
		*ret = record->key;
		note_birth(r->sight, record, r->viewer->profile);
	} else if (err == TB_ERR_NOT_FOUND) {
		r->sight->is_settled = false;
		r->sight->lacks_record = true;
	}
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err add_own(struct resolving *r,
			   const struct tb_sight_rule *rule)
{
	const struct tb_declaration *declaration = tb_core_declaration(r->core);
	const struct tb_collection *to = r->sight->collection;
	const struct tb_collection *holder =
		rule->through.p != NULL
			? tb_declaration_find(declaration, rule->through)
			: to;
	const struct tb_collection *target =
		rule->through.p == NULL && tb_str_eq(rule->field, TB_SIGHT_SELF)
			? to
			: tb_field_target(declaration, holder, rule->field);
	struct tb_str value, name;
	enum tb_err err = profile_key(r, target, &value);

	if (err != TB_OK || value.n > TB_SIGHT_VALUE_MAX_BYTES)
		return err;
	if (rule->through.p != NULL)
		err = tb_sight_derived_name(r->arena, to, holder,
					    rule->reference, rule->field, value,
					    &name);
	else
		err = tb_sight_value_name(r->arena, to, rule->field, value,
					  &name);
	return err == TB_OK ? add_scope(r, name) : err;
}

static enum tb_err add_all(struct resolving *r)
{
	struct tb_str name;
	enum tb_err err =
		tb_sight_all_name(r->arena, r->sight->collection, &name);

	r->sight->n = 0;
	r->sight->sees_all = true;
	return err == TB_OK ? add_scope(r, name) : err;
}

static bool has_role(const struct tb_viewer *viewer, struct tb_str role)
{
	return tb_roles_meet(&role, 1, viewer->roles, viewer->n_roles);
}

static bool sees_all(const struct tb_collection *collection,
		     const struct tb_viewer *viewer)
{
	bool all = viewer->is_admin;

	for (size_t i = 0; !all && i < collection->n_rules; i++)
		all = collection->rules[i].field.p == NULL &&
		      has_role(viewer, collection->rules[i].role);
	return all;
}

enum tb_err tb_sight_resolve(struct tb_core *core, struct tb_tx *tx,
			     struct tb_arena *arena,
			     const struct tb_collection *collection,
			     const struct tb_viewer *viewer,
			     struct tb_sight *ret)
{
	struct tb_sight sight = { .collection = collection,
				  .is_settled = true };
	struct resolving r = { core, tx, arena, viewer, &sight };
	enum tb_err err = TB_OK;

	if (sees_all(collection, viewer))
		err = add_all(&r);
	for (size_t i = 0;
	     err == TB_OK && !sight.sees_all && i < collection->n_rules; i++)
		if (viewer->profile.n > 0 &&
		    has_role(viewer, collection->rules[i].role))
			err = add_own(&r, &collection->rules[i]);
	if (err == TB_OK)
		*ret = sight;
	return err;
}

enum tb_err tb_sight_narrow(struct tb_core *core, struct tb_tx *tx,
			    struct tb_arena *arena, uint32_t org,
			    struct tb_sight *sight, struct tb_str field,
			    struct tb_str value)
{
	struct tb_viewer viewer = { .org = org };
	struct resolving r = { core, tx, arena, &viewer, sight };
	struct tb_str name;
	enum tb_err err = tb_sight_value_name(arena, sight->collection, field,
					      value, &name);

	sight->n = 0;
	sight->sees_all = false;
	if (err != TB_OK || value.n > TB_SIGHT_VALUE_MAX_BYTES)
		return err;
	return add_scope(&r, name);
}

/* ---- a record in sight ---- */

static bool is_in(const struct tb_sight *sight, uint64_t scope)
{
	for (size_t i = 0; i < sight->n; i++)
		if (sight->scopes[i] == scope)
			return true;
	return false;
}

bool tb_sight_of(const struct tb_sight *sight, const struct tb_record *record,
		 struct tb_seen *ret)
{
	struct tb_seen seen = { .num = 0 };

	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];

		if (!is_in(sight, entry->scope))
			continue;
		seen.is_present |= (entry->flags & TB_ENTRY_PRESENT) != 0;
		if (entry->num <= seen.num)
			continue;
		seen.num = entry->num;
		/* An import's entries may be later than the times it kept. */
		seen.time_us = entry->num == record->version
				       ? record->updated_us
				       : entry->time_us;
	}
	if (seen.num == 0)
		return false;
	*ret = seen;
	return true;
}

/* ---- time ---- */

enum tb_err tb_sight_note_import(struct tb_view *view)
{
	const struct tb_org *org = tb_view_org_row(view);
	struct tb_str body;
	enum tb_err err = tb_arena_printf(
		tb_view_arena(view), &body, "{\"num\":%llu,\"time_us\":%lld}",
		(unsigned long long)org->head, (long long)org->last_us);

	return err == TB_OK ? tb_view_put_silent(view, TB_COLL_SETTING,
						 IMPORTED_KEY, body)
			    : err;
}

static enum tb_err read_imported(struct tb_arena *arena, struct tb_str body,
				 struct tb_imported *ret)
{
	struct tb_imported imported = { .num = 0 };
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err == TB_OK)
		err = tb_json_u64(
			tb_json_get(tb_json_root(&json), TB_STR("num")),
			&imported.num);
	if (err == TB_OK)
		err = tb_json_i64(
			tb_json_get(tb_json_root(&json), TB_STR("time_us")),
			&imported.time_us);
	if (err == TB_OK)
		*ret = imported;
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

enum tb_err tb_sight_imported(struct tb_tx *tx, struct tb_arena *arena,
			      uint32_t org, struct tb_imported *ret)
{
	struct tb_key key = { .org = org,
			      .coll = TB_COLL_SETTING,
			      .key = IMPORTED_KEY };
	struct tb_imported imported = { .num = 0 };
	struct tb_record *record;
	enum tb_err err = find_one(tx, arena, &key, &record);

	if (err == TB_ERR_NOT_FOUND) {
		*ret = (struct tb_imported) { .time_us = INT64_MIN };
		return TB_OK;
	}
	if (err == TB_OK)
		err = read_imported(arena, record->body, &imported);
	if (err == TB_OK)
		err = tb_directory_org_born(tx, arena, org, &imported.born_us);
	if (err == TB_OK)
		*ret = imported;
	return err;
}

bool tb_sight_is_later(const struct tb_imported *imported,
		       const struct tb_seen *seen, int64_t after_us)
{
	if (seen->time_us > after_us)
		return true;
	return seen->num <= imported->num && after_us < imported->time_us &&
	       after_us >= imported->born_us;
}

enum tb_err tb_sight_since(struct tb_tx *tx, const struct tb_imported *imported,
			   uint64_t scope, int64_t after_us, uint64_t head,
			   uint64_t *ret)
{
	if (after_us < imported->time_us) {
		*ret = 0;
		return TB_OK;
	}
	return tb_feed_find_time(tx, scope, after_us, head, ret);
}
