#include "kernel/declaration.h"

const struct tb_collection *
tb_declaration_find(const struct tb_declaration *declaration,
		    struct tb_str name)
{
	/* A declaration has some dozens of collections, and names differ in
	 * length or in their first bytes, so that a walk beats a table. */
	for (size_t i = 0; i < declaration->n_collections; i++)
		if (tb_str_eq(declaration->collections[i].name, name))
			return &declaration->collections[i];
	return NULL;
}
