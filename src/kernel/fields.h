/*
 * Declared fields: checking a record's members against their types, and
 * writing a body anew with some members replaced. Pure; bytes of members that
 * are not replaced stay as they were written.
 */
#ifndef TB_KERNEL_FIELDS_H
#define TB_KERNEL_FIELDS_H

#include "base/arena.h"
#include "base/str.h"
#include "codec/json.h"
#include "kernel/declaration.h"

/* INVALID: a member that is missing or of a wrong type; `*ret_message` says
 * which and what was expected (in the arena). */
enum tb_err tb_fields_check(struct tb_arena *arena,
			    const struct tb_collection *collection,
			    struct tb_str body,
			    struct tb_str *ret_message) tb_must_check;

/* The object `base` with the members of the object `changes` in place of its
 * own, those that it lacks behind them. INVALID: one is no object. */
enum tb_err tb_fields_patch(struct tb_arena *arena, struct tb_str base,
			    struct tb_str changes,
			    struct tb_str *ret) tb_must_check;

/* The object `body` with the values that `other` has for the collection's
 * fields that the centre wins. `*ret_same`: nothing had to be replaced. */
enum tb_err tb_fields_keep_centre(struct tb_arena *arena,
				  const struct tb_collection *collection,
				  struct tb_str body, struct tb_str other,
				  struct tb_str *ret,
				  bool *ret_same) tb_must_check;

#endif
