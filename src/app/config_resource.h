/*
 * Whether what collections say of fields and of each other as resources is
 * true. Called when all of them are read, without mistakes in any alone.
 */
#ifndef TB_APP_CONFIG_RESOURCE_H
#define TB_APP_CONFIG_RESOURCE_H

#include "app/config_item.h"
#include "kernel/declaration.h"

/* Checks the collection that the item describes. Mistakes are reported. */
void tb_config_check_resource(const struct tb_config_item *item,
			      const struct tb_declaration *declaration,
			      const struct tb_collection *collection);

#endif
