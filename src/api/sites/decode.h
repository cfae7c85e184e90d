/*
 * What the decoders of bodies share.
 */
#ifndef TB_API_SITES_DECODE_H
#define TB_API_SITES_DECODE_H

#include "base/arena.h"
#include "codec/json.h"

/* A number of 64 bits, or a string of its digits. INVALID; NOMEM. */
enum tb_err tb_sites_decode_number(struct tb_arena *arena,
				   struct tb_json_value v,
				   uint64_t *ret) tb_must_check;
/* Notes why good JSON is refused, and for which value; returns `err`. */
enum tb_err tb_sites_decode_fail(enum tb_err err, struct tb_json_value at,
				 const char *what,
				 struct tb_json_error *ret) tb_must_check;

#endif
