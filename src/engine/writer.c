#include "engine/writer.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/commit.h"

/* A commit that waits, on its submitter's stack. */
struct waiter {
	struct waiter *next;
	struct tb_commit *commit;
	pthread_cond_t done_cond;
	bool done;
};

struct tb_writer_thread {
	struct tb_writer_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work_cond;
	struct waiter *first;
	struct waiter **last;
	size_t n_waiting;
	size_t n_inside;          /* submitters that have not left yet */
	pthread_cond_t left_cond; /* the last of them has */
	bool stopping;
	struct tb_commit **group; /* the thread's own, group_max long */
};

/* Cuts the next group off the queue: its commits to writer->group, its
 * waiters as a list. */
static size_t take_group(struct tb_writer_thread *writer,
			 struct waiter **ret_waiters)
{
	struct waiter **link = &writer->first;
	uint64_t weight = 0;
	size_t n = 0;

	while (*link != NULL && n < writer->options.group_max) {
		weight += (*link)->commit->weight;
		if (n > 0 && weight > writer->options.weight_max)
			break;
		writer->group[n++] = (*link)->commit;
		link = &(*link)->next;
	}
	*ret_waiters = writer->first;
	writer->first = *link;
	*link = NULL;
	if (writer->first == NULL)
		writer->last = &writer->first;
	writer->n_waiting -= n;
	return n;
}

static void wake(struct waiter *waiters)
{
	while (waiters != NULL) {
		/* Once it is done the waiter's stack is not ours any more. */
		struct waiter *next = waiters->next;

		waiters->done = true;
		pthread_cond_signal(&waiters->done_cond);
		waiters = next;
	}
}

static void *run(void *arg)
{
	struct tb_writer_thread *writer = arg;

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		struct waiter *waiters;
		size_t n;

		while (writer->first == NULL && !writer->stopping)
			pthread_cond_wait(&writer->work_cond, &writer->lock);
		if (writer->first == NULL)
			break;
		n = take_group(writer, &waiters);
		pthread_mutex_unlock(&writer->lock);
		writer->options.run(writer->options.ctx, writer->group, n);
		pthread_mutex_lock(&writer->lock);
		wake(waiters);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

static void destroy(struct tb_writer_thread *writer)
{
	pthread_cond_destroy(&writer->work_cond);
	pthread_cond_destroy(&writer->left_cond);
	pthread_mutex_destroy(&writer->lock);
	tb_free(writer->group);
	tb_free(writer);
}

enum tb_err tb_writer_start(const struct tb_writer_options *options,
			    struct tb_writer_thread **ret)
{
	struct tb_writer_thread *writer = tb_calloc(1, sizeof(*writer));

	if (writer == NULL)
		return TB_ERR_NOMEM;
	writer->options = *options;
	writer->last = &writer->first;
	TB_ASSERT(pthread_mutex_init(&writer->lock, NULL) == 0);
	TB_ASSERT(pthread_cond_init(&writer->work_cond, NULL) == 0);
	TB_ASSERT(pthread_cond_init(&writer->left_cond, NULL) == 0);
	writer->group =
		tb_calloc(options->group_max, sizeof(struct tb_commit *));
	if (writer->group == NULL ||
	    pthread_create(&writer->thread, NULL, run, writer) != 0) {
		destroy(writer);
		return TB_ERR_NOMEM;
	}
	*ret = writer;
	return TB_OK;
}

void tb_writer_stop(struct tb_writer_thread *writer)
{
	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_signal(&writer->work_cond);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	/* Who was woken has yet to take the lock once more. */
	pthread_mutex_lock(&writer->lock);
	while (writer->n_inside > 0)
		pthread_cond_wait(&writer->left_cond, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
	destroy(writer);
}

void tb_writer_submit(struct tb_writer_thread *writer, struct tb_commit *commit)
{
	struct waiter waiter = { .commit = commit };

	TB_ASSERT(pthread_cond_init(&waiter.done_cond, NULL) == 0);
	pthread_mutex_lock(&writer->lock);
	writer->n_inside++;
	if (writer->n_waiting >= writer->options.queue_max) {
		commit->err = TB_ERR_BUSY;
	} else {
		*writer->last = &waiter;
		writer->last = &waiter.next;
		if (writer->n_waiting++ == 0)
			pthread_cond_signal(&writer->work_cond);
		while (!waiter.done)
			pthread_cond_wait(&waiter.done_cond, &writer->lock);
	}
	if (--writer->n_inside == 0)
		pthread_cond_signal(&writer->left_cond);
	pthread_mutex_unlock(&writer->lock);
	pthread_cond_destroy(&waiter.done_cond);
}
