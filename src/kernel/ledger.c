#include "kernel/ledger.h"

#include "codec/json.h"
#include "codec/time.h"
#include "kernel/counter.h"

#define N_COUNTER TB_STR("conflicts")
#define BYTES_COUNTER TB_STR("conflict_bytes")
#define OVERHEAD_MAX_BYTES 16384
#define DROPS_MAX 256

static const struct tb_json_limits member_limits = {
	.max_depth = 80, /* of a body, and what is around it */
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

/* ---- encoding ---- */

static void put_body(struct tb_json_writer *w, const char *key,
		     struct tb_str body)
{
	if (body.p != NULL)
		tb_json_kv_raw(w, key, body);
	else
		tb_json_kv_null(w, key);
}

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_ledger_entry *entry,
			  struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf,
		    entry->server.n + entry->client.n + OVERHEAD_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "table", entry->table);
	tb_json_kv_str(&w, "recordID", entry->record);
	if (entry->number != 0)
		tb_json_kv_uint(&w, "id", entry->number);
	tb_json_kv_str(&w, "by", entry->by);
	tb_json_kv_raw(&w, "base", entry->base);
	tb_json_kv_time(&w, "detected_at", entry->detected_us);
	tb_json_kv_str(&w, "resolution", entry->resolution);
	if (entry->resolved_by.p != NULL) {
		tb_json_kv_time(&w, "resolved_at", entry->resolved_us);
		tb_json_kv_str(&w, "resolved_by", entry->resolved_by);
	}
	put_body(&w, "server", entry->server);
	put_body(&w, "client", entry->client);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

/* ---- decoding ---- */

/* An entry being read. */
struct reader {
	struct tb_arena *arena;
	struct tb_json_value root;
	enum tb_err err; /* the first one */
};

static struct tb_json_value member(const struct reader *r, const char *name)
{
	return tb_json_get(r->root, tb_str_z(name));
}

static struct tb_str read_str(struct reader *r, const char *name)
{
	struct tb_str text = TB_STR_NONE;

	if (r->err == TB_OK)
		r->err = tb_json_string(r->arena, member(r, name), &text);
	return text;
}

static int64_t read_time(struct reader *r, const char *name)
{
	struct tb_str text = read_str(r, name);
	int64_t us = 0;

	if (r->err == TB_OK)
		r->err = tb_time_parse(text, 0, &us);
	return us;
}

static struct tb_str read_raw(struct reader *r, const char *name)
{
	struct tb_json_value v = member(r, name);

	if (r->err == TB_OK && tb_json_is_absent(v))
		r->err = TB_ERR_CORRUPT;
	return r->err == TB_OK ? tb_json_raw(v) : TB_STR_NONE;
}

static struct tb_str read_body(struct reader *r, const char *name)
{
	struct tb_str raw = read_raw(r, name);

	return tb_json_is(member(r, name), TB_JSON_NULL) ? TB_STR_NONE : raw;
}

/* `record` lives as long as the result. */
static enum tb_err decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_ledger_entry *ret)
{
	struct tb_json *json = tb_arena_alloc(arena, sizeof(*json));
	struct tb_ledger_entry entry = { .key = record->key,
					 .id = record->rid & TB_NUM_MAX };
	struct reader r = { .arena = arena };

	if (json == NULL)
		return tb_arena_err(arena);
	r.err = tb_json_parse(arena, record->body, &member_limits, json, NULL);
	if (r.err != TB_OK)
		return r.err == TB_ERR_NOMEM ? r.err : TB_ERR_CORRUPT;
	r.root = tb_json_root(json);
	entry.table = read_str(&r, "table");
	entry.record = read_str(&r, "recordID");
	if (r.err == TB_OK && !tb_json_is_absent(member(&r, "id")))
		r.err = tb_json_u64(member(&r, "id"), &entry.number);
	entry.by = read_str(&r, "by");
	entry.base = read_raw(&r, "base");
	entry.detected_us = read_time(&r, "detected_at");
	entry.resolution = read_str(&r, "resolution");
	if (!tb_json_is_absent(member(&r, "resolved_by"))) {
		entry.resolved_us = read_time(&r, "resolved_at");
		entry.resolved_by = read_str(&r, "resolved_by");
	}
	entry.server = read_body(&r, "server");
	entry.client = read_body(&r, "client");
	if (r.err != TB_OK)
		return r.err == TB_ERR_INVALID ? TB_ERR_CORRUPT : r.err;
	*ret = entry;
	return TB_OK;
}

/* ---- how much there is ---- */

struct totals {
	uint64_t n;
	uint64_t bytes; /* of the entries' bodies */
};

static enum tb_err read_totals(struct tb_view *view, struct totals *ret)
{
	enum tb_err err = tb_counter_get(view, N_COUNTER, &ret->n);

	return err == TB_OK ? tb_counter_get(view, BYTES_COUNTER, &ret->bytes)
			    : err;
}

static enum tb_err write_totals(struct tb_view *view,
				const struct totals *totals)
{
	enum tb_err err = tb_counter_put(view, N_COUNTER, totals->n);

	return err == TB_OK ? tb_counter_put(view, BYTES_COUNTER, totals->bytes)
			    : err;
}

/* What was never counted is not taken away. */
static void take_bytes(struct totals *totals, uint64_t bytes)
{
	totals->bytes -= bytes < totals->bytes ? bytes : totals->bytes;
}

/* The first entry of a feed that is still there as the view has it: those that
 * were removed in it are in the feed yet. NULL: none. */
static enum tb_err find_first(struct tb_view *view, enum tb_known_scope scope,
			      const struct tb_record **ret)
{
	struct tb_tx *tx = tb_view_tx(view);
	struct tb_feed_query query = {
		.scope = tb_scope_known(tb_view_org_id(view), scope),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	*ret = NULL;
	if (err != TB_OK)
		return err;
	while (err == TB_OK && *ret == NULL) {
		err = tx->store->ops->feed_next(cursor, &row);
		if (err == TB_OK)
			err = tb_view_get_rid(view, row.rid, ret);
	}
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err drop_one(struct tb_view *view, struct totals *totals,
			    bool *ret_done)
{
	const struct tb_record *oldest;
	enum tb_err err = find_first(view, TB_SCOPE_RESOLVED, &oldest);

	if (err == TB_OK && oldest == NULL)
		err = find_first(view, TB_SCOPE_CONFLICTS, &oldest);
	*ret_done = err == TB_OK && oldest != NULL;
	if (!*ret_done)
		return err;
	totals->n -= totals->n > 0;
	take_bytes(totals, oldest->body.n);
	return tb_view_remove(view, oldest->coll, oldest->key);
}

static bool has_room(const struct totals *totals, uint64_t bytes)
{
	return totals->n < TB_LEDGER_MAX &&
	       totals->bytes + bytes <= TB_LEDGER_BYTES_MAX;
}

/* Counts one more, of so many bytes, and lets others go where there are too
 * many. Of small ones that stand in the way of a large one no more than
 * DROPS_MAX go at once; the next one goes on. */
static enum tb_err make_room(struct tb_view *view, uint64_t bytes)
{
	struct totals totals = { .n = 0 };
	bool dropped = true;
	enum tb_err err = read_totals(view, &totals);

	for (size_t i = 0; err == TB_OK && dropped && i < DROPS_MAX &&
			   !has_room(&totals, bytes);
	     i++)
		err = drop_one(view, &totals, &dropped);
	totals.n++;
	totals.bytes += bytes;
	return err == TB_OK ? write_totals(view, &totals) : err;
}

/* ---- in a commit ---- */

enum tb_err tb_ledger_knows(struct tb_view *view, struct tb_str key, bool *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_CONFLICT, key, &record);

	if (err == TB_OK)
		*ret = record != NULL;
	return err;
}

enum tb_err tb_ledger_add(struct tb_view *view,
			  const struct tb_ledger_entry *entry, uint32_t origin)
{
	struct tb_target target = {
		.scope = tb_scope_known(tb_view_org_id(view),
					TB_SCOPE_CONFLICTS),
	};
	struct tb_put put = { .coll = TB_COLL_CONFLICT,
			      .key = entry->key,
			      .origin = origin,
			      .targets = &target,
			      .n_targets = 1 };
	struct tb_ledger_entry now = *entry;
	enum tb_err err;

	now.detected_us = tb_view_now_us(view);
	now.resolved_by = TB_STR_NONE;
	err = encode(tb_view_arena(view), &now, &put.body);
	if (err == TB_OK)
		err = make_room(view, put.body.n);
	return err == TB_OK ? tb_view_put(view, &put, NULL) : err;
}

enum tb_err tb_ledger_get(struct tb_view *view, uint64_t id,
			  struct tb_ledger_entry *ret)
{
	const struct tb_record *record = NULL;
	enum tb_err err = TB_OK;

	if (id <= TB_NUM_MAX)
		err = tb_view_get_rid(view, tb_rid(tb_view_org_id(view), id),
				      &record);
	if (err == TB_OK &&
	    (record == NULL || record->coll != TB_COLL_CONFLICT))
		err = TB_ERR_NOT_FOUND;
	return err == TB_OK ? decode(tb_view_arena(view), record, ret) : err;
}

/* An entry's body is to be another. */
static enum tb_err count_change(struct tb_view *view, struct tb_str key,
				uint64_t bytes)
{
	const struct tb_record *before;
	struct totals totals = { .n = 0 };
	enum tb_err err = tb_view_get(view, TB_COLL_CONFLICT, key, &before);

	if (err == TB_OK)
		err = read_totals(view, &totals);
	if (err != TB_OK || before == NULL)
		return err;
	take_bytes(&totals, before->body.n);
	totals.bytes += bytes;
	return write_totals(view, &totals);
}

enum tb_err tb_ledger_close(struct tb_view *view,
			    const struct tb_ledger_entry *entry,
			    struct tb_str resolution, struct tb_str resolved_by)
{
	uint32_t org = tb_view_org_id(view);
	struct tb_target targets[] = {
		{ .scope = tb_scope_known(org, TB_SCOPE_CONFLICTS) },
		{ .scope = tb_scope_known(org, TB_SCOPE_RESOLVED) },
	};
	struct tb_ledger_entry closed = *entry;
	struct tb_str body;
	enum tb_err err;

	closed.resolution = resolution;
	closed.resolved_by = resolved_by;
	closed.resolved_us = tb_view_now_us(view);
	err = encode(tb_view_arena(view), &closed, &body);
	if (err == TB_OK)
		err = count_change(view, entry->key, body.n);
	/* Without moving: its place among the conflicts is its id. */
	if (err == TB_OK)
		err = tb_view_put_silent(view, TB_COLL_CONFLICT, entry->key,
					 body);
	return err == TB_OK ? tb_view_reroute(view, tb_rid(org, entry->id),
					      targets, 2, 0, TB_ORIGIN_CENTRE)
			    : err;
}

/* ---- reading ---- */

enum tb_err tb_ledger_list(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, uint64_t after,
			   struct tb_ledger_entry *rets, size_t max,
			   size_t *ret_n)
{
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_CONFLICTS),
		.after = after,
		.until = UINT64_MAX,
		.limit = max,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t bytes = 0;
	size_t n = 0;
	enum tb_err err = ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while (n < max && bytes < TB_LEDGER_LIST_BYTES &&
	       (err = ops->feed_next(cursor, &row)) == TB_OK) {
		struct tb_record record = row.record;

		bytes += row.record.body.n;

		err = tb_arena_strdup(arena, row.record.body, &record.body);
		if (err == TB_OK)
			err = tb_arena_strdup(arena, row.record.key,
					      &record.key);
		if (err == TB_OK)
			err = decode(arena, &record, &rets[n]);
		if (err != TB_OK)
			break;
		n++;
	}
	ops->feed_close(cursor);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	return TB_OK;
}

enum tb_err tb_ledger_find(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, uint64_t id,
			   struct tb_ledger_entry *ret)
{
	struct tb_key key = { .org = org, .rid = tb_rid(org, id) };
	struct tb_record *record = NULL;
	enum tb_err err;

	if (id == 0 || id > TB_NUM_MAX)
		return TB_ERR_NOT_FOUND;
	err = tx->store->ops->find(tx, arena, &key, 1, &record);
	if (err == TB_OK &&
	    (record == NULL || record->coll != TB_COLL_CONFLICT))
		err = TB_ERR_NOT_FOUND;
	return err == TB_OK ? decode(arena, record, ret) : err;
}
