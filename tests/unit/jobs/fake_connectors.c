/*
 * Connectors that can be asked what they can do, and nothing else.
 */
#include "base/assert.h"
#include "jobs/connector.h"

static const struct tb_connector connectors[] = {
	{ .type = "shopify", .has_handles = true },
	{ .type = "http", .can_send = true },
	{ .type = "file" },
	{ .type = "site", .can_send = true, .is_mixed = true },
	{ .type = "local" },
};

const struct tb_connector *tb_connector_find(const char *type)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(connectors); i++)
		if (strcmp(connectors[i].type, type) == 0)
			return &connectors[i];
	return NULL;
}
