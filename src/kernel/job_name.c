#include "kernel/job_name.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job.h"
#include "kernel/job_codec.h"
#include "kernel/system.h"

/* The cursor, each byte escaped, and what is little beside it. */
#define BODY_MAX_BYTES (6 * (size_t)TB_JOB_CURSOR_MAX_BYTES + 256)

#define MEMBER(name, member, kind)                                             \
	{                                                                      \
		name, offsetof(struct tb_job_name, member), kind               \
	}
static const struct tb_job_member members[] = {
	MEMBER("job", id, TB_JOB_U64),
	MEMBER("began", began_us, TB_JOB_I64),
	MEMBER("completed", completed_us, TB_JOB_I64),
	MEMBER("cursor", cursor, TB_JOB_TEXT),
};
#undef MEMBER

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_job_name *value, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_job_members_put(&w, members, TB_ARRAY_LEN(members), value);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_job_name *ret)
{
	struct tb_job_name value = { .id = 0 };
	struct tb_json json;
	enum tb_err err = TB_OK;

	if (record != NULL)
		err = tb_json_parse(arena, record->body, &tb_job_json_limits,
				    &json, NULL);
	if (err == TB_OK && record != NULL)
		err = tb_job_members_take(arena, tb_json_root(&json), members,
					  TB_ARRAY_LEN(members), &value);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	*ret = value;
	return TB_OK;
}

enum tb_err tb_job_name_read(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, struct tb_str name,
			     struct tb_job_name *ret)
{
	const struct tb_key key = { .org = org,
				    .coll = TB_COLL_JOB_NAME,
				    .key = name };
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, &key, 1, &record);

	return err == TB_OK ? decode(arena, record, ret) : err;
}

enum tb_err tb_job_name_want(struct tb_view *view, struct tb_str name)
{
	return tb_view_want(view, TB_COLL_JOB_NAME, name);
}

enum tb_err tb_job_name_get(struct tb_view *view, struct tb_str name,
			    struct tb_job_name *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_JOB_NAME, name, &record);

	return err == TB_OK ? decode(tb_view_arena(view), record, ret) : err;
}

/* One that is in use leaves the feed. */
static enum tb_err put_used(struct tb_view *view, struct tb_str name,
			    struct tb_str body)
{
	const uint64_t scope =
		tb_scope_known(tb_view_org_id(view), TB_SCOPE_JOB_NAMES);
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_JOB_NAME, name, &record);

	if (err == TB_OK && record != NULL && record->n_entries > 0)
		err = tb_view_forget_places(view, record->rid, &scope, 1);
	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_JOB_NAME, name, body)
		       : err;
}

enum tb_err tb_job_name_put(struct tb_view *view, struct tb_str name,
			    const struct tb_job_name *value)
{
	const struct tb_target target = {
		.scope = tb_scope_known(tb_view_org_id(view),
					TB_SCOPE_JOB_NAMES),
	};
	struct tb_put put = {
		.coll = TB_COLL_JOB_NAME,
		.key = name,
		.origin = TB_ORIGIN_CENTRE,
		.targets = &target,
		.n_targets = 1,
	};
	enum tb_err err;

	if (value->id == 0 && value->completed_us == 0)
		return tb_view_remove(view, TB_COLL_JOB_NAME, name);
	err = encode(tb_view_arena(view), value, &put.body);
	if (err != TB_OK)
		return err;
	return value->id != 0 ? put_used(view, name, put.body)
			      : tb_view_put(view, &put, NULL);
}
