/*
 * Structs of jobs as JSON objects, by tables: a row for each member of one.
 * What is zero, false or empty is left out. Members may come in any order; in
 * the table's, in which they are written, each is found at once. Pure.
 */
#ifndef TB_KERNEL_JOB_CODEC_H
#define TB_KERNEL_JOB_CODEC_H

#include <stddef.h>

#include "base/arena.h"
#include "codec/json.h"

enum tb_job_member_kind {
	TB_JOB_U64,
	TB_JOB_I64,
	TB_JOB_U32,
	TB_JOB_FLAG,
	TB_JOB_TEXT,
};
struct tb_job_member {
	const char *name;
	size_t offset;
	enum tb_job_member_kind kind;
};

void tb_job_members_put(struct tb_json_writer *w,
			const struct tb_job_member *members, size_t n,
			const void *from);
/* Into a zeroed struct; texts are slices of what was parsed, or of the arena.
 * Members that the table does not have are passed over. CORRUPT: one that it
 * has is of another type, or too large. */
enum tb_err tb_job_members_take(struct tb_arena *arena,
				struct tb_json_value object,
				const struct tb_job_member *members, size_t n,
				void *into) tb_must_check;

/* An array of such structs, `size` bytes each, as an array of objects. */
struct tb_job_array {
	const struct tb_job_member *members;
	size_t n_members;
	size_t size;
	size_t max; /* CORRUPT: there are more */
};
void tb_job_array_put(struct tb_json_writer *w,
		      const struct tb_job_array *array, const void *from,
		      size_t n);
/* Absent: none. Result in the arena. */
enum tb_err tb_job_array_take(struct tb_arena *arena, struct tb_json_value v,
			      const struct tb_job_array *array, void **ret,
			      size_t *ret_n) tb_must_check;

/* A text that goes into one: cut at a character to TB_JOB_TEXT_MAX_BYTES, bytes
 * that are no UTF-8 replaced. In the arena, or `s` itself. */
enum tb_err tb_job_text(struct tb_arena *arena, struct tb_str s,
			struct tb_str *ret) tb_must_check;
/* True if a text can be kept as it is: UTF-8, up to `max` bytes. */
bool tb_job_is_text(struct tb_str s, size_t max);

/* Object and arrays of them are this deep; what they hold as it was sent may
 * be deeper, and gets no nodes. */
extern const struct tb_json_limits tb_job_json_limits;
extern const struct tb_json_limits tb_job_json_flat_limits;

#endif
