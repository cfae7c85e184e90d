#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "store/memory/tree.h"

#define KEYS 512

struct key {
	char p[8];
};

static struct tb_str key_of(unsigned i, struct key *key)
{
	return tb_str(key->p,
		      (size_t)snprintf(key->p, sizeof(key->p), "%04u", i));
}

static bool try_put(struct tb_tree *tree, unsigned i, unsigned value)
{
	struct key key;
	unsigned *p = tb_tree_put(tree, key_of(i, &key), sizeof(*p));

	if (p)
		*p = value;
	return p != NULL;
}

static void put(struct tb_tree *tree, unsigned i, unsigned value)
{
	assert_true(try_put(tree, i, value));
}

/* The value of a key, or -1. */
static int get(const struct tb_tree *tree, unsigned i)
{
	struct key key;
	const struct tb_tree_item *item = tb_tree_get(tree, key_of(i, &key));
	unsigned value;

	if (!item)
		return -1;
	assert_int_equal(item->size, sizeof(value));
	memcpy(&value, item->value, sizeof(value));
	return (int)value;
}

static enum tb_err take(struct tb_tree *tree, unsigned i)
{
	struct key key;

	return tb_tree_remove(tree, key_of(i, &key));
}

/* Walks the whole tree: its size, its keys rising. */
static size_t count(const struct tb_tree *tree)
{
	const struct tb_tree_item *item = tb_tree_next(tree, TB_STR_NONE);
	struct tb_str last = TB_STR_NONE;
	size_t n = 0;

	for (; item; item = tb_tree_next(tree, item->key)) {
		assert_true(tb_str_cmp(last, item->key) < 0);
		last = item->key;
		n++;
	}
	return n;
}

static void it_keeps_and_orders_what_is_put(void **state)
{
	struct tb_tree tree = { 0 };

	(void)state;
	assert_int_equal(count(&tree), 0);
	assert_int_equal(get(&tree, 0), -1);
	for (unsigned i = 0; i < KEYS; i++)
		put(&tree, i * 7 % KEYS, i);
	assert_int_equal(count(&tree), KEYS);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(get(&tree, i * 7 % KEYS), i);
	put(&tree, 3, 1000);
	assert_int_equal(get(&tree, 3), 1000);
	assert_int_equal(count(&tree), KEYS);
	tb_tree_fini(&tree);
}

static void next_is_the_first_above(void **state)
{
	struct tb_tree tree = { 0 };
	const struct tb_tree_item *item;

	(void)state;
	put(&tree, 10, 0);
	put(&tree, 20, 0);
	item = tb_tree_next(&tree, TB_STR("0010"));
	assert_true(tb_str_eq(item->key, TB_STR("0020")));
	item = tb_tree_next(&tree, TB_STR("001"));
	assert_true(tb_str_eq(item->key, TB_STR("0010")));
	assert_null(tb_tree_next(&tree, TB_STR("0020")));
	tb_tree_fini(&tree);
}

static void floor_is_the_last_not_above(void **state)
{
	struct tb_tree tree = { 0 };
	const struct tb_tree_item *item;

	(void)state;
	assert_null(tb_tree_floor(&tree, TB_STR("0010")));
	for (unsigned i = 10; i < KEYS; i += 10)
		put(&tree, i, 0);
	assert_null(tb_tree_floor(&tree, TB_STR("0009")));
	item = tb_tree_floor(&tree, TB_STR("0020"));
	assert_true(tb_str_eq(item->key, TB_STR("0020")));
	item = tb_tree_floor(&tree, TB_STR("0029"));
	assert_true(tb_str_eq(item->key, TB_STR("0020")));
	item = tb_tree_floor(&tree, TB_STR("9"));
	assert_true(tb_str_eq(item->key, TB_STR("0510")));
	tb_tree_fini(&tree);
}

static void removed_keys_are_gone_and_the_rest_stays(void **state)
{
	struct tb_tree tree = { 0 };

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		put(&tree, i, i);
	for (unsigned i = 0; i < KEYS; i += 2)
		assert_int_equal(take(&tree, i * 5 % KEYS), TB_OK);
	assert_int_equal(count(&tree), KEYS / 2);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(get(&tree, i), i % 2 ? (int)i : -1);
	assert_int_equal(take(&tree, 0), TB_ERR_NOT_FOUND);
	for (unsigned i = 1; i < KEYS; i += 2)
		assert_int_equal(take(&tree, i), TB_OK);
	assert_null(tree.root);
}

static void a_copy_does_not_see_later_changes(void **state)
{
	struct tb_tree tree = { 0 };
	struct tb_tree copies[8];

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		put(&tree, i, 0);
	for (unsigned c = 0; c < 8; c++) {
		tb_tree_copy(&tree, &copies[c]);
		for (unsigned i = c; i < KEYS; i += 8)
			put(&tree, i, c + 1);
		assert_int_equal(take(&tree, c), TB_OK);
	}
	for (unsigned c = 0; c < 8; c++) {
		assert_int_equal(count(&copies[c]), KEYS - c);
		for (unsigned i = 8; i < KEYS; i++)
			assert_int_equal(get(&copies[c], i),
					 i % 8 < c ? (int)(i % 8 + 1) : 0);
	}
	tb_tree_fini(&tree);
	for (unsigned c = 0; c < 8; c++)
		tb_tree_fini(&copies[c]);
}

/* Keys in a row, as numbers of a feed are: the tree must not become a list. */
static void keys_in_a_row_make_no_deep_tree(void **state)
{
	enum {
		MANY = 9000
	};
	struct tb_tree tree = { 0 };
	struct tb_tree copy;
	uint64_t calls;

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		put(&tree, i, i);
	tb_tree_copy(&tree, &copy);
	/* Each node on the path to the key is copied: its depth. */
	for (unsigned i = 0; i < MANY; i += 100) {
		tb_alloc_fail_at(0);
		put(&tree, i, 0);
		calls = tb_alloc_calls();
		assert_in_range(calls, 1, 60);
	}
	tb_tree_fini(&tree);
	tb_tree_fini(&copy);
}

static void a_change_that_gets_no_memory_changes_nothing(void **state)
{
	struct tb_tree tree = { 0 };
	struct tb_tree copy;
	bool done = false;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		put(&tree, i, i);
	for (uint64_t n = 1; !done; n++) {
		tb_tree_copy(&tree, &copy);
		tb_alloc_fail_at(n);
		done = try_put(&tree, 70, 1) && take(&tree, 31) == TB_OK;
		tb_alloc_fail_at(0);
		for (unsigned i = 0; i < 64; i++) {
			assert_int_equal(get(&copy, i), i);
			if (i != 31 || !done)
				assert_int_equal(get(&tree, i), i);
		}
		tb_tree_fini(&copy);
		if (!done && get(&tree, 70) == 1)
			assert_int_equal(take(&tree, 70), TB_OK);
	}
	assert_int_equal(count(&tree), 64);
	tb_tree_fini(&tree);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_keeps_and_orders_what_is_put),
		cmocka_unit_test(next_is_the_first_above),
		cmocka_unit_test(floor_is_the_last_not_above),
		cmocka_unit_test(removed_keys_are_gone_and_the_rest_stays),
		cmocka_unit_test(a_copy_does_not_see_later_changes),
		cmocka_unit_test(keys_in_a_row_make_no_deep_tree),
		cmocka_unit_test(a_change_that_gets_no_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
