#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define TEXT 0x1
#define CLOSE 0x8
#define FIN 0x80
#define MASKED 0x80
#define LENGTH 0x7f
#define LENGTH_16 126
#define HEAD_MAX 8
#define LOOPBACK 0x7f000000
#define READ_BYTES ((size_t)64 << 10)

/* Not zero, which a server could tell from others, and be quicker. */
static const uint8_t mask[] = { 0x5a, 0xa5, 0x3c, 0xc3 };

/* ---- connecting ---- */

void tb_websocket_connect(struct tb_websocket *ws,
			  const struct sockaddr_in *server, uint8_t source)
{
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(LOOPBACK | source) },
	};
	int on = 1;

	*ws = (struct tb_websocket) { .fd = -1 };
	ws->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ws->fd < 0)
		tb_bench_die("no descriptor: raise the limit of open files");
	setsockopt(ws->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(ws->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		   sizeof(on));
	if (bind(ws->fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		tb_bench_die("bind");
	if (connect(ws->fd, (const struct sockaddr *)server, sizeof(*server)) <
		    0 &&
	    errno != EINPROGRESS)
		tb_bench_die("cannot connect");
}

static void send_bytes(const struct tb_websocket *ws, const void *p, size_t n)
{
	if (send(ws->fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		tb_bench_die("what was sent was not taken");
}

void tb_websocket_upgrade(struct tb_websocket *ws, const char *path)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "GET %s HTTP/1.1\r\n"
			 "Host: 127.0.0.1\r\n"
			 "Connection: Upgrade\r\n"
			 "Upgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			 "\r\n",
			 path);

	if (n < 0 || (size_t)n >= sizeof(text))
		tb_bench_die("the path is too long");
	send_bytes(ws, text, (size_t)n);
	ws->step = TB_WEBSOCKET_UPGRADING;
}

void tb_websocket_skip_upgrade(struct tb_websocket *ws)
{
	ws->step = TB_WEBSOCKET_OPEN;
}

/* ---- sending ---- */

static size_t put_head(char *to, uint8_t opcode, uint8_t bit, size_t n)
{
	to[0] = (char)(FIN | opcode);
	if (n < LENGTH_16) {
		to[1] = (char)(bit | n);
		return 2;
	}
	to[1] = (char)(bit | LENGTH_16);
	to[2] = (char)(n >> 8);
	to[3] = (char)n;
	return 4;
}

static void send_masked(struct tb_websocket *ws, uint8_t opcode,
			struct tb_str text)
{
	char frame[HEAD_MAX + TB_WEBSOCKET_MESSAGE_MAX];
	size_t n;

	if (text.n > TB_WEBSOCKET_MESSAGE_MAX)
		tb_bench_die("a message is too long");
	n = put_head(frame, opcode, MASKED, text.n);
	memcpy(frame + n, mask, sizeof(mask));
	n += sizeof(mask);
	for (size_t i = 0; i < text.n; i++)
		frame[n++] = (char)(text.p[i] ^ mask[i % sizeof(mask)]);
	send_bytes(ws, frame, n);
}

void tb_websocket_send(struct tb_websocket *ws, struct tb_str text)
{
	send_masked(ws, TEXT, text);
}

void tb_websocket_send_close(struct tb_websocket *ws)
{
	send_masked(ws, CLOSE, TB_STR(""));
}

void tb_websocket_send_unmasked(struct tb_websocket *ws, struct tb_str text)
{
	char frame[HEAD_MAX + TB_WEBSOCKET_MESSAGE_MAX];
	size_t n;

	if (text.n > TB_WEBSOCKET_MESSAGE_MAX)
		tb_bench_die("a message is too long");
	n = put_head(frame, TEXT, 0, text.n);
	memcpy(frame + n, text.p, text.n);
	send_bytes(ws, frame, n + text.n);
}

/* ---- reading ---- */

/* The bytes of the answer's head, 0 while it is not all there. */
static size_t take_upgrade(struct tb_websocket *ws, struct tb_str in)
{
	static const char begin[] = "HTTP/1.1 101", end[] = "\r\n\r\n";
	const char *at = memmem(in.p, in.n, end, sizeof(end) - 1);

	if (at == NULL)
		return 0;
	if (in.n < sizeof(begin) - 1 ||
	    memcmp(in.p, begin, sizeof(begin) - 1) != 0)
		tb_bench_die("the upgrade was refused");
	ws->step = TB_WEBSOCKET_OPEN;
	return (size_t)(at - in.p) + sizeof(end) - 1;
}

/* The bytes of the first frame, 0 while it is not all there; its text. */
static size_t take_frame(struct tb_str in, struct tb_str *ret_text)
{
	const uint8_t *p = (const uint8_t *)in.p;
	size_t head = 2, n;

	if (in.n < 2)
		return 0;
	n = p[1] & LENGTH;
	if (n == LENGTH_16) {
		head = 4;
		if (in.n < head)
			return 0;
		n = (size_t)p[2] << 8 | p[3];
	}
	if (n > TB_WEBSOCKET_MESSAGE_MAX - HEAD_MAX || p[1] & MASKED)
		tb_bench_die("a frame is too long, or masked");
	if (in.n < head + n)
		return 0;
	/* A close frame tells nothing: the connection's end does. */
	*ret_text = p[0] == (FIN | TEXT) ? tb_str(in.p + head, n) : TB_STR_NONE;
	return head + n;
}

static size_t take_first(struct tb_websocket *ws, struct tb_str in,
			 struct tb_str *ret_text)
{
	*ret_text = TB_STR("");
	return ws->step == TB_WEBSOCKET_OPEN ? take_frame(in, ret_text)
					     : take_upgrade(ws, in);
}

static void keep(struct tb_websocket *ws, struct tb_str rest)
{
	if (rest.n > sizeof(ws->held))
		tb_bench_die("an answer is too long");
	memcpy(ws->held, rest.p, rest.n);
	ws->n_held = rest.n;
}

bool tb_websocket_read(struct tb_websocket *ws, tb_websocket_take_fn *take,
		       void *ctx)
{
	static char bytes[TB_WEBSOCKET_MESSAGE_MAX + READ_BYTES];
	struct tb_str in, text;
	ssize_t got = recv(ws->fd, bytes + ws->n_held, READ_BYTES, 0);
	size_t n;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	memcpy(bytes, ws->held, ws->n_held);
	in = tb_str(bytes, ws->n_held + (size_t)got);
	while ((n = take_first(ws, in, &text)) > 0) {
		in = tb_str(in.p + n, in.n - n);
		if (text.p != NULL)
			take(ctx, ws, text);
	}
	keep(ws, in);
	return true;
}

void tb_websocket_drop(struct tb_websocket *ws)
{
	close(ws->fd);
	ws->fd = -1;
}
