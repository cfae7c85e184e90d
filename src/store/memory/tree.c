#include "store/memory/tree.h"

#include "base/alloc.h"
#include "base/assert.h"

struct tb_tree_node {
	uint64_t refs; /* trees and nodes that point to it */
	struct tb_tree_item *item;
	struct tb_tree_node *left;
	struct tb_tree_node *right;
};

static void ref(uint64_t *refs)
{
	__atomic_add_fetch(refs, 1, __ATOMIC_RELAXED);
}

/* True for who held the last reference. */
static bool unref(uint64_t *refs)
{
	return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
}

static void item_unref(struct tb_tree_item *item)
{
	if (unref(&item->refs))
		tb_free(item);
}

static void node_unref(struct tb_tree_node *node)
{
	if (!node || !unref(&node->refs))
		return;
	node_unref(node->left);
	node_unref(node->right);
	item_unref(node->item);
	tb_free(node);
}

void tb_tree_copy(const struct tb_tree *tree, struct tb_tree *ret)
{
	if (tree->root)
		ref(&tree->root->refs);
	ret->root = tree->root;
}

void tb_tree_fini(struct tb_tree *tree)
{
	node_unref(tree->root);
	tree->root = NULL;
}

const struct tb_tree_item *tb_tree_get(const struct tb_tree *tree,
				       struct tb_str key)
{
	const struct tb_tree_node *node = tree->root;

	while (node) {
		int order = tb_str_cmp(key, node->item->key);

		if (order == 0)
			return node->item;
		node = order < 0 ? node->left : node->right;
	}
	return NULL;
}

const struct tb_tree_item *tb_tree_next(const struct tb_tree *tree,
					struct tb_str key)
{
	const struct tb_tree_node *node = tree->root;
	const struct tb_tree_item *best = NULL;

	while (node) {
		if (tb_str_cmp(key, node->item->key) < 0) {
			best = node->item;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

const struct tb_tree_item *tb_tree_floor(const struct tb_tree *tree,
					 struct tb_str key)
{
	const struct tb_tree_node *node = tree->root;
	const struct tb_tree_item *best = NULL;

	while (node) {
		if (tb_str_cmp(key, node->item->key) >= 0) {
			best = node->item;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return best;
}

/* Makes the node at `*slot` one that nobody else can see, provided that those
 * above it are: then its only reference is the one from there. */
static bool own(struct tb_tree_node **slot)
{
	struct tb_tree_node *shared = *slot;
	struct tb_tree_node *copy;

	TB_ASSERT(shared);
	if (__atomic_load_n(&shared->refs, __ATOMIC_ACQUIRE) == 1)
		return true;
	copy = tb_malloc(sizeof(*copy));
	if (!copy)
		return false;
	*copy = (struct tb_tree_node) { 1, shared->item, shared->left,
					shared->right };
	ref(&copy->item->refs);
	if (copy->left)
		ref(&copy->left->refs);
	if (copy->right)
		ref(&copy->right->refs);
	*slot = copy;
	node_unref(shared);
	return true;
}

static void rotate_right(struct tb_tree_node **slot)
{
	struct tb_tree_node *node = *slot;

	*slot = node->left;
	node->left = (*slot)->right;
	(*slot)->right = node;
}

static void rotate_left(struct tb_tree_node **slot)
{
	struct tb_tree_node *node = *slot;

	*slot = node->right;
	node->right = (*slot)->left;
	(*slot)->left = node;
}

static bool put_leaf(struct tb_tree_node **slot, struct tb_tree_item *item)
{
	struct tb_tree_node *node = tb_malloc(sizeof(*node));

	if (!node)
		return false;
	*node = (struct tb_tree_node) { 1, item, NULL, NULL };
	*slot = node;
	return true;
}

/* Takes over the item's reference when it succeeds. */
static bool put(struct tb_tree_node **slot, struct tb_tree_item *item)
{
	struct tb_tree_node *node;
	int order;

	if (!*slot)
		return put_leaf(slot, item);
	if (!own(slot))
		return false;
	node = *slot;
	order = tb_str_cmp(item->key, node->item->key);
	if (order == 0) {
		item_unref(node->item);
		node->item = item;
		return true;
	}
	if (!put(order < 0 ? &node->left : &node->right, item))
		return false;
	/* The child on that side is owned now, as a rotation needs it. */
	if (order < 0 && node->left->item->priority > node->item->priority)
		rotate_right(slot);
	if (order > 0 && node->right->item->priority > node->item->priority)
		rotate_left(slot);
	return true;
}

/* Spreads a hash over all bits: keys in a row differ in their last byte, of
 * which the hash alone shows little in its high bits. (The finaliser of
 * MurmurHash3.) */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

static struct tb_tree_item *item_create(struct tb_str key, size_t size)
{
	struct tb_tree_item *item = tb_malloc(sizeof(*item) + size + key.n);
	char *copy;

	if (!item)
		return NULL;
	copy = item->value + size;
	memcpy(copy, key.p, key.n);
	item->refs = 1;
	item->priority = mix(tb_str_hash(key));
	item->key = tb_str(copy, key.n);
	item->size = size;
	return item;
}

void *tb_tree_put(struct tb_tree *tree, struct tb_str key, size_t size)
{
	struct tb_tree_item *item = item_create(key, size);

	if (item && !put(&tree->root, item)) {
		item_unref(item);
		return NULL;
	}
	return item ? item->value : NULL;
}

/* Puts into `*slot` what is in two owned subtrees, all keys of the left below
 * those of the right: the node at `*slot` sinks until it is a leaf's parent
 * no more, and is dropped. */
static bool sink(struct tb_tree_node **slot)
{
	struct tb_tree_node *node = *slot;
	bool left_up;

	if (!node->left || !node->right) {
		*slot = node->left ? node->left : node->right;
		node->left = NULL;
		node->right = NULL;
		node_unref(node);
		return true;
	}
	left_up = node->left->item->priority > node->right->item->priority;
	if (!own(left_up ? &node->left : &node->right))
		return false;
	if (left_up) {
		rotate_right(slot);
		return sink(&(*slot)->right);
	}
	rotate_left(slot);
	return sink(&(*slot)->left);
}

enum tb_err tb_tree_remove(struct tb_tree *tree, struct tb_str key)
{
	struct tb_tree_node **slot = &tree->root;
	int order = 1;

	if (!tb_tree_get(tree, key))
		return TB_ERR_NOT_FOUND;
	while (order != 0) {
		if (!own(slot))
			return TB_ERR_NOMEM;
		order = tb_str_cmp(key, (*slot)->item->key);
		if (order < 0)
			slot = &(*slot)->left;
		else if (order > 0)
			slot = &(*slot)->right;
	}
	return sink(slot) ? TB_OK : TB_ERR_NOMEM;
}
