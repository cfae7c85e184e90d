#include "torture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/cache.h"

/* Values count themselves, so that a lost or doubled reference shows. */
struct value {
	atomic_int refs;
	int number;
};

static atomic_int alive;

static struct value *create_value(int number)
{
	struct value *value = tb_malloc(sizeof(*value));

	if (value == NULL)
		return NULL;
	atomic_init(&value->refs, 1);
	value->number = number;
	atomic_fetch_add(&alive, 1);
	return value;
}

static void ref(void *p)
{
	struct value *value = p;

	atomic_fetch_add(&value->refs, 1);
}

static void unref(void *p)
{
	struct value *value = p;

	if (value != NULL && atomic_fetch_sub(&value->refs, 1) == 1) {
		atomic_fetch_sub(&alive, 1);
		tb_free(value);
	}
}

static const struct tb_cache_value_ops ops = { ref, unref };

static enum tb_err put(struct tb_cache *cache, const char *key, int number,
		       size_t bytes)
{
	struct value *value = create_value(number);

	if (value == NULL)
		return TB_ERR_NOMEM;
	enum tb_err err = tb_cache_put(cache, tb_str_z(key), value, bytes);
	unref(value);
	return err;
}

/* The number under the key; -1: absent. */
static int get(struct tb_cache *cache, const char *key)
{
	struct value *value = tb_cache_get(cache, tb_str_z(key));
	int number = value != NULL ? value->number : -1;

	unref(value);
	return number;
}

static int all_dropped(void **state)
{
	(void)state;
	return atomic_load(&alive);
}

static void what_was_put_is_got(void **state)
{
	struct tb_cache *cache = tb_cache_create(10, 1000, &ops);

	(void)state;
	assert_int_equal(get(cache, "a"), -1);
	assert_int_equal(put(cache, "a", 1, 10), TB_OK);
	assert_int_equal(put(cache, "", 2, 10), TB_OK);
	assert_int_equal(get(cache, "a"), 1);
	assert_int_equal(get(cache, ""), 2);
	assert_int_equal(put(cache, "a", 3, 10), TB_OK);
	assert_int_equal(get(cache, "a"), 3);
	tb_cache_remove(cache, TB_STR("a"));
	tb_cache_remove(cache, TB_STR("never there"));
	assert_int_equal(get(cache, "a"), -1);
	assert_int_equal(get(cache, ""), 2);
	tb_cache_destroy(cache);
	tb_cache_destroy(NULL);
}

static void a_value_got_outlives_its_entry(void **state)
{
	struct tb_cache *cache = tb_cache_create(10, 1000, &ops);

	(void)state;
	assert_int_equal(put(cache, "a", 1, 10), TB_OK);
	struct value *value = tb_cache_get(cache, TB_STR("a"));
	tb_cache_clear(cache);
	assert_int_equal(get(cache, "a"), -1);
	tb_cache_destroy(cache);
	assert_int_equal(value->number, 1);
	assert_int_equal(value->refs, 1);
	unref(value);
}

static void least_recently_used_goes_first_by_count(void **state)
{
	struct tb_cache *cache = tb_cache_create(3, 1000, &ops);

	(void)state;
	assert_int_equal(put(cache, "a", 1, 0), TB_OK);
	assert_int_equal(put(cache, "b", 2, 0), TB_OK);
	assert_int_equal(put(cache, "c", 3, 0), TB_OK);
	assert_int_equal(get(cache, "a"), 1);
	assert_int_equal(put(cache, "d", 4, 0), TB_OK);
	assert_int_equal(get(cache, "b"), -1);
	assert_int_equal(put(cache, "c", 5, 0), TB_OK);
	assert_int_equal(put(cache, "e", 6, 0), TB_OK);
	assert_int_equal(get(cache, "a"), -1);
	assert_int_equal(get(cache, "c"), 5);
	assert_int_equal(get(cache, "d"), 4);
	assert_int_equal(get(cache, "e"), 6);
	tb_cache_destroy(cache);
}

static void least_recently_used_goes_first_by_bytes(void **state)
{
	struct tb_cache *cache = tb_cache_create(100, 100, &ops);

	(void)state;
	assert_int_equal(put(cache, "a", 1, 40), TB_OK);
	assert_int_equal(put(cache, "b", 2, 60), TB_OK);
	assert_int_equal(get(cache, "a"), 1);
	assert_int_equal(put(cache, "c", 3, 1), TB_OK);
	assert_int_equal(get(cache, "b"), -1);
	assert_int_equal(get(cache, "a"), 1);
	assert_int_equal(put(cache, "d", 4, 100), TB_OK);
	assert_int_equal(get(cache, "a"), -1);
	assert_int_equal(get(cache, "c"), -1);
	assert_int_equal(get(cache, "d"), 4);
	tb_cache_destroy(cache);
}

static void value_over_the_ceiling_drops_the_stale_one(void **state)
{
	struct tb_cache *cache = tb_cache_create(10, 100, &ops);
	struct tb_cache *none = tb_cache_create(0, 100, &ops);

	(void)state;
	assert_int_equal(put(cache, "a", 1, 10), TB_OK);
	assert_int_equal(put(cache, "b", 2, 10), TB_OK);
	assert_int_equal(put(cache, "a", 3, 101), TB_OK);
	assert_int_equal(get(cache, "a"), -1);
	assert_int_equal(get(cache, "b"), 2);
	assert_int_equal(put(none, "a", 1, 1), TB_OK);
	assert_int_equal(get(none, "a"), -1);
	tb_cache_destroy(cache);
	tb_cache_destroy(none);
}

static bool keep_even(void *ctx, struct tb_str key, void *value)
{
	int *calls = ctx;

	(void)key;
	++*calls;
	return ((struct value *)value)->number % 2 == 0;
}

static void sweep_drops_what_is_not_kept(void **state)
{
	struct tb_cache *cache = tb_cache_create(100, 100, &ops);
	char key[16];
	int calls = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(put(cache, key, i, 1), TB_OK);
	}
	tb_cache_sweep(cache, keep_even, &calls);
	assert_int_equal(calls, 50);
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(get(cache, key), i % 2 == 0 ? i : -1);
	}
	tb_cache_destroy(cache);
}

static enum tb_err use_cache(void)
{
	struct tb_cache *cache = tb_cache_create(2, 100, &ops);

	if (cache == NULL)
		return TB_ERR_NOMEM;
	enum tb_err err = put(cache, "a", 1, 1);
	enum tb_err again = put(cache, "a", 2, 1);
	/* A put that succeeded has replaced, one that failed has not put. */
	assert_int_not_equal(get(cache, "a"), again == TB_OK ? 1 : 2);
	tb_cache_destroy(cache);
	return err != TB_OK ? err : again;
}

static void every_failing_allocation_is_nomem(void **state)
{
	(void)state;
	assert_int_equal(torture(use_cache), 5);
}

static bool keep_one_in_three(void *ctx, struct tb_str key, void *value)
{
	(void)ctx;
	(void)key;
	return ((struct value *)value)->number % 3 == 0;
}

struct worker {
	struct tb_cache *cache;
	uint32_t random;
	int wrong;
};

static uint32_t next_random(struct worker *w)
{
	w->random = w->random * 1664525 + 1013904223;
	return w->random >> 16;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;

	for (int i = 0; i < 20000; i++) {
		int number = (int)(next_random(w) % 64);
		uint32_t what = next_random(w) % 100;
		char key[16];
		snprintf(key, sizeof(key), "key %d", number);
		if (what < 40) {
			int got = get(w->cache, key);
			w->wrong += got != -1 && got != number;
		} else if (what < 90) {
			w->wrong += put(w->cache, key, number, 5) != TB_OK;
		} else if (what < 99) {
			tb_cache_remove(w->cache, tb_str_z(key));
		} else {
			tb_cache_sweep(w->cache, keep_one_in_three, NULL);
		}
	}
	return NULL;
}

static void threads_see_whole_values_and_lose_none(void **state)
{
	enum {
		THREADS = 4
	};
	struct tb_cache *cache = tb_cache_create(32, 100, &ops);
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker) { cache, i, 0 };
		assert_int_equal(
			pthread_create(&threads[i], NULL, work, &workers[i]),
			0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	tb_cache_destroy(cache);
}

#define cache_test(f) cmocka_unit_test_teardown(f, all_dropped)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cache_test(what_was_put_is_got),
		cache_test(a_value_got_outlives_its_entry),
		cache_test(least_recently_used_goes_first_by_count),
		cache_test(least_recently_used_goes_first_by_bytes),
		cache_test(value_over_the_ceiling_drops_the_stale_one),
		cache_test(sweep_drops_what_is_not_kept),
		cache_test(every_failing_allocation_is_nomem),
		cache_test(threads_see_whole_values_and_lose_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
