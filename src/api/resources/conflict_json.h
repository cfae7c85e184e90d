/*
 * A conflict of the ledger as GET sync/conflicts/ and the command line show
 * it. Pure.
 */
#ifndef TB_API_RESOURCES_CONFLICT_JSON_H
#define TB_API_RESOURCES_CONFLICT_JSON_H

#include "codec/json.h"
#include "kernel/ledger.h"

void tb_conflict_json_put(struct tb_json_writer *w,
			  const struct tb_ledger_entry *entry);

#endif
