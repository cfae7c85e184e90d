/*
 * A row of the audit trail as JSON, the same for APIs and commands.
 */
#ifndef TB_API_AUDIT_JSON_H
#define TB_API_AUDIT_JSON_H

#include "codec/json.h"
#include "kernel/audit.h"

/* Its members, within an object that the caller begins and ends. */
void tb_audit_json_put(struct tb_json_writer *w,
		       const struct tb_audit_entry *entry);

#endif
