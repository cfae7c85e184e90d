/*
 * The names of the methods. Pure.
 */
#ifndef TB_HTTP_METHOD_H
#define TB_HTTP_METHOD_H

#include "http/request.h"

/* TB_METHOD_COUNT: one that no route takes. Methods are case-sensitive. */
enum tb_method tb_method_parse(struct tb_str text);
/* The bit of a method in a mask of methods. */
static inline unsigned tb_method_bit(enum tb_method method)
{
	return 1u << method;
}
/* The names of the methods in a mask, with commas between them. */
enum tb_err tb_method_list(struct tb_arena *arena, unsigned methods,
			   struct tb_str *ret) tb_must_check;

#endif
