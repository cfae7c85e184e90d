/*
 * A page of a site's queue or of the central feed, as docs/api/sites.md has it:
 * its records, each of the entity whose `path` is its table, and the numbers of
 * all its entries. Pure.
 */
#ifndef TB_JOBS_CONNECTORS_SITE_PAGE_H
#define TB_JOBS_CONNECTORS_SITE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"
#include "jobs/connectors/records.h"

struct tb_site_page {
	struct tb_records records; /* each with its `entity` */
	uint64_t *sequences;       /* of all entries, in their order */
	size_t n;
};

/* Reads an answer, which is borrowed. Entries of other tables than those of the
 * entities are passed over, and so are holes. A record that cannot be used is
 * refused. INVALID: the answer is no page, and `*ret_problem` says why, in a
 * static text. NOMEM, TOO_LARGE. */
enum tb_err tb_site_page_read(struct tb_arena *arena, struct tb_str answer,
			      const struct tb_source_entity *entities,
			      size_t n_entities, struct tb_site_page *ret,
			      const char **ret_problem) tb_must_check;

#endif
