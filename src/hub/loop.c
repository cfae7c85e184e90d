#include "hub/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "hub/client.h"
#include "hub/inner.h"
#include "hub/socket.h"

#define EVENTS_MAX 256
/* That are run in one turn: each may be a broadcast to all clients. */
#define COMMANDS_MAX 64
/* Of a poll's answer: a message, or what fits into a payload. */
#define OUT_MAX ((size_t)64 << 20)
/* So that what ends a session needs no memory. */
#define OUT_MIN 256

/* The loop whose thread this is. */
static _Thread_local struct tb_loop *here;

/* ---- commands ---- */

static void queue_init(struct tb_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_put(struct tb_queue *queue, struct tb_command *command)
{
	command->next = NULL;
	*queue->end = command;
	queue->end = &command->next;
}

static struct tb_command *queue_take(struct tb_queue *queue)
{
	struct tb_command *command = queue->first;

	queue->first = command->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return command;
}

/* Moves all of one behind the other. */
static void queue_append(struct tb_queue *queue, struct tb_queue *from)
{
	if (from->first == NULL)
		return;
	*queue->end = from->first;
	queue->end = from->end;
	queue_init(from);
}

static void wake(struct tb_loop *loop)
{
	uint64_t one = 1;

	/* Edge-triggered, so that nobody has to read it. */
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void tb_loop_submit(struct tb_loop *loop, struct tb_command *command)
{
	bool was_woken;

	if (here == loop) {
		queue_put(&loop->own, command);
		return;
	}
	pthread_mutex_lock(&loop->lock);
	queue_put(&loop->asked, command);
	was_woken = loop->is_woken;
	loop->is_woken = true;
	pthread_mutex_unlock(&loop->lock);
	if (!was_woken)
		wake(loop);
}

bool tb_loop_may_act(const struct tb_loop *loop)
{
	return here == loop && loop->own.first == NULL;
}

/* What the thread asked itself for by now. What that asks for again is done in
 * its turn, so that others have theirs. */
static void run_own(struct tb_loop *loop)
{
	struct tb_command **end = loop->own.end;
	bool is_through = loop->own.first == NULL;

	while (!is_through) {
		struct tb_command *command = loop->own.first;
		is_through = &command->next == end;
		queue_take(&loop->own);
		loop->is_last = is_through;
		command->run(loop, command);
	}
}

/* In each turn, though there may be something left of the turn before: the
 * wake-up for what is asked now may be used up, and there is no other. */
static void take_asked(struct tb_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	queue_append(&loop->taken, &loop->asked);
	loop->is_woken = false;
	loop->is_ending = loop->is_over;
	pthread_mutex_unlock(&loop->lock);
}

/* Runs what was asked for, or a part; false: that was the last. */
static bool run_asked(struct tb_loop *loop)
{
	bool was_asked;

	take_asked(loop);
	was_asked = loop->taken.first != NULL;
	for (size_t n = 0; n < COMMANDS_MAX && loop->taken.first != NULL; n++) {
		struct tb_command *command = queue_take(&loop->taken);
		loop->is_last = loop->taken.first == NULL;
		command->run(loop, command);
		run_own(loop);
	}
	return !loop->is_ending || was_asked;
}

/* ---- a turn ---- */

static int wait_ms(const struct tb_loop *loop)
{
	int64_t next_us = tb_timers_next(&loop->timers);
	int64_t ms;

	if (loop->touched != NULL || loop->ready != NULL ||
	    loop->own.first != NULL || loop->taken.first != NULL ||
	    loop->is_ending)
		return 0;
	if (next_us == TB_NEVER)
		return -1;
	ms = (next_us - tb_clock_monotonic_us() + 999) / 1000;
	return ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static void take_events(struct tb_loop *loop)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, wait_ms(loop));

	loop->now_us = tb_clock_monotonic_us();
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr != NULL)
			tb_socket_tell(events[i].data.ptr, events[i].events);
	}
}

/* Those that are there now. */
static void read_ready(struct tb_loop *loop)
{
	struct tb_socket *socket = loop->ready;

	loop->ready = NULL;
	while (socket != NULL) {
		struct tb_socket *next = socket->next_ready;
		socket->is_in_ready = false;
		tb_socket_read(socket);
		run_own(loop);
		socket = next;
	}
}

static void fire_due(struct tb_loop *loop)
{
	struct tb_timer *timer;

	/* Each once, though it may be set anew to what is past already. */
	for (size_t i = loop->timers.n; i > 0; i--) {
		timer = tb_timers_take_due(&loop->timers, loop->now_us);
		if (timer == NULL)
			break;
		timer->fire(loop, timer);
		run_own(loop);
	}
}

static void settle_touched(struct tb_loop *loop)
{
	struct tb_client *client = loop->touched;

	loop->touched = NULL;
	while (client != NULL) {
		struct tb_client *next = client->next_touched;
		client->is_touched = false;
		tb_client_settle(client);
		run_own(loop);
		client = next;
	}
}

/* Those who are gone are in no list any more, or wait until they are not. */
static void let_go(struct tb_loop *loop)
{
	struct tb_client **client = &loop->gone;
	struct tb_socket **socket = &loop->dead;

	while (*client != NULL) {
		struct tb_client *gone = *client;
		if (gone->is_touched) {
			client = &gone->next_gone;
			continue;
		}
		*client = gone->next_gone;
		tb_client_unref(gone);
	}
	while (*socket != NULL) {
		struct tb_socket *dead = *socket;
		if (dead->is_in_ready) {
			socket = &dead->next_dead;
			continue;
		}
		*socket = dead->next_dead;
		tb_free(dead);
	}
}

static void tell_when_stopped(struct tb_loop *loop)
{
	if (!loop->is_stopping || loop->has_stopped || loop->n_clients > 0 ||
	    loop->n_sockets > 0)
		return;
	loop->has_stopped = true;
	tb_hub_loop_stopped(loop->hub);
}

static void *run(void *arg)
{
	struct tb_loop *loop = arg;
	bool goes_on = true;

	here = loop;
	loop->now_us = tb_clock_monotonic_us();
	while (goes_on) {
		take_events(loop);
		/* What has come by a WebSocket, and what is due, was so before
		 * a request that is handed over only now. */
		read_ready(loop);
		fire_due(loop);
		goes_on = run_asked(loop);
		run_own(loop);
		settle_touched(loop);
		let_go(loop);
		tell_when_stopped(loop);
	}
	return NULL;
}

/* ---- its life ---- */

static void run_stop(struct tb_loop *loop, struct tb_command *command)
{
	(void)command;
	loop->is_stopping = true;
	for (size_t i = loop->n_clients; i > 0; i--)
		tb_client_shut_down(loop->clients[i - 1]);
}

static enum tb_err open_descriptors(struct tb_loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0)
		return TB_ERR_IO;
	return TB_OK;
}

enum tb_err tb_loop_start(struct tb_loop *loop, struct tb_hub *hub)
{
	enum tb_err err;

	loop->hub = hub;
	loop->stop.run = run_stop;
	loop->epoll_fd = loop->wake_fd = -1;
	pthread_mutex_init(&loop->lock, NULL);
	queue_init(&loop->asked);
	queue_init(&loop->taken);
	queue_init(&loop->own);
	loop->frames = (struct tb_frames_pool) {
		.budget = &hub->inbound,
		.message_max_bytes = hub->options.max_payload_bytes,
	};
	tb_buf_init(&loop->out, OUT_MAX);
	loop->input = tb_malloc(TB_LOOP_READ_BYTES);
	if (loop->input == NULL || tb_buf_reserve(&loop->out, OUT_MIN) == NULL)
		return TB_ERR_NOMEM;
	err = open_descriptors(loop);
	if (err != TB_OK)
		return err;
	if (pthread_create(&loop->thread, NULL, run, loop) != 0)
		return TB_ERR_NOMEM;
	loop->is_started = true;
	return TB_OK;
}

void tb_loop_stop(struct tb_loop *loop)
{
	tb_loop_submit(loop, &loop->stop);
}

static void join(struct tb_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->is_over = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	pthread_join(loop->thread, NULL);
	TB_ASSERT(loop->n_clients == 0 && loop->n_sockets == 0);
}

void tb_loop_end(struct tb_loop *loop)
{
	if (loop->hub == NULL)
		return;
	if (loop->is_started)
		join(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	tb_timers_fini(&loop->timers);
	tb_frames_pool_fini(&loop->frames);
	tb_buf_fini(&loop->out);
	tb_free(loop->input);
	tb_free(loop->clients);
}
