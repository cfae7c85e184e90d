/*
 * What a site may write: records whose home it holds, and central data when
 * its account says so.
 */
#ifndef TB_KERNEL_RIGHTS_H
#define TB_KERNEL_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/consumer.h"
#include "kernel/view.h"

/* The site that writes, or the centre (TB_ORIGIN_CENTRE), which may write
 * everything. */
struct tb_writer {
	uint32_t site_id;
	bool may_edit_central;
	uint64_t site_scope;          /* of what it keeps for itself */
	struct tb_consumer *consumer; /* its marks and subscriptions */
};

/* True if the writer may write records whose home is this scope. */
bool tb_rights_may_write(struct tb_view *view, const struct tb_writer *writer,
			 uint64_t home);
/* True if a site follows (so holds the store of) this scope. */
enum tb_err tb_rights_site_holds(struct tb_view *view, uint32_t site_id,
				 uint64_t scope, bool *ret) tb_must_check;

#endif
