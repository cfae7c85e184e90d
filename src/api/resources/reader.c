#include "api/resources/reader.h"

#include "api/resources/walk.h"
#include "kernel/dropped.h"
#include "kernel/scope_end.h"

static const struct tb_collection *collection_of(const struct tb_reader *r)
{
	return r->options.layout->collection;
}

static uint32_t org_of(const struct tb_reader *r)
{
	return r->options.principal->org;
}

/* ---- what the caller sees ---- */

/* A filter's value as bodies have it: of a reference the key. What is not
 * there yet would be made under its id. */
static enum tb_err body_value(struct tb_reader *r, struct tb_str field,
			      struct tb_str value, struct tb_str *ret)
{
	const struct tb_collection *target = tb_field_target(
		tb_core_declaration(r->options.core), collection_of(r), field);
	struct tb_record *record;
	uint64_t id;
	enum tb_err err;

	*ret = value;
	if (!target || target->id_type != TB_ID_INTEGER ||
	    !tb_sight_is_id(value, &id))
		return TB_OK;
	err = tb_sight_find_id(r->options.core, r->tx, r->options.arena,
			       org_of(r), target, id, &record);
	if (!err)
		*ret = record->key;
	else if (err == TB_ERR_NOT_FOUND)
		r->sight.is_settled = false;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err find_filters(struct tb_reader *r)
{
	const struct tb_collection *c = collection_of(r);
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < c->n_filters; i++) {
		struct tb_str asked = r->options.query->filters[i];

		if (asked.p)
			err = body_value(r, c->filters[i].field, asked,
					 &r->filters[i]);
	}
	return err;
}

struct tb_sights_key tb_reader_sights_key(const struct tb_reader_options *o)
{
	const struct tb_collection *c = o->layout->collection;
	struct tb_sights_key key = { .principal = o->principal,
				     .collection = c };

	for (size_t i = 0; !key.value.p && i < c->n_filters; i++) {
		key.field = c->filters[i].field;
		key.value = o->query->filters[i];
	}
	return key;
}

/* Who sees all gets what one filter asks for from a feed of its own; the
 * others are compared with the bodies. */
static enum tb_err narrow(struct tb_reader *r)
{
	const struct tb_collection *c = collection_of(r);
	size_t i = 0;
	enum tb_err err;

	while (i < c->n_filters && !r->filters[i].p)
		i++;
	if (i == c->n_filters || !r->sight.sees_all)
		return TB_OK;
	err = tb_sight_narrow(r->options.core, r->tx, r->options.arena,
			      org_of(r), &r->sight, c->filters[i].field,
			      r->filters[i]);
	r->filters[i] = TB_STR_NONE;
	return err;
}

static enum tb_err find_sight(struct tb_reader *r)
{
	const struct tb_reader_options *o = &r->options;
	struct tb_viewer viewer = tb_sights_viewer(o->principal);
	struct tb_sights_key key = tb_reader_sights_key(o);
	enum tb_err err = tb_sight_resolve(
		o->core, r->tx, o->arena, collection_of(r), &viewer, &r->sight);

	if (!err)
		err = find_filters(r);
	if (!err)
		err = narrow(r);
	if (!err)
		tb_sights_put(o->sights, &key, &r->sight);
	return err;
}

/* ---- snapshots ---- */

static enum tb_err read_nums(struct tb_reader *r)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < r->sight.n; i++)
		err = tb_scope_end(r->tx, r->options.arena, r->sight.scopes[i],
				   &r->nums[i]);
	return err;
}

static enum tb_err begin(struct tb_reader *r)
{
	enum tb_err err = tb_core_read(r->options.core, &r->tx);

	if (err)
		return err;
	err = r->tx->store->ops->org_get(r->tx, org_of(r), &r->org);
	if (err)
		tb_reader_close(r);
	return err;
}

void tb_reader_close(struct tb_reader *r)
{
	tb_core_read_end(r->tx);
	r->tx = NULL;
}

enum tb_err tb_reader_open(struct tb_reader *r,
			   const struct tb_reader_options *options)
{
	enum tb_err err;

	*r = (struct tb_reader) { .options = *options, .n_snapshots = 1 };
	err = begin(r);
	if (!err)
		err = find_sight(r);
	if (!err)
		err = read_nums(r);
	if (err)
		tb_reader_close(r);
	return err;
}

/* ---- who must start over ---- */

/* "Where such traces have been dropped since the client's timestamp, the
 * answer is 410; a cursor from before a restore is answered so, too." */
enum tb_err tb_reader_judge(struct tb_reader *r)
{
	const struct tb_resources_query *query = r->options.query;
	const struct tb_resources_cursor *after = &query->after;
	struct tb_dropped dropped;
	uint64_t known;
	enum tb_err err;

	if (query->has_after &&
	    (after->epoch != r->org.epoch || after->num > r->org.head ||
	     after->began > r->org.head))
		return TB_ERR_RESYNC;
	if (!query->with_deleted || (!query->has_after && !query->has_since))
		return TB_OK;
	err = tb_dropped_read(r->tx, r->options.arena, org_of(r),
			      collection_of(r)->name, &dropped);
	if (err)
		return err;
	if (query->has_since && query->since_us < dropped.us)
		return TB_ERR_RESYNC;
	known = after->num > after->began ? after->num : after->began;
	return query->has_after && known < dropped.num ? TB_ERR_RESYNC : TB_OK;
}

/* ---- the whole of it ---- */

/* All of a collection by ids: the feed of ids has them in their order. */
static bool is_listing(const struct tb_reader *r)
{
	const struct tb_resources_query *query = r->options.query;
	const struct tb_collection *c = collection_of(r);

	return r->sight.sees_all && c->id_type == TB_ID_INTEGER &&
	       c->order == TB_ORDER_ID && query->limit == 0 &&
	       !query->has_since;
}

enum tb_spool_form tb_reader_spool_form(const struct tb_reader *r)
{
	const struct tb_collection *c = collection_of(r);

	if (r->options.query->limit > 0 || c->order == TB_ORDER_COMMIT)
		return TB_SPOOL_LATEST;
	return c->id_type == TB_ID_INTEGER ? TB_SPOOL_BY_NUMBER
					   : TB_SPOOL_BY_TEXT;
}

typedef enum tb_err slice_fn(struct tb_walk *walk);

/* Reads slice after slice, each in a snapshot of its own. */
static enum tb_err run(struct tb_walk *walk, slice_fn *read_slice)
{
	struct tb_reader *r = walk->reader;
	enum tb_err err = TB_OK;

	walk->is_over = false;
	while (!err) {
		err = read_slice(walk);
		if (err || walk->is_over)
			break;
		tb_reader_close(r);
		err = begin(r);
		r->n_snapshots++;
	}
	return err;
}

/* What changed while the list was read is read again from the changes. */
static enum tb_err run_listing(struct tb_walk *walk)
{
	struct tb_reader *r = walk->reader;
	uint64_t head = r->org.head;
	enum tb_err err = run(walk, tb_walk_ids);

	if (err || r->org.head == head)
		return err;
	tb_walk_restart(walk, head);
	return run(walk, tb_walk_feeds);
}

static enum tb_err run_changes(struct tb_walk *walk)
{
	enum tb_err err = tb_walk_begin(walk);

	return err ? err : run(walk, tb_walk_feeds);
}

/* Whose scopes may still become more may have missed one that came while it
 * was read: for them the answer is of the first moment. */
static enum tb_err settle(struct tb_reader *r, const struct tb_org *first)
{
	if (r->n_snapshots == 1)
		return TB_OK;
	if (!r->sight.is_settled) {
		r->org = *first;
		return TB_OK;
	}
	return read_nums(r);
}

static void set_page(struct tb_reader *r, const struct tb_walk *walk,
		     const struct tb_org *first)
{
	const struct tb_resources_query *query = r->options.query;

	r->has_next = walk->has_next;
	r->last_us = walk->has_next ? walk->last_us : r->org.last_us;
	r->next = (struct tb_resources_cursor) {
		.epoch = r->org.epoch,
		.num = walk->last_num,
		.began = first->head,
	};
	if (query->has_after)
		r->next.began = query->after.began;
	else if (query->has_since)
		r->next.began = 0;
}

enum tb_err tb_reader_run(struct tb_reader *r, struct tb_spool *spool)
{
	struct tb_org first = r->org;
	struct tb_walk *walk = NULL;
	enum tb_err err = tb_walk_create(r, spool, &walk);

	if (!err)
		err = is_listing(r) ? run_listing(walk) : run_changes(walk);
	if (!err)
		err = settle(r, &first);
	tb_reader_close(r);
	if (!err)
		set_page(r, walk, &first);
	tb_walk_destroy(walk);
	return err;
}
