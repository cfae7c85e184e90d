#include "kernel/retention.h"

#include "kernel/consumer.h"
#include "kernel/directory.h"
#include "kernel/history.h"
#include "kernel/placing.h"
#include "kernel/resource.h"
#include "kernel/restart.h"
#include "kernel/routing.h"
#include "kernel/scope_end.h"
#include "kernel/system.h"

/* Accounts read at a time. */
#define PAGE 256
#define ARENA_MAX ((size_t)64 << 20)

/* How far every site that counts has come in the central feed. */
static enum tb_err central_passed(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org, int64_t absent_before_us,
				  uint64_t *ret)
{
	struct tb_account *accounts =
		tb_arena_calloc(arena, PAGE, sizeof(*accounts));
	uint64_t passed = UINT64_MAX;
	uint64_t next = 0;
	size_t n = PAGE;

	if (accounts == NULL)
		return TB_ERR_NOMEM;
	while (n == PAGE) {
		enum tb_err err =
			tb_directory_list(tx, arena, TB_ACCOUNT_SITE, org, next,
					  accounts, PAGE, &n, &next);

		for (size_t i = 0; err == TB_OK && i < n; i++) {
			struct tb_consumer consumer;

			if (accounts[i].disabled)
				continue;
			err = tb_consumer_read(tx, arena, org,
					       accounts[i].site_id, &consumer);
			/* A site that never pulled begins at 0 and needs no
			 * tombstone. */
			if (err == TB_OK && consumer.central_to > 0 &&
			    consumer.seen_us >= absent_before_us &&
			    consumer.central_to < passed)
				passed = consumer.central_to;
		}
		if (err != TB_OK)
			return err;
	}
	*ret = passed;
	return TB_OK;
}

struct retention {
	struct tb_commit commit;
	int64_t deleted_us;
	uint64_t central_passed;
	uint64_t after; /* tombstones up to here were looked at before */
	uint64_t next;  /* the same for the next run; 0: from the beginning */
	size_t n_dropped;
};

/* The site whose queue a scope belongs to; 0: nobody follows it. */
static enum tb_err follower_of(struct tb_view *view, uint64_t scope,
			       uint32_t *ret)
{
	const struct tb_str site = tb_str_z(TB_SCOPE_SITE_PREFIX);
	const struct tb_str store = tb_str_z(TB_SCOPE_STORE_PREFIX);
	const struct tb_record *record;
	uint64_t id = 0;
	enum tb_err err = tb_view_get_rid(view, scope, &record);

	*ret = 0;
	if (err != TB_OK || record == NULL)
		return err;
	if (tb_str_starts(record->key, site))
		err = tb_str_to_u64(
			tb_str(record->key.p + site.n, record->key.n - site.n),
			&id);
	else if (tb_str_starts(record->key, store))
		err = tb_directory_store_site(view,
					      tb_str(record->key.p + store.n,
						     record->key.n - store.n),
					      ret);
	if (id != 0)
		*ret = (uint32_t)id;
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

static enum tb_err is_done_with(struct tb_view *view, uint64_t central_passed,
				const struct tb_entry *entry, bool *ret)
{
	uint64_t known = entry->scope & TB_NUM_MAX;
	const struct tb_subscription *sub;
	struct tb_consumer consumer;
	uint32_t site;
	enum tb_err err;

	*ret = true;
	if (known == TB_SCOPE_CENTRAL)
		*ret = entry->num <= central_passed;
	if (known <= TB_NUM_RESERVED)
		return TB_OK;
	err = follower_of(view, entry->scope, &site);
	if (err != TB_OK || site == 0 || site == entry->origin)
		return err;
	err = tb_consumer_load(view, site, &consumer);
	if (err != TB_OK)
		return err;
	sub = tb_consumer_subscription(&consumer, entry->scope);
	*ret = sub == NULL || tb_subscription_is_acked(sub, entry->num);
	return TB_OK;
}

/* ---- resources ---- */

/* What clients would miss if the record were gone; `us` is INT64_MIN where
 * nobody could see it. */
static struct tb_restart trace_of(const struct tb_record *record)
{
	struct tb_restart trace = { .us = INT64_MIN };

	for (size_t i = 0; i < record->n_entries; i++) {
		const struct tb_entry *entry = &record->entries[i];

		if (!(entry->flags & TB_ENTRY_SIGHT))
			continue;
		if (entry->time_us > trace.us)
			trace.us = entry->time_us;
		if (record->updated_us > trace.us)
			trace.us = record->updated_us;
		if (entry->num > trace.num)
			trace.num = entry->num;
	}
	return trace;
}

static bool is_done_in_sight(const struct tb_view *view, int64_t deleted_us,
			     const struct tb_record *record)
{
	struct tb_restart trace = trace_of(record);

	return trace.us == INT64_MIN ||
	       trace.us <= tb_view_now_us(view) - deleted_us;
}

/* ETags are made of the ends of scopes, which stay when what is there goes. */
static enum tb_err keep_ends(struct tb_view *view,
			     const struct tb_record *record)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < record->n_entries; i++)
		if (record->entries[i].flags & TB_ENTRY_SIGHT)
			err = tb_scope_keep_end(view, &record->entries[i]);
	return err;
}

static enum tb_err note_trace(struct tb_view *view,
			      const struct tb_record *record)
{
	struct tb_restart trace = trace_of(record);
	const struct tb_record *name;
	enum tb_err err;

	if (trace.us == INT64_MIN)
		return TB_OK;
	err = tb_view_get_rid(view, record->coll, &name);
	return err == TB_OK ? tb_restart_raise(view, TB_RESTART_DROPPED,
					       name->key, &trace)
			    : err;
}

/* ---- one tombstone ---- */

/* Whoever stands below a tombstone that is gone must resync. */
static void raise_floor(struct tb_org *org, const struct tb_record *record)
{
	const struct tb_entry *entry = tb_record_entry(
		record, tb_scope_known(org->id, TB_SCOPE_CENTRAL));

	if (entry != NULL && entry->num > org->floor[TB_DENSE_CENTRAL])
		org->floor[TB_DENSE_CENTRAL] = entry->num;
}

/* What was merged hangs below its survivor for as long as it is there. */
static enum tb_err drop(struct tb_view *view, const struct tb_record *record)
{
	struct tb_str survivor;
	enum tb_err err =
		tb_routing_survivor(tb_view_arena(view), record, &survivor);

	if (err == TB_OK && survivor.p != NULL)
		err = tb_view_unlink(view, record->coll, survivor, record->rid);
	return err == TB_OK ? tb_place_forget(view, record) : err;
}

static enum tb_err drop_if_done(struct retention *retention,
				struct tb_view *view, uint64_t rid)
{
	const struct tb_record *record;
	bool done = true;
	enum tb_err err = tb_view_get_rid(view, rid, &record);

	if (err != TB_OK || record == NULL || !record->deleted)
		return err;
	done = is_done_in_sight(view, retention->deleted_us, record);
	for (size_t i = 0; err == TB_OK && done && i < record->n_entries; i++)
		err = is_done_with(view, retention->central_passed,
				   &record->entries[i], &done);
	if (err != TB_OK || !done)
		return err;
	raise_floor(tb_view_org(view), record);
	retention->n_dropped++;
	err = note_trace(view, record);
	if (err == TB_OK)
		err = keep_ends(view, record);
	if (err == TB_OK)
		err = tb_history_forget(view, rid);
	if (err == TB_OK)
		err = tb_resource_forget(view, rid);
	return err == TB_OK ? drop(view, record) : err;
}

static enum tb_err retention_decide(struct tb_commit *commit,
				    struct tb_view *view)
{
	struct retention *retention = (struct retention *)commit;
	struct tb_tx *tx = tb_view_tx(view);
	struct tb_feed_query query = {
		.scope = tb_scope_known(commit->org, TB_SCOPE_TOMBSTONES),
		.after = retention->after,
		.until = UINT64_MAX,
		.limit = TB_RETENTION_MAX,
	};
	uint64_t rids[TB_RETENTION_MAX];
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		rids[n++] = row.rid;
		retention->next = row.num;
	}
	tx->store->ops->feed_close(cursor);
	if (err == TB_ERR_NOT_FOUND)
		err = TB_OK;
	if (n < TB_RETENTION_MAX)
		retention->next = 0;
	retention->n_dropped = 0;
	for (size_t i = 0; err == TB_OK && i < n; i++)
		err = drop_if_done(retention, view, rids[i]);
	return err;
}

/* What must be known before the commit, from a snapshot. */
static enum tb_err prepare(struct tb_core *core, struct retention *retention,
			   int64_t absence_us)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = central_passed(tx, arena, retention->commit.org,
				     tb_core_now_us(core) - absence_us,
				     &retention->central_passed);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_retention_run(struct tb_core *core, uint32_t org,
			     const struct tb_retention_ages *ages,
			     uint64_t *after, size_t *ret_dropped)
{
	static const struct tb_commit_kind kind = {
		.name = "retention",
		.decide = retention_decide,
	};
	struct retention retention = {
		.commit = { .kind = &kind, .org = org, .weight = 1 },
		.deleted_us = ages->deleted_us,
		.after = *after,
	};
	enum tb_err err = prepare(core, &retention, ages->absence_us);

	if (err == TB_OK)
		err = tb_core_commit(core, &retention.commit);
	if (err != TB_OK)
		return err;
	*after = retention.next;
	*ret_dropped = retention.n_dropped;
	return TB_OK;
}
