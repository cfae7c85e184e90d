#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"

struct tb_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	size_t capacity;
	size_t head;
	size_t n;
	bool closed;
	void *items[];
};

/* Waits are measured by the monotonic clock, so that setting the time of day
 * neither cuts them short nor draws them out. */
static bool init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
		  pthread_cond_init(cond, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok;
}

struct tb_queue *tb_queue_create(size_t capacity)
{
	struct tb_queue *queue;
	size_t size;

	if (__builtin_mul_overflow(capacity, sizeof(void *), &size) ||
	    __builtin_add_overflow(size, sizeof(*queue), &size))
		return NULL;
	queue = tb_malloc(size);
	if (queue == NULL)
		return NULL;
	*queue = (struct tb_queue) { .capacity = capacity };
	if (!init_cond(&queue->filled)) {
		tb_free(queue);
		return NULL;
	}
	pthread_mutex_init(&queue->lock, NULL);
	return queue;
}

void tb_queue_destroy(struct tb_queue *queue)
{
	if (queue == NULL)
		return;
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	tb_free(queue);
}

enum tb_err tb_queue_push(struct tb_queue *queue, void *item)
{
	enum tb_err err = TB_OK;

	pthread_mutex_lock(&queue->lock);
	if (queue->closed) {
		err = TB_ERR_CLOSED;
	} else if (queue->n == queue->capacity) {
		err = TB_ERR_BUSY;
	} else {
		size_t at = (queue->head + queue->n) % queue->capacity;
		queue->items[at] = item;
		queue->n++;
		pthread_cond_signal(&queue->filled);
	}
	pthread_mutex_unlock(&queue->lock);
	return err;
}

static struct timespec deadline_in(int64_t timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(timeout_ms / 1000);
	t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* With the lock held. */
static enum tb_err wait_filled(struct tb_queue *queue, int64_t timeout_ms)
{
	struct timespec deadline = { 0 };
	int rc = 0;

	if (timeout_ms > 0)
		deadline = deadline_in(timeout_ms);
	while (queue->n == 0) {
		if (queue->closed)
			return TB_ERR_CLOSED;
		if (timeout_ms == 0 || rc == ETIMEDOUT)
			return TB_ERR_TIMEOUT;
		if (timeout_ms < 0)
			pthread_cond_wait(&queue->filled, &queue->lock);
		else
			rc = pthread_cond_timedwait(&queue->filled,
						    &queue->lock, &deadline);
	}
	return TB_OK;
}

enum tb_err tb_queue_pop_many(struct tb_queue *queue, int64_t timeout_ms,
			      void **items, size_t max, size_t *ret_n)
{
	TB_ASSERT(max > 0);
	pthread_mutex_lock(&queue->lock);
	enum tb_err err = wait_filled(queue, timeout_ms);
	if (err == TB_OK) {
		size_t n = queue->n < max ? queue->n : max;
		for (size_t i = 0; i < n; i++) {
			items[i] = queue->items[queue->head];
			queue->head = (queue->head + 1) % queue->capacity;
		}
		queue->n -= n;
		*ret_n = n;
	}
	pthread_mutex_unlock(&queue->lock);
	return err;
}

enum tb_err tb_queue_pop(struct tb_queue *queue, int64_t timeout_ms,
			 void **ret_item)
{
	size_t n;

	return tb_queue_pop_many(queue, timeout_ms, ret_item, 1, &n);
}

void tb_queue_close(struct tb_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

size_t tb_queue_len(struct tb_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	size_t n = queue->n;
	pthread_mutex_unlock(&queue->lock);
	return n;
}
