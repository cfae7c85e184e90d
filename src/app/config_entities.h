/*
 * Reading the entities of one source: what it can be asked for, and which
 * collections that is.
 */
#ifndef TB_APP_CONFIG_ENTITIES_H
#define TB_APP_CONFIG_ENTITIES_H

#include "app/config_item.h"
#include "jobs/source.h"
#include "kernel/declaration.h"

/* Reads a source's list `entities` into it; its other members are read. NULL
 * for the declaration: collections are not looked for. */
void tb_config_read_entities(const struct tb_config_item *item,
			     const yaml_node_t *list,
			     const struct tb_declaration *declaration,
			     struct tb_source *source);

#endif
