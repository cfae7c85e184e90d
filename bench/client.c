#include "client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

#define READ_MIN_BYTES 4096
/* Of a body that is handed on: more would not stay in the processor's cache
 * until it is looked at. */
#define PIECE_BYTES ((size_t)256 << 10)
#define CHUNK_LINE_MAX 32
#define HTTP_NOT_MODIFIED 304

enum tb_err tb_client_init(struct tb_client *client,
			   const struct sockaddr_in *address)
{
	int on = 1;

	*client = (struct tb_client) {
		.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	};
	tb_buf_init(&client->in, TB_CLIENT_ANSWER_MAX);
	if (client->fd < 0)
		return TB_ERR_IO;
	if (connect(client->fd, (const struct sockaddr *)address,
		    sizeof(*address)) < 0 ||
	    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) <
		    0) {
		close(client->fd);
		client->fd = -1;
		return TB_ERR_IO;
	}
	return TB_OK;
}

void tb_client_fini(struct tb_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	tb_buf_fini(&client->in);
}

void tb_client_begin(struct tb_client *client, struct tb_str head,
		     struct tb_str body)
{
	client->parts[0] = head;
	client->parts[1] = body;
	tb_buf_reset(&client->in);
	client->head_bytes = 0;
	client->body_bytes = 0;
	client->chunked = false;
	client->status = 0;
	client->received_bytes = 0;
	client->is_last_chunk = false;
}

struct tb_str tb_client_head(const struct tb_client *client)
{
	return tb_str(client->in.p, client->head_bytes);
}

struct tb_str tb_client_body(const struct tb_client *client)
{
	return tb_str(client->in.p + client->head_bytes, client->body_bytes);
}

/* True when all is sent; an error shows when the answer is read. */
static bool send_parts(struct tb_client *client)
{
	while (client->parts[0].n + client->parts[1].n > 0) {
		struct iovec iov[2];
		struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
		ssize_t n;

		for (int i = 0; i < 2; i++)
			iov[i] = (struct iovec) { (void *)client->parts[i].p,
						  client->parts[i].n };
		n = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno != EAGAIN;
		for (int i = 0; i < 2; i++) {
			size_t cut = (size_t)n < client->parts[i].n
					     ? (size_t)n
					     : client->parts[i].n;

			client->parts[i].p += cut;
			client->parts[i].n -= cut;
			n -= (ssize_t)cut;
		}
	}
	return true;
}

/* One header line; those that do not say where the answer ends are skipped. */
static bool read_header(struct tb_client *client, struct tb_str line)
{
	struct tb_str value = line;
	struct tb_str name = tb_str_cut(&value, ':');
	uint64_t length;

	value = tb_str_trim(value);
	if (tb_str_eq_nocase(name, TB_STR("content-length"))) {
		if (tb_str_to_u64(value, &length) != TB_OK ||
		    (client->take == NULL && length > TB_CLIENT_ANSWER_MAX))
			return false;
		client->body_bytes = length;
	} else if (tb_str_eq_nocase(name, TB_STR("transfer-encoding"))) {
		client->chunked = true;
	} else if (tb_str_eq_nocase(name, TB_STR("connection"))) {
		client->closing = tb_str_eq_nocase(value, TB_STR("close"));
	}
	return true;
}

static struct tb_str cut_line(struct tb_str *rest)
{
	struct tb_str line = tb_str_cut(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Reads status and headers once they are all there. */
static bool read_head(struct tb_client *client)
{
	struct tb_str in = tb_buf_str(&client->in);
	const char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	struct tb_str rest;
	struct tb_str line;
	uint64_t status;

	if (end == NULL)
		return true;
	client->head_bytes = (size_t)(end - in.p) + 4;
	client->chunk_at = client->head_bytes;
	rest = tb_str(in.p, client->head_bytes - 2);
	line = cut_line(&rest);
	if (!tb_str_starts(line, TB_STR("HTTP/1.1 ")) || line.n < 12 ||
	    tb_str_to_u64(tb_str(line.p + 9, 3), &status) != TB_OK)
		return false;
	client->status = (unsigned)status;
	while (rest.n > 0)
		if (!read_header(client, cut_line(&rest)))
			return false;
	/* It has no body, whatever its headers say (RFC 9110, 15.4.5). */
	if (client->status == HTTP_NOT_MODIFIED) {
		client->body_bytes = 0;
		client->chunked = false;
	}
	client->left_bytes = client->chunked ? 0 : client->body_bytes;
	return true;
}

/* Joins the chunks that are there: moves each down behind the ones before.
 * DONE after the last one. */
static enum tb_client_state join_chunks(struct tb_client *client)
{
	for (;;) {
		char *at = client->in.p + client->chunk_at;
		size_t left = client->in.n - client->chunk_at;
		char *eol = left ? memchr(at, '\n', left) : NULL;
		size_t line;
		unsigned long size;

		if (eol == NULL)
			return left > CHUNK_LINE_MAX ? TB_CLIENT_FAILED
						     : TB_CLIENT_WAITING;
		line = (size_t)(eol - at) + 1;
		size = strtoul(at, NULL, 16);
		if (size > TB_CLIENT_ANSWER_MAX)
			return TB_CLIENT_FAILED;
		if (left < line + size + 2)
			return TB_CLIENT_WAITING;
		if (size == 0)
			return TB_CLIENT_DONE;
		memmove(client->in.p + client->head_bytes + client->body_bytes,
			eol + 1, size);
		client->body_bytes += size;
		client->chunk_at += line + size + 2;
	}
}

/* Reads lines up to the size of the next chunk. DONE behind the last one. */
static enum tb_client_state next_chunk(struct tb_client *client,
				       struct tb_str *rest)
{
	while (rest->n > 0) {
		const char *eol = memchr(rest->p, '\n', rest->n);
		bool is_empty = rest->p[0] == '\r' || rest->p[0] == '\n';
		struct tb_str line;

		if (eol == NULL)
			return rest->n > CHUNK_LINE_MAX ? TB_CLIENT_FAILED
							: TB_CLIENT_WAITING;
		if (is_empty && client->is_last_chunk)
			return TB_CLIENT_DONE;
		line = tb_str_cut(rest, '\n');
		if (is_empty) /* the end of the chunk before */
			continue;
		client->left_bytes = strtoull(line.p, NULL, 16);
		if (client->left_bytes > 0)
			return TB_CLIENT_WAITING;
		client->is_last_chunk = true;
	}
	return TB_CLIENT_WAITING;
}

static void hand_on(struct tb_client *client, struct tb_str *rest)
{
	size_t n = client->left_bytes < rest->n ? client->left_bytes : rest->n;

	if (n > 0)
		client->take(client->take_ctx, tb_str(rest->p, n));
	client->left_bytes -= n;
	*rest = tb_str(rest->p + n, rest->n - n);
}

/* Hands on what is there of the body. Of it only a torn line is kept, behind
 * the head. */
static enum tb_client_state pass_on(struct tb_client *client)
{
	enum tb_client_state state = TB_CLIENT_WAITING;
	struct tb_str rest = tb_str(client->in.p + client->chunk_at,
				    client->in.n - client->chunk_at);

	do {
		hand_on(client, &rest);
		if (client->left_bytes == 0)
			state = client->chunked ? next_chunk(client, &rest)
						: TB_CLIENT_DONE;
	} while (state == TB_CLIENT_WAITING && client->left_bytes > 0 &&
		 rest.n > 0);
	client->in.n = client->head_bytes + rest.n;
	client->chunk_at = client->head_bytes;
	memmove(client->in.p + client->head_bytes, rest.p, rest.n);
	return state;
}

static enum tb_client_state look(struct tb_client *client)
{
	if (client->head_bytes == 0 && !read_head(client))
		return TB_CLIENT_FAILED;
	if (client->head_bytes == 0)
		return TB_CLIENT_WAITING;
	if (client->take != NULL)
		return pass_on(client);
	if (client->chunked)
		return join_chunks(client);
	return client->in.n >= client->head_bytes + client->body_bytes
		       ? TB_CLIENT_DONE
		       : TB_CLIENT_WAITING;
}

static enum tb_client_state receive(struct tb_client *client)
{
	size_t room = client->take != NULL ? PIECE_BYTES : READ_MIN_BYTES;

	for (;;) {
		char *to = tb_buf_reserve(&client->in, room);
		enum tb_client_state state;
		ssize_t n;

		if (to == NULL)
			return TB_CLIENT_FAILED;
		n = recv(client->fd, to, client->in.cap - client->in.n,
			 MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return TB_CLIENT_WAITING;
		if (n <= 0)
			return TB_CLIENT_FAILED;
		client->in.n += (size_t)n;
		client->received_bytes += (uint64_t)n;
		state = look(client);
		if (state != TB_CLIENT_WAITING)
			return state;
	}
}

enum tb_client_state tb_client_step(struct tb_client *client)
{
	if (!send_parts(client))
		return TB_CLIENT_SENDING;
	return receive(client);
}
