#include "hub/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/client.h"
#include "hub/writing.h"

/* What the kernel holds that it has not sent: the rest is better kept where it
 * is counted, and where a ping still goes before it. */
#define NOTSENT_MAX_BYTES (128 << 10)
/* Who wait for the other side to close; more are closed at once. */
#define CLOSING_MAX 1024

/* ---- its life ---- */

struct tb_rest *tb_rest_create(struct tb_str bytes)
{
	struct tb_rest *rest = tb_malloc(sizeof(*rest) + bytes.n);

	if (rest == NULL)
		return NULL;
	*rest = (struct tb_rest) { .n = bytes.n };
	memcpy(rest->bytes, bytes.p, bytes.n);
	return rest;
}

static void fire(struct tb_loop *loop, struct tb_timer *timer)
{
	(void)loop;
	tb_socket_drop((struct tb_socket *)((char *)timer -
					    offsetof(struct tb_socket, timer)));
}

/* Edge-triggered, so that nothing has to be changed there ever after. */
static bool watch(struct tb_socket *socket)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = socket,
	};

	return epoll_ctl(socket->loop->epoll_fd, EPOLL_CTL_ADD, socket->fd,
			 &event) == 0;
}

struct tb_socket *tb_socket_create(struct tb_loop *loop, int fd,
				   struct tb_rest *rest)
{
	struct tb_socket *socket = tb_calloc(1, sizeof(*socket));
	int lowat = NOTSENT_MAX_BYTES;

	if (socket == NULL)
		goto fail;
	socket->loop = loop;
	socket->fd = fd;
	if (tb_timers_admit(&loop->timers, &socket->timer, fire) != TB_OK)
		goto fail;
	if (!watch(socket)) {
		tb_timers_dismiss(&loop->timers, &socket->timer);
		goto fail;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat,
			 sizeof(lowat));
	socket->rest = rest;
	loop->n_sockets++;
	return socket;
fail:
	close(fd);
	tb_free(socket);
	tb_free(rest);
	return NULL;
}

/* What belongs to its use by a client. */
static void detach(struct tb_socket *socket)
{
	struct tb_loop *loop = socket->loop;

	socket->client = NULL;
	tb_frames_give_back(&loop->frames, socket->frames);
	socket->frames = NULL;
	tb_free(socket->rest);
	socket->rest = NULL;
	tb_eio_message_unref(socket->reply);
	socket->reply = NULL;
}

void tb_socket_drop(struct tb_socket *socket)
{
	struct tb_loop *loop = socket->loop;

	if (socket->is_dead)
		return;
	if (socket->is_closing)
		loop->n_closing--;
	detach(socket);
	tb_writing_forget(socket);
	tb_timers_dismiss(&loop->timers, &socket->timer);
	/* The HTTP server may still have its own descriptor of the connection,
	 * which would keep it in the set. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
	close(socket->fd);
	socket->is_dead = true;
	socket->next_dead = loop->dead;
	loop->dead = socket;
	loop->n_sockets--;
}

void tb_socket_close(struct tb_socket *socket, uint16_t code)
{
	struct tb_loop *loop = socket->loop;
	int64_t timeout_us =
		(int64_t)loop->hub->options.close_timeout_ms * 1000;

	if (socket->close_code == 0)
		socket->close_code = code;
	detach(socket);
	/* In the middle of a frame there is no way to say anything. */
	if (socket->is_broken || socket->unsent != NULL ||
	    !tb_writing_end(socket) || loop->n_closing == CLOSING_MAX) {
		tb_socket_drop(socket);
		return;
	}
	socket->is_closing = true;
	loop->n_closing++;
	tb_timers_set(&loop->timers, &socket->timer, loop->now_us + timeout_us);
	socket->is_readable = true;
	tb_socket_wake(socket);
}

/* ---- what comes ---- */

/* The other side has closed, in order or not. */
static void lose(struct tb_socket *socket)
{
	struct tb_client *client = socket->client;

	if (client != NULL) {
		client->socket = NULL;
		tb_eio_session_socket_gone(client->eio);
		tb_client_touch(client);
	}
	tb_socket_drop(socket);
}

static bool is_transport(const struct tb_client *client)
{
	return tb_eio_session_transport(client->eio) == TB_EIO_WEBSOCKET;
}

static bool may_feed(const struct tb_socket *socket)
{
	return socket->client != NULL &&
	       (socket->client->holds == 0 || !is_transport(socket->client));
}

static void take_message(void *ctx, struct tb_str message, bool is_binary)
{
	struct tb_socket *socket = ctx;
	struct tb_client *client = socket->client;
	struct tb_eio_packet packet;

	if (tb_eio_session_frame(client->eio, tb_loop_now_ms(socket->loop),
				 message, is_binary, &packet))
		tb_client_take(client, &packet);
	tb_client_touch(client);
}

/* "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in
 * response to previous Ping frame(s), the endpoint MAY elect to send a Pong
 * frame for only the most recently processed Ping frame." */
static void take_reply(void *ctx, struct tb_str frame)
{
	struct tb_socket *socket = ctx;

	tb_eio_message_unref(socket->reply);
	socket->reply = tb_eio_message_create_frame(frame);
	tb_client_touch(socket->client);
}

/* What is read last: the client's close frame, or what no client may send. */
static void end_reading(struct tb_socket *socket, enum tb_err err,
			uint16_t code)
{
	struct tb_client *client = socket->client;

	socket->close_code = code;
	if (err != TB_ERR_CLOSED && is_transport(client))
		tb_eio_session_abort(client->eio,
				     TB_EIO_REASON_TRANSPORT_ERROR);
	tb_eio_session_socket_gone(client->eio);
	client->socket = NULL;
	tb_client_touch(client);
	tb_socket_close(socket, code);
}

static bool has_frames(struct tb_socket *socket)
{
	if (socket->frames == NULL)
		socket->frames = tb_frames_lend(&socket->loop->frames);
	return socket->frames != NULL;
}

/* Reads frame by frame, until the client is held; moves `bytes` on. */
static void feed(struct tb_socket *socket, struct tb_str *bytes)
{
	const struct tb_frames_sink sink = { take_message, take_reply, socket };
	uint16_t code = TB_CLOSE_TRY_LATER;
	enum tb_err err = TB_OK;

	while (bytes->n > 0 && may_feed(socket) && err == TB_OK)
		err = has_frames(socket) ? tb_frames_feed(socket->frames, bytes,
							  &sink, &code)
					 : TB_ERR_NOMEM;
	if (err != TB_OK) {
		end_reading(socket, err, code);
		return;
	}
	if (socket->frames != NULL && tb_frames_is_between(socket->frames)) {
		tb_frames_give_back(&socket->loop->frames, socket->frames);
		socket->frames = NULL;
	}
}

static void feed_rest(struct tb_socket *socket)
{
	struct tb_rest *rest = socket->rest;
	struct tb_str bytes;

	if (rest == NULL)
		return;
	bytes = tb_str(rest->bytes + rest->at, rest->n - rest->at);
	socket->rest = NULL;
	feed(socket, &bytes);
	rest->at = rest->n - bytes.n;
	if (bytes.n > 0 && socket->client != NULL)
		socket->rest = rest;
	else
		tb_free(rest);
}

/* One call of the kernel. False: there is nothing more. */
static bool receive(struct tb_socket *socket, struct tb_str *ret)
{
	char *to = socket->loop->input;
	ssize_t n = recv(socket->fd, to, TB_LOOP_READ_BYTES, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		socket->is_readable = errno == EINTR;
		return false;
	}
	if (n <= 0) {
		lose(socket);
		return false;
	}
	/* A part of what was asked for is all that there is, but for the end.
	 */
	if ((size_t)n < TB_LOOP_READ_BYTES && !socket->has_hung_up)
		socket->is_readable = false;
	*ret = tb_str(to, (size_t)n);
	return true;
}

static void feed_more(struct tb_socket *socket)
{
	struct tb_str bytes;

	if (!receive(socket, &bytes))
		return;
	feed(socket, &bytes);
	if (bytes.n == 0 || socket->client == NULL)
		return;
	socket->rest = tb_rest_create(bytes);
	if (socket->rest == NULL)
		lose(socket);
}

/* What comes while it is being closed is of no use to anybody. */
static void discard(struct tb_socket *socket)
{
	struct tb_str bytes;

	if (receive(socket, &bytes) && socket->is_readable)
		tb_socket_wake(socket);
}

void tb_socket_read(struct tb_socket *socket)
{
	if (socket->is_dead)
		return;
	if (socket->is_closing) {
		discard(socket);
		return;
	}
	if (may_feed(socket))
		feed_rest(socket);
	if (may_feed(socket) && socket->rest == NULL && socket->is_readable)
		feed_more(socket);
	if (socket->client != NULL)
		tb_socket_wake(socket);
}

void tb_socket_wake(struct tb_socket *socket)
{
	struct tb_loop *loop = socket->loop;

	if (socket->is_in_ready || socket->is_dead ||
	    (socket->rest == NULL && !socket->is_readable) ||
	    (!socket->is_closing && !may_feed(socket)))
		return;
	socket->is_in_ready = true;
	socket->next_ready = loop->ready;
	loop->ready = socket;
}

void tb_socket_tell(struct tb_socket *socket, uint32_t events)
{
	if (socket->is_dead)
		return;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		socket->has_hung_up = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		socket->is_readable = true;
		tb_socket_wake(socket);
	}
	if (events & EPOLLOUT && !tb_writing_go_on(socket))
		lose(socket);
}
