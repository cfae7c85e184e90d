/*
 * What a download is asked for: since when, how much at once, and which of the
 * records. Pure.
 */
#ifndef TB_API_RESOURCES_QUERY_H
#define TB_API_RESOURCES_QUERY_H

#include "api/resources/cursor.h"
#include "http/request.h"
#include "kernel/declaration.h"

struct tb_resources_query {
	bool has_since;
	int64_t since_us;
	bool has_after;
	struct tb_resources_cursor after;
	uint32_t limit;    /* records in the page; 0: all there are */
	bool with_deleted; /* with what is gone */
	/* Of each declared filter the value that bodies must have, as text;
	 * for a reference the id. p NULL: not asked. */
	struct tb_str filters[TB_FILTERS_MAX];
};

/* What may be asked. */
struct tb_resources_query_limits {
	const struct tb_collection *collection;
	const struct tb_declaration *declaration;
	uint32_t page_max; /* a greater `limit` counts as this */
	int64_t latest_us; /* a later timestamp is in the future */
};

/* What is wrong with a parameter; in the request's arena. */
struct tb_resources_flaw {
	struct tb_str name;
	struct tb_str message;
};

/* A time that a client sends, as `last_sync_timestamp` or as the base of an
 * edit. INVALID: no ISO 8601 time with a zone, or later than `latest_us`; then
 * `ret_message` says which. NOMEM. */
enum tb_err tb_resources_time_read(struct tb_arena *arena, struct tb_str text,
				   int64_t latest_us, int64_t *ret_us,
				   struct tb_str *ret_message) tb_must_check;
/* INVALID, with what is wrong. NOMEM, TOO_LARGE of the request's arena.
 * Parameters of other names may be there; empty ones count as absent. */
enum tb_err
tb_resources_query_read(const struct tb_request *req,
			const struct tb_resources_query_limits *limits,
			struct tb_resources_query *ret,
			struct tb_resources_flaw *ret_flaw) tb_must_check;

#endif
