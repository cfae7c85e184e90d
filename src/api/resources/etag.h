/*
 * Entity tags: 64 bits of a hash over what an answer depends on, so that they
 * are known without reading records. Pure.
 */
#ifndef TB_API_RESOURCES_ETAG_H
#define TB_API_RESOURCES_ETAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* With its quotes. */
#define TB_RESOURCES_ETAG_BYTES 18

/* Of a list. */
struct tb_resources_list_state {
	uint64_t epoch;
	uint64_t layout; /* its hash */
	struct tb_str path;
	struct tb_str query;
	bool is_gzip;
	bool with_deleted;
	/* The scopes that the caller sees of it, with the last number of each.
	 */
	const uint64_t *scopes;
	const uint64_t *nums;
	size_t n;
};

struct tb_str tb_resources_list_etag(const struct tb_resources_list_state *list,
				     char buf[TB_RESOURCES_ETAG_BYTES]);

/* Of one record: `num` is that of its last entry among the scopes of who sees
 * it. Writers compare it, so it is the same whatever the answer's coding. */
struct tb_str tb_resources_record_etag(uint64_t epoch, uint64_t layout,
				       uint64_t rid, uint64_t num,
				       char buf[TB_RESOURCES_ETAG_BYTES]);

#endif
