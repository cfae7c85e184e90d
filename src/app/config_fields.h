/*
 * The fields of a collection, as the configuration declares them. What they
 * say of other collections is checked when all are read (config_resource.h).
 */
#ifndef TB_APP_CONFIG_FIELDS_H
#define TB_APP_CONFIG_FIELDS_H

#include "app/config_item.h"
#include "kernel/declaration.h"

/* By enum tb_field_type, NULL-ended. */
extern const char *const tb_config_field_types[];

/* Reads the list `fields` of a collection. Mistakes are reported. */
void tb_config_read_fields(const struct tb_config_item *parent,
			   const yaml_node_t *list,
			   struct tb_collection *collection);

#endif
