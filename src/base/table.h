/*
 * Arrays of structs in the order of an id, a uint32_t, which is the first
 * member of each. The owner holds the array, with its type, and its lock.
 */
#ifndef TB_BASE_TABLE_H
#define TB_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Where the row of this id is, or would stand: the first one that is not below
 * it. `rows` may be NULL, if there are none. */
size_t tb_table_position(const void *rows, size_t n, size_t row_bytes,
			 uint32_t id);

/* Makes room in front of row `at`, zeroed, for the owner to fill. The array,
 * which may have moved and is the owner's to free; with `rows` NULL and both
 * counts 0 a new one. NULL: no memory, and nothing has changed. */
void *tb_table_insert(void *rows, size_t *n, size_t *cap, size_t row_bytes,
		      size_t at);

#endif
