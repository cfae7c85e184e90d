#include "kernel/push.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/conflict.h"
#include "kernel/counter.h"
#include "kernel/fields.h"
#include "kernel/placing.h"
#include "kernel/quarantine.h"
#include "kernel/rights.h"
#include "kernel/sight.h"

/* What patches may make of a record. */
#define PATCHED_MAX_BYTES ((size_t)256 << 20)
#define UNREADABLE TB_STR("the record's data cannot be read")
#define TOO_MANY_STORES TB_STR("the record names too many stores")

static const struct tb_json_limits member_limits = {
	.max_depth = 64,
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

/* The survivor of a merge: {"mergeIdToKeep": id}, in the spellings that
 * clients use. */
static enum tb_err read_survivor(struct tb_arena *arena, struct tb_str data,
				 struct tb_str *ret)
{
	static const char *const names[] = { "mergeIdToKeep", "mergeIDtokeep",
					     "merge_id_to_keep", "id" };
	struct tb_json json;
	enum tb_err err =
		tb_json_parse(arena, data, &member_limits, &json, NULL);

	*ret = TB_STR_NONE;
	if (err != TB_OK)
		return err;
	if (tb_json_is(tb_json_root(&json), TB_JSON_STRING))
		return tb_json_string(arena, tb_json_root(&json), ret);
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		struct tb_json_value v =
			tb_json_get(tb_json_root(&json), tb_str_z(names[i]));

		if (tb_json_is(v, TB_JSON_STRING))
			return tb_json_string(arena, v, ret);
	}
	return TB_OK;
}

static void refuse(struct tb_push_item *item, const char *code,
		   struct tb_str message)
{
	item->refused = code;
	item->refused_message = message;
}

/* What can be said of an item without the store. */
static enum tb_err prepare_item(struct tb_push *push,
				const struct tb_declaration *declaration,
				struct tb_push_item *item)
{
	struct tb_str message;
	enum tb_err err = TB_OK;

	item->collection = tb_declaration_find(declaration, item->table);
	if (item->refused != NULL)
		return TB_OK;
	if (item->collection == NULL &&
	    (push->refuse_unknown || declaration->refuse_unknown)) {
		refuse(item, TB_PUSH_CODE_UNKNOWN_TABLE,
		       TB_STR("the table is not declared"));
		return TB_OK;
	}
	if (item->action == TB_PUSH_MERGE)
		return read_survivor(push->arena, item->data, &item->survivor);
	if (item->action != TB_PUSH_UPSERT)
		return TB_OK;
	err = tb_fields_check(push->arena, item->collection, item->data,
			      &message);
	if (err == TB_ERR_INVALID) {
		refuse(item, TB_PUSH_CODE_TYPE, message);
		return TB_OK;
	}
	if (err != TB_OK)
		return err;
	err = tb_routing_extract(push->arena, item->collection, item->data,
				 &item->words);
	if (err == TB_ERR_TOO_LARGE) {
		refuse(item, TB_PUSH_CODE_SCOPES, TOO_MANY_STORES);
		return TB_OK;
	}
	return err;
}

/* True if the error is that of a record that cannot be taken apart, which
 * harms itself alone. */
static bool is_unreadable(enum tb_err err)
{
	return err == TB_ERR_INVALID || err == TB_ERR_TOO_LARGE ||
	       err == TB_ERR_TOO_DEEP;
}

static enum tb_err prepare_or_refuse(struct tb_push *push,
				     const struct tb_declaration *declaration,
				     struct tb_push_item *item)
{
	enum tb_err err = prepare_item(push, declaration, item);

	if (!is_unreadable(err))
		return err;
	refuse(item, TB_PUSH_CODE_INVALID, UNREADABLE);
	return TB_OK;
}

/* One push while it is decided. */
struct pushing {
	struct tb_push *push;
	struct tb_view *view;
	struct tb_writer writer;
	struct tb_consumer consumer;
	uint64_t changes;     /* of the view, as they were before */
	uint64_t quarantined; /* likewise */
	uint64_t quarantined_bytes;
};

static enum tb_err reject(struct pushing *p, struct tb_push_item *item,
			  const char *code, struct tb_str message)
{
	struct tb_quarantine entry = {
		.site_id = p->push->site_id,
		.table = item->table,
		.id = item->id,
		.code = tb_str_z(code),
		.message = message,
		.record = item->record,
	};
	bool kept;
	enum tb_err err =
		tb_quarantine_put(p->view, &p->consumer, &entry, &kept);

	if (err != TB_OK)
		return err;
	item->outcome = TB_PUSH_REJECTED;
	item->code = kept ? code : TB_PUSH_CODE_FULL;
	item->message = message;
	return TB_OK;
}

static enum tb_err reject_rights(struct pushing *p, struct tb_push_item *item,
				 uint64_t home)
{
	if (home == tb_scope_known(tb_view_org_id(p->view), TB_SCOPE_CENTRAL))
		return reject(p, item, TB_PUSH_CODE_CENTRAL,
			      TB_STR("this site may not edit central data"));
	return reject(p, item, TB_PUSH_CODE_NOT_YOURS,
		      TB_STR("the record's store is not active on this site"));
}

/* What an item asks for, once its action is worked out. */
struct change {
	uint64_t coll;
	const struct tb_record *old; /* NULL: none */
	struct tb_str body;
	bool deleted;
	struct tb_route_words words;
	uint32_t origin;
};

/* True if a body refers to this record of its own collection. */
static bool refers_to(const struct tb_push_item *item,
		      const struct change *change, struct tb_str key)
{
	for (size_t i = 0; i < change->words.n_references; i++)
		if (tb_str_eq(change->words.references[i].collection,
			      item->table) &&
		    tb_str_eq(change->words.references[i].key, key))
			return !change->deleted;
	return false;
}

/* A merged record hangs below its survivor, as long as it is deleted: its
 * children go where that goes. It may hang there for another reason, too. */
static enum tb_err relink_merged(struct pushing *p,
				 const struct tb_push_item *item,
				 const struct change *change, uint64_t rid)
{
	struct tb_str before = TB_STR_NONE;
	enum tb_err err = TB_OK;

	if (change->old != NULL)
		err = tb_routing_survivor(tb_view_arena(p->view), change->old,
					  &before);
	if (err == TB_OK && before.p != NULL &&
	    !refers_to(item, change, before))
		err = tb_view_unlink(p->view, change->coll, before, rid);
	if (err == TB_OK && change->deleted && item->action == TB_PUSH_MERGE)
		err = tb_view_link(p->view, change->coll, item->survivor, rid);
	return err;
}

static enum tb_err write_record(struct pushing *p, struct tb_push_item *item,
				struct tb_placement *placement,
				const struct change *change)
{
	const struct tb_record *record;
	enum tb_err err = tb_place_write(p->view, placement, &record);

	if (err == TB_ERR_TOO_LARGE)
		return reject(p, item, TB_PUSH_CODE_SCOPES,
			      TB_STR("the record was in too many stores"));
	if (err == TB_ERR_EXISTS)
		return reject(p, item, TB_PUSH_CODE_ID,
			      TB_STR("another record has or had this id"));
	/* Of the org's order there are none left then either, and the
	 * rejection fails, too. */
	if (err == TB_ERR_FULL)
		return reject(p, item, TB_PUSH_CODE_ID,
			      TB_STR("there are no ids left"));
	if (err == TB_OK && item->collection != NULL &&
	    item->collection->is_parent)
		err = relink_merged(p, item, change, record->rid);
	item->outcome = TB_PUSH_ACCEPTED;
	return err;
}

static struct tb_placement placement_of(const struct pushing *p,
					const struct tb_push_item *item,
					const struct change *change)
{
	return (struct tb_placement) {
		.collection = item->collection,
		.coll = change->coll,
		.key = item->id,
		.old = change->old,
		.body = change->body,
		.deleted = change->deleted,
		.words = change->words,
		.origin = change->origin,
		.site_scope = p->writer.site_scope,
		.makes_stores = p->writer.site_id == TB_ORIGIN_CENTRE,
		.id = item->number,
		.created_us = item->created_us,
		.updated_us = p->push->keep_times ? item->updated_us : 0,
	};
}

static bool is_kept(const struct pushing *p, const struct tb_push_item *item)
{
	return p->writer.site_id == TB_ORIGIN_CENTRE &&
	       item->collection != NULL && item->collection->path.p != NULL;
}

/* Rights on where the record is to be, then writes it. */
static enum tb_err plan_and_write(struct pushing *p, struct tb_push_item *item,
				  struct change *change)
{
	struct tb_placement placement = placement_of(p, item, change);
	enum tb_err err;

	if (change->deleted)
		return write_record(p, item, &placement, change);
	err = tb_place_plan(p->view, &placement);
	if (err != TB_OK)
		return err;
	/* An import brings back what was written at the centre (edit.h). */
	if (placement.plan.home == 0 && is_kept(p, item))
		err = tb_place_keep(p->view, &placement);
	if (err != TB_OK)
		return err;
	if (placement.plan.home == 0)
		return reject(p, item, TB_PUSH_CODE_NO_HOME,
			      placement.plan.no_home);
	if (!tb_rights_may_write(p->view, &p->writer, placement.plan.home))
		return reject_rights(p, item, placement.plan.home);
	return write_record(p, item, &placement, change);
}

/* Delivers the stored record to the site once more: what it sent lost. */
static enum tb_err send_again(struct pushing *p, const struct tb_record *stored)
{
	for (size_t i = 0; i < stored->n_entries; i++) {
		uint64_t scope = stored->entries[i].scope;

		if (tb_consumer_subscription(&p->consumer, scope) != NULL)
			return tb_view_touch(p->view, stored->rid, scope,
					     TB_ORIGIN_CENTRE);
	}
	return TB_OK;
}

/* Stores what was decided, under the centre's name where that is not just
 * what the site sent, so that the site gets it back. */
static enum tb_err store_result(struct pushing *p, struct tb_push_item *item,
				struct change *change,
				const struct tb_conflict_result *result)
{
	enum tb_err err;

	change->body = result->body;
	change->deleted = result->deleted;
	if (result->site_wins)
		return plan_and_write(p, item, change);
	if (result->deleted == change->old->deleted &&
	    tb_str_eq(result->body, change->old->body)) {
		item->outcome = TB_PUSH_ACCEPTED;
		return send_again(p, change->old);
	}
	change->origin = TB_ORIGIN_CENTRE;
	err = tb_routing_extract_stored(tb_view_arena(p->view),
					item->collection, change->body,
					&change->words);
	return err == TB_OK ? plan_and_write(p, item, change) : err;
}

static enum tb_err settle_conflict(struct pushing *p, struct tb_push_item *item,
				   struct change *change)
{
	struct tb_conflict conflict = { .collection = item->collection,
					.table = item->table,
					.stored = change->old,
					.body = change->body,
					.deleted = change->deleted };
	struct tb_conflict_result result;
	const struct tb_record *record;
	enum tb_err err =
		tb_conflict_settle(p->view, &p->writer, &conflict, &result);

	if (is_unreadable(err))
		return reject(p, item, TB_PUSH_CODE_INVALID, UNREADABLE);
	if (err != TB_OK)
		return err;
	/* What a patch leaves as it was the site has yet to get. */
	result.site_wins &= item->action != TB_PUSH_PATCH;
	item->outcome = TB_PUSH_UNCHANGED;
	if (result.known)
		return TB_OK;
	err = store_result(p, item, change, &result);
	if (err != TB_OK || item->outcome == TB_PUSH_REJECTED)
		return err;
	err = tb_view_get(p->view, change->coll, item->id, &record);
	if (err != TB_OK)
		return err;
	return tb_conflict_record(p->view, &p->writer, &conflict, &result,
				  record->version);
}

static bool is_stored(const struct change *change)
{
	if (change->old == NULL)
		return change->deleted;
	if (change->deleted && change->old->deleted)
		return true;
	return change->deleted == change->old->deleted &&
	       tb_str_eq(change->body, change->old->body);
}

/* "a decimal recordID from a site must exist already": they are the centre's to
 * give, as ids of records that are made here. */
static bool takes_an_id(const struct pushing *p,
			const struct tb_push_item *item,
			const struct change *change)
{
	uint64_t id;

	return change->old == NULL && !change->deleted &&
	       p->writer.site_id != TB_ORIGIN_CENTRE &&
	       item->collection != NULL &&
	       item->collection->id_type == TB_ID_INTEGER &&
	       tb_sight_is_id(item->id, &id);
}

/* Of a deleted record that is not there an import keeps that its id was
 * given. */
static enum tb_err spend_id(struct pushing *p, const struct tb_push_item *item,
			    const struct change *change)
{
	uint64_t id = item->number;

	if (change->old != NULL || p->writer.site_id != TB_ORIGIN_CENTRE ||
	    item->collection == NULL ||
	    item->collection->id_type != TB_ID_INTEGER ||
	    (!tb_sight_is_id(item->id, &id) && id == 0))
		return TB_OK;
	return tb_place_spend_id(p->view, item->collection, id);
}

static enum tb_err apply_change(struct pushing *p, struct tb_push_item *item,
				struct change *change)
{
	uint64_t home = change->old != NULL ? tb_routing_home(change->old) : 0;

	if (takes_an_id(p, item, change))
		return reject(p, item, TB_PUSH_CODE_ID,
			      TB_STR("there is no record with this id"));
	if (home != 0 && !tb_rights_may_write(p->view, &p->writer, home))
		return reject_rights(p, item, home);
	if (is_stored(change)) {
		item->outcome = TB_PUSH_UNCHANGED;
		return spend_id(p, item, change);
	}
	if (change->old != NULL && tb_conflict_is(&p->writer, change->old))
		return settle_conflict(p, item, change);
	return plan_and_write(p, item, change);
}

static enum tb_err push_patch(struct pushing *p, struct tb_push_item *item,
			      struct change *change)
{
	struct tb_arena *arena = tb_view_arena(p->view);
	struct tb_str message;
	enum tb_err err;

	if (change->old == NULL || change->old->deleted)
		return reject(p, item, TB_PUSH_CODE_NOT_FOUND,
			      TB_STR("there is no such record to patch"));
	err = tb_fields_patch(arena, change->old->body, item->data,
			      &change->body);
	if (err == TB_ERR_INVALID)
		return reject(p, item, TB_PUSH_CODE_INVALID,
			      TB_STR("a patch needs an object on both sides"));
	if (err == TB_OK && change->body.n > PATCHED_MAX_BYTES)
		err = TB_ERR_TOO_LARGE;
	if (err == TB_ERR_TOO_LARGE)
		return reject(p, item, TB_PUSH_CODE_INVALID,
			      TB_STR("the patched record is too large"));
	if (err == TB_OK)
		err = tb_fields_check(arena, item->collection, change->body,
				      &message);
	if (err == TB_ERR_INVALID)
		return reject(p, item, TB_PUSH_CODE_TYPE, message);
	if (is_unreadable(err))
		return reject(p, item, TB_PUSH_CODE_INVALID, UNREADABLE);
	if (err == TB_OK)
		err = tb_routing_extract(arena, item->collection, change->body,
					 &change->words);
	if (err == TB_ERR_TOO_LARGE)
		return reject(p, item, TB_PUSH_CODE_SCOPES, TOO_MANY_STORES);
	if (is_unreadable(err))
		return reject(p, item, TB_PUSH_CODE_INVALID, UNREADABLE);
	return err == TB_OK ? apply_change(p, item, change) : err;
}

static enum tb_err push_merge(struct pushing *p, struct tb_push_item *item,
			      struct change *change)
{
	const struct tb_record *survivor = NULL;
	uint64_t home;
	enum tb_err err = TB_OK;

	if (item->survivor.n > 0 && !tb_str_eq(item->survivor, item->id))
		err = tb_view_get(p->view, change->coll, item->survivor,
				  &survivor);
	if (err != TB_OK)
		return err;
	if (change->old == NULL || survivor == NULL || survivor->deleted)
		return reject(p, item, TB_PUSH_CODE_NOT_FOUND,
			      TB_STR("a merge needs two records that exist"));
	home = tb_routing_home(survivor);
	if (home != 0 && !tb_rights_may_write(p->view, &p->writer, home))
		return reject_rights(p, item, home);
	err = tb_routing_merged_body(tb_view_arena(p->view), item->survivor,
				     &change->body);
	change->deleted = true;
	return err == TB_OK ? apply_change(p, item, change) : err;
}

/* Counts a table that a site brings up and that nobody declared; false: it
 * brought up too many. */
static enum tb_err count_table(struct pushing *p, bool *ret_may)
{
	struct tb_str name;
	uint64_t count = 0;
	enum tb_err err =
		tb_arena_printf(tb_view_arena(p->view), &name,
				"undeclared_tables/%u", p->push->site_id);

	if (err == TB_OK)
		err = tb_counter_get(p->view, name, &count);
	*ret_may = count < TB_PUSH_TABLES_MAX;
	return err == TB_OK && *ret_may
		       ? tb_counter_put(p->view, name, count + 1)
		       : err;
}

/* The table's number; 0 while nobody has written a record to it. A table that
 * nobody declared comes to be with its first record: `*ret_may` false says
 * that the site brought up too many. */
static enum tb_err table_number(struct pushing *p,
				const struct tb_push_item *item, uint64_t *ret,
				bool *ret_may)
{
	const struct tb_record *record;
	enum tb_err err =
		tb_view_get(p->view, TB_COLL_COLLECTION, item->table, &record);

	*ret_may = true;
	*ret = record != NULL ? record->rid : 0;
	if (err != TB_OK || record != NULL || item->action != TB_PUSH_UPSERT)
		return err;
	if (item->collection == NULL)
		err = count_table(p, ret_may);
	if (err != TB_OK || !*ret_may)
		return err;
	return tb_view_name(p->view, TB_COLL_COLLECTION, item->table, ret);
}

static enum tb_err push_item(struct pushing *p, struct tb_push_item *item)
{
	struct change change = { .body = item->data,
				 .words = item->words,
				 .origin = p->push->site_id };
	bool may_name;
	enum tb_err err;

	if (item->refused != NULL)
		return reject(p, item, item->refused, item->refused_message);
	err = table_number(p, item, &change.coll, &may_name);
	if (err == TB_OK && !may_name)
		return reject(p, item, TB_PUSH_CODE_UNKNOWN_TABLE,
			      TB_STR("too many tables that are not declared"));
	if (err == TB_OK)
		err = tb_view_get(p->view, change.coll, item->id, &change.old);
	if (err != TB_OK)
		return err;
	switch (item->action) {
	case TB_PUSH_UPSERT:
		return apply_change(p, item, &change);
	case TB_PUSH_DELETE:
		change.deleted = true;
		change.body = TB_STR("{}");
		return apply_change(p, item, &change);
	case TB_PUSH_PATCH:
		return push_patch(p, item, &change);
	case TB_PUSH_MERGE:
		return push_merge(p, item, &change);
	}
	TB_UNREACHABLE();
}

/* Wants a record of a table by name; of one that nobody has written yet there
 * is none. */
static enum tb_err want_record(struct tb_view *view, struct tb_str table,
			       struct tb_str id)
{
	const struct tb_record *name;
	enum tb_err err = tb_view_get(view, TB_COLL_COLLECTION, table, &name);

	if (err != TB_OK || name == NULL)
		return err;
	return tb_view_want(view, name->rid, id);
}

enum tb_err tb_push_gather(struct tb_push *push, struct tb_view *view)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < push->n_items; i++) {
		struct tb_push_item *item = &push->items[i];

		if (item->refused != NULL)
			continue;
		err = want_record(view, item->table, item->id);
		if (err == TB_OK && item->collection != NULL &&
		    item->collection->routing == TB_ROUTING_PARENT &&
		    item->words.home.p != NULL)
			err = want_record(view, item->collection->parent,
					  item->words.home);
	}
	return err;
}

static enum tb_err begin_push(struct pushing *p)
{
	struct tb_str id;
	enum tb_err err = tb_arena_printf(tb_view_arena(p->view), &id, "%u",
					  p->push->site_id);

	if (err == TB_OK)
		err = tb_view_scope(p->view, TB_SCOPE_SITE_PREFIX, id,
				    &p->writer.site_scope);
	if (err == TB_OK)
		err = tb_consumer_load(p->view, p->push->site_id, &p->consumer);
	p->writer.site_id = p->push->site_id;
	p->writer.may_edit_central = p->push->may_edit_central;
	p->writer.consumer = &p->consumer;
	p->quarantined = p->consumer.quarantined;
	p->quarantined_bytes = p->consumer.quarantined_bytes;
	return err;
}

/* True if times were kept that do not lie in the order of the changes. */
static bool kept_times(const struct tb_push *push)
{
	for (size_t i = 0; push->keep_times && i < push->n_items; i++)
		if (push->items[i].updated_us != 0)
			return true;
	return false;
}

static enum tb_err end_push(struct pushing *p)
{
	struct tb_push *push = p->push;
	enum tb_err err = TB_OK;

	if (p->consumer.quarantined != p->quarantined ||
	    p->consumer.quarantined_bytes != p->quarantined_bytes)
		err = tb_consumer_save(p->view, &p->consumer);
	if (err != TB_OK)
		return err;
	if (!push->keep_times && tb_view_changes(p->view) != p->changes)
		tb_view_org(p->view)->commits++;
	if (kept_times(push))
		err = tb_sight_note_import(p->view);
	if (err != TB_OK)
		return err;
	push->commit.note.status = push->n_rejected > 0 ? "partial" : "ok";
	return tb_arena_printf(push->arena, &push->commit.note.detail,
			       "\"accepted\":%zu,\"rejected\":%zu",
			       push->n_accepted, push->n_rejected);
}

enum tb_err tb_push_decide(struct tb_push *push, struct tb_view *view)
{
	struct pushing p = { .push = push,
			     .view = view,
			     .changes = tb_view_changes(view) };
	enum tb_err err;

	if (push->keep_times && tb_view_org_row(view)->commits > 0)
		return TB_ERR_CONFLICT;
	err = begin_push(&p);

	push->n_accepted = 0;
	push->n_rejected = 0;
	for (size_t i = 0; err == TB_OK && i < push->n_items; i++) {
		struct tb_push_item *item = &push->items[i];

		err = push_item(&p, item);
		if (err == TB_OK && item->outcome == TB_PUSH_REJECTED) {
			push->n_rejected++;
			continue;
		}
		push->n_accepted++;
		if (err == TB_OK && p.consumer.quarantined > 0)
			err = tb_quarantine_close(view, &p.consumer,
						  item->table, item->id);
	}
	return err == TB_OK ? end_push(&p) : err;
}

static enum tb_err push_gather(struct tb_commit *commit, struct tb_view *view)
{
	return tb_push_gather((struct tb_push *)commit, view);
}

static enum tb_err push_decide(struct tb_commit *commit, struct tb_view *view)
{
	return tb_push_decide((struct tb_push *)commit, view);
}

enum tb_err tb_push_prepare(struct tb_push *push,
			    const struct tb_declaration *declaration,
			    uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "push",
		.gather = push_gather,
		.decide = push_decide,
	};
	enum tb_err err = TB_OK;

	push->commit.kind = &kind;
	push->commit.org = org;
	push->commit.weight = push->n_items;
	push->commit.note.event_type = "sites";
	push->commit.note.operation = "push";
	push->commit.note.status = "ok";
	for (size_t i = 0; err == TB_OK && i < push->n_items; i++)
		err = prepare_or_refuse(push, declaration, &push->items[i]);
	return err;
}
