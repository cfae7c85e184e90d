/*
 * One record as its caller sees it: found, named by an ETag, and written. For
 * the handlers that read or change one.
 */
#ifndef TB_API_RESOURCES_ONE_H
#define TB_API_RESOURCES_ONE_H

#include "api/resources/call.h"
#include "api/resources/etag.h"
#include "api/resources/peers.h"
#include "api/resources/render.h"

struct tb_resources_seen {
	struct tb_org org; /* of the same snapshot */
	struct tb_sight sight;
	struct tb_seen seen;
	struct tb_record *record; /* in the request's arena */
};

/* The record of this id, if it is there and the caller sees it. NOT_FOUND. */
enum tb_err tb_resources_find_seen(const struct tb_resources_call *call,
				   struct tb_tx *tx, struct tb_str id,
				   struct tb_resources_seen *ret) tb_must_check;
/* Its ETag, with which writers compare If-Match, in `buf`. */
struct tb_str tb_resources_etag_of(const struct tb_resources_call *call,
				   const struct tb_resources_seen *seen,
				   char buf[TB_RESOURCES_ETAG_BYTES]);

/* Appends a record, with its entries, as JSON. What it says of other records
 * is read in `tx`. */
enum tb_err tb_resources_render_one(const struct tb_resources_call *call,
				    struct tb_tx *tx,
				    const struct tb_record *record,
				    struct tb_buf *buf) tb_must_check;

#endif
