#include "kernel/history.h"

#include "codec/json.h"

#define INDEX_MAX_BYTES ((size_t)1 << 16)
#define OVERHEAD_MAX_BYTES 256

static const struct tb_json_limits member_limits = {
	.max_depth = 80, /* of a body, and what is around it */
	.max_nodes = 1u << 20,
	.tape_depth = 1,
};

/* The versions that are kept of a record, the oldest first. */
struct index {
	uint64_t *versions;
	size_t n;
};

/* ---- encoding ---- */

static enum tb_err index_key(struct tb_arena *arena, uint64_t rid,
			     struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%llu", (unsigned long long)rid);
}

static enum tb_err version_key(struct tb_arena *arena, uint64_t rid,
			       uint64_t version, struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%llu/%llu", (unsigned long long)rid,
			       (unsigned long long)version);
}

/* What is stored is this program's own: what cannot be read is damaged. */
static enum tb_err damaged(enum tb_err err)
{
	return err == TB_ERR_INVALID || err == TB_ERR_TOO_DEEP ? TB_ERR_CORRUPT
							       : err;
}

/* `record` NULL: nothing is kept. Leaves room for one version more. */
static enum tb_err decode_index(struct tb_arena *arena,
				const struct tb_record *record,
				struct index *ret)
{
	struct index index = { .n = 0 };
	struct tb_json json;
	struct tb_json_iter it;
	size_t n = 0;
	enum tb_err err = TB_OK;

	if (record != NULL) {
		err = tb_json_parse(arena, record->body, &member_limits, &json,
				    NULL);
		if (err != TB_OK)
			return damaged(err);
		n = tb_json_count(tb_json_root(&json));
	}
	index.versions = tb_arena_calloc(arena, n + 1, sizeof(uint64_t));
	if (index.versions == NULL)
		return tb_arena_err(arena);
	if (record != NULL)
		it = tb_json_iter(tb_json_root(&json));
	while (err == TB_OK && index.n < n && tb_json_next(&it))
		err = tb_json_u64(it.value, &index.versions[index.n++]);
	if (err == TB_OK)
		*ret = index;
	return damaged(err);
}

static enum tb_err encode_index(struct tb_arena *arena,
				const struct index *index, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, INDEX_MAX_BYTES);
	tb_json_begin_array(&w);
	for (size_t i = 0; i < index->n; i++)
		tb_json_uint(&w, index->versions[i]);
	tb_json_end_array(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err encode_version(struct tb_arena *arena,
				  const struct tb_record *record,
				  struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, record->body.n + OVERHEAD_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "version", record->version);
	tb_json_kv_int(&w, "updated_us", record->updated_us);
	tb_json_kv_uint(&w, "origin", record->origin);
	tb_json_kv_bool(&w, "deleted", record->deleted);
	tb_json_kv_raw(&w, "data", record->body);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err decode_version(struct tb_arena *arena, struct tb_str body,
				  struct tb_version *ret)
{
	struct tb_version version = { .version = 0 };
	struct tb_json json;
	struct tb_json_value root;
	struct tb_json_value data;
	uint64_t origin = 0;
	enum tb_err err =
		tb_json_parse(arena, body, &member_limits, &json, NULL);

	if (err != TB_OK)
		return damaged(err);
	root = tb_json_root(&json);
	data = tb_json_get(root, TB_STR("data"));
	err = tb_json_u64(tb_json_get(root, TB_STR("version")),
			  &version.version);
	if (err == TB_OK)
		err = tb_json_i64(tb_json_get(root, TB_STR("updated_us")),
				  &version.updated_us);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(root, TB_STR("origin")), &origin);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(root, TB_STR("deleted")),
				   &version.deleted);
	if (err == TB_OK && tb_json_is_absent(data))
		err = TB_ERR_CORRUPT;
	if (err != TB_OK)
		return damaged(err);
	version.origin = (uint32_t)origin;
	version.body = tb_json_raw(data);
	*ret = version;
	return TB_OK;
}

/* ---- keeping ---- */

static enum tb_err put_version(struct tb_view *view,
			       const struct tb_record *old)
{
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_str key;
	struct tb_str body;
	enum tb_err err = version_key(arena, old->rid, old->version, &key);

	if (err == TB_OK)
		err = encode_version(arena, old, &body);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_HISTORY, key, body)
		       : err;
}

static enum tb_err drop_version(struct tb_view *view, uint64_t rid,
				uint64_t version)
{
	struct tb_str key;
	enum tb_err err = version_key(tb_view_arena(view), rid, version, &key);

	return err == TB_OK ? tb_view_remove(view, TB_COLL_HISTORY, key) : err;
}

static enum tb_err drop_oldest(struct tb_view *view, uint64_t rid,
			       struct index *index, size_t keeps)
{
	enum tb_err err = TB_OK;

	while (err == TB_OK && index->n > keeps) {
		err = drop_version(view, rid, index->versions[0]);
		index->versions++;
		index->n--;
	}
	return err;
}

static enum tb_err get_index(struct tb_view *view, uint64_t rid,
			     struct tb_str *ret_key, struct index *ret)
{
	const struct tb_record *record;
	struct tb_arena *arena = tb_view_arena(view);
	enum tb_err err = index_key(arena, rid, ret_key);

	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_HISTORY, *ret_key, &record);
	return err == TB_OK ? decode_index(arena, record, ret) : err;
}

enum tb_err tb_history_keep(struct tb_view *view,
			    const struct tb_collection *collection,
			    const struct tb_record *old)
{
	struct index index;
	struct tb_str key;
	struct tb_str body;
	size_t keeps;
	enum tb_err err;

	if (collection == NULL || collection->history == 0 || old == NULL)
		return TB_OK;
	keeps = collection->history < TB_HISTORY_MAX ? collection->history
						     : TB_HISTORY_MAX;
	err = get_index(view, old->rid, &key, &index);
	if (err == TB_OK)
		err = put_version(view, old);
	if (err != TB_OK)
		return err;
	index.versions[index.n++] = old->version;
	err = drop_oldest(view, old->rid, &index, keeps);
	if (err == TB_OK)
		err = encode_index(tb_view_arena(view), &index, &body);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_HISTORY, key, body)
		       : err;
}

enum tb_err tb_history_forget(struct tb_view *view, uint64_t rid)
{
	struct index index;
	struct tb_str key;
	enum tb_err err = get_index(view, rid, &key, &index);

	if (err == TB_OK)
		err = drop_oldest(view, rid, &index, 0);
	return err == TB_OK ? tb_view_remove(view, TB_COLL_HISTORY, key) : err;
}

/* ---- reading ---- */

static enum tb_err find_one(struct tb_tx *tx, struct tb_arena *arena,
			    uint64_t rid, struct tb_str name,
			    struct tb_record **ret)
{
	struct tb_key key = { .org = tb_rid_org(rid),
			      .coll = TB_COLL_HISTORY,
			      .key = name };

	return tx->store->ops->find(tx, arena, &key, 1, ret);
}

static enum tb_err read_version(struct tb_tx *tx, struct tb_arena *arena,
				uint64_t rid, uint64_t version,
				struct tb_version *ret)
{
	struct tb_record *record = NULL;
	struct tb_str key;
	enum tb_err err = version_key(arena, rid, version, &key);

	if (err == TB_OK)
		err = find_one(tx, arena, rid, key, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_CORRUPT;
	return err == TB_OK ? decode_version(arena, record->body, ret) : err;
}

enum tb_err tb_history_read(struct tb_tx *tx, struct tb_arena *arena,
			    uint64_t rid, uint64_t before,
			    struct tb_version *rets, size_t max, size_t *ret_n)
{
	struct tb_record *record = NULL;
	struct index index = { .n = 0 };
	struct tb_str key;
	size_t bytes = 0;
	size_t n = 0;
	enum tb_err err = index_key(arena, rid, &key);

	if (err == TB_OK)
		err = find_one(tx, arena, rid, key, &record);
	if (err == TB_OK)
		err = decode_index(arena, record, &index);
	for (size_t i = err == TB_OK ? index.n : 0;
	     err == TB_OK && i > 0 && n < max && bytes < TB_HISTORY_READ_BYTES;
	     i--) {
		uint64_t version = index.versions[i - 1];

		if (before != 0 && version >= before)
			continue;
		err = read_version(tx, arena, rid, version, &rets[n]);
		if (err == TB_OK)
			bytes += rets[n++].body.n;
	}
	if (err == TB_OK)
		*ret_n = n;
	return err;
}
