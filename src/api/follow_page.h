/*
 * A page of a feed while it is filled, the same for every API that lets its
 * changes be followed.
 */
#ifndef TB_API_FOLLOW_PAGE_H
#define TB_API_FOLLOW_PAGE_H

#include "api/follow.h"

/* Embedded by its owner, zeroed but for the query. */
struct tb_follow_filling {
	const struct tb_follow_query *query;
	struct tb_follow_page page;
	size_t cap; /* of its lists */
	size_t bytes;
};

/* A change in two pieces, and the cursor behind it. Copied. */
struct tb_follow_change {
	struct tb_str lead;
	struct tb_str text;
	struct tb_str cursor;
};

/* `*ret_fits` false: the page is full, and the change was not added. NOMEM,
 * TOO_LARGE of the arena. */
enum tb_err tb_follow_add(struct tb_follow_filling *filling,
			  const struct tb_follow_change *change,
			  bool *ret_fits) tb_must_check;
/* The end: the cursor behind all, copied. */
enum tb_err tb_follow_finish(struct tb_follow_filling *filling,
			     struct tb_str cursor, bool has_more,
			     struct tb_follow_page *ret) tb_must_check;
/* A page that only says where the feed stands. */
enum tb_err tb_follow_stand(const struct tb_follow_query *query,
			    struct tb_str cursor,
			    struct tb_follow_page *ret) tb_must_check;

#endif
