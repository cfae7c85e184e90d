#include "api/api.h"

#include "base/assert.h"

const struct tb_api_module *const tb_api_modules[] = {
#define TB_API(name) &tb_##name##_module,
#include "api/apis.def"
#undef TB_API
};
const size_t tb_api_modules_count = TB_ARRAY_LEN(tb_api_modules);

_Static_assert(TB_ARRAY_LEN(tb_api_modules) <= TB_API_MODULES_MAX,
	       "raise TB_API_MODULES_MAX");
