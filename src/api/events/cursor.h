/*
 * Cursors: how far a client has read a history, and what it was allowed to see
 * on the way there. To a client they are opaque. Pure.
 *
 *   <epoch>-<number>                  its reader saw every event
 *   <epoch>-<number>-<version>-<tag>  its reader saw what the access rules of
 *                                     this version show to this reader
 *
 * Epoch and tag are 16 digits of hex, the others decimal. A cursor has one
 * form only, so that equal texts and equal cursors are the same.
 */
#ifndef TB_API_EVENTS_CURSOR_H
#define TB_API_EVENTS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct tb_events_cursor {
	uint64_t epoch;
	uint64_t num; /* of the last event that was looked at */
	bool is_restricted;
	uint64_t version; /* restricted: of the access rules */
	uint64_t reader;  /* restricted: tb_events_reader_tag */
};

#define TB_EVENTS_CURSOR_MAX_BYTES 80

/* What stands for a user in a cursor: the same on every server and after
 * every start, and it does not give the uuid away. */
uint64_t tb_events_reader_tag(struct tb_str user);

/* INVALID: not what the next function writes. */
enum tb_err tb_events_cursor_parse(struct tb_str text,
				   struct tb_events_cursor *ret) tb_must_check;
/* The text, in `buf`. */
struct tb_str tb_events_cursor_text(const struct tb_events_cursor *cursor,
				    char buf[TB_EVENTS_CURSOR_MAX_BYTES]);

#endif
