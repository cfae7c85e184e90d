/*
 * Names and their numbers in memory: collections and scopes, whose pairs
 * never change once they are made. Thread-safe. Bounded: past the ceiling new
 * pairs are not kept, and are read from the store each time.
 */
#ifndef TB_KERNEL_NAMES_H
#define TB_KERNEL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct tb_names;

#define TB_NAMES_MAX 200000

struct tb_names *tb_names_create(void);        /* NULL: no memory */
void tb_names_destroy(struct tb_names *names); /* takes NULL */

bool tb_names_find(struct tb_names *names, uint32_t org, uint64_t coll,
		   struct tb_str name, uint64_t *ret_rid);
/* The name lives as long as `names`. */
bool tb_names_find_rid(struct tb_names *names, uint64_t rid,
		       struct tb_str *ret);
/* Copies the name. Without memory, or past the ceiling, it is not kept. */
void tb_names_add(struct tb_names *names, uint32_t org, uint64_t coll,
		  struct tb_str name, uint64_t rid);

#endif
