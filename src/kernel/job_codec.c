#include "kernel/job_codec.h"

#include "base/assert.h"
#include "codec/json_text.h"
#include "kernel/job.h"

#define DEPTH_MAX 128
#define NODES_MAX (1u << 20)

const struct tb_json_limits tb_job_json_limits = {
	.max_depth = DEPTH_MAX,
	.max_nodes = NODES_MAX,
	.tape_depth = UINT32_MAX,
	.allow_nul = true,
};
const struct tb_json_limits tb_job_json_flat_limits = {
	.max_depth = DEPTH_MAX,
	.max_nodes = NODES_MAX,
	.tape_depth = 1,
	.allow_nul = true,
};

/* ---- members ---- */

static void put_u64(struct tb_json_writer *w, const char *name, uint64_t v)
{
	if (v != 0)
		tb_json_kv_uint(w, name, v);
}

static void put_member(struct tb_json_writer *w,
		       const struct tb_job_member *member, const void *from)
{
	const void *at = (const char *)from + member->offset;

	switch (member->kind) {
	case TB_JOB_U64:
		put_u64(w, member->name, *(const uint64_t *)at);
		return;
	case TB_JOB_U32:
		put_u64(w, member->name, *(const uint32_t *)at);
		return;
	case TB_JOB_I64:
		if (*(const int64_t *)at != 0)
			tb_json_kv_int(w, member->name, *(const int64_t *)at);
		return;
	case TB_JOB_FLAG:
		if (*(const bool *)at)
			tb_json_kv_bool(w, member->name, true);
		return;
	case TB_JOB_TEXT:
		if (((const struct tb_str *)at)->n > 0)
			tb_json_kv_str(w, member->name,
				       *(const struct tb_str *)at);
		return;
	}
	TB_UNREACHABLE();
}

void tb_job_members_put(struct tb_json_writer *w,
			const struct tb_job_member *members, size_t n,
			const void *from)
{
	for (size_t i = 0; i < n; i++)
		put_member(w, &members[i], from);
}

static enum tb_err take_u32(struct tb_json_value v, uint32_t *ret)
{
	uint64_t number = 0;
	enum tb_err err = tb_json_u64(v, &number);

	if (err == TB_OK && number > UINT32_MAX)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		*ret = (uint32_t)number;
	return err;
}

static enum tb_err take_member(struct tb_arena *arena, struct tb_json_value v,
			       const struct tb_job_member *member, void *into)
{
	void *at = (char *)into + member->offset;

	switch (member->kind) {
	case TB_JOB_U64:
		return tb_json_u64(v, at);
	case TB_JOB_U32:
		return take_u32(v, at);
	case TB_JOB_I64:
		return tb_json_i64(v, at);
	case TB_JOB_FLAG:
		return tb_json_bool(v, at);
	case TB_JOB_TEXT:
		return tb_json_string(arena, v, at);
	}
	TB_UNREACHABLE();
}

/* The row of a member's name, from the `next` one on and then from the first;
 * `n`: there is none. */
static size_t find_member(const struct tb_job_member *members, size_t n,
			  size_t next, struct tb_json_value name)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = (next + i) % n;

		if (tb_json_string_is(name, tb_str_z(members[at].name)))
			return at;
	}
	return n;
}

enum tb_err tb_job_members_take(struct tb_arena *arena,
				struct tb_json_value object,
				const struct tb_job_member *members, size_t n,
				void *into)
{
	struct tb_json_iter it;
	enum tb_err err = TB_OK;
	size_t next = 0;

	if (!tb_json_is(object, TB_JSON_OBJECT))
		return TB_ERR_CORRUPT;
	it = tb_json_iter(object);
	while (err == TB_OK && tb_json_next(&it)) {
		size_t at = find_member(members, n, next, it.key);

		if (at == n)
			continue;
		err = take_member(arena, it.value, &members[at], into);
		next = at + 1;
	}
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

/* ---- arrays ---- */

void tb_job_array_put(struct tb_json_writer *w,
		      const struct tb_job_array *array, const void *from,
		      size_t n)
{
	tb_json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		tb_json_begin_object(w);
		tb_job_members_put(w, array->members, array->n_members,
				   (const char *)from + i * array->size);
		tb_json_end_object(w);
	}
	tb_json_end_array(w);
}

enum tb_err tb_job_array_take(struct tb_arena *arena, struct tb_json_value v,
			      const struct tb_job_array *array, void **ret,
			      size_t *ret_n)
{
	struct tb_json_iter it;
	enum tb_err err = TB_OK;
	size_t n = 0;
	char *items;

	*ret = NULL;
	*ret_n = 0;
	if (tb_json_is_absent(v))
		return TB_OK;
	if (!tb_json_is(v, TB_JSON_ARRAY) || tb_json_count(v) > array->max)
		return TB_ERR_CORRUPT;
	items = tb_arena_calloc(arena, tb_json_count(v) + 1, array->size);
	if (items == NULL)
		return tb_arena_err(arena);
	it = tb_json_iter(v);
	while (err == TB_OK && tb_json_next(&it))
		err = tb_job_members_take(arena, it.value, array->members,
					  array->n_members,
					  items + n++ * array->size);
	*ret = items;
	*ret_n = n;
	return err;
}

/* ---- texts ---- */

bool tb_job_is_text(struct tb_str s, size_t max)
{
	const char *at = s.p;
	const char *end;

	if (s.n == 0 || s.n > max)
		return s.n == 0;
	end = s.p + s.n;
	while (at < end) {
		size_t n = tb_utf8_char_bytes(at, end);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

enum tb_err tb_job_text(struct tb_arena *arena, struct tb_str s,
			struct tb_str *ret)
{
	const char *end;
	const char *at;
	size_t n = 0;
	char *text;

	if (tb_job_is_text(s, TB_JOB_TEXT_MAX_BYTES)) {
		*ret = s;
		return TB_OK;
	}
	end = s.p + s.n;
	at = s.p;
	text = tb_arena_alloc(arena, TB_JOB_TEXT_MAX_BYTES);
	if (text == NULL)
		return tb_arena_err(arena);
	while (at < end) {
		size_t bytes = tb_utf8_char_bytes(at, end);
		size_t room = TB_JOB_TEXT_MAX_BYTES - n;

		if (room < (bytes > 0 ? bytes : 1))
			break;
		if (bytes == 0)
			text[n++] = '?';
		else
			memcpy(text + n, at, bytes);
		n += bytes;
		at += bytes > 0 ? bytes : 1;
	}
	*ret = tb_str(text, n);
	return TB_OK;
}
