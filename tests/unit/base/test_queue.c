#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
	PRODUCERS = 3,
	CONSUMERS = 3,
	ITEMS_EACH = 5000
};

static void items_come_out_in_order(void **state)
{
	struct tb_queue *queue = tb_queue_create(3);
	int items[5];
	void *item;

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++)
			assert_int_equal(tb_queue_push(queue, &items[i]),
					 TB_OK);
		assert_int_equal(tb_queue_push(queue, &items[3]), TB_ERR_BUSY);
		assert_int_equal(tb_queue_len(queue), 3);
		assert_int_equal(tb_queue_pop(queue, 0, &item), TB_OK);
		assert_ptr_equal(item, &items[0]);
		assert_int_equal(tb_queue_push(queue, &items[4]), TB_OK);
		for (int i = 1; i < 3; i++) {
			assert_int_equal(tb_queue_pop(queue, -1, &item), TB_OK);
			assert_ptr_equal(item, &items[i]);
		}
		assert_int_equal(tb_queue_pop(queue, 1000, &item), TB_OK);
		assert_ptr_equal(item, &items[4]);
	}
	tb_queue_destroy(queue);
}

static void pop_of_an_empty_queue_times_out(void **state)
{
	struct tb_queue *queue = tb_queue_create(1);
	void *item = &queue;

	(void)state;
	assert_int_equal(tb_queue_pop(queue, 0, &item), TB_ERR_TIMEOUT);
	assert_int_equal(tb_queue_pop(queue, 1, &item), TB_ERR_TIMEOUT);
	assert_int_equal(tb_queue_pop(queue, 999, &item), TB_ERR_TIMEOUT);
	assert_ptr_equal(item, &queue);
	tb_queue_destroy(queue);
}

static void pop_many_takes_what_is_there(void **state)
{
	struct tb_queue *queue = tb_queue_create(8);
	int a;
	int b;
	int c;
	void *items[2];
	size_t n = 99;

	(void)state;
	assert_int_equal(tb_queue_pop_many(queue, 0, items, 2, &n),
			 TB_ERR_TIMEOUT);
	assert_int_equal(n, 99);
	assert_int_equal(tb_queue_push(queue, &a), TB_OK);
	assert_int_equal(tb_queue_push(queue, &b), TB_OK);
	assert_int_equal(tb_queue_push(queue, &c), TB_OK);
	assert_int_equal(tb_queue_pop_many(queue, 0, items, 2, &n), TB_OK);
	assert_int_equal(n, 2);
	assert_ptr_equal(items[0], &a);
	assert_ptr_equal(items[1], &b);
	assert_int_equal(tb_queue_pop_many(queue, -1, items, 2, &n), TB_OK);
	assert_int_equal(n, 1);
	assert_ptr_equal(items[0], &c);
	tb_queue_destroy(queue);
}

static void closed_queue_gives_the_rest_and_takes_nothing(void **state)
{
	struct tb_queue *queue = tb_queue_create(2);
	void *item;
	int a;

	(void)state;
	assert_int_equal(tb_queue_push(queue, &a), TB_OK);
	tb_queue_close(queue);
	assert_int_equal(tb_queue_push(queue, &a), TB_ERR_CLOSED);
	assert_int_equal(tb_queue_pop(queue, -1, &item), TB_OK);
	assert_ptr_equal(item, &a);
	assert_int_equal(tb_queue_pop(queue, -1, &item), TB_ERR_CLOSED);
	assert_int_equal(tb_queue_pop(queue, 0, &item), TB_ERR_CLOSED);
	tb_queue_destroy(queue);
}

static void queue_of_no_capacity_is_always_full(void **state)
{
	struct tb_queue *queue = tb_queue_create(0);

	(void)state;
	assert_int_equal(tb_queue_push(queue, &queue), TB_ERR_BUSY);
	tb_queue_destroy(queue);
	tb_queue_destroy(NULL);
}

static void no_memory_is_no_queue(void **state)
{
	(void)state;
	tb_alloc_fail_at(1);
	assert_null(tb_queue_create(1));
	tb_alloc_fail_at(0);
	assert_null(tb_queue_create(SIZE_MAX / 2));
}

static void *pop_for_ever(void *queue)
{
	void *item;

	return (void *)(uintptr_t)tb_queue_pop(queue, -1, &item);
}

static void close_wakes_all_who_wait(void **state)
{
	struct tb_queue *queue = tb_queue_create(1);
	pthread_t threads[CONSUMERS];

	(void)state;
	for (int i = 0; i < CONSUMERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, pop_for_ever, queue),
			0);
	tb_queue_close(queue);
	for (int i = 0; i < CONSUMERS; i++) {
		void *err;
		assert_int_equal(pthread_join(threads[i], &err), 0);
		assert_int_equal((uintptr_t)err, TB_ERR_CLOSED);
	}
	tb_queue_destroy(queue);
}

/* An item says who made it and in which turn. */
struct item {
	int producer;
	int turn;
	atomic_int taken;
};

struct traffic {
	struct tb_queue *queue;
	struct item items[PRODUCERS][ITEMS_EACH];
	atomic_int next_producer;
	atomic_int out_of_order;
	atomic_int failed;
};

static void *produce(void *ctx)
{
	struct traffic *t = ctx;
	int me = atomic_fetch_add(&t->next_producer, 1);

	for (int i = 0; i < ITEMS_EACH; i++) {
		struct item *item = &t->items[me][i];
		item->producer = me;
		item->turn = i;
		enum tb_err err;
		while ((err = tb_queue_push(t->queue, item)) == TB_ERR_BUSY)
			sched_yield();
		if (err != TB_OK)
			atomic_fetch_add(&t->failed, 1);
	}
	return NULL;
}

static void *consume(void *ctx)
{
	struct traffic *t = ctx;
	int last[PRODUCERS] = { -1, -1, -1 };
	void *items[7];
	size_t n;

	while (tb_queue_pop_many(t->queue, -1, items, 7, &n) == TB_OK) {
		for (size_t i = 0; i < n; i++) {
			struct item *item = items[i];
			if (item->turn <= last[item->producer])
				atomic_fetch_add(&t->out_of_order, 1);
			last[item->producer] = item->turn;
			atomic_fetch_add(&item->taken, 1);
		}
	}
	return NULL;
}

static void each_item_arrives_once_between_threads(void **state)
{
	struct traffic *t = tb_calloc(1, sizeof(*t));
	pthread_t producers[PRODUCERS];
	pthread_t consumers[CONSUMERS];

	(void)state;
	t->queue = tb_queue_create(16);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_create(&consumers[i], NULL, consume, t);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_create(&producers[i], NULL, produce, t);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	tb_queue_close(t->queue);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(consumers[i], NULL);
	assert_int_equal(t->failed, 0);
	assert_int_equal(t->out_of_order, 0);
	for (int i = 0; i < PRODUCERS; i++)
		for (int j = 0; j < ITEMS_EACH; j++)
			assert_int_equal(t->items[i][j].taken, 1);
	tb_queue_destroy(t->queue);
	tb_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_out_in_order),
		cmocka_unit_test(pop_of_an_empty_queue_times_out),
		cmocka_unit_test(pop_many_takes_what_is_there),
		cmocka_unit_test(closed_queue_gives_the_rest_and_takes_nothing),
		cmocka_unit_test(queue_of_no_capacity_is_always_full),
		cmocka_unit_test(no_memory_is_no_queue),
		cmocka_unit_test(close_wakes_all_who_wait),
		cmocka_unit_test(each_item_arrives_once_between_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
