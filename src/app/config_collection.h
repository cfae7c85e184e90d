/*
 * One collection, as the configuration declares it. What it says of others is
 * checked when all are read (config_resource.h).
 */
#ifndef TB_APP_CONFIG_COLLECTION_H
#define TB_APP_CONFIG_COLLECTION_H

#include "app/config_item.h"
#include "kernel/declaration.h"

/* Reads one item of `collections`. Mistakes are reported. */
void tb_config_read_collection(const struct tb_config_item *item,
			       struct tb_collection *ret);

#endif
