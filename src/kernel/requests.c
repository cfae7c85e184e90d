#include "kernel/requests.h"

#include "codec/json.h"
#include "kernel/commit.h"

#define BODY_MAX_BYTES 512

/* ---- encoding ---- */

static enum tb_err encode(struct tb_arena *arena, struct tb_str digest,
			  const struct tb_request_result *result,
			  struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "body", digest);
	tb_json_kv_uint(&w, "rid", result->rid);
	tb_json_kv_uint(&w, "version", result->version);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err decode(struct tb_arena *arena, struct tb_str body,
			  struct tb_str *ret_digest,
			  struct tb_request_result *ret)
{
	struct tb_request_result result = { .rid = 0 };
	struct tb_json json;
	struct tb_json_value root;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err != TB_OK)
		return err;
	root = tb_json_root(&json);
	err = tb_json_string(arena, tb_json_get(root, TB_STR("body")),
			     ret_digest);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(root, TB_STR("rid")),
				  &result.rid);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(root, TB_STR("version")),
				  &result.version);
	if (err == TB_OK)
		*ret = result;
	return err;
}

/* ---- in a commit ---- */

enum tb_err tb_requests_find(struct tb_view *view,
			     const struct tb_named_request *request,
			     struct tb_request_result *ret)
{
	const struct tb_record *record;
	struct tb_request_result result;
	struct tb_str digest;
	enum tb_err err =
		tb_view_get(view, TB_COLL_REQUEST, request->key, &record);

	if (err != TB_OK)
		return err;
	if (record == NULL ||
	    record->updated_us + TB_REQUESTS_LIFE_US <= tb_view_now_us(view))
		return TB_ERR_NOT_FOUND;
	err = decode(tb_view_arena(view), record->body, &digest, &result);
	if (err != TB_OK)
		return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
	if (!tb_str_eq(digest, request->body))
		return TB_ERR_CONFLICT;
	*ret = result;
	return TB_OK;
}

enum tb_err tb_requests_keep(struct tb_view *view,
			     const struct tb_named_request *request,
			     const struct tb_request_result *result)
{
	struct tb_target target = {
		.scope =
			tb_scope_known(tb_view_org_id(view), TB_SCOPE_REQUESTS),
	};
	struct tb_put put = { .coll = TB_COLL_REQUEST,
			      .key = request->key,
			      .targets = &target,
			      .n_targets = 1 };
	enum tb_err err =
		encode(tb_view_arena(view), request->body, result, &put.body);

	return err == TB_OK ? tb_view_put(view, &put, NULL) : err;
}

/* ---- forgetting ---- */

struct drop {
	struct tb_commit commit;
	size_t n_dropped;
};

static enum tb_err find_expired(struct tb_tx *tx, uint32_t org, int64_t now_us,
				uint64_t *rids, size_t max, size_t *ret_n)
{
	struct tb_feed_query query = {
		.scope = tb_scope_known(org, TB_SCOPE_REQUESTS),
		.until = UINT64_MAX,
		.limit = max,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	*ret_n = 0;
	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK &&
	       row.time_us + TB_REQUESTS_LIFE_US <= now_us)
		rids[(*ret_n)++] = row.rid;
	tx->store->ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* One that was made anew in the same group is not expired any more. */
static enum tb_err drop_one(struct drop *drop, struct tb_view *view,
			    uint64_t rid)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get_rid(view, rid, &record);

	if (err != TB_OK || record == NULL ||
	    record->updated_us + TB_REQUESTS_LIFE_US > tb_view_now_us(view))
		return err;
	drop->n_dropped++;
	return tb_view_remove(view, record->coll, record->key);
}

static enum tb_err drop_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct drop *drop = (struct drop *)commit;
	uint64_t rids[TB_REQUESTS_DROP_MAX];
	size_t n;
	enum tb_err err = find_expired(tb_view_tx(view), commit->org,
				       tb_view_now_us(view), rids,
				       TB_REQUESTS_DROP_MAX, &n);

	drop->n_dropped = 0;
	for (size_t i = 0; err == TB_OK && i < n; i++)
		err = drop_one(drop, view, rids[i]);
	return err;
}

/* Whether there is any, from a snapshot: an org without costs no commit. */
static enum tb_err has_expired(struct tb_core *core, uint32_t org, bool *ret)
{
	uint64_t rid;
	struct tb_tx *tx;
	size_t n;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = find_expired(tx, org, tb_core_now_us(core), &rid, 1, &n);
	tb_core_read_end(tx);
	if (err == TB_OK)
		*ret = n > 0;
	return err;
}

enum tb_err tb_requests_drop_expired(struct tb_core *core, uint32_t org,
				     size_t *ret_dropped)
{
	static const struct tb_commit_kind kind = {
		.name = "requests_drop",
		.decide = drop_decide,
	};
	struct drop drop = {
		.commit = { .kind = &kind,
			    .org = org,
			    .weight = TB_REQUESTS_DROP_MAX },
	};
	bool any;
	enum tb_err err = has_expired(core, org, &any);

	if (err == TB_OK && any)
		err = tb_core_commit(core, &drop.commit);
	if (err == TB_OK)
		*ret_dropped = drop.n_dropped;
	return err;
}
