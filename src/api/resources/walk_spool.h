/*
 * A spool as what a walk's items go to, in the order of the answer's form.
 * Private to the reader (reader.h).
 */
#ifndef TB_API_RESOURCES_WALK_SPOOL_H
#define TB_API_RESOURCES_WALK_SPOOL_H

#include "api/resources/walk.h"
#include "http/spool.h"

struct tb_walk_spool {
	struct tb_walk_sink sink; /* first */
	struct tb_spool *spool;
	enum tb_spool_form form;
};

/* Borrows the spool, which is of this form. */
void tb_walk_spool_init(struct tb_walk_spool *to, struct tb_spool *spool,
			enum tb_spool_form form);

#endif
