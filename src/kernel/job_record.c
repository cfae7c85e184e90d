#include "kernel/job_record.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job_codec.h"

#define KEY_PREFIX TB_STR("job")
/* Of all but the request: TB_JOB_STREAMS_MAX cursors and one more, each byte
 * escaped, and what is little beside them. */
#define HEADER_MAX_BYTES ((size_t)4 << 20)

#define ID_BITS 31
#define SECOND_US ((int64_t)1000000)
/* 2000-01-01T00:00:00Z. */
#define DUE_BEGIN_US (946684800 * SECOND_US)
#define DUE_SECONDS_MAX (((int64_t)1 << 32) - 2)

/* ---- bodies ---- */

#define MEMBER(name, member, kind)                                             \
	{                                                                      \
		name, offsetof(struct tb_job, member), kind                    \
	}
static const struct tb_job_member job_members[] = {
	MEMBER("name", name, TB_JOB_TEXT),
	MEMBER("type", type, TB_JOB_TEXT),
	MEMBER("priority", priority, TB_JOB_U32),
	MEMBER("retries_max", retries_max, TB_JOB_U32),
	MEMBER("queued", queued_us, TB_JOB_I64),
	MEMBER("due", due_us, TB_JOB_I64),
	MEMBER("is_waiting", is_waiting, TB_JOB_FLAG),
	MEMBER("started", started_us, TB_JOB_I64),
	MEMBER("since", since_us, TB_JOB_I64),
	MEMBER("last_cursor", last_cursor, TB_JOB_TEXT),
	MEMBER("active", active_us, TB_JOB_I64),
	MEMBER("taken", taken_us, TB_JOB_I64),
	MEMBER("attempts", attempts, TB_JOB_U32),
	MEMBER("in_attempt", in_attempt, TB_JOB_FLAG),
	MEMBER("has_begun", has_begun, TB_JOB_FLAG),
	MEMBER("outcome", outcome, TB_JOB_TEXT),
	MEMBER("n_entities", n_entities, TB_JOB_U32),
	MEMBER("paused", paused_us, TB_JOB_I64),
	MEMBER("resumed", resumed_us, TB_JOB_I64),
	MEMBER("ended", ended_us, TB_JOB_I64),
	MEMBER("runs", runs, TB_JOB_U64),
	MEMBER("error_code", error.code, TB_JOB_TEXT),
	MEMBER("error_message", error.message, TB_JOB_TEXT),
	MEMBER("token", token, TB_JOB_U64),
	MEMBER("lease_until", lease_until_us, TB_JOB_I64),
};
#undef MEMBER

#define MEMBER(name, member, kind)                                             \
	{                                                                      \
		name, offsetof(struct tb_job_stream, member), kind             \
	}
static const struct tb_job_member stream_members[] = {
	MEMBER("entity", entity, TB_JOB_TEXT),
	MEMBER("cursor", cursor, TB_JOB_TEXT),
	MEMBER("read", read, TB_JOB_U64),
	MEMBER("written", written, TB_JOB_U64),
	MEMBER("unchanged", unchanged, TB_JOB_U64),
	MEMBER("rejected", rejected, TB_JOB_U64),
	MEMBER("position", position, TB_JOB_U64),
	MEMBER("total", total, TB_JOB_U64),
	MEMBER("is_done", is_done, TB_JOB_FLAG),
};
#undef MEMBER

static const struct tb_job_array stream_array = {
	.members = stream_members,
	.n_members = TB_ARRAY_LEN(stream_members),
	.size = sizeof(struct tb_job_stream),
	.max = TB_JOB_STREAMS_MAX,
};

enum tb_err tb_job_key(struct tb_arena *arena, uint64_t id, struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "job%llu", (unsigned long long)id);
}

enum tb_err tb_job_encode(struct tb_arena *arena, const struct tb_job *job,
			  struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, job->request.n + HEADER_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "state", tb_str_z(tb_job_state_name(job->state)));
	tb_job_members_put(&w, job_members, TB_ARRAY_LEN(job_members), job);
	if (job->n_streams > 0) {
		tb_json_key(&w, TB_STR("streams"));
		tb_job_array_put(&w, &stream_array, job->streams,
				 job->n_streams);
	}
	if (job->request.n > 0)
		tb_json_kv_raw(&w, "request", job->request);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err take_state(struct tb_arena *arena, struct tb_json_value v,
			      enum tb_job_state *ret)
{
	struct tb_str name = TB_STR_NONE;
	enum tb_err err = tb_json_string(arena, v, &name);

	if (err == TB_OK && !tb_job_state_parse(name, ret))
		err = TB_ERR_CORRUPT;
	return err;
}

/* The tape of the body is but one deep, because of the request. */
static enum tb_err take_streams(struct tb_arena *arena, struct tb_json_value v,
				struct tb_job *job)
{
	void *streams = NULL;
	struct tb_json json;
	enum tb_err err;

	if (tb_json_is_absent(v))
		return TB_OK;
	err = tb_json_parse(arena, tb_json_raw(v), &tb_job_json_limits, &json,
			    NULL);
	if (err == TB_OK)
		err = tb_job_array_take(arena, tb_json_root(&json),
					&stream_array, &streams,
					&job->n_streams);
	job->streams = streams;
	return err;
}

static enum tb_err take_body(struct tb_arena *arena, struct tb_str body,
			     struct tb_job *job)
{
	struct tb_json_value root;
	struct tb_json_value request;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, &tb_job_json_flat_limits,
					&json, NULL);

	if (err != TB_OK)
		return err;
	root = tb_json_root(&json);
	err = tb_job_members_take(arena, root, job_members,
				  TB_ARRAY_LEN(job_members), job);
	if (err == TB_OK)
		err = take_state(arena, tb_json_get(root, TB_STR("state")),
				 &job->state);
	if (err == TB_OK)
		err = take_streams(arena, tb_json_get(root, TB_STR("streams")),
				   job);
	request = tb_json_get(root, TB_STR("request"));
	if (!tb_json_is_absent(request))
		job->request = tb_json_raw(request);
	if (err == TB_OK && job->priority > TB_JOB_PRIORITY_MAX)
		err = TB_ERR_CORRUPT;
	return err;
}

enum tb_err tb_job_decode(struct tb_arena *arena,
			  const struct tb_record *record, struct tb_job *ret)
{
	struct tb_job job = { .version = record->version };
	struct tb_str number = record->key;
	enum tb_err err = TB_ERR_CORRUPT;

	if (tb_str_starts(record->key, KEY_PREFIX)) {
		number.p += KEY_PREFIX.n;
		number.n -= KEY_PREFIX.n;
		err = tb_str_to_u64(number, &job.id);
	}
	if (err == TB_OK && (job.id == 0 || job.id > TB_JOB_ID_MAX))
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		err = take_body(arena, record->body, &job);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	*ret = job;
	return TB_OK;
}

enum tb_err tb_job_copy(struct tb_arena *arena, const struct tb_record *record,
			struct tb_job *ret)
{
	struct tb_record copy = *record;
	enum tb_err err = tb_arena_strdup(arena, record->body, &copy.body);

	return err == TB_OK ? tb_job_decode(arena, &copy, ret) : err;
}

/* ---- places ---- */

/* Those to be taken over come first, then the higher priority. */
static uint64_t ready_num(const struct tb_job *job)
{
	uint64_t class = job->state == TB_JOB_ACTIVE
				 ? 0
				 : 1 + TB_JOB_PRIORITY_MAX - job->priority;

	return class << ID_BITS | job->id;
}

static uint64_t due_num(const struct tb_job *job)
{
	int64_t us = job->due_us - DUE_BEGIN_US;
	int64_t seconds = 0;

	if (us > 0)
		seconds = us / SECOND_US + (us % SECOND_US > 0);
	if (seconds > DUE_SECONDS_MAX)
		seconds = DUE_SECONDS_MAX;
	return (uint64_t)seconds << ID_BITS | job->id;
}

uint64_t tb_job_due_until(int64_t now_us)
{
	int64_t seconds = (now_us - DUE_BEGIN_US) / SECOND_US;

	if (now_us < DUE_BEGIN_US)
		seconds = 0;
	if (seconds > DUE_SECONDS_MAX)
		seconds = DUE_SECONDS_MAX;
	return (uint64_t)seconds << ID_BITS | TB_JOB_ID_MAX;
}

int64_t tb_job_due_of(uint64_t num)
{
	return DUE_BEGIN_US + (int64_t)(num >> ID_BITS) * SECOND_US;
}

bool tb_job_is_ready(const struct tb_job *job)
{
	return job->state == TB_JOB_QUEUED
		       ? !job->is_waiting
		       : job->state == TB_JOB_ACTIVE && job->token == 0;
}

struct tb_job_place tb_job_place(const struct tb_job *job)
{
	if (tb_job_is_ready(job))
		return (struct tb_job_place) { TB_SCOPE_JOBS_READY,
					       ready_num(job) };
	switch (job->state) {
	case TB_JOB_QUEUED:
		return (struct tb_job_place) { TB_SCOPE_JOBS_DUE,
					       due_num(job) };
	case TB_JOB_ACTIVE:
		return (struct tb_job_place) { TB_SCOPE_JOBS_ACTIVE, job->id };
	case TB_JOB_PAUSED:
		return (struct tb_job_place) { TB_SCOPE_JOBS_PAUSED, job->id };
	case TB_JOB_COMPLETED:
		return (struct tb_job_place) { TB_SCOPE_JOBS_COMPLETED, 0 };
	case TB_JOB_FAILED:
		return (struct tb_job_place) { TB_SCOPE_JOBS_FAILED, 0 };
	}
	TB_UNREACHABLE();
}
