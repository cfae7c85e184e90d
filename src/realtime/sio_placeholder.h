/*
 * The places in a packet's data that stand for its attachments:
 * {"_placeholder":true,"num":0}. Pure.
 */
#ifndef TB_REALTIME_SIO_PLACEHOLDER_H
#define TB_REALTIME_SIO_PLACEHOLDER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

/* INVALID unless the `n` attachments have a placeholder each, and there is no
 * other. The tape must reach down to the last value. Scratch is taken from
 * the arena. */
enum tb_err tb_sio_check_placeholders(struct tb_arena *arena,
				      const struct tb_json *json,
				      size_t n) tb_must_check;

/* What stands for the attachment `num`, from 0, in an argument. Errors stay in
 * the buffer. */
void tb_sio_put_placeholder(struct tb_buf *buf, size_t num);

#endif
