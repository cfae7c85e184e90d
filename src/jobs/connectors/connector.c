#include "jobs/connectors/connector.h"

#include "base/assert.h"

static const struct tb_connector *const connectors[] = {
#define TB_CONNECTOR(type) &tb_connector_##type,
#include "jobs/connectors/connectors.def"
#undef TB_CONNECTOR
};

const struct tb_connector *tb_connector_find(const char *type)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(connectors); i++)
		if (strcmp(connectors[i]->type, type) == 0)
			return connectors[i];
	return NULL;
}
