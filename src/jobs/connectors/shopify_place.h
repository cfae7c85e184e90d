/*
 * Where the reading of a shop is: its collections, which of them is being read,
 * and where in it. Private to shopify.
 */
#ifndef TB_JOBS_CONNECTORS_SHOPIFY_PLACE_H
#define TB_JOBS_CONNECTORS_SHOPIFY_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"
#include "jobs/connectors/place.h"
#include "jobs/spec.h"

#define TB_SHOPIFY_ID_MAX_BYTES 20

struct tb_shopify_place {
	struct tb_place place; /* in the collection at `at`, or in all */
	/* Of the job's collections, in their order, as far as they are known.
	 */
	char ids[TB_SPEC_HANDLES_MAX][TB_SHOPIFY_ID_MAX_BYTES + 1];
	size_t n_ids;
	size_t at;
	uint64_t total; /* of what has been counted */
	bool is_counted;
};

/* Adds what a collection's handle stands for. INVALID: it is none. */
enum tb_err tb_shopify_place_add(struct tb_shopify_place *place,
				 struct tb_str id) tb_must_check;
/* As a cursor: "cursor_too_long". */
enum tb_err
tb_shopify_place_put(const struct tb_shopify_place *place,
		     struct tb_arena *arena, struct tb_str *ret,
		     struct tb_connector_failure *ret_failure) tb_must_check;
/* From a cursor, which may be empty. INVALID: it is none; NOMEM, .... */
enum tb_err tb_shopify_place_read(struct tb_arena *arena, struct tb_str cursor,
				  struct tb_shopify_place *ret) tb_must_check;

#endif
