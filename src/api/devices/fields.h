/*
 * The members of what devices send: texts that have to be there or may be
 * missing, and the words for those that are not as they should be. "`null` or
 * an empty text is as good as missing". Pure.
 */
#ifndef TB_API_DEVICES_FIELDS_H
#define TB_API_DEVICES_FIELDS_H

#include "base/buf.h"
#include "codec/json.h"

/* Parses a text. INVALID: it is no JSON, or nested too deeply, which
 * `*ret_flaw` says. */
enum tb_err tb_devices_parse(struct tb_arena *arena, struct tb_str text,
			     const struct tb_json_limits *limits,
			     struct tb_json *ret,
			     struct tb_str *ret_flaw) tb_must_check;
/* True if a member is missing, or as good as that. */
bool tb_devices_is_missing(struct tb_json_value value);
/* The text of a member of an object, decoded; empty: missing. INVALID:
 * `*ret_flaw` says that it is of another type ("x must be a string"), too long,
 * or holds NUL; in the arena. NOMEM. */
enum tb_err tb_devices_take_text(struct tb_arena *arena,
				 struct tb_json_value object, const char *name,
				 size_t max_bytes, struct tb_str *ret,
				 struct tb_str *ret_flaw) tb_must_check;
/* Whether an object has all members of these names (NULL-ended). INVALID: it
 * has not, and `*ret_flaw`, in the arena, names those that are missing, in the
 * order of the names: "Missing fields: a, b". `nullable` is the one that may be
 * null or empty; NULL: none may. NOMEM. */
enum tb_err tb_devices_check_missing(struct tb_arena *arena,
				     struct tb_json_value object,
				     const char *const *names,
				     const char *nullable,
				     struct tb_str *ret_flaw) tb_must_check;

#endif
