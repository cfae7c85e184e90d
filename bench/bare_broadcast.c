/*
 * The bare broadcast: what the kernel costs by itself. Accepts connections on
 * one thread, and sends what one of them sends to all, by a call each, as it
 * is; until SIGTERM. Who was accepted is told so by a frame.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "options.h"

#define EVENTS 256
#define CLIENTS_MAX 20000
#define BACKLOG 1024
#define BYTES_MAX 4096

static const char greeting[] = "\x81\x02"
			       "40";

struct bare_broadcast_options {
	uint64_t port; /* on 127.0.0.1 */
};

static const struct tb_bench_option rows[] = {
	TB_OPTION(struct bare_broadcast_options, port, NUMBER),
};

struct bare {
	int listening;
	int epoll;
	int clients[CLIENTS_MAX];
	size_t n;
};

static void watch(const struct bare *bare, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(bare->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		tb_bench_die("epoll_ctl");
}

static void start(struct bare *bare, uint64_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int on = 1;

	bare->epoll = epoll_create1(EPOLL_CLOEXEC);
	bare->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(bare->listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(bare->listening, (const struct sockaddr *)&address,
		 sizeof(address)) < 0 ||
	    listen(bare->listening, BACKLOG) < 0)
		tb_bench_die("bind");
	watch(bare, bare->listening);
}

static void send_bytes(int fd, const char *bytes, size_t n)
{
	if (send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		tb_bench_die("a client does not read");
}

static void take_client(struct bare *bare)
{
	int on = 1;
	int fd = accept4(bare->listening, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (bare->n == CLIENTS_MAX)
		tb_bench_die("too many clients");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bare->clients[bare->n++] = fd;
	watch(bare, fd);
	send_bytes(fd, greeting, sizeof(greeting) - 1);
}

static void drop_client(struct bare *bare, int fd)
{
	for (size_t i = 0; i < bare->n; i++) {
		if (bare->clients[i] == fd)
			bare->clients[i] = bare->clients[--bare->n];
	}
	close(fd);
}

static void take_bytes(struct bare *bare, int from)
{
	char bytes[BYTES_MAX];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);

	if (n <= 0) {
		drop_client(bare, from);
		return;
	}
	for (size_t i = 0; i < bare->n; i++)
		send_bytes(bare->clients[i], bytes, (size_t)n);
}

int main(int argc, char **argv)
{
	struct bare_broadcast_options options = { 0 };
	static struct bare bare;
	struct rlimit files;

	tb_options_parse(argc, argv, rows, TB_ARRAY_LEN(rows), &options);
	if (options.port == 0 || options.port > UINT16_MAX)
		tb_bench_die("--port was expected");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	start(&bare, options.port);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(bare.epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == bare.listening)
				take_client(&bare);
			else
				take_bytes(&bare, events[i].data.fd);
		}
	}
}
