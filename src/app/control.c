#include "app/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

#define SOCKET_NAME "control.sock"
#define LOOK_INTERVAL_MS 250
#define ANSWER_TIMEOUT_S 2

static const char request[] = "refresh";
static const char answer[] = "done";

struct tb_control {
	int folder; /* the folder of the data, opened as a path */
	int fd;
	int stop; /* an eventfd */
	pthread_t thread;
	tb_control_refresh_fn *refresh;
	void *ctx;
};

/* The socket's address by way of the opened folder, because the folder's own
 * path may be longer than an address may be. */
static void make_address(int folder, struct sockaddr_un *ret)
{
	int n;

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	n = snprintf(ret->sun_path, sizeof(ret->sun_path),
		     "/proc/self/fd/%d/" SOCKET_NAME, folder);
	TB_ASSERT(n > 0 && (size_t)n < sizeof(ret->sun_path));
}

/* Takes one request, looks, answers. Whoever could open the socket may ask:
 * it is in a folder of the owner's alone. */
static void serve_one(struct tb_control *control)
{
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	char text[sizeof(request)];
	ssize_t n = recvfrom(control->fd, text, sizeof(text), 0,
			     (struct sockaddr *)&from, &len);

	if (n != sizeof(request) || memcmp(text, request, sizeof(request)) != 0)
		return;
	control->refresh(control->ctx, true);
	/* A command that does not wait any more is none of our business. */
	(void)sendto(control->fd, answer, sizeof(answer), MSG_DONTWAIT,
		     (struct sockaddr *)&from, len);
}

static void *run(void *arg)
{
	struct tb_control *control = arg;
	struct pollfd fds[] = {
		{ .fd = control->fd, .events = POLLIN },
		{ .fd = control->stop, .events = POLLIN },
	};
	int n;

	for (;;) {
		n = poll(fds, TB_ARRAY_LEN(fds), LOOK_INTERVAL_MS);
		if (n < 0 && errno != EINTR)
			return NULL;
		if (n == 0)
			control->refresh(control->ctx, false);
		if (n > 0 && fds[1].revents)
			return NULL;
		if (n > 0 && fds[0].revents)
			serve_one(control);
	}
}

static enum tb_err open_socket(struct tb_control *control)
{
	struct sockaddr_un address;

	make_address(control->folder, &address);
	control->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control->fd < 0)
		return TB_ERR_IO;
	/* One that is there was left by a server that was killed: the lock
	 * says that no other runs. */
	if (unlinkat(control->folder, SOCKET_NAME, 0) && errno != ENOENT)
		return TB_ERR_IO;
	if (bind(control->fd, (struct sockaddr *)&address, sizeof(address)) ||
	    fchmodat(control->folder, SOCKET_NAME, 0600, 0))
		return TB_ERR_IO;
	control->stop = eventfd(0, EFD_CLOEXEC);
	return control->stop < 0 ? TB_ERR_IO : TB_OK;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void destroy(struct tb_control *control)
{
	close_fd(control->stop);
	close_fd(control->fd);
	close_fd(control->folder);
	tb_free(control);
}

enum tb_err tb_control_start(const char *data, tb_control_refresh_fn *refresh,
			     void *ctx, struct tb_control **ret)
{
	struct tb_control *control = tb_calloc(1, sizeof(*control));
	enum tb_err err = TB_ERR_IO;

	if (!control)
		return TB_ERR_NOMEM;
	control->refresh = refresh;
	control->ctx = ctx;
	control->fd = -1;
	control->stop = -1;
	control->folder = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (control->folder >= 0)
		err = open_socket(control);
	if (!err && pthread_create(&control->thread, NULL, run, control))
		err = TB_ERR_NOMEM;
	if (err) {
		destroy(control);
		return err;
	}
	*ret = control;
	return TB_OK;
}

void tb_control_stop(struct tb_control *control)
{
	uint64_t one = 1;
	ssize_t n;

	if (!control)
		return;
	n = write(control->stop, &one, sizeof(one));
	TB_ASSERT(n == sizeof(one));
	pthread_join(control->thread, NULL);
	/* Gone already is as good. */
	(void)unlinkat(control->folder, SOCKET_NAME, 0);
	destroy(control);
}

/* Sends the request and waits for the answer. False: nobody answered. */
static bool ask(int fd, const struct sockaddr_un *server)
{
	/* An address with nothing in it lets the kernel choose one, to which
	 * the server can answer. */
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	char text[sizeof(answer)];

	if (bind(fd, (struct sockaddr *)&own, sizeof(own.sun_family)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)))
		return false;
	if (sendto(fd, request, sizeof(request), 0,
		   (const struct sockaddr *)server, sizeof(*server)) < 0)
		return false;
	return recv(fd, text, sizeof(text), 0) == sizeof(answer);
}

void tb_control_poke(const char *data)
{
	int folder = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un server;

	if (folder >= 0 && fd >= 0) {
		make_address(folder, &server);
		/* Nobody there, or too busy: it looks by itself soon. */
		(void)ask(fd, &server);
	}
	close_fd(fd);
	close_fd(folder);
}
