#include "kernel/work.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/rights.h"
#include "kernel/routing.h"
#include "kernel/sight.h"
#include "kernel/traces.h"

#define BATCH 256

/* Looking at what hangs below one record, its parent: where it stands. */
struct follow {
	struct tb_view *view;
	const struct tb_declaration *declaration;
	uint64_t parent;
	unsigned reasons;                       /* enum tb_follow_reason */
	const struct tb_record *record;         /* the parent */
	const struct tb_collection *collection; /* its; NULL: not declared */
	uint32_t origin;             /* whose change moved the parent */
	struct tb_consumer consumer; /* of the site asked about last */
	uint64_t after;              /* the last child that was done */
	size_t budget;
	bool done;
};

/* The scope of what the site that wrote a record last keeps for itself. */
static enum tb_err site_scope_of(struct tb_view *view, uint32_t site,
				 uint64_t *ret)
{
	struct tb_str id;
	enum tb_err err = tb_arena_printf(tb_view_arena(view), &id, "%u", site);

	return err == TB_OK ? tb_view_scope(view, TB_SCOPE_SITE_PREFIX, id, ret)
			    : err;
}

/* A child that another site left waiting for this parent stays where it is:
 * nobody hangs records below what is not theirs. */
static bool may_follow(const struct tb_record *child, uint64_t site_scope,
		       uint64_t new_home, struct tb_view *view,
		       enum tb_err *err)
{
	bool may = true;

	if (child->origin != TB_ORIGIN_CENTRE &&
	    tb_routing_home(child) == site_scope && new_home != site_scope)
		*err = tb_rights_site_holds(view, child->origin, new_home,
					    &may);
	return may;
}

/* In whose name a child moves. Who moved the parent knows that its children
 * went with it, and everybody else is told, the child's author too; one that
 * waited just comes to where its author has it already. But who has yet to get
 * the child gets it where it is now. */
static enum tb_err name_mover(struct follow *f, const struct tb_record *child,
			      bool waited, uint32_t *ret)
{
	uint32_t origin = waited ? child->origin : f->origin;
	enum tb_err err = TB_OK;

	if (origin != TB_ORIGIN_CENTRE && f->consumer.site_id != origin)
		err = tb_consumer_load(f->view, origin, &f->consumer);
	if (err != TB_OK)
		return err;
	if (origin != TB_ORIGIN_CENTRE &&
	    tb_consumer_awaits(&f->consumer, child))
		origin = TB_ORIGIN_CENTRE;
	*ret = origin;
	return TB_OK;
}

/* What was merged into the parent goes nowhere itself, but its children do. */
static enum tb_err follow_merged(struct follow *f,
				 const struct tb_record *child)
{
	struct tb_str survivor;
	enum tb_err err =
		tb_routing_survivor(tb_view_arena(f->view), child, &survivor);

	return err == TB_OK && survivor.p != NULL
		       ? tb_agenda_follow(tb_view_agenda(f->view),
					  tb_view_arena(f->view), child->rid,
					  TB_FOLLOW_ROUTE)
		       : err;
}

static enum tb_err route_child(struct follow *f, const struct tb_record *child,
			       const struct tb_collection *collection,
			       const struct tb_route_words *words)
{
	struct tb_route_plan plan;
	uint64_t site_scope = 0;
	uint64_t before;
	uint32_t origin;
	enum tb_err err = site_scope_of(f->view, child->origin, &site_scope);

	if (err == TB_OK)
		err = tb_routing_plan(f->view, collection, words, site_scope,
				      false, &plan);
	if (err != TB_OK || plan.home == 0 ||
	    !may_follow(child, site_scope, plan.home, f->view, &err))
		return err;
	err = tb_routing_plan_also(f->view, words, &plan);
	if (err != TB_OK)
		return err;
	before = tb_view_changes(f->view);
	err = name_mover(f, child, tb_routing_home(child) == site_scope,
			 &origin);
	if (err == TB_OK)
		err = tb_view_reroute(f->view, child->rid, plan.targets,
				      plan.n_targets, TB_VIEW_NOT_ROUTED,
				      origin);
	/* A child that was in too many stores already stays where it is: it
	 * must not keep its parent, and all that is pushed with it, out. */
	if (err == TB_ERR_TOO_LARGE)
		return TB_OK;
	if (err == TB_OK && collection->is_parent &&
	    tb_view_changes(f->view) != before)
		err = tb_agenda_follow(tb_view_agenda(f->view),
				       tb_view_arena(f->view), child->rid,
				       TB_FOLLOW_ROUTE);
	return err;
}

/* True if the parent is the one by whose places the child's are. */
static bool is_routed_by(const struct follow *f,
			 const struct tb_collection *collection,
			 const struct tb_route_words *words)
{
	return collection->routing == TB_ROUTING_PARENT &&
	       f->collection != NULL && words->home.p != NULL &&
	       tb_str_eq(collection->parent, f->collection->name);
}

/* The parent has come to be: it is seen by those whom the child lets see it. */
static enum tb_err show_parent(struct follow *f,
			       const struct tb_collection *collection,
			       const struct tb_route_words *words)
{
	struct tb_arena *arena = tb_view_arena(f->view);
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < words->n_showings; i++) {
		const struct tb_showing *showing = &words->showings[i];
		struct tb_recheck recheck = { .coll = f->record->coll,
					      .key = f->record->key };
		struct tb_str name;

		if (showing->by->to != f->collection ||
		    !tb_str_eq(showing->key, f->record->key) ||
		    showing->owner.n > TB_SIGHT_VALUE_MAX_BYTES)
			continue;
		err = tb_sight_derived_name(arena, showing->by->to, collection,
					    showing->by->reference,
					    showing->by->field, showing->owner,
					    &name);
		if (err == TB_OK)
			err = tb_view_name(f->view, TB_COLL_SCOPE, name,
					   &recheck.scope);
		if (err == TB_OK)
			err = tb_agenda_recheck(tb_view_agenda(f->view), arena,
						&recheck);
	}
	return err;
}

/* True if a resource looks different when what it refers to by this field comes
 * to be or changes: it shows members of it, or an id that its key does not tell
 * already. */
static bool shows_target(const struct tb_collection *collection,
			 const struct tb_reference *reference)
{
	uint64_t id;

	for (size_t i = 0; i < collection->n_fields; i++)
		if (tb_str_eq(collection->fields[i].from, reference->by->name))
			return true;
	return !tb_sight_is_id(reference->key, &id);
}

static bool shows_parent(const struct follow *f,
			 const struct tb_collection *collection,
			 const struct tb_route_words *words)
{
	for (size_t i = 0; i < words->n_references; i++) {
		const struct tb_reference *reference = &words->references[i];

		if (f->collection != NULL &&
		    tb_str_eq(reference->collection, f->collection->name) &&
		    tb_str_eq(reference->key, f->record->key) &&
		    shows_target(collection, reference))
			return true;
	}
	return false;
}

/* True if somebody may have the child as it looked before the parent was what
 * it is now; not where it was changed later, in the same commit or another. */
static bool was_shown_before(const struct tb_record *child,
			     const struct tb_record *parent)
{
	for (size_t i = 0; i < child->n_entries; i++)
		if ((child->entries[i].flags & TB_ENTRY_SIGHT) &&
		    child->entries[i].num < parent->version)
			return true;
	return false;
}

static enum tb_err look_at_child(struct follow *f, uint64_t rid)
{
	const struct tb_record *child;
	const struct tb_collection *collection;
	struct tb_route_words words;
	enum tb_err err = tb_view_get_rid(f->view, rid, &child);

	if (err != TB_OK || child == NULL)
		return err;
	if (child->deleted)
		return f->reasons & TB_FOLLOW_ROUTE ? follow_merged(f, child)
						    : TB_OK;
	err = tb_routing_collection(f->view, f->declaration, child,
				    &collection);
	if (err != TB_OK || collection == NULL)
		return err;
	err = tb_routing_extract_stored(tb_view_arena(f->view), collection,
					child->body, &words);
	if (err == TB_OK && (f->reasons & TB_FOLLOW_ROUTE) &&
	    is_routed_by(f, collection, &words))
		err = route_child(f, child, collection, &words);
	if (err == TB_OK && (f->reasons & TB_FOLLOW_SIGHT))
		err = show_parent(f, collection, &words);
	if (err == TB_OK && (f->reasons & TB_FOLLOW_SHOW) &&
	    collection->path.p != NULL && was_shown_before(child, f->record) &&
	    shows_parent(f, collection, &words))
		err = tb_view_touch_sight(f->view, rid);
	return err;
}

/* Whose change gave a record its highest number. */
static uint32_t last_mover(const struct tb_record *record)
{
	uint32_t origin = record->origin;
	uint64_t num = 0;

	for (size_t i = 0; i < record->n_entries; i++)
		if (record->entries[i].num > num &&
		    !(record->entries[i].flags & TB_ENTRY_FIXED)) {
			num = record->entries[i].num;
			origin = record->entries[i].origin;
		}
	return origin;
}

/* Looks at children until there are no more, or the budget is used up. */
static enum tb_err follow_parent(struct follow *f)
{
	const struct tb_record *parent;
	struct tb_tx *tx = tb_view_tx(f->view);
	enum tb_err err = tb_view_get_rid(f->view, f->parent, &parent);

	f->done = true;
	if (err == TB_OK && parent != NULL)
		err = tb_routing_collection(f->view, f->declaration, parent,
					    &f->collection);
	if (err != TB_OK || parent == NULL)
		return err;
	f->record = parent;
	f->origin = last_mover(parent);
	for (;;) {
		uint64_t rids[BATCH];
		size_t max = f->budget < BATCH ? f->budget : BATCH;
		size_t n = 0;

		if (max == 0) {
			f->done = false;
			return TB_OK;
		}
		err = tx->store->ops->children(tx, tb_view_org_id(f->view),
					       parent->coll, parent->key,
					       f->after, rids, max, &n);
		for (size_t i = 0; err == TB_OK && i < n; i++)
			err = look_at_child(f, rids[i]);
		if (err != TB_OK)
			return err;
		f->budget -= n;
		if (n < max)
			return TB_OK;
		f->after = rids[n - 1];
	}
}

/* Keeps what is left of following a parent. */
static enum tb_err keep_work(struct tb_view *view, const struct follow *f,
			     struct tb_str key)
{
	struct tb_target target = {
		.scope = tb_scope_known(tb_view_org_id(view), TB_SCOPE_WORK),
	};
	struct tb_put put = { .coll = TB_COLL_WORK,
			      .key = key,
			      .targets = &target,
			      .n_targets = 1 };
	enum tb_err err = tb_arena_printf(
		tb_view_arena(view), &put.body,
		"{\"parent\":%llu,\"after\":%llu,\"reasons\":%u}",
		(unsigned long long)f->parent, (unsigned long long)f->after,
		f->reasons);

	return err == TB_OK ? tb_view_put(view, &put, NULL) : err;
}

static enum tb_err keep_new_work(struct tb_view *view, const struct follow *f)
{
	struct tb_str key;
	enum tb_err err =
		tb_arena_printf(tb_view_arena(view), &key, "follow/%llu/%u",
				(unsigned long long)f->parent, f->reasons);

	return err == TB_OK ? keep_work(view, f, key) : err;
}

/* True if these words let the record be seen in the scope. */
static enum tb_err names_sight(struct tb_view *view,
			       const struct tb_collection *from,
			       const struct tb_route_words *words,
			       const struct tb_recheck *recheck, bool *ret)
{
	enum tb_err err = TB_OK;

	*ret = false;
	for (size_t i = 0; err == TB_OK && !*ret && i < words->n_showings;
	     i++) {
		const struct tb_showing *showing = &words->showings[i];
		const struct tb_record *scope = NULL;
		struct tb_str name;

		if (!tb_str_eq(showing->key, recheck->key) ||
		    showing->owner.n > TB_SIGHT_VALUE_MAX_BYTES)
			continue;
		err = tb_sight_derived_name(
			tb_view_arena(view), showing->by->to, from,
			showing->by->reference, showing->by->field,
			showing->owner, &name);
		if (err == TB_OK)
			err = tb_view_get(view, TB_COLL_SCOPE, name, &scope);
		*ret = scope != NULL && scope->rid == recheck->scope;
	}
	return err;
}

/* What hangs there may have been hung by a declaration that was another: it
 * counts only if it says so still. */
static enum tb_err is_sight_of(struct tb_view *view,
			       const struct tb_declaration *declaration,
			       const struct tb_recheck *recheck, uint64_t rid,
			       bool *ret)
{
	const struct tb_record *child;
	const struct tb_collection *collection = NULL;
	struct tb_route_words words;
	enum tb_err err = tb_view_get_rid(view, rid, &child);

	*ret = false;
	if (err == TB_OK && child != NULL && !child->deleted)
		err = tb_routing_collection(view, declaration, child,
					    &collection);
	if (err != TB_OK || collection == NULL)
		return err;
	err = tb_routing_extract_stored(tb_view_arena(view), collection,
					child->body, &words);
	return err == TB_OK
		       ? names_sight(view, collection, &words, recheck, ret)
		       : err;
}

/* Looks for a child by which a record is seen, and takes those off that are
 * none any more. */
static enum tb_err is_seen(struct tb_view *view,
			   const struct tb_declaration *declaration,
			   const struct tb_recheck *recheck, bool *ret)
{
	struct tb_tx *tx = tb_view_tx(view);
	enum tb_err err = TB_OK;
	uint64_t child = 0;
	size_t n = 1;

	*ret = false;
	while (err == TB_OK && !*ret) {
		err = tx->store->ops->children(tx, tb_view_org_id(view),
					       recheck->scope, recheck->key,
					       child, &child, 1, &n);
		if (err != TB_OK || n == 0)
			break;
		err = is_sight_of(view, declaration, recheck, child, ret);
		if (err == TB_OK && !*ret)
			err = tb_view_unlink(view, recheck->scope, recheck->key,
					     child);
	}
	return err;
}

/* Lets one record be in a scope just as long as something hangs below both. */
static enum tb_err recheck(struct tb_view *view,
			   const struct tb_declaration *declaration,
			   const struct tb_recheck *recheck)
{
	const struct tb_collection *collection;
	const struct tb_record *record;
	uint8_t flags = TB_ENTRY_SIGHT | TB_ENTRY_DERIVED;
	bool seen = false;
	enum tb_err err =
		tb_view_get(view, recheck->coll, recheck->key, &record);

	if (err != TB_OK || record == NULL || record->deleted)
		return err;
	err = tb_routing_collection(view, declaration, record, &collection);
	if (err == TB_OK)
		err = tb_traces_make_room(view, collection, record->rid);
	if (err == TB_OK)
		err = is_seen(view, declaration, recheck, &seen);
	if (seen)
		flags |= TB_ENTRY_PRESENT;
	if (err == TB_OK)
		err = tb_view_set_place(view, record->rid, recheck->scope,
					flags);
	/* One that was in too many places is not seen by one more. */
	return err == TB_ERR_TOO_LARGE ? TB_OK : err;
}

static enum tb_err recheck_all(struct tb_view *view,
			       const struct tb_declaration *declaration)
{
	struct tb_recheck item;
	enum tb_err err = tb_view_flush(view);

	while (err == TB_OK &&
	       tb_agenda_next_recheck(tb_view_agenda(view), &item))
		err = recheck(view, declaration, &item);
	return err;
}

enum tb_err tb_work_follow(struct tb_view *view,
			   const struct tb_declaration *declaration)
{
	struct follow f = {
		.view = view,
		.declaration = declaration,
		.budget = TB_WORK_MAX,
	};
	enum tb_err err = TB_OK;

	while (err == TB_OK && tb_agenda_next_follow(tb_view_agenda(view),
						     &f.parent, &f.reasons)) {
		/* Links that grandchildren's routing looks up must be there. */
		err = tb_view_flush(view);
		f.after = 0;
		if (err == TB_OK)
			err = follow_parent(&f);
		if (err == TB_OK && !f.done)
			err = keep_new_work(view, &f);
	}
	return err == TB_OK ? recheck_all(view, declaration) : err;
}

/* One kept piece of work, as its record says. */
static enum tb_err read_work(struct tb_arena *arena, struct tb_str body,
			     struct follow *ret)
{
	struct tb_json json;
	struct tb_json_value why;
	uint64_t reasons = TB_FOLLOW_ROUTE; /* the only one there once was */
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err == TB_OK)
		err = tb_json_u64(
			tb_json_get(tb_json_root(&json), TB_STR("parent")),
			&ret->parent);
	if (err == TB_OK)
		err = tb_json_u64(
			tb_json_get(tb_json_root(&json), TB_STR("after")),
			&ret->after);
	if (err != TB_OK)
		return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
	why = tb_json_get(tb_json_root(&json), TB_STR("reasons"));
	if (!tb_json_is_absent(why))
		err = tb_json_u64(why, &reasons);
	ret->reasons = (unsigned)reasons;
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

/* Key and body of the first kept work, p NULL when there is none. */
static enum tb_err first_work(struct tb_tx *tx, struct tb_arena *arena,
			      uint32_t org, struct tb_str *ret_key,
			      struct tb_str *ret_body)
{
	struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_WORK),
		.until = UINT64_MAX,
		.limit = 1,
		.with_records = true,
	};
	struct tb_feed_row row;
	struct tb_cursor *cursor;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	*ret_body = TB_STR_NONE;
	err = tx->store->ops->feed_next(cursor, &row);
	if (err == TB_OK)
		err = tb_arena_strdup(arena, row.record.key, ret_key);
	if (err == TB_OK)
		err = tb_arena_strdup(arena, row.record.body, ret_body);
	else if (err == TB_ERR_NOT_FOUND)
		err = TB_OK;
	tx->store->ops->feed_close(cursor);
	return err;
}

enum tb_err tb_work_is_waiting(struct tb_core *core, uint32_t org, bool *ret)
{
	struct tb_arena *arena = tb_arena_create(1u << 20);
	struct tb_str key, body;
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = first_work(tx, arena, org, &key, &body);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	if (err == TB_OK)
		*ret = body.p != NULL;
	return err;
}

static enum tb_err work_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct tb_work *work = (struct tb_work *)commit;
	struct follow f = {
		.view = view,
		.declaration = commit->declaration,
		.budget = TB_WORK_MAX,
	};
	struct tb_str body = TB_STR_NONE;
	struct tb_str key;
	enum tb_err err = first_work(tb_view_tx(view), tb_view_arena(view),
				     commit->org, &key, &body);

	work->more = false;
	if (err != TB_OK || body.p == NULL)
		return err;
	work->more = true;
	err = read_work(tb_view_arena(view), body, &f);
	if (err == TB_OK)
		err = follow_parent(&f);
	if (err == TB_OK && !f.done)
		return keep_work(view, &f, key);
	return err == TB_OK ? tb_view_remove(view, TB_COLL_WORK, key) : err;
}

void tb_work_init(struct tb_work *work, uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "work",
		.decide = work_decide,
	};

	*work = (struct tb_work) { .commit = { .kind = &kind, .org = org } };
}
