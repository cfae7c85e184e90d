#include "kernel/rights.h"

bool tb_rights_may_write(struct tb_view *view, const struct tb_writer *writer,
			 uint64_t home)
{
	if (writer->site_id == TB_ORIGIN_CENTRE)
		return true;
	if (home == tb_scope_known(tb_view_org_id(view), TB_SCOPE_CENTRAL))
		return writer->may_edit_central;
	return tb_consumer_subscription(writer->consumer, home) != NULL;
}

enum tb_err tb_rights_site_holds(struct tb_view *view, uint32_t site_id,
				 uint64_t scope, bool *ret)
{
	struct tb_consumer consumer;
	enum tb_err err = tb_consumer_load(view, site_id, &consumer);

	if (err == TB_OK)
		*ret = tb_consumer_subscription(&consumer, scope) != NULL;
	return err;
}
