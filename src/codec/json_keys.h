/*
 * The keys of the objects that are open while a text is parsed, to find those
 * that come twice. Few keys are compared one by one; from some number on they
 * go into a hash set under a secret seed, so that no choice of keys makes it
 * slow. Private to the codec; the memory is the arena's.
 */
#ifndef TB_CODEC_JSON_KEYS_H
#define TB_CODEC_JSON_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct tb_json_key;
struct tb_json_key_slot;

/* A stack: the keys of an inner object lie above those of the outer one. */
struct tb_json_keys {
	struct tb_arena *arena;
	struct tb_json_key *keys;
	uint32_t n;
	uint32_t cap;
};

/* One open object's part of the stack. */
struct tb_json_key_scope {
	uint32_t first;
	uint32_t n_slots; /* of the hash set; 0: none yet */
	struct tb_json_key_slot *slots;
};

static inline struct tb_json_key_scope
tb_json_keys_open(const struct tb_json_keys *keys)
{
	return (struct tb_json_key_scope) { .first = keys->n };
}

/* Only the innermost scope may be closed. */
static inline void tb_json_keys_close(struct tb_json_keys *keys,
				      const struct tb_json_key_scope *scope)
{
	keys->n = scope->first;
}

/* Adds the inside of a key of the innermost scope as it is written; `escaped`
 * says that it has backslashes. EXISTS: the object has it already. Otherwise
 * what the arena met. */
enum tb_err tb_json_keys_add(struct tb_json_keys *keys,
			     struct tb_json_key_scope *scope,
			     struct tb_str inside, bool escaped) tb_must_check;

#endif
