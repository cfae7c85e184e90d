#include "jobs/connectors/window.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

#define BLOCK_BYTES ((size_t)512 << 10)

void tb_window_init(struct tb_window *window, int fd, uint64_t offset,
		    size_t max)
{
	*window = (struct tb_window) { .fd = fd, .offset = offset, .max = max };
}

void tb_window_fini(struct tb_window *window)
{
	tb_free(window->bytes);
	window->bytes = NULL;
}

/* Room behind the end: what was taken goes, and if that is not much, the window
 * grows. */
static enum tb_err make_room(struct tb_window *window)
{
	size_t n = window->end - window->begin;
	size_t cap = window->cap < BLOCK_BYTES ? BLOCK_BYTES : window->cap;
	char *bytes;

	if (n == window->max)
		return TB_ERR_TOO_LARGE;
	if (n > 0)
		memmove(window->bytes, window->bytes + window->begin, n);
	window->begin = 0;
	window->end = n;
	if (n > cap / 2)
		cap *= 2;
	if (cap > window->max)
		cap = window->max;
	if (cap <= window->cap)
		return TB_OK;
	bytes = tb_realloc(window->bytes, cap);
	if (bytes == NULL)
		return TB_ERR_NOMEM;
	window->bytes = bytes;
	window->cap = cap;
	return TB_OK;
}

enum tb_err tb_window_fill(struct tb_window *window)
{
	enum tb_err err = make_room(window);
	ssize_t n;

	if (err != TB_OK)
		return err;
	do
		n = pread(window->fd, window->bytes + window->end,
			  window->cap - window->end,
			  (off_t)(window->offset + window->end));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return TB_ERR_IO;
	window->at_end = n == 0;
	window->end += (size_t)n;
	return TB_OK;
}

void tb_window_take(struct tb_window *window, size_t n)
{
	TB_ASSERT(n <= window->end - window->begin);
	window->begin += n;
	window->offset += n;
}

void tb_window_seek(struct tb_window *window, uint64_t offset)
{
	window->begin = 0;
	window->end = 0;
	window->offset = offset;
	window->at_end = false;
}
