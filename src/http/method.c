#include "http/method.h"

static const struct tb_str names[TB_METHOD_COUNT] = {
	[TB_GET] = { "GET", 3 },         [TB_HEAD] = { "HEAD", 4 },
	[TB_POST] = { "POST", 4 },       [TB_PUT] = { "PUT", 3 },
	[TB_PATCH] = { "PATCH", 5 },     [TB_DELETE] = { "DELETE", 6 },
	[TB_OPTIONS] = { "OPTIONS", 7 },
};

enum tb_method tb_method_parse(struct tb_str text)
{
	enum tb_method m;

	for (m = TB_GET; m < TB_METHOD_COUNT; m++)
		if (tb_str_eq(text, names[m]))
			break;
	return m;
}

enum tb_err tb_method_list(struct tb_arena *arena, unsigned methods,
			   struct tb_str *ret)
{
	struct tb_str list = TB_STR("");
	enum tb_method m;

	for (m = TB_GET; m < TB_METHOD_COUNT; m++) {
		enum tb_err err;

		if (!(methods & tb_method_bit(m)))
			continue;
		err = tb_arena_printf(arena, &list, "%.*s%s%.*s",
				      TB_STR_ARG(list), list.n ? ", " : "",
				      TB_STR_ARG(names[m]));
		if (err)
			return err;
	}
	*ret = list;
	return TB_OK;
}
