#include "store/stores.h"

#include "base/assert.h"

static const struct tb_store_ops *const engines[] = {
#define TB_STORE(name) &tb_store_##name,
#include "store/stores.def"
#undef TB_STORE
};

const struct tb_store_ops *tb_store_find(struct tb_str name)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++)
		if (tb_str_eq(tb_str_z(engines[i]->name), name))
			return engines[i];
	return NULL;
}
