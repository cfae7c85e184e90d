#include "api/resources/reader.h"

#include "api/resources/walk_spool.h"
#include "kernel/directory.h"
#include "kernel/restart.h"
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

/* Under what it is remembered. */
static struct tb_sights_key sights_key(const struct tb_reader_options *o,
				       uint64_t generation)
{
	const struct tb_collection *c = o->layout->collection;
	struct tb_sights_key key = { .rid = o->principal->rid,
				     .generation = generation,
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

/* The account has not changed since the caller was admitted. */
static bool is_current(const struct tb_reader *r)
{
	return r->org.generation == r->options.principal->generation;
}

static enum tb_err read_account(struct tb_reader *r, struct tb_account *ret)
{
	return tb_directory_find(r->tx, r->options.arena, TB_ACCOUNT_USER,
				 org_of(r), r->options.principal->key, ret);
}

/* Who looks, as the snapshot has the account: what is answered is of one moment
 * with the time that is given with it. */
static enum tb_err find_viewer(struct tb_reader *r, struct tb_viewer *ret)
{
	const struct tb_principal *principal = r->options.principal;
	struct tb_account account;
	enum tb_err err;

	*ret = tb_sights_viewer(principal);
	r->sighted = (struct tb_restart) { principal->sight_us,
					   principal->sight_num };
	if (is_current(r))
		return TB_OK;
	err = read_account(r, &account);
	if (err)
		return err;
	ret->is_admin = account.is_admin;
	ret->roles = account.roles;
	ret->n_roles = account.n_roles;
	ret->profile = account.profile;
	r->sighted =
		(struct tb_restart) { account.sight_us, account.sight_num };
	return TB_OK;
}

static enum tb_err find_sight(struct tb_reader *r)
{
	const struct tb_reader_options *o = &r->options;
	struct tb_sights_key key = sights_key(o, r->org.generation);
	struct tb_viewer viewer;
	enum tb_err err = find_viewer(r, &viewer);

	if (!err)
		err = tb_sight_resolve(o->core, r->tx, o->arena,
				       collection_of(r), &viewer, &r->sight);
	if (!err)
		err = find_filters(r);
	if (!err)
		err = narrow(r);
	if (!err)
		tb_sights_put(o->sights, &key, &r->sight, r->turn);
	return err;
}

/* The account may have changed since the first snapshot. */
static enum tb_err check_viewer(struct tb_reader *r, const struct tb_org *first)
{
	struct tb_account account;
	enum tb_err err;

	if (r->org.generation == first->generation)
		return TB_OK;
	err = read_account(r, &account);
	if (!err && account.sight_num != r->sighted.num)
		err = TB_ERR_BUSY;
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

/* Before the snapshot, which so has all scopes that were made up to then. */
static uint64_t scopes_turn(const struct tb_reader *r)
{
	struct tb_heads heads;

	return tb_core_heads(r->options.core, org_of(r), &heads)
		       ? 0
		       : heads.scopes_turn;
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

	*r = (struct tb_reader) { .options = *options,
				  .query = *options->query,
				  .n_snapshots = 1 };
	r->turn = scopes_turn(r);
	err = begin(r);
	if (!err)
		err = find_sight(r);
	if (!err)
		err = read_nums(r);
	if (err)
		tb_reader_close(r);
	return err;
}

/* ---- from memory ---- */

bool tb_reader_find_ends(const struct tb_reader_options *o,
			 struct tb_reader_ends *ret)
{
	uint32_t org = o->principal->org;
	struct tb_reader_ends ends;
	struct tb_sights_key key;
	struct tb_heads before;
	uint64_t turn;

	if (tb_core_heads(o->core, org, &before))
		return false;
	key = sights_key(o, before.generation);
	if (!tb_sights_find(o->sights, &key, &ends.sight, &turn) ||
	    !tb_core_find_scopes(o->core, org, ends.sight.scopes, ends.sight.n,
				 &ends.heads, ends.nums))
		return false;
	/* The account, or the scopes, may be others by now. */
	if (ends.heads.generation != before.generation ||
	    (!ends.sight.is_settled && ends.heads.scopes_turn != turn))
		return false;
	*ret = ends;
	return true;
}

void tb_reader_remember(const struct tb_reader *r)
{
	struct tb_core *core = r->options.core;
	const struct tb_sight *sight = &r->sight;
	uint64_t nums[TB_RULES_MAX];
	struct tb_heads heads;

	if (!tb_sights_keeps(sight) ||
	    tb_core_find_scopes(core, org_of(r), sight->scopes, sight->n,
				&heads, nums))
		return;
	if (tb_core_load_scopes(core, org_of(r), sight->scopes, sight->n,
				&heads, nums))
		return; /* The next one asks the store again. */
}

/* ---- who must start over ---- */

static bool is_from_elsewhere(const struct tb_resources_cursor *after,
			      const struct tb_org *org)
{
	return after->epoch != org->epoch || after->num > org->head ||
	       after->began > org->head;
}

/* The client has read all up to there. */
static bool has_passed(const struct tb_resources_query *query,
		       const struct tb_restart *restart)
{
	const struct tb_resources_cursor *after = &query->after;
	uint64_t known = after->num > after->began ? after->num : after->began;

	if (query->has_since && query->since_us < restart->us)
		return false;
	return !query->has_after || known >= restart->num;
}

/* "Where such traces have been dropped since the client's timestamp, the
 * answer is 410". */
static enum tb_err judge_dropped(struct tb_reader *r)
{
	struct tb_restart dropped;
	enum tb_err err;

	if (!r->query.with_deleted)
		return TB_OK;
	err = tb_restart_read(r->tx, r->options.arena, org_of(r),
			      TB_RESTART_DROPPED, collection_of(r)->name,
			      &dropped);
	return !err && !has_passed(&r->query, &dropped) ? TB_ERR_RESYNC : err;
}

/* "When somebody loses sight of a record, an opted-in client gets a tombstone
 * for it": there is none of what an account, the record that it is, or the
 * declaration took away. Who has not opted in gets all that is seen now, which
 * is right for who began with a time; who is between two pages of what was seen
 * before begins again. */
static enum tb_err judge_sighted(struct tb_reader *r,
				 const struct tb_restart *sighted)
{
	struct tb_resources_query *query = &r->query;

	if (sighted->num == 0 || has_passed(query, sighted))
		return TB_OK;
	if (query->with_deleted)
		return TB_ERR_RESYNC;
	query->has_since &= query->since_us >= sighted->us;
	return has_passed(query, sighted) ? TB_OK : TB_ERR_RESYNC;
}

enum tb_err tb_reader_judge(struct tb_reader *r)
{
	const struct tb_restart born = { r->sight.since_us,
					 r->sight.since_num };
	struct tb_restart declared;
	enum tb_err err;

	/* "A cursor from before a restore is answered so, too." */
	if (r->query.has_after && is_from_elsewhere(&r->query.after, &r->org))
		return TB_ERR_RESYNC;
	if (!r->query.has_after && !r->query.has_since)
		return TB_OK;
	err = judge_dropped(r);
	if (!err)
		err = judge_sighted(r, &r->sighted);
	if (!err)
		err = judge_sighted(r, &born);
	if (!err)
		err = tb_restart_read(r->tx, r->options.arena, org_of(r),
				      TB_RESTART_SIGHT, collection_of(r)->name,
				      &declared);
	return err ? err : judge_sighted(r, &declared);
}

/* ---- the whole of it ---- */

/* All of a collection by ids: the feed of ids has them in their order. */
static bool is_listing(const struct tb_reader *r)
{
	const struct tb_resources_query *query = &r->query;
	const struct tb_collection *c = collection_of(r);

	return r->sight.sees_all && c->id_type == TB_ID_INTEGER &&
	       c->order == TB_ORDER_ID && query->limit == 0 &&
	       !query->has_since;
}

enum tb_spool_form tb_reader_spool_form(const struct tb_reader *r)
{
	const struct tb_collection *c = collection_of(r);

	if (r->query.limit > 0 || c->order == TB_ORDER_COMMIT)
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
	const struct tb_resources_query *query = &r->query;

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
	struct tb_walk_spool sink;
	struct tb_walk *walk = NULL;
	enum tb_err err;

	tb_walk_spool_init(&sink, spool, tb_reader_spool_form(r));
	err = tb_walk_create(r, &sink.sink, &walk);
	if (!err)
		err = is_listing(r) ? run_listing(walk) : run_changes(walk);
	if (!err)
		err = check_viewer(r, &first);
	if (!err)
		err = settle(r, &first);
	tb_reader_close(r);
	if (!err)
		set_page(r, walk, &first);
	tb_walk_destroy(walk);
	return err;
}
