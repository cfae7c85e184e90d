/*
 * From the body of an acknowledgement to what it names. Pure.
 */
#ifndef TB_API_SITES_DECODE_ACK_H
#define TB_API_SITES_DECODE_ACK_H

#include "base/arena.h"
#include "codec/json.h"
#include "kernel/delivery.h"

struct tb_ack_body {
	struct tb_ack_item *items;
	size_t n;
};

/* Reads an array of record ids, {"sequence"} and {"table","recordID"}, or
 * {"syncIDs":[...]}. An id in `syncIDs` that is a decimal number is a sequence,
 * as it was given out; any other is a record's id. INVALID, TOO_DEEP: nothing
 * of the kind; TOO_LARGE: more than `max` elements; NOMEM. `ret_error` says
 * where and why. What is read borrows the body. */
enum tb_err tb_sites_decode_ack(struct tb_arena *arena, struct tb_str body,
				size_t max, struct tb_ack_body *ret,
				struct tb_json_error *ret_error) tb_must_check;

#endif
