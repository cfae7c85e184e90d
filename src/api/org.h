/*
 * The org that is meant where a request names none.
 */
#ifndef TB_API_ORG_H
#define TB_API_ORG_H

#include "kernel/core.h"

/* The org of this name; of an empty one the only org there is. NOT_FOUND: there
 * is none, or there are several. May block. */
enum tb_err tb_api_find_org(struct tb_core *core, struct tb_str name,
			    uint32_t *ret) tb_must_check;

#endif
