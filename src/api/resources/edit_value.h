/*
 * One value of an edit against its field's declared type, in the words that
 * clients of such APIs know (those of Django REST framework). Pure.
 */
#ifndef TB_API_RESOURCES_EDIT_VALUE_H
#define TB_API_RESOURCES_EDIT_VALUE_H

#include "base/arena.h"
#include "codec/json.h"
#include "kernel/declaration.h"

/* Characters of a string field. */
#define TB_EDIT_STRING_MAX 255

/* INVALID: the value is not of the field's type; `ret_message` says what is
 * wrong, static or in the arena. null is not looked at here. NOMEM. */
enum tb_err tb_edit_value_check(struct tb_arena *arena,
				const struct tb_field *field,
				struct tb_json_value value,
				struct tb_str *ret_message) tb_must_check;

/* The same of the id by which a field refers to a record of `target`: as text,
 * by which it is looked for. */
enum tb_err tb_edit_value_id(struct tb_arena *arena,
			     const struct tb_collection *target,
			     struct tb_json_value value, struct tb_str *ret,
			     struct tb_str *ret_message) tb_must_check;

/* The beginning of a text that comes from a client, to be repeated to it: whole
 * characters of UTF-8, not too many. */
struct tb_str tb_edit_value_excerpt(struct tb_str text);

#endif
