/*
 * From the body of a push to its records. Only a body that is no list of
 * records is refused as a whole; an element that cannot be used is marked, so
 * that it goes to quarantine and holds up no other. Pure.
 */
#ifndef TB_API_SITES_DECODE_PUSH_H
#define TB_API_SITES_DECODE_PUSH_H

#include "api/sites/dialect.h"
#include "base/arena.h"
#include "codec/json.h"
#include "kernel/push.h"

/* Longer names make a record unusable. */
#define TB_SITES_TABLE_MAX_BYTES 128
#define TB_SITES_ID_MAX_BYTES 256

struct tb_push_body {
	struct tb_push_item *items;
	size_t n;
	uint64_t queue_length; /* versioned: what the site has left */
};

/* INVALID, TOO_DEEP: not JSON, or not what the dialect has as a list of
 * records; TOO_LARGE: more than `max` records, or too many values; NOMEM.
 * `ret_error` says where and why. What is read borrows the body. */
enum tb_err tb_sites_decode_push(struct tb_arena *arena, struct tb_str body,
				 enum tb_sites_dialect dialect, size_t max,
				 struct tb_push_body *ret,
				 struct tb_json_error *ret_error) tb_must_check;

/* One element as it was pushed and kept in quarantine, in either dialect.
 * INVALID: it is no JSON object. */
enum tb_err tb_sites_decode_record(struct tb_arena *arena, struct tb_str text,
				   struct tb_push_item *ret) tb_must_check;

#endif
