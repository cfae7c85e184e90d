/*
 * An ordered map from byte strings to values, whose copies are cheap and
 * independent: they share their nodes, and a change makes new ones along its
 * path only where a node is shared. A copy is therefore a snapshot. Inside it
 * is a treap whose priorities are hashes of the keys, so that its shape
 * depends on nothing but its keys.
 *
 * A tree is used by one thread at a time; different copies may be used by
 * different threads at once, because what they share is counted atomically
 * and never changed.
 */
#ifndef TB_STORE_MEMORY_TREE_H
#define TB_STORE_MEMORY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct tb_tree_node;

/* Zeroed, it is empty. */
struct tb_tree {
	struct tb_tree_node *root;
};

/* A key with its value; constant once it can be seen. */
struct tb_tree_item {
	uint64_t refs;
	uint64_t priority;
	struct tb_str key;
	size_t size;
	char value[] __attribute__((aligned(8)));
};

/* Makes `*ret` a copy of the tree as it is now, to be destroyed by `fini`. */
void tb_tree_copy(const struct tb_tree *tree, struct tb_tree *ret);
void tb_tree_fini(struct tb_tree *tree);

/* The item of this key, or NULL. Borrowed until the tree is changed. */
const struct tb_tree_item *tb_tree_get(const struct tb_tree *tree,
				       struct tb_str key);
/* The first item whose key is above this one, or NULL. */
const struct tb_tree_item *tb_tree_next(const struct tb_tree *tree,
					struct tb_str key);
/* The last item whose key is not above this one, or NULL. */
const struct tb_tree_item *tb_tree_floor(const struct tb_tree *tree,
					 struct tb_str key);

/* Puts a value of `size` bytes, not yet filled, under the key, in the place of
 * any other. The caller fills it before it does anything else with the tree.
 * NULL: no memory, and the tree is as before. */
void *tb_tree_put(struct tb_tree *tree, struct tb_str key, size_t size);
/* NOT_FOUND: no such key. NOMEM: the tree is as before. */
enum tb_err tb_tree_remove(struct tb_tree *tree,
			   struct tb_str key) tb_must_check;

#endif
