/*
 * An event loop and its thread: the clients that live on it, their sockets and
 * times. Everything of a client is done on its loop's thread; other threads
 * hand in commands, which are done in the order in which they came.
 */
#ifndef TB_HUB_LOOP_H
#define TB_HUB_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "hub/frames.h"
#include "hub/timers.h"

struct tb_client;
struct tb_eio_message;
struct tb_hub;
struct tb_loop;
struct tb_socket;

/* Something to be done on a loop; embedded in what it needs for that. */
struct tb_command {
	struct tb_command *next;
	void (*run)(struct tb_loop *loop, struct tb_command *command);
};

struct tb_queue {
	struct tb_command *first;
	struct tb_command **end;
};

/* What one call reads, and about what one call writes. */
#define TB_LOOP_READ_BYTES ((size_t)64 << 10)
#define TB_LOOP_WRITE_BYTES ((size_t)64 << 10)
#define TB_LOOP_WRITE_MAX 64

struct tb_loop {
	struct tb_hub *hub;
	pthread_t thread;
	bool is_started;
	int epoll_fd;
	int wake_fd;

	/* What other threads ask for. */
	pthread_mutex_t lock;
	struct tb_queue asked;
	bool is_woken;
	bool is_over;

	/* The rest is the thread's own. */
	struct tb_queue taken; /* of what others ask, and not run yet */
	struct tb_queue own;   /* what it asks itself for */
	bool is_ending;
	struct tb_command stop;
	bool is_stopping;
	bool has_stopped;
	bool is_last; /* no command waits behind the one that runs */
	int64_t now_us;
	struct tb_timers timers;
	struct tb_client **clients;
	size_t n_clients;
	size_t cap_clients;
	size_t n_sockets;
	size_t n_closing;          /* of those */
	struct tb_client *touched; /* there may be something to do for them */
	struct tb_client *gone;    /* to be let go at the end of the turn */
	struct tb_socket *ready;   /* there may be something to read */
	struct tb_socket *dead;    /* to be freed at the end of the turn */
	struct tb_frames_pool frames;
	struct tb_buf out; /* for a session's next action */
	char *input;       /* of TB_LOOP_READ_BYTES */
	/* Frames of the one socket that is being written to. */
	struct tb_eio_message *batch[TB_LOOP_WRITE_MAX];
	size_t n_batch;
	size_t batch_bytes;
};

/* Starts its thread. NOMEM; IO: no descriptors. Zeroed before; end takes what
 * is half made. */
enum tb_err tb_loop_start(struct tb_loop *loop,
			  struct tb_hub *hub) tb_must_check;
/* Ends its clients; when all are gone, tb_hub_loop_stopped is called. */
void tb_loop_stop(struct tb_loop *loop);
/* Ends the thread, when what was asked is done. */
void tb_loop_end(struct tb_loop *loop);

/* On any thread. */
void tb_loop_submit(struct tb_loop *loop, struct tb_command *command);
/* True on the loop's own thread, unless that has asked for something that is
 * not done yet: what is asked for now may be done at once. */
bool tb_loop_may_act(const struct tb_loop *loop);

static inline int64_t tb_loop_now_ms(const struct tb_loop *loop)
{
	return loop->now_us / 1000;
}

#endif
