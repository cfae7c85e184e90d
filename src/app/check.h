/*
 * What the text of a setting may be. Pure.
 */
#ifndef TB_APP_CHECK_H
#define TB_APP_CHECK_H

#include <stdbool.h>

#include "base/str.h"

bool tb_check_not_empty(struct tb_str text);
/* "127.0.0.1:8000", "[::1]:0"; an address, not a name. */
bool tb_check_listen(struct tb_str text);
/* "10.0.0.0/8", "::1/128"; an address alone is itself. */
bool tb_check_cidr(struct tb_str text);
/* "https://example.org", "http://localhost:3000": scheme, host and port,
 * without a path, never "*". */
bool tb_check_origin(struct tb_str text);
/* "pharmacy-inventory": where a collection of the resources API may be. */
bool tb_check_resource_path(struct tb_str text);
/* A name in stores.def. */
bool tb_check_store_engine(struct tb_str text);

#endif
