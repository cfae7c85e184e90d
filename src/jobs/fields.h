/*
 * The members of what is sent to queue a job: read by their types, with the
 * words for those that are not as they should be, which begin with the member's
 * name ("data.source is required"). "`null` is as good as missing". Pure.
 */
#ifndef TB_JOBS_FIELDS_H
#define TB_JOBS_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/json.h"

/* An object whose members are read. All functions below: INVALID: `*problem`
 * says why, in the arena; NOMEM, TOO_LARGE. */
struct tb_fields {
	struct tb_arena *arena;
	struct tb_json_value object; /* absent: it has no members */
	const char *path;            /* "data.", or "" */
	struct tb_str *problem;
};

/* INVALID, with "PATHname what". */
enum tb_err tb_fields_fail(const struct tb_fields *fields, const char *name,
			   const char *what) tb_must_check;
/* A member; absent: it is missing. */
struct tb_json_value tb_fields_get(const struct tb_fields *fields,
				   const char *name);
/* INVALID where it is missing. */
enum tb_err tb_fields_need(const struct tb_fields *fields,
			   const char *name) tb_must_check;

/* Where the member is missing, each gives what its first line says. */

/* p NULL. Decoded. */
enum tb_err tb_fields_text(const struct tb_fields *fields, const char *name,
			   struct tb_str *ret) tb_must_check;
/* `absent`. An integer as it is written, from 0 on. */
enum tb_err tb_fields_whole(const struct tb_fields *fields, const char *name,
			    uint32_t min, uint32_t max, uint32_t absent,
			    uint32_t *ret) tb_must_check;
/* `absent`. */
enum tb_err tb_fields_bool(const struct tb_fields *fields, const char *name,
			   bool absent, bool *ret) tb_must_check;
/* `absent`. The index of a text in a table that ends with NULL. */
enum tb_err tb_fields_choice(const struct tb_fields *fields, const char *name,
			     const char *const *choices, unsigned absent,
			     unsigned *ret) tb_must_check;
/* An object without members. `path` is that of its members. */
enum tb_err tb_fields_object(const struct tb_fields *fields, const char *name,
			     const char *path,
			     struct tb_fields *ret) tb_must_check;

#endif
