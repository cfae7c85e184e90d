/*
 * A configuration that declares collections otherwise than the store was used
 * with. At the start of the server records are given their places anew, or,
 * where they contradict it, the collection stays as it was; what is in force
 * then is kept in the store, so that commands beside the server act by it, too.
 */
#ifndef TB_APP_REDECLARE_H
#define TB_APP_REDECLARE_H

#include <stdbool.h>

#include "app/config.h"
#include "kernel/core.h"

/* Told of what happens: one line without a line end. */
typedef void tb_redeclare_report_fn(void *ctx, bool is_mistake,
				    const char *text);

/* Puts the declaration in force, and changes the configuration to what is then.
 * Nothing else uses the core meanwhile. INVALID: what was declared before does
 * not fit to the rest; reported. */
enum tb_err tb_redeclare(struct tb_config *config, struct tb_core *core,
			 tb_redeclare_report_fn *report,
			 void *ctx) tb_must_check;

/* Changes the configuration to what is in force; collections that are new in it
 * are declared as it says. INVALID: they do not fit to the rest. */
enum tb_err tb_redeclare_take(struct tb_config *config,
			      struct tb_core *core) tb_must_check;

#endif
