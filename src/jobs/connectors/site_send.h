/*
 * Records as a site pushes them, and what the other server says of them
 * (docs/api/sites.md). Pure.
 */
#ifndef TB_JOBS_CONNECTORS_SITE_SEND_H
#define TB_JOBS_CONNECTORS_SITE_SEND_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"

/* The other server refused it; it is in the quarantine there. */
#define TB_SITE_REFUSED "target_refused"

struct tb_site_batch {
	struct tb_str body; /* in the arena; empty: nothing is to be pushed */
	size_t n;           /* of the records from the first on, it has these */
};

/* Makes a body of as many records as fit into `max_bytes`, but one at least.
 * Left out are those that are refused, and deletions that the entity ignores.
 */
enum tb_err tb_site_batch_make(struct tb_arena *arena,
			       const struct tb_source_entity *entity,
			       const struct tb_connector_record *records,
			       size_t n, size_t max_bytes,
			       struct tb_site_batch *ret) tb_must_check;
/* Marks those of the batch's records that the answer says were rejected. An
 * answer of another form says nothing. */
enum tb_err tb_site_batch_judge(struct tb_arena *arena, struct tb_str answer,
				struct tb_connector_record *records,
				size_t n) tb_must_check;

#endif
