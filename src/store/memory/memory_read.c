#include "store/memory/memory.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/system.h"
#include "store/check.h"
#include "store/memory/memory_key.h"

struct tb_memory_cursor {
	struct tb_memory_tx *tx;
	struct tb_feed_query query;
	uint64_t left; /* rows to give yet */
};

static const void *get(struct tb_memory_tx *tx, const struct tb_memory_key *key)
{
	const struct tb_tree_item *item =
		tb_tree_get(&tx->tree, tb_memory_key_str(key));

	return item ? item->value : NULL;
}

/* The next item of the same table and fields, but for the last one. */
static const struct tb_tree_item *next_near(struct tb_memory_tx *tx,
					    struct tb_str key)
{
	const struct tb_tree_item *item = tb_tree_next(&tx->tree, key);

	return item && tb_memory_key_is_near(item->key, key) ? item : NULL;
}

enum tb_err tb_memory_org_get(struct tb_tx *tx, uint32_t id, struct tb_org *ret)
{
	struct tb_memory_key key = tb_memory_key_1(TB_MEMORY_ORG, id);
	const struct tb_org *org = get(tb_memory_tx_of(tx), &key);

	if (!org)
		return TB_ERR_NOT_FOUND;
	*ret = *org;
	return TB_OK;
}

enum tb_err tb_memory_org_next(struct tb_tx *tx, uint32_t after,
			       struct tb_org *ret)
{
	struct tb_memory_key key = tb_memory_key_1(TB_MEMORY_ORG, after);
	const struct tb_tree_item *item =
		next_near(tb_memory_tx_of(tx), tb_memory_key_str(&key));

	if (!item)
		return TB_ERR_NOT_FOUND;
	memcpy(ret, item->value, sizeof(*ret));
	return TB_OK;
}

const struct tb_record *tb_memory_record(struct tb_memory_tx *tx, uint64_t rid)
{
	struct tb_memory_key key = tb_memory_key_1(TB_MEMORY_RECORD, rid);
	const struct tb_memory_record *record = get(tx, &key);

	return record ? &record->record : NULL;
}

/* The lowest rid above `after` with this key in the collections of users, or
 * 0. */
static uint64_t any_rid(struct tb_memory_tx *tx, const struct tb_key *wanted)
{
	struct tb_memory_key key = tb_memory_key_record(
		wanted->org, wanted->key, TB_COLL_SYSTEM_LAST);
	const struct tb_tree_item *item =
		next_near(tx, tb_memory_key_str(&key));
	uint64_t best = 0;

	for (; item; item = next_near(tx, item->key)) {
		uint64_t rid;

		memcpy(&rid, item->value, sizeof(rid));
		if (rid > wanted->after && (best == 0 || rid < best))
			best = rid;
	}
	return best;
}

static const struct tb_record *find_one(struct tb_memory_tx *tx,
					const struct tb_key *wanted)
{
	struct tb_memory_key key;
	const uint64_t *rid;
	uint64_t any;

	if (wanted->rid)
		return tb_memory_record(tx, wanted->rid);
	if (wanted->key.n > TB_KEY_MAX)
		return NULL;
	if (wanted->coll == TB_COLL_ANY) {
		any = any_rid(tx, wanted);
		return any ? tb_memory_record(tx, any) : NULL;
	}
	key = tb_memory_key_record(wanted->org, wanted->key, wanted->coll);
	rid = get(tx, &key);
	return rid ? tb_memory_record(tx, *rid) : NULL;
}

static enum tb_err copy_record(struct tb_arena *arena,
			       const struct tb_record *record, bool with_body,
			       struct tb_record **ret)
{
	size_t size = record->n_entries * sizeof(*record->entries);
	struct tb_record *copy = tb_arena_alloc(arena, sizeof(*copy));
	struct tb_entry *entries = NULL;
	enum tb_err err;

	if (!copy)
		return TB_ERR_NOMEM;
	if (size > 0) {
		entries = tb_arena_alloc(arena, size);
		if (!entries)
			return TB_ERR_NOMEM;
		memcpy(entries, record->entries, size);
	}
	*copy = *record;
	copy->entries = entries;
	err = tb_arena_strdup(arena, record->key, &copy->key);
	copy->body = TB_STR_NONE;
	if (err == TB_OK && with_body)
		err = tb_arena_strdup(arena, record->body, &copy->body);
	if (err == TB_OK)
		*ret = copy;
	return err;
}

enum tb_err tb_memory_find(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_key *keys, size_t n,
			   struct tb_record **rets)
{
	for (size_t i = 0; i < n; i++) {
		const struct tb_record *record =
			find_one(tb_memory_tx_of(tx), &keys[i]);
		struct tb_record *copy = NULL;
		enum tb_err err = TB_OK;

		if (record)
			err = copy_record(arena, record, !keys[i].without_body,
					  &copy);
		if (err != TB_OK)
			return err;
		rets[i] = copy;
	}
	return TB_OK;
}

enum tb_err tb_memory_children(struct tb_tx *tx, uint32_t org, uint64_t coll,
			       struct tb_str key, uint64_t after,
			       uint64_t *rets, size_t max, size_t *ret_n)
{
	const struct tb_tree_item *item = NULL;
	struct tb_memory_key start;
	size_t n = 0;

	if (key.n <= TB_KEY_MAX) {
		start = tb_memory_key_link(org, coll, key, after);
		item = next_near(tb_memory_tx_of(tx),
				 tb_memory_key_str(&start));
	}
	for (; item && n < max;
	     item = next_near(tb_memory_tx_of(tx), item->key))
		rets[n++] = tb_memory_key_last(item->key);
	*ret_n = n;
	return TB_OK;
}

enum tb_err tb_memory_feed_open(struct tb_tx *tx,
				const struct tb_feed_query *query,
				struct tb_cursor **ret)
{
	struct tb_memory_cursor *cursor;

	TB_ASSERT(tb_feed_query_is_possible(query));
	cursor = tb_malloc(sizeof(*cursor));
	if (!cursor)
		return TB_ERR_NOMEM;
	cursor->tx = tb_memory_tx_of(tx);
	cursor->query = *query;
	cursor->left = query->limit;
	cursor->tx->cursors_open++;
	*ret = (struct tb_cursor *)cursor;
	return TB_OK;
}

/* The row at the end of the range at which the walk goes on, or NULL. */
static const struct tb_memory_feed_row *
edge_row(const struct tb_memory_cursor *cursor)
{
	const struct tb_feed_query *query = &cursor->query;
	struct tb_memory_key key =
		tb_memory_key_2(TB_MEMORY_FEED, query->scope,
				query->backwards ? query->until : query->after);
	struct tb_str edge = tb_memory_key_str(&key);
	const struct tb_tree_item *item =
		query->backwards ? tb_tree_floor(&cursor->tx->tree, edge)
				 : tb_tree_next(&cursor->tx->tree, edge);
	const struct tb_memory_feed_row *row;

	if (!item || !tb_memory_key_is_near(item->key, edge))
		return NULL;
	row = (const struct tb_memory_feed_row *)item->value;
	return row->entry.num > query->after && row->entry.num <= query->until
		       ? row
		       : NULL;
}

/* The next row that the query does not skip, or NULL. */
static const struct tb_memory_feed_row *
next_row(struct tb_memory_cursor *cursor)
{
	struct tb_feed_query *query = &cursor->query;
	const struct tb_memory_feed_row *row;

	do {
		row = edge_row(cursor);
		if (!row)
			return NULL;
		/* Above `after`, the number is not 0. */
		if (query->backwards)
			query->until = row->entry.num - 1;
		else
			query->after = row->entry.num;
	} while (query->skip_origin != 0 &&
		 row->entry.origin == query->skip_origin &&
		 row->entry.num > query->skip_above);
	return row;
}

/* What the query asks for of a row's record. */
static struct tb_record shown_record(const struct tb_feed_query *query,
				     const struct tb_record *found)
{
	struct tb_record shown = *found;

	if (query->bodies_only)
		return (struct tb_record) { .body = found->body };
	if (query->for_listing)
		return (struct tb_record) { .created_us = found->created_us,
					    .updated_us = found->updated_us,
					    .synced_us = found->synced_us,
					    .deleted = found->deleted,
					    .body = found->body };
	if (!query->with_entries) {
		shown.entries = NULL;
		shown.n_entries = 0;
	}
	return shown;
}

static struct tb_feed_row shown_row(const struct tb_feed_query *query,
				    const struct tb_memory_feed_row *row)
{
	if (query->bodies_only || query->for_listing)
		return (struct tb_feed_row) { .num = row->entry.num };
	return (struct tb_feed_row) {
		.num = row->entry.num,
		.rid = row->rid,
		.entered = row->entry.entered,
		.time_us = row->entry.time_us,
		.origin = row->entry.origin,
		.flags = row->entry.flags,
	};
}

enum tb_err tb_memory_feed_next(struct tb_cursor *base, struct tb_feed_row *ret)
{
	struct tb_memory_cursor *cursor = (struct tb_memory_cursor *)base;
	const struct tb_feed_query *query = &cursor->query;
	const struct tb_memory_feed_row *row =
		cursor->left > 0 ? next_row(cursor) : NULL;
	struct tb_feed_row shown;

	if (!row)
		return TB_ERR_NOT_FOUND;
	cursor->left--;
	shown = shown_row(query, row);
	if (query->with_records || query->bodies_only || query->for_listing) {
		const struct tb_record *found =
			tb_memory_record(cursor->tx, row->rid);

		if (!found)
			return TB_ERR_CORRUPT;
		shown.record = shown_record(query, found);
	}
	*ret = shown;
	return TB_OK;
}

void tb_memory_feed_close(struct tb_cursor *base)
{
	struct tb_memory_cursor *cursor = (struct tb_memory_cursor *)base;

	if (!cursor)
		return;
	TB_ASSERT(cursor->tx->cursors_open > 0);
	cursor->tx->cursors_open--;
	tb_free(cursor);
}

enum tb_err tb_memory_audit_next(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_audit_row *ret)
{
	struct tb_memory_key key = tb_memory_key_2(TB_MEMORY_AUDIT, org, after);
	const struct tb_tree_item *item =
		next_near(tb_memory_tx_of(tx), tb_memory_key_str(&key));
	const struct tb_memory_audit *audit;
	struct tb_audit_row row = { 0 };
	enum tb_err err;

	if (!item)
		return TB_ERR_NOT_FOUND;
	audit = (const struct tb_memory_audit *)item->value;
	row.n = tb_memory_key_last(item->key);
	memcpy(row.hash, audit->hash, sizeof(row.hash));
	err = tb_arena_strdup(arena, tb_str(audit->row, audit->n), &row.row);
	key = tb_memory_key_2(TB_MEMORY_DETAIL, org, row.n);
	item = tb_tree_get(&tb_memory_tx_of(tx)->tree, tb_memory_key_str(&key));
	if (err == TB_OK && item)
		err = tb_arena_strdup(arena, tb_str(item->value, item->size),
				      &row.detail);
	if (err == TB_OK)
		*ret = row;
	return err;
}

/* Hands one item to the part of the check that its table belongs to. */
static enum tb_err check_item(struct tb_check *check,
			      const struct tb_tree_item *item)
{
	const struct tb_memory_feed_row *row =
		(const struct tb_memory_feed_row *)item->value;
	struct tb_feed_row shown;

	switch ((enum tb_memory_table)item->key.p[0]) {
	case TB_MEMORY_RECORD:
		return tb_check_record(check,
				       (const struct tb_record *)item->value);
	case TB_MEMORY_FEED:
		shown = (struct tb_feed_row) {
			.num = row->entry.num,
			.rid = row->rid,
			.entered = row->entry.entered,
			.time_us = row->entry.time_us,
			.origin = row->entry.origin,
			.flags = row->entry.flags,
		};
		return tb_check_feed_row(check, row->entry.scope, &shown);
	case TB_MEMORY_LINK:
		return tb_check_link(
			check, (uint32_t)tb_memory_key_number(item->key, 1),
			tb_memory_key_last(item->key));
	case TB_MEMORY_AUDIT:
	case TB_MEMORY_DETAIL:
		return tb_check_audit(
			check, (uint32_t)tb_memory_key_number(item->key, 1),
			tb_memory_key_last(item->key));
	case TB_MEMORY_ORG:
	case TB_MEMORY_KEY:
		break;
	}
	return TB_OK;
}

enum tb_err tb_memory_check(struct tb_tx *tx, tb_check_fn *report, void *ctx)
{
	const struct tb_tree *tree = &tb_memory_tx_of(tx)->tree;
	const struct tb_tree_item *item = tb_tree_next(tree, TB_STR_NONE);
	struct tb_check check;
	enum tb_err err = tb_check_init(&check, tx, report, ctx);

	for (; item && err == TB_OK; item = tb_tree_next(tree, item->key))
		err = check_item(&check, item);
	if (err == TB_OK)
		err = tb_check_chains(&check);
	tb_check_fini(&check);
	return err;
}
