#include "hub/writing.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/client.h"

#define CLOSE_FRAME 0x88

/* Sends some frames, from an offset in the first one on. Gives how many bytes
 * the kernel took; -1: the socket is broken. */
static ssize_t send_frames(const struct tb_socket *socket,
			   struct tb_eio_message *const *messages, size_t n,
			   size_t offset)
{
	struct iovec parts[TB_LOOP_WRITE_MAX];
	struct msghdr head = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t sent;

	for (size_t i = 0; i < n; i++) {
		size_t from = i == 0 ? offset : 0;
		parts[i] = (struct iovec) {
			.iov_base = (char *)messages[i]->frame + from,
			.iov_len = messages[i]->n - from,
		};
	}
	if (n == 1)
		sent = send(socket->fd, parts[0].iov_base, parts[0].iov_len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		sent = sendmsg(socket->fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR ||
			 errno == ENOBUFS || errno == ENOMEM))
		return 0;
	return sent;
}

/* Lets go of the frames that were sent whole; gives how many those are, and
 * what was sent of the next one. */
static size_t drop_sent(struct tb_eio_message *const *messages, size_t n,
			size_t *bytes)
{
	size_t i = 0;

	while (i < n && *bytes >= messages[i]->n) {
		*bytes -= messages[i]->n;
		tb_eio_message_unref(messages[i++]);
	}
	return i;
}

static void drop_all(struct tb_eio_message *const *messages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tb_eio_message_unref(messages[i]);
}

/* ---- what was not sent ---- */

static bool keep(struct tb_socket *socket,
		 struct tb_eio_message *const *messages, size_t n,
		 size_t offset)
{
	struct tb_unsent *unsent = tb_malloc(
		sizeof(*unsent) + n * sizeof(struct tb_eio_message *));

	if (unsent == NULL)
		return false;
	*unsent = (struct tb_unsent) { .n = n, .offset = offset };
	for (size_t i = 0; i < n; i++) {
		unsent->messages[i] = messages[i];
		unsent->bytes += messages[i]->n;
	}
	socket->unsent = unsent;
	return true;
}

void tb_writing_forget(struct tb_socket *socket)
{
	struct tb_unsent *unsent = socket->unsent;

	if (unsent == NULL)
		return;
	drop_all(unsent->messages + unsent->first, unsent->n - unsent->first);
	tb_free(unsent);
	socket->unsent = NULL;
}

size_t tb_socket_backlog(const struct tb_socket *socket)
{
	return socket->unsent != NULL
		       ? socket->unsent->bytes - socket->unsent->offset
		       : 0;
}

static void forget_sent(struct tb_unsent *unsent, size_t sent)
{
	size_t bytes = unsent->offset + sent;

	unsent->bytes -= bytes;
	unsent->first += drop_sent(unsent->messages + unsent->first,
				   unsent->n - unsent->first, &bytes);
	unsent->offset = bytes;
	unsent->bytes += bytes;
}

bool tb_writing_go_on(struct tb_socket *socket)
{
	struct tb_unsent *unsent = socket->unsent;
	ssize_t sent;

	if (unsent == NULL)
		return true;
	sent = send_frames(socket, unsent->messages + unsent->first,
			   unsent->n - unsent->first, unsent->offset);
	if (sent < 0)
		return false;
	forget_sent(unsent, (size_t)sent);
	if (unsent->first < unsent->n)
		return true;
	tb_writing_forget(socket);
	tb_eio_session_set_writable(socket->client->eio, true);
	tb_client_touch(socket->client);
	return true;
}

/* ---- what is put ---- */

/* A pong goes behind what is there already, where there is a place. */
static void add_reply(struct tb_socket *socket)
{
	struct tb_loop *loop = socket->loop;

	if (socket->reply == NULL || loop->n_batch == TB_LOOP_WRITE_MAX)
		return;
	loop->batch[loop->n_batch++] = socket->reply;
	socket->reply = NULL;
}

static bool send_batch(struct tb_socket *socket)
{
	struct tb_loop *loop = socket->loop;
	size_t n = loop->n_batch;
	ssize_t sent = send_frames(socket, loop->batch, n, 0);
	size_t bytes = sent > 0 ? (size_t)sent : 0;
	size_t i = drop_sent(loop->batch, n, &bytes);

	loop->n_batch = 0;
	loop->batch_bytes = 0;
	if (sent >= 0 && i == n)
		return true;
	if (sent < 0 || !keep(socket, loop->batch + i, n - i, bytes)) {
		drop_all(loop->batch + i, n - i);
		socket->is_broken = true;
	}
	tb_eio_session_set_writable(socket->client->eio, false);
	return false;
}

bool tb_socket_flush(struct tb_socket *socket)
{
	struct tb_loop *loop = socket->loop;

	if (socket->unsent != NULL || socket->is_broken) {
		TB_ASSERT(loop->n_batch == 0);
		return false;
	}
	add_reply(socket);
	return loop->n_batch == 0 || send_batch(socket);
}

void tb_socket_put(struct tb_socket *socket, struct tb_eio_message *message)
{
	struct tb_loop *loop = socket->loop;

	TB_ASSERT(socket->unsent == NULL && !socket->is_broken);
	loop->batch[loop->n_batch++] = message;
	loop->batch_bytes += message->n;
	if (loop->n_batch == TB_LOOP_WRITE_MAX ||
	    loop->batch_bytes >= TB_LOOP_WRITE_BYTES)
		tb_socket_flush(socket);
}

bool tb_writing_end(struct tb_socket *socket)
{
	uint16_t code = socket->close_code;
	const char frame[] = {
		(char)CLOSE_FRAME,
		code != TB_CLOSE_NONE ? 2 : 0,
		(char)(code >> 8),
		(char)code,
	};
	size_t n = code != TB_CLOSE_NONE ? 4 : 2;

	return send(socket->fd, frame, n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		       (ssize_t)n &&
	       shutdown(socket->fd, SHUT_WR) == 0;
}
