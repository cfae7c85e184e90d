/*
 * The history as a body that is made while it is sent: what everybody sees
 * from the parts that all answers share, what is filtered by reading it for
 * this answer.
 */
#ifndef TB_API_EVENTS_STREAM_H
#define TB_API_EVENTS_STREAM_H

#include "api/events/reader.h"
#include "api/events/segments.h"
#include "base/arena.h"

struct tb_events_stream_options {
	struct tb_core *core;
	struct tb_segments *segments;
	struct tb_history_id history;
	uint64_t at;   /* the event behind which it begins */
	uint64_t head; /* the last one; above `at` */
	struct tb_events_filter filter;
	struct tb_str before; /* goes in front of the array, and behind it; */
	struct tb_str behind; /* copied */
};

/* A source for tb_response_source, in the arena. `ret_length`: of its body. */
enum tb_err tb_events_stream_create(
	struct tb_arena *arena, const struct tb_events_stream_options *options,
	struct tb_source **ret, uint64_t *ret_length) tb_must_check;

#endif
