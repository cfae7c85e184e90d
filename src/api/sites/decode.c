#include "api/sites/decode.h"

enum tb_err tb_sites_decode_number(struct tb_arena *arena,
				   struct tb_json_value v, uint64_t *ret)
{
	struct tb_str text;
	enum tb_err err;

	if (tb_json_is(v, TB_JSON_NUMBER))
		return tb_json_u64(v, ret);
	err = tb_json_string(arena, v, &text);
	return err ? err : tb_str_to_u64(text, ret);
}

enum tb_err tb_sites_decode_fail(enum tb_err err, struct tb_json_value at,
				 const char *what, struct tb_json_error *ret)
{
	ret->what = what;
	ret->offset = (size_t)(tb_json_raw(at).p - at.json->text);
	return err;
}
