/*
 * Cursors: how far a client has come in the changes of a collection. To a
 * client they are opaque. Pure.
 *
 *   <epoch>-<number>           its reader began at a time
 *   <epoch>-<number>-<began>   its reader began with nothing, when the org's
 *                              head was `began`
 *
 * Of what was gone already when a reader began with nothing, that reader need
 * not be told. The epoch is 16 digits of hex, the others decimal. A cursor has
 * one form only, so that equal texts and equal cursors are the same.
 */
#ifndef TB_API_RESOURCES_CURSOR_H
#define TB_API_RESOURCES_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct tb_resources_cursor {
	uint64_t epoch;
	uint64_t num;   /* in the org's order, of the last change read */
	uint64_t began; /* 0: at a time */
};

#define TB_RESOURCES_CURSOR_MAX_BYTES 64

/* INVALID: not what the next function writes. */
enum tb_err
tb_resources_cursor_parse(struct tb_str text,
			  struct tb_resources_cursor *ret) tb_must_check;
/* The text, in `buf`. */
struct tb_str tb_resources_cursor_text(const struct tb_resources_cursor *cursor,
				       char buf[TB_RESOURCES_CURSOR_MAX_BYTES]);

#endif
