#include "kernel/resource.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "kernel/edit.h"
#include "kernel/fields.h"
#include "kernel/ledger.h"
#include "kernel/placing.h"

#define DETAIL_MAX_BYTES 8192

/* One edit while it is decided. */
struct editing {
	struct tb_resource *resource;
	struct tb_view *view;
	struct tb_arena *arena; /* the view's */
	uint64_t coll;          /* of the collection; 0: it has no records */
	const struct tb_record *old; /* NULL: none */
};

/* ---- results ---- */

/* Copies what belongs to the group into the request's arena. */
static enum tb_err copy_record(struct tb_arena *arena,
			       const struct tb_record *record,
			       struct tb_record *ret)
{
	struct tb_record copy = *record;
	struct tb_entry *entries =
		tb_arena_calloc(arena, record->n_entries, sizeof(*entries));
	enum tb_err err;

	if (entries == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < record->n_entries; i++)
		entries[i] = record->entries[i];
	copy.entries = entries;
	err = tb_arena_strdup(arena, record->key, &copy.key);
	if (err == TB_OK)
		err = tb_arena_strdup(arena, record->body, &copy.body);
	if (err == TB_OK)
		*ret = copy;
	return err;
}

/* "collection" and "id", for the audit trail. */
static enum tb_err put_detail(struct tb_resource *resource)
{
	const struct tb_record *record = &resource->record;
	uint64_t id = tb_record_id(record);
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, DETAIL_MAX_BYTES);
	tb_json_kv_str(&w, "collection", resource->collection->name);
	if (id != 0)
		tb_json_kv_uint(&w, "id", id);
	else
		tb_json_kv_str(&w, "id", record->key);
	return tb_buf_copy_out(&buf, resource->arena,
			       &resource->commit.note.detail);
}

static enum tb_err finish(struct editing *e, enum tb_resource_outcome outcome,
			  const struct tb_record *record)
{
	struct tb_resource *resource = e->resource;
	enum tb_err err =
		copy_record(resource->arena, record, &resource->record);

	resource->outcome = outcome;
	if (outcome == TB_RESOURCE_STALE)
		resource->commit.note.status = "conflict";
	return err == TB_OK ? put_detail(resource) : err;
}

/* ---- writing ---- */

/* Writes the record, of which nothing was changed before. OVERLOADED is no
 * refusal, because names may have been made. */
static enum tb_err write(struct editing *e, struct tb_edit *edit,
			 const struct tb_record **ret)
{
	struct tb_resource *resource = e->resource;
	enum tb_err err;

	edit->collection = resource->collection;
	edit->coll = e->coll;
	edit->old = e->old;
	err = tb_edit_write(e->view, edit, ret);
	if (err == TB_ERR_TOO_LARGE) {
		resource->outcome = TB_RESOURCE_OVERLOADED;
		resource->commit.note.status = "refused";
		*ret = NULL;
		return TB_OK;
	}
	if (err == TB_OK)
		tb_view_org(e->view)->commits++;
	return err;
}

/* ---- what was accepted before ---- */

static enum tb_err update_key(struct tb_arena *arena, uint64_t rid,
			      struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%llu", (unsigned long long)rid);
}

/* What names a sync_update: its caller and its bytes, which hold the base. */
static enum tb_err update_digest(struct editing *e, struct tb_str *ret)
{
	struct tb_str parts[] = { e->resource->by, e->resource->request };

	return tb_sha256_name(e->arena, parts, TB_ARRAY_LEN(parts), ret);
}

/* "version digest" */
static enum tb_err update_mark(struct editing *e, uint64_t version,
			       struct tb_str *ret)
{
	struct tb_str digest;
	enum tb_err err = update_digest(e, &digest);

	return err == TB_OK ? tb_arena_printf(e->arena, ret, "\"%llu %.*s\"",
					      (unsigned long long)version,
					      TB_STR_ARG(digest))
			    : err;
}

/* "A repeated `sync_update` (same principal, base and body as the record's last
 * accepted one) answers 200 with the record." */
static enum tb_err is_repeated(struct editing *e, bool *ret)
{
	const struct tb_record *last;
	struct tb_str key;
	struct tb_str mark;
	enum tb_err err = update_key(e->arena, e->old->rid, &key);

	*ret = false;
	if (err == TB_OK)
		err = tb_view_get(e->view, TB_COLL_UPDATE, key, &last);
	if (err != TB_OK || last == NULL)
		return err;
	err = update_mark(e, e->old->version, &mark);
	*ret = err == TB_OK && tb_str_eq(last->body, mark);
	return err;
}

static enum tb_err remember_update(struct editing *e,
				   const struct tb_record *record)
{
	struct tb_str key;
	struct tb_str mark;
	enum tb_err err = update_key(e->arena, record->rid, &key);

	if (err == TB_OK)
		err = update_mark(e, record->version, &mark);
	return err == TB_OK
		       ? tb_view_put_silent(e->view, TB_COLL_UPDATE, key, mark)
		       : err;
}

enum tb_err tb_resource_forget(struct tb_view *view, uint64_t rid)
{
	struct tb_str key;
	enum tb_err err = update_key(tb_view_arena(view), rid, &key);

	return err == TB_OK ? tb_view_remove(view, TB_COLL_UPDATE, key) : err;
}

/* ---- stale edits ---- */

/* "The check is `client_last_synced_at` < the record's update time; a base with
 * at most three decimals is compared to the millisecond." */
static bool is_stale(const struct tb_resource_base *base,
		     const struct tb_record *record)
{
	int64_t updated_us = record->updated_us;
	int64_t below_ms = updated_us % 1000;

	if (base->is_ms)
		updated_us -= below_ms < 0 ? below_ms + 1000 : below_ms;
	return base->is_given && base->us < updated_us;
}

/* Sent again, it is the same conflict, whatever the record is by then. */
static enum tb_err ledger_key(struct editing *e, struct tb_str *ret)
{
	const struct tb_resource *resource = e->resource;
	struct tb_str parts[] = { resource->by, resource->collection->name,
				  resource->key, resource->request };

	return tb_sha256_name(e->arena, parts, TB_ARRAY_LEN(parts), ret);
}

static enum tb_err add_to_ledger(struct editing *e)
{
	const struct tb_resource *resource = e->resource;
	struct tb_ledger_entry entry = {
		.table = resource->collection->name,
		.record = e->old->key,
		.number = tb_record_id(e->old),
		.by = resource->by,
		.base = resource->base.as_sent,
		.resolution = TB_STR("rejected"),
		.server = e->old->body,
		.client = resource->changes,
	};
	bool known = false;
	enum tb_err err = ledger_key(e, &entry.key);

	if (err == TB_OK)
		err = tb_ledger_knows(e->view, entry.key, &known);
	return err == TB_OK && !known
		       ? tb_ledger_add(e->view, &entry, TB_ORIGIN_CENTRE)
		       : err;
}

/* ---- the changes of one that is there ---- */

/* The record, if the caller sees it. */
static enum tb_err find_seen(struct editing *e, struct tb_seen *ret)
{
	enum tb_err err = TB_ERR_NOT_FOUND;

	if (e->coll != 0)
		err = tb_view_get(e->view, e->coll, e->resource->key, &e->old);
	if (err != TB_OK)
		return err;
	if (e->old == NULL || e->old->deleted ||
	    !tb_sight_of(e->resource->sight, e->old, ret) || !ret->is_present)
		return TB_ERR_NOT_FOUND;
	return TB_OK;
}

static enum tb_err apply(struct editing *e)
{
	struct tb_resource *resource = e->resource;
	struct tb_edit edit = { .key = e->old->key,
				.body = TB_STR("{}"),
				.deleted =
					resource->action == TB_RESOURCE_DELETE,
				/* "On success `updated_at` and
				 * `last_synced_at` are the same instant." */
				.is_synced =
					resource->action == TB_RESOURCE_SYNC };
	const struct tb_record *record;
	enum tb_err err = TB_OK;

	if (!edit.deleted)
		err = tb_fields_patch(e->arena, e->old->body, resource->changes,
				      &edit.body);
	if (err == TB_OK)
		err = write(e, &edit, &record);
	if (err != TB_OK || record == NULL)
		return err;
	if (edit.is_synced)
		err = remember_update(e, record);
	return err == TB_OK ? finish(e, TB_RESOURCE_DONE, record) : err;
}

static enum tb_err decide_change(struct editing *e)
{
	struct tb_resource *resource = e->resource;
	bool is_sync = resource->action == TB_RESOURCE_SYNC;
	bool repeated = false;
	struct tb_seen seen;
	enum tb_err err = find_seen(e, &seen);

	if (err == TB_OK && is_sync)
		err = is_repeated(e, &repeated);
	if (err != TB_OK)
		return err;
	if (repeated)
		return finish(e, TB_RESOURCE_REPEATED, e->old);
	if (resource->expected != 0 && resource->expected != seen.num)
		return finish(e, TB_RESOURCE_NO_MATCH, e->old);
	if (is_sync && is_stale(&resource->base, e->old)) {
		err = add_to_ledger(e);
		return err == TB_OK ? finish(e, TB_RESOURCE_STALE, e->old)
				    : err;
	}
	return apply(e);
}

/* ---- making one ---- */

/* The same request again: with the record that it made. One who does not see it
 * any more is shown it as it was made, or not at all. */
static enum tb_err answer_again(struct editing *e,
				const struct tb_request_result *result)
{
	const struct tb_record *record;
	struct tb_seen seen;
	enum tb_err err = tb_view_get_rid(e->view, result->rid, &record);

	if (err != TB_OK)
		return err;
	if (record == NULL || record->deleted)
		return TB_ERR_NOT_FOUND;
	if (record->version != result->version &&
	    (!tb_sight_of(e->resource->sight, record, &seen) ||
	     !seen.is_present))
		return TB_ERR_NOT_FOUND;
	return finish(e, TB_RESOURCE_REPEATED, record);
}

/* The id that the client gave must be free; that of a deleted record is. */
static enum tb_err take_key(struct editing *e, struct tb_edit *edit)
{
	enum tb_err err;

	edit->key = e->resource->key;
	if (e->coll == 0)
		return TB_OK;
	err = tb_view_get(e->view, e->coll, edit->key, &e->old);
	if (err == TB_OK && e->old != NULL && !e->old->deleted)
		err = TB_ERR_EXISTS;
	return err;
}

/* "In a collection with integer ids a record born here has its id's decimal
 * text as recordID." */
static enum tb_err next_key(struct editing *e, struct tb_edit *edit)
{
	enum tb_err err =
		tb_place_next_id(e->view, e->resource->collection, &edit->id);

	return err == TB_OK ? tb_arena_printf(e->arena, &edit->key, "%llu",
					      (unsigned long long)edit->id)
			    : err;
}

static enum tb_err make(struct editing *e)
{
	struct tb_resource *resource = e->resource;
	struct tb_edit edit = { .body = resource->changes };
	struct tb_request_result result;
	const struct tb_record *record;
	enum tb_err err;

	if (resource->collection->id_type == TB_ID_INTEGER)
		err = next_key(e, &edit);
	else
		err = take_key(e, &edit);
	if (err == TB_OK && e->coll == 0)
		err = tb_view_name(e->view, TB_COLL_COLLECTION,
				   resource->collection->name, &e->coll);
	if (err == TB_OK)
		err = write(e, &edit, &record);
	if (err != TB_OK || record == NULL)
		return err;
	result = (struct tb_request_result) { record->rid, record->version };
	if (resource->named != NULL)
		err = tb_requests_keep(e->view, resource->named, &result);
	return err == TB_OK ? finish(e, TB_RESOURCE_DONE, record) : err;
}

static enum tb_err decide_create(struct editing *e)
{
	struct tb_request_result result;
	enum tb_err err = TB_ERR_NOT_FOUND;

	if (e->resource->named != NULL)
		err = tb_requests_find(e->view, e->resource->named, &result);
	if (err == TB_OK)
		return answer_again(e, &result);
	if (err == TB_ERR_CONFLICT) {
		e->resource->outcome = TB_RESOURCE_USED;
		return TB_OK;
	}
	return err == TB_ERR_NOT_FOUND ? make(e) : err;
}

/* ---- the kind ---- */

static enum tb_err find_coll(struct tb_view *view, struct tb_str name,
			     uint64_t *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_COLLECTION, name, &record);

	*ret = err == TB_OK && record != NULL ? record->rid : 0;
	return err;
}

static enum tb_err resource_gather(struct tb_commit *commit,
				   struct tb_view *view)
{
	struct tb_resource *resource = (struct tb_resource *)commit;
	uint64_t coll;
	enum tb_err err = find_coll(view, resource->collection->name, &coll);

	if (err == TB_OK && coll != 0 && resource->key.n > 0)
		err = tb_view_want(view, coll, resource->key);
	if (err == TB_OK && resource->named != NULL)
		err = tb_view_want(view, TB_COLL_REQUEST, resource->named->key);
	return err;
}

static enum tb_err resource_decide(struct tb_commit *commit,
				   struct tb_view *view)
{
	struct tb_resource *resource = (struct tb_resource *)commit;
	struct editing e = { .resource = resource,
			     .view = view,
			     .arena = tb_view_arena(view) };
	enum tb_err err;

	resource->outcome = TB_RESOURCE_DONE;
	resource->record = (struct tb_record) { .rid = 0 };
	resource->commit.note.status = "ok";
	err = find_coll(view, resource->collection->name, &e.coll);
	if (err != TB_OK)
		return err;
	return resource->action == TB_RESOURCE_CREATE ? decide_create(&e)
						      : decide_change(&e);
}

void tb_resource_init(struct tb_resource *resource, uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "resource",
		.gather = resource_gather,
		.decide = resource_decide,
	};
	static const char *const operations[] = {
		[TB_RESOURCE_CREATE] = "create",
		[TB_RESOURCE_SYNC] = "sync_update",
		[TB_RESOURCE_REPLACE] = "replace",
		[TB_RESOURCE_PATCH] = "patch",
		[TB_RESOURCE_DELETE] = "delete",
	};

	resource->commit.kind = &kind;
	resource->commit.org = org;
	resource->commit.weight = 1;
	resource->commit.note.event_type = "resources";
	resource->commit.note.operation = operations[resource->action];
}
