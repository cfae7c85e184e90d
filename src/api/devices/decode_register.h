/*
 * What a device says of itself when it registers, by HTTP or in real time.
 * Pure.
 */
#ifndef TB_API_DEVICES_DECODE_REGISTER_H
#define TB_API_DEVICES_DECODE_REGISTER_H

#include "codec/json.h"
#include "kernel/registration.h"

/* Takes an object; borrowed from the text, or in the arena. INVALID:
 * `*ret_flaw` says what is wrong. NOMEM. */
enum tb_err tb_devices_take_register(struct tb_arena *arena,
				     struct tb_json_value object,
				     struct tb_register *ret,
				     struct tb_str *ret_flaw) tb_must_check;

#endif
