/*
 * The kernel, whole, with nothing below it but codec and base: that this
 * program links is the proof that it needs no store, no HTTP and no clock.
 */
#include <stdio.h>

#include "kernel/declaration.h"

int main(void)
{
	struct tb_declaration none = { .n_collections = 0 };

	if (tb_declaration_find(&none, TB_STR("item")))
		return 1;
	puts("the kernel links alone");
	return 0;
}
