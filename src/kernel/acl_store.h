/*
 * An org's access rules as they are kept: the list in force, and the lists
 * before it as long as somebody's cursor may have been given under them. A
 * change raises the org's generation, so that whoever decided by the old
 * list decides again, and is on the audit trail with both lists.
 */
#ifndef TB_KERNEL_ACL_STORE_H
#define TB_KERNEL_ACL_STORE_H

#include <stdint.h>

#include "base/arena.h"
#include "kernel/audit.h"
#include "kernel/core.h"

/* Lists that are kept, the one in force included. */
#define TB_ACL_KEPT 16

/* The list in force: its version (never 0), and its text as it was put, in the
 * arena. NOT_FOUND: none was ever put. `without_text`: its version alone. */
enum tb_err tb_acl_read(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			bool without_text, uint64_t *ret_version,
			struct tb_str *ret_text) tb_must_check;
/* The text of an earlier version. NOT_FOUND: it is not kept any more. */
enum tb_err tb_acl_read_version(struct tb_tx *tx, struct tb_arena *arena,
				uint32_t org, uint64_t version,
				struct tb_str *ret_text) tb_must_check;
/* Puts a list in force, one that tb_acl_parse takes; one commit. The same list
 * again, byte for byte, changes nothing. The note's detail is set here: the
 * lists "before" (null: none) and "after". */
enum tb_err tb_acl_put(struct tb_core *core, const struct tb_audit_note *note,
		       uint32_t org, struct tb_str text) tb_must_check;
/* The same for an administrator of the org, by uuid (empty: nobody is asked).
 * DENIED: `by` is none, or is none any more when the commit runs. */
enum tb_err tb_acl_put_as(struct tb_core *core,
			  const struct tb_audit_note *note, uint32_t org,
			  struct tb_str by, struct tb_str text) tb_must_check;

#endif
