/*
 * What POST ack says. Pure.
 */
#ifndef TB_API_DEVICES_DECODE_ACK_H
#define TB_API_DEVICES_DECODE_ACK_H

#include "codec/json.h"
#include "kernel/device_delivery.h"

/* Numbers in one acknowledgement. */
#define TB_DEVICES_ACK_MAX 10000

/* An integer of `event_ids`. */
struct tb_devices_ack_id {
	struct tb_str raw; /* as it was written */
	uint64_t id;
	bool is_odd; /* no event's: below zero, or beyond 64 bits */
};

struct tb_devices_ack {
	struct tb_device_ack what; /* but for devices_max */
	struct tb_devices_ack_id *given;
	size_t n_given;
};

/* Takes the body's object; borrowed from the text, or in the arena. INVALID,
 * TOO_LARGE: `*ret_flaw` says what is wrong. NOMEM. */
enum tb_err tb_devices_take_ack(struct tb_arena *arena,
				struct tb_json_value object,
				struct tb_devices_ack *ret,
				struct tb_str *ret_flaw) tb_must_check;

#endif
