/*
 * A window over a file that is read from front to back: what was read and not
 * yet taken, in one piece of memory with a ceiling. Used by one thread.
 */
#ifndef TB_JOBS_CONNECTORS_WINDOW_H
#define TB_JOBS_CONNECTORS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Embedded by its owner. */
struct tb_window {
	int fd; /* borrowed */
	char *bytes;
	size_t cap;
	size_t max;
	size_t begin; /* of what is not yet taken, in `bytes` */
	size_t end;
	uint64_t offset; /* of `begin`, in the file */
	bool at_end;     /* the file had no more */
};

/* Allocates nothing yet. `max`: no more than that is ever not yet taken. */
void tb_window_init(struct tb_window *window, int fd, uint64_t offset,
		    size_t max);
void tb_window_fini(struct tb_window *window); /* takes a zeroed one */

/* What was read and not yet taken; borrowed until the next call. */
static inline struct tb_str tb_window_text(const struct tb_window *window)
{
	if (window->bytes == NULL)
		return TB_STR("");
	return tb_str(window->bytes + window->begin,
		      window->end - window->begin);
}
/* Reads on; OK also at the file's end. TOO_LARGE: the window is full. IO (errno
 * says why), NOMEM. */
enum tb_err tb_window_fill(struct tb_window *window) tb_must_check;
/* Takes the first `n` bytes. */
void tb_window_take(struct tb_window *window, size_t n);
/* Goes to another place of the file. */
void tb_window_seek(struct tb_window *window, uint64_t offset);

#endif
