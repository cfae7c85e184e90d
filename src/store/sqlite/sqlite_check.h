/* The check of the file and of the store's invariants (store/check.h). */
#ifndef TB_STORE_SQLITE_CHECK_H
#define TB_STORE_SQLITE_CHECK_H

#include "kernel/store.h"

enum tb_err tb_sqlite_check(struct tb_tx *tx, tb_check_fn *report,
			    void *ctx) tb_must_check;

#endif
