/*
 * A bounded queue of pointers between threads (any number on both ends).
 */
#ifndef TB_BASE_QUEUE_H
#define TB_BASE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tb_queue;

struct tb_queue *tb_queue_create(size_t capacity);
/* Takes NULL. Nobody may be waiting on it. */
void tb_queue_destroy(struct tb_queue *queue);

/* Never waits. BUSY: full. CLOSED: closed. */
enum tb_err tb_queue_push(struct tb_queue *queue, void *item) tb_must_check;
/* Waits for an item at most `timeout_ms` (-1: for ever, 0: not at all).
 * TIMEOUT, or CLOSED once it is closed and empty. */
enum tb_err tb_queue_pop(struct tb_queue *queue, int64_t timeout_ms,
			 void **ret_item) tb_must_check;
/* Takes up to `max` items at once; waits as pop does for the first. */
enum tb_err tb_queue_pop_many(struct tb_queue *queue, int64_t timeout_ms,
			      void **items, size_t max,
			      size_t *ret_n) tb_must_check;
/* No more pushes; pops go on until it is empty. */
void tb_queue_close(struct tb_queue *queue);
size_t tb_queue_len(struct tb_queue *queue);

#endif
