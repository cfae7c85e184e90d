/* Reads of single rows: orgs, records, children, the audit chain. */
#ifndef TB_STORE_SQLITE_READ_H
#define TB_STORE_SQLITE_READ_H

#include "kernel/store.h"

enum tb_err tb_sqlite_org_get(struct tb_tx *tx, uint32_t id,
			      struct tb_org *ret) tb_must_check;
enum tb_err tb_sqlite_org_next(struct tb_tx *tx, uint32_t after,
			       struct tb_org *ret) tb_must_check;
enum tb_err tb_sqlite_find(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_key *keys, size_t n,
			   struct tb_record **rets) tb_must_check;
enum tb_err tb_sqlite_children(struct tb_tx *tx, uint32_t org, uint64_t coll,
			       struct tb_str key, uint64_t after,
			       uint64_t *rets, size_t max,
			       size_t *ret_n) tb_must_check;
enum tb_err tb_sqlite_audit_next(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_audit_row *ret) tb_must_check;

#endif
