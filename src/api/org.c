#include "api/org.h"

#include "kernel/directory.h"

static enum tb_err find_only_org(struct tb_core *core, uint32_t *ret)
{
	struct tb_heads heads;
	uint32_t first;
	uint32_t second;

	if (!tb_core_next_org(core, TB_ORG_SYSTEM, &first, &heads) ||
	    tb_core_next_org(core, first, &second, &heads))
		return TB_ERR_NOT_FOUND;
	*ret = first;
	return TB_OK;
}

enum tb_err tb_api_find_org(struct tb_core *core, struct tb_str name,
			    uint32_t *ret)
{
	struct tb_org org;
	struct tb_tx *tx;
	enum tb_err err;

	if (name.n == 0)
		return find_only_org(core, ret);
	err = tb_core_read(core, &tx);
	if (err)
		return err;
	err = tb_directory_find_org(tx, name, &org);
	tb_core_read_end(tx);
	if (!err)
		*ret = org.id;
	return err;
}
