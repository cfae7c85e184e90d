/* Writes within a transaction. */
#ifndef TB_STORE_SQLITE_WRITE_H
#define TB_STORE_SQLITE_WRITE_H

#include "kernel/store.h"

enum tb_err tb_sqlite_apply(struct tb_tx *tx, const struct tb_op *ops,
			    size_t n) tb_must_check;

#endif
