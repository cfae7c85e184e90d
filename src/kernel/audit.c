#include "kernel/audit.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/acl.h"
#include "kernel/view.h"

#define ROW_MAX 4096
/* The longest details are those of a change of access rules: two lists. */
#define DETAIL_MAX (2 * TB_ACL_TEXT_MAX_BYTES + ((size_t)64 << 10))
#define SALT_BYTES 16

void tb_audit_hash(const uint8_t before[32], struct tb_str row, uint8_t ret[32])
{
	struct tb_str parts[] = { tb_str((const char *)before, 32), row };

	tb_sha256_parts(parts, TB_ARRAY_LEN(parts), ret);
}

static void put_if(struct tb_json_writer *w, const char *key, struct tb_str s)
{
	if (s.n > 0)
		tb_json_kv_str(w, key, s);
}

/* What can be erased: salt, then who called from where and what came of it. */
static enum tb_err make_detail(struct tb_arena *arena,
			       const struct tb_audit_note *note,
			       struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, DETAIL_MAX);
	tb_buf_append(&buf, note->salt, SALT_BYTES);
	tb_json_begin_object(&w);
	put_if(&w, "request_id", note->request_id);
	put_if(&w, "address", note->address);
	put_if(&w, "device", note->device);
	if (note->detail.n > 0) {
		if (w.comma)
			tb_buf_append_char(&buf, ',');
		tb_buf_append_str(&buf, note->detail);
	}
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err make_row(struct tb_view *view,
			    const struct tb_audit_note *note,
			    struct tb_str detail, struct tb_str *ret)
{
	uint8_t digest[TB_SHA256_BYTES];
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_sha256(detail, digest);
	tb_buf_init(&buf, ROW_MAX);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "n", tb_view_org(view)->audit_n + 1);
	tb_json_kv_int(&w, "time_us", tb_view_now_us(view));
	tb_json_kv_str(&w, "event_type", tb_str_z(note->event_type));
	tb_json_kv_str(&w, "operation", tb_str_z(note->operation));
	tb_json_kv_str(&w, "status", tb_str_z(note->status));
	tb_json_kv_str(&w, "principal", note->principal);
	tb_json_key(&w, TB_STR("detail"));
	tb_buf_append_char(&buf, '"');
	tb_hex_put(&buf, tb_str((const char *)digest, sizeof(digest)));
	tb_buf_append_char(&buf, '"');
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, tb_view_arena(view), ret);
}

enum tb_err tb_audit_append(struct tb_view *view,
			    const struct tb_audit_note *note)
{
	struct tb_audit_row row = { .n = 0 };
	enum tb_err err = make_detail(tb_view_arena(view), note, &row.detail);

	TB_ASSERT(note->event_type && note->operation && note->status);
	if (err == TB_OK)
		err = make_row(view, note, row.detail, &row.row);
	return err == TB_OK ? tb_view_audit(view, &row) : err;
}

static struct tb_str string_member(struct tb_arena *arena,
				   struct tb_json_value object,
				   const char *name)
{
	struct tb_str s = TB_STR_NONE;

	if (tb_json_string(arena, tb_json_get(object, tb_str_z(name)), &s) !=
	    TB_OK)
		return TB_STR_NONE;
	return s;
}

static enum tb_err decode_detail(struct tb_arena *arena, struct tb_str detail,
				 struct tb_audit_entry *entry)
{
	struct tb_json *json = tb_arena_alloc(arena, sizeof(*json));
	struct tb_json_value root;
	enum tb_err err;

	if (json == NULL)
		return TB_ERR_NOMEM;
	if (detail.n < SALT_BYTES)
		return TB_ERR_CORRUPT;
	entry->detail = tb_str(detail.p + SALT_BYTES, detail.n - SALT_BYTES);
	err = tb_json_parse(arena, entry->detail, NULL, json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(json);
	entry->device = string_member(arena, root, "device");
	entry->request_id = string_member(arena, root, "request_id");
	return TB_OK;
}

enum tb_err tb_audit_decode(struct tb_arena *arena,
			    const struct tb_audit_row *row,
			    struct tb_audit_entry *ret)
{
	struct tb_audit_entry entry = { .n = row->n };
	struct tb_json *json = tb_arena_alloc(arena, sizeof(*json));
	struct tb_json_value root;
	enum tb_err err;

	if (json == NULL)
		return TB_ERR_NOMEM;
	err = tb_json_parse(arena, row->row, NULL, json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(json);
	if (tb_json_i64(tb_json_get(root, TB_STR("time_us")), &entry.time_us) !=
	    TB_OK)
		return TB_ERR_CORRUPT;
	entry.event_type = string_member(arena, root, "event_type");
	entry.operation = string_member(arena, root, "operation");
	entry.status = string_member(arena, root, "status");
	entry.principal = string_member(arena, root, "principal");
	if (row->detail.p != NULL) {
		err = decode_detail(arena, row->detail, &entry);
		if (err != TB_OK)
			return err;
	}
	*ret = entry;
	return TB_OK;
}

/* The problem of one row behind the row of hash `before`, or NULL. */
static const char *row_problem(struct tb_arena *arena, uint64_t expected_n,
			       const uint8_t *before,
			       const struct tb_audit_row *row)
{
	uint8_t hash[TB_SHA256_BYTES];
	uint8_t digest[TB_SHA256_BYTES];
	uint8_t stated[TB_SHA256_BYTES];
	struct tb_json json;
	struct tb_json_value root;
	uint64_t n;

	if (row->n != expected_n)
		return "a row is missing";
	if (before != NULL) {
		tb_audit_hash(before, row->row, hash);
		if (!tb_digest_equal(hash, row->hash, sizeof(hash)))
			return "a row was changed";
	}
	if (tb_json_parse(arena, row->row, NULL, &json, NULL) != TB_OK)
		return "a row is not readable";
	root = tb_json_root(&json);
	if (tb_json_u64(tb_json_get(root, TB_STR("n")), &n) != TB_OK ||
	    n != row->n)
		return "a row stands in another's place";
	if (row->detail.p == NULL)
		return NULL;
	tb_sha256(row->detail, digest);
	if (tb_hex_parse(string_member(arena, root, "detail"), stated,
			 sizeof(stated)) != TB_OK ||
	    !tb_digest_equal(digest, stated, sizeof(digest)))
		return "a row's detail was changed";
	return NULL;
}

enum tb_err tb_audit_verify(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org_id, struct tb_audit_verdict *ret)
{
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_audit_verdict verdict = { 0 };
	uint8_t before[TB_SHA256_BYTES];
	struct tb_org org;
	uint64_t last = 0;
	enum tb_err err = ops->org_get(tx, org_id, &org);

	while (err == TB_OK && verdict.problem == NULL) {
		struct tb_audit_row row;

		tb_arena_reset(arena);
		err = ops->audit_next(tx, arena, org_id, last, &row);
		if (err != TB_OK)
			break;
		/* Rows before the first kept one were dropped whole; from
		 * there on the chain has no gap. */
		verdict.problem =
			row_problem(arena, last ? last + 1 : row.n,
				    row.n == 1 ? (const uint8_t[32]) { 0 }
				    : last     ? before
					       : NULL,
				    &row);
		if (verdict.problem != NULL)
			verdict.first_bad = row.n;
		verdict.rows++;
		verdict.erased += row.detail.p == NULL;
		memcpy(before, row.hash, sizeof(before));
		last = row.n;
	}
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	if (verdict.problem == NULL &&
	    (last != org.audit_n ||
	     (last != 0 &&
	      !tb_digest_equal(before, org.audit_hash, sizeof(before))))) {
		verdict.problem = "the chain does not end at the org's head";
		verdict.first_bad = last;
	}
	*ret = verdict;
	return TB_OK;
}
