#include "kernel/job_sums.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job_codec.h"
#include "kernel/job_record.h"

#define KEY TB_STR("jobs")
#define BODY_MAX_BYTES ((size_t)16 << 10)
/* The part that the newest run has in the average. */
#define AVERAGE_PART 8

#define MEMBER(name, member, kind)                                             \
	{                                                                      \
		name, offsetof(struct tb_job_sums, member), kind               \
	}
static const struct tb_job_member members[] = {
	MEMBER("last_id", last_id, TB_JOB_U64),
	MEMBER("queued", counts[TB_JOB_QUEUED], TB_JOB_U64),
	MEMBER("active", counts[TB_JOB_ACTIVE], TB_JOB_U64),
	MEMBER("paused", counts[TB_JOB_PAUSED], TB_JOB_U64),
	MEMBER("completed", counts[TB_JOB_COMPLETED], TB_JOB_U64),
	MEMBER("failed", counts[TB_JOB_FAILED], TB_JOB_U64),
	MEMBER("take_over", take_over, TB_JOB_U64),
	MEMBER("last_completed", last_completed_us, TB_JOB_I64),
	MEMBER("average", average_us, TB_JOB_I64),
};
#undef MEMBER

/* ---- bodies ---- */

/* [priority,n] for each priority of which there are some. */
static void put_ready(struct tb_json_writer *w, const struct tb_job_sums *sums)
{
	tb_json_key(w, TB_STR("ready"));
	tb_json_begin_array(w);
	for (size_t i = 0; i < TB_ARRAY_LEN(sums->ready); i++) {
		if (sums->ready[i] == 0)
			continue;
		tb_json_begin_array(w);
		tb_json_uint(w, i);
		tb_json_uint(w, sums->ready[i]);
		tb_json_end_array(w);
	}
	tb_json_end_array(w);
}

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_job_sums *sums, struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_job_members_put(&w, members, TB_ARRAY_LEN(members), sums);
	put_ready(&w, sums);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err take_ready(struct tb_json_value v, struct tb_job_sums *sums)
{
	struct tb_json_iter it;

	if (!tb_json_is(v, TB_JSON_ARRAY))
		return TB_ERR_CORRUPT;
	it = tb_json_iter(v);
	while (tb_json_next(&it)) {
		struct tb_json_iter pair = tb_json_iter(it.value);
		uint64_t priority = 0;

		if (!tb_json_next(&pair) ||
		    tb_json_u64(pair.value, &priority) != TB_OK ||
		    priority > TB_JOB_PRIORITY_MAX || !tb_json_next(&pair) ||
		    tb_json_u64(pair.value, &sums->ready[priority]) != TB_OK)
			return TB_ERR_CORRUPT;
	}
	return TB_OK;
}

/* `record` NULL: there were no jobs yet. */
static enum tb_err decode(struct tb_arena *arena,
			  const struct tb_record *record,
			  struct tb_job_sums *ret)
{
	struct tb_job_sums sums = { .last_id = 0 };
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err;

	if (record == NULL) {
		*ret = sums;
		return TB_OK;
	}
	err = tb_json_parse(arena, record->body, &tb_job_json_limits, &json,
			    NULL);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(&json);
	err = tb_job_members_take(arena, root, members, TB_ARRAY_LEN(members),
				  &sums);
	if (err == TB_OK)
		err = take_ready(tb_json_get(root, TB_STR("ready")), &sums);
	if (err == TB_OK)
		*ret = sums;
	return err;
}

/* ---- reading and writing ---- */

enum tb_err tb_job_sums_read(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, struct tb_job_sums *ret)
{
	const struct tb_key key = { .org = org,
				    .coll = TB_COLL_SETTING,
				    .key = KEY };
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, &key, 1, &record);

	return err == TB_OK ? decode(arena, record, ret) : err;
}

enum tb_err tb_job_sums_want(struct tb_view *view)
{
	return tb_view_want(view, TB_COLL_SETTING, KEY);
}

enum tb_err tb_job_sums_get(struct tb_view *view, struct tb_job_sums *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_SETTING, KEY, &record);

	return err == TB_OK ? decode(tb_view_arena(view), record, ret) : err;
}

enum tb_err tb_job_sums_put(struct tb_view *view,
			    const struct tb_job_sums *sums)
{
	struct tb_str body;
	enum tb_err err = encode(tb_view_arena(view), sums, &body);

	return err == TB_OK
		       ? tb_view_put_silent(view, TB_COLL_SETTING, KEY, body)
		       : err;
}

/* ---- counting ---- */

/* Where a job that is ready is counted besides; NULL: nowhere. */
static uint64_t *ready_count(struct tb_job_sums *sums, const struct tb_job *job)
{
	if (!tb_job_is_ready(job))
		return NULL;
	return job->state == TB_JOB_ACTIVE ? &sums->take_over
					   : &sums->ready[job->priority];
}

enum tb_err tb_job_sums_count(struct tb_job_sums *sums,
			      const struct tb_job *before,
			      const struct tb_job *after)
{
	uint64_t *ready;

	if (before != NULL) {
		ready = ready_count(sums, before);
		if (sums->counts[before->state] == 0 ||
		    (ready != NULL && *ready == 0))
			return TB_ERR_CORRUPT;
		sums->counts[before->state]--;
		if (ready != NULL)
			(*ready)--;
	}
	if (after != NULL) {
		ready = ready_count(sums, after);
		sums->counts[after->state]++;
		if (ready != NULL)
			(*ready)++;
	}
	return TB_OK;
}

uint64_t tb_job_sums_ahead(const struct tb_job_sums *sums,
			   const struct tb_job *job)
{
	uint64_t n = sums->take_over;

	if (!tb_job_is_ready(job))
		return 0;
	if (job->state == TB_JOB_QUEUED)
		for (uint32_t p = job->priority; p <= TB_JOB_PRIORITY_MAX; p++)
			n += sums->ready[p];
	/* It is counted itself. */
	n -= n > 0;
	return n < TB_JOB_AHEAD_MAX ? n : TB_JOB_AHEAD_MAX;
}

void tb_job_sums_complete(struct tb_job_sums *sums, int64_t at_us,
			  int64_t active_us)
{
	int64_t average_us = sums->average_us;

	if (active_us < 1)
		active_us = 1;
	if (average_us == 0)
		average_us = active_us;
	else
		average_us += (active_us - average_us) / AVERAGE_PART;
	sums->average_us = average_us;
	if (sums->last_completed_us < at_us)
		sums->last_completed_us = at_us;
}
