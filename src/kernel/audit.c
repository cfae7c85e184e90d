#include "kernel/audit.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/acl.h"
#include "kernel/view.h"

#define ROW_MAX 4096
/* What nearly all rows and details are shorter than. */
#define TEXT_USUAL 448
/* The longest details are those of a change of access rules: two lists. */
#define DETAIL_MAX (2 * TB_ACL_TEXT_MAX_BYTES + ((size_t)64 << 10))
#define SALT_BYTES 16
#define DEPTH_MAX 64

/* Of rows and details, the members are looked at. */
static const struct tb_json_limits shallow = {
	.max_depth = DEPTH_MAX,
	.max_nodes = 1024,
	.tape_depth = 1,
};

void tb_audit_hash(const uint8_t before[32], struct tb_str row, uint8_t ret[32])
{
	struct tb_str parts[] = { tb_str((const char *)before, 32), row };

	tb_sha256_parts(parts, TB_ARRAY_LEN(parts), ret);
}

/* Nothing else in a row can look so: quotes within its texts are escaped. */
bool tb_audit_is_of_trail(const struct tb_audit_row *row)
{
	static const char member[] = "\"event_type\":\"" TB_AUDIT_EVENT "\"";

	return row->row.n > 0 && memmem(row->row.p, row->row.n, member,
					sizeof(member) - 1) != NULL;
}

/* Rows come with each write, so that their keys are written as they are:
 * `key` is what stands in front of the value. */
static void put_text(struct tb_buf *buf, const char *key, struct tb_str text)
{
	tb_buf_append_z(buf, key);
	tb_json_put_string(buf, text);
}

/* A member that may be missing; `before` is a brace before the first one. */
static void put_if(struct tb_buf *buf, char *before, const char *key,
		   struct tb_str text)
{
	if (text.n == 0)
		return;
	tb_buf_append_char(buf, *before);
	*before = ',';
	put_text(buf, key, text);
}

/* The same of what is JSON already. */
static void put_raw_if(struct tb_buf *buf, char *before, const char *key,
		       struct tb_str raw)
{
	if (raw.n == 0)
		return;
	tb_buf_append_char(buf, *before);
	*before = ',';
	tb_buf_append_z(buf, key);
	tb_buf_append_str(buf, raw);
}

/* What can be erased: salt, then who called from where and what came of it. */
static enum tb_err make_detail(struct tb_arena *arena,
			       const struct tb_audit_note *note,
			       struct tb_str *ret)
{
	struct tb_buf buf;
	char before = '{';

	tb_buf_init(&buf, DETAIL_MAX);
	(void)tb_buf_reserve(&buf, TEXT_USUAL);
	tb_buf_append(&buf, note->salt, SALT_BYTES);
	put_if(&buf, &before, "\"request_id\":", note->request_id);
	put_if(&buf, &before, "\"address\":", note->address);
	put_if(&buf, &before, "\"device\":", note->device);
	put_raw_if(&buf, &before, "\"command\":", note->command);
	put_raw_if(&buf, &before, "", note->detail);
	if (before == '{')
		tb_buf_append_char(&buf, before);
	tb_buf_append_char(&buf, '}');
	return tb_buf_copy_out(&buf, arena, ret);
}

/* A clock that was set back does not set the chain back. */
static int64_t next_time(struct tb_view *view)
{
	struct tb_org *org = tb_view_org(view);

	if (org->audit_us < tb_view_now_us(view))
		org->audit_us = tb_view_now_us(view);
	return org->audit_us;
}

static enum tb_err make_row(struct tb_view *view,
			    const struct tb_audit_note *note,
			    struct tb_str detail, struct tb_str *ret)
{
	uint8_t digest[TB_SHA256_BYTES];
	struct tb_buf buf;

	tb_sha256(detail, digest);
	tb_buf_init(&buf, ROW_MAX);
	(void)tb_buf_reserve(&buf, TEXT_USUAL);
	tb_buf_append_z(&buf, "{\"n\":");
	tb_buf_append_u64(&buf, tb_view_org(view)->audit_n + 1);
	tb_buf_append_z(&buf, ",\"time_us\":");
	tb_buf_append_i64(&buf, next_time(view));
	put_text(&buf, ",\"event_type\":", tb_str_z(note->event_type));
	put_text(&buf, ",\"operation\":", tb_str_z(note->operation));
	put_text(&buf, ",\"status\":", tb_str_z(note->status));
	put_text(&buf, ",\"principal\":", note->principal);
	tb_buf_append_z(&buf, ",\"detail\":\"");
	tb_hex_put(&buf, tb_str((const char *)digest, sizeof(digest)));
	tb_buf_append_z(&buf, "\"}");
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
	err = tb_json_parse(arena, entry->detail, &shallow, json, NULL);
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
	err = tb_json_parse(arena, row->row, &shallow, json, NULL);
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
