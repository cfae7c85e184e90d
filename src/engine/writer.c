#include "engine/writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/commit.h"

/* A commit that waits, on its submitter's stack. */
struct waiter {
	struct waiter *next;
	struct tb_commit *commit;
	sem_t done;
};

struct tb_writer_thread {
	struct tb_writer_options options;
	pthread_t thread;
	pthread_mutex_t lock;     /* of what follows */
	pthread_cond_t turn_cond; /* the thread may run a group, or end */
	struct waiter *first;
	struct waiter **last;
	size_t n_waiting;
	bool running; /* a group, by the thread or by its submitter */
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

/* Without the lock, so that nobody wakes only to wait for it. A waiter may be
 * gone as soon as it is posted, and its stack with it: the link is read
 * before, and glibc's sem_post (since 2.21) touches the semaphore last with
 * the addition that lets the waiter go; the system call that may follow takes
 * its address as a number only. */
static void wake(struct waiter *waiters)
{
	while (waiters != NULL) {
		struct waiter *next = waiters->next;

		TB_ASSERT(sem_post(&waiters->done) == 0);
		waiters = next;
	}
}

/* Who submits while the waiters are woken lines up behind this group, because
 * it counts as running until then: so they gather. */
static void *run(void *arg)
{
	struct tb_writer_thread *writer = arg;

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		struct waiter *waiters;
		size_t n;

		while (writer->running ||
		       (writer->first == NULL && !writer->stopping))
			pthread_cond_wait(&writer->turn_cond, &writer->lock);
		if (writer->first == NULL)
			break;
		n = take_group(writer, &waiters);
		writer->running = true;
		pthread_mutex_unlock(&writer->lock);
		writer->options.run(writer->options.ctx, writer->group, n);
		wake(waiters);
		pthread_mutex_lock(&writer->lock);
		writer->running = false;
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

static void destroy(struct tb_writer_thread *writer)
{
	pthread_cond_destroy(&writer->turn_cond);
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
	TB_ASSERT(pthread_cond_init(&writer->turn_cond, NULL) == 0);
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

/* The thread ends when nothing waits and nothing runs; whoever was woken or
 * ran alone does not touch the writer after it gave up the lock. */
void tb_writer_stop(struct tb_writer_thread *writer)
{
	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_signal(&writer->turn_cond);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	destroy(writer);
}

/* Runs one commit on its submitter's thread. Those that came meanwhile are
 * the thread's: nobody runs alone while somebody waits. */
static void run_alone(struct tb_writer_thread *writer, struct tb_commit *commit)
{
	writer->options.run(writer->options.ctx, &commit, 1);
	pthread_mutex_lock(&writer->lock);
	writer->running = false;
	if (writer->first != NULL || writer->stopping)
		pthread_cond_signal(&writer->turn_cond);
	pthread_mutex_unlock(&writer->lock);
}

/* The thread need not be told: who runs now looks for waiters after it. */
static void enqueue(struct tb_writer_thread *writer, struct waiter *waiter)
{
	TB_ASSERT(sem_init(&waiter->done, 0, 0) == 0);
	*writer->last = waiter;
	writer->last = &waiter->next;
	writer->n_waiting++;
}

static void await_done(struct waiter *waiter)
{
	while (sem_wait(&waiter->done) != 0)
		TB_ASSERT(errno == EINTR);
	sem_destroy(&waiter->done);
}

void tb_writer_submit(struct tb_writer_thread *writer, struct tb_commit *commit)
{
	struct waiter waiter = { .commit = commit };

	pthread_mutex_lock(&writer->lock);
	if (!writer->running && writer->first == NULL) {
		writer->running = true;
		pthread_mutex_unlock(&writer->lock);
		run_alone(writer, commit);
	} else if (writer->n_waiting >= writer->options.queue_max) {
		pthread_mutex_unlock(&writer->lock);
		commit->err = TB_ERR_BUSY;
	} else {
		enqueue(writer, &waiter);
		pthread_mutex_unlock(&writer->lock);
		await_done(&waiter);
	}
}
