#include "http/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

/* The pool is charged in steps, so that an append seldom touches what all
 * threads share. */
#define CHARGE_BYTES ((uint64_t)64 << 10)

void tb_spool_pool_init(struct tb_spool_pool *pool, const char *folder,
			uint64_t max_bytes)
{
	*pool = (struct tb_spool_pool) { .folder = folder };
	tb_budget_init(&pool->budget, max_bytes);
	tb_spool_pool_divide(pool, max_bytes);
}

void tb_spool_pool_divide(struct tb_spool_pool *pool, uint64_t share_max_bytes)
{
	for (size_t i = 0; i < TB_SPOOL_SHARES; i++)
		tb_budget_init(&pool->shares[i], share_max_bytes);
}

/* --- files ---------------------------------------------------------------*/

static enum tb_err err_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return TB_ERR_FULL;
	case ENOMEM:
		return TB_ERR_NOMEM;
	case EMFILE:
	case ENFILE:
		return TB_ERR_BUSY;
	default:
		return TB_ERR_IO;
	}
}

/* Where the file system has no files without a name, it gets one that is
 * taken away at once. */
static int open_named(const char *folder)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/spool-XXXXXX", folder);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static enum tb_err open_file(struct tb_spill *spill)
{
	const struct tb_spool_pool *pool = spill->pool;
	int fd = -1;

	if (!pool->avoids_tmpfile)
		fd = open(pool->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* EISDIR is what says so of a kernel that does not know the flag. */
	if (pool->avoids_tmpfile ||
	    (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)))
		fd = open_named(pool->folder);
	if (fd < 0)
		return err_of(errno);
	spill->fd = fd;
	return TB_OK;
}

static enum tb_err write_all(struct tb_spill *spill, struct tb_str s)
{
	while (s.n > 0) {
		ssize_t n =
			pwrite(spill->fd, s.p, s.n, (off_t)spill->file_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_of(errno) : TB_ERR_IO;
		spill->file_bytes += (uint64_t)n;
		s = tb_str(s.p + n, s.n - (size_t)n);
	}
	return TB_OK;
}

/* `flags` as of preadv2. BUSY: with RWF_NOWAIT it would have to wait, or cannot
 * say. */
static enum tb_err read_all(const struct tb_spill *spill, uint64_t offset,
			    char *to, size_t n, int flags)
{
	while (n > 0) {
		struct iovec rest = { .iov_base = to, .iov_len = n };
		ssize_t got =
			preadv2(spill->fd, &rest, 1, (off_t)offset, flags);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 && flags)
			return TB_ERR_BUSY;
		if (got <= 0)
			return TB_ERR_IO;
		offset += (uint64_t)got;
		to += got;
		n -= (size_t)got;
	}
	return TB_OK;
}

/* --- appending -----------------------------------------------------------*/

void tb_spill_init(struct tb_spill *spill, struct tb_spool_pool *pool,
		   size_t memory_bytes)
{
	*spill = (struct tb_spill) {
		.pool = pool,
		.memory_bytes = memory_bytes,
		.fd = -1,
	};
	tb_buf_init(&spill->buf, memory_bytes);
}

void tb_spill_set_owner(struct tb_spill *spill, uint64_t owner)
{
	uint64_t hash = owner * 0x9e3779b97f4a7c15u >> 32;

	TB_ASSERT(spill->charged_bytes == 0);
	spill->share = &spill->pool->shares[hash % TB_SPOOL_SHARES];
}

static bool take(struct tb_spill *spill, uint64_t bytes)
{
	if (spill->share && !tb_budget_take(spill->share, bytes))
		return false;
	if (tb_budget_take(&spill->pool->budget, bytes))
		return true;
	if (spill->share)
		tb_budget_give(spill->share, bytes);
	return false;
}

static void give_all(struct tb_spill *spill)
{
	tb_budget_give(&spill->pool->budget, spill->charged_bytes);
	if (spill->share)
		tb_budget_give(spill->share, spill->charged_bytes);
	spill->charged_bytes = 0;
}

void tb_spill_fini(struct tb_spill *spill)
{
	struct tb_budget *share = spill->share;

	tb_spill_release(spill);
	if (spill->fd >= 0)
		close(spill->fd);
	tb_buf_fini(&spill->buf);
	give_all(spill);
	tb_spill_init(spill, spill->pool, spill->memory_bytes);
	spill->share = share;
}

static enum tb_err charge(struct tb_spill *spill, uint64_t bytes)
{
	uint64_t more_bytes;

	if (bytes <= spill->charged_bytes)
		return TB_OK;
	more_bytes = bytes - spill->charged_bytes + CHARGE_BYTES - 1;
	more_bytes -= more_bytes % CHARGE_BYTES;
	if (!take(spill, more_bytes))
		return TB_ERR_BUSY;
	spill->charged_bytes += more_bytes;
	return TB_OK;
}

static enum tb_err flush(struct tb_spill *spill)
{
	enum tb_err err = spill->fd < 0 ? open_file(spill) : TB_OK;

	if (!err)
		err = write_all(spill, tb_buf_str(&spill->buf));
	if (!err)
		tb_buf_reset(&spill->buf);
	return err;
}

enum tb_err tb_spill_append(struct tb_spill *spill, struct tb_str s)
{
	enum tb_err err = charge(spill, tb_spill_bytes(spill) + s.n);

	if (!err && s.n > spill->memory_bytes - spill->buf.n)
		err = flush(spill);
	if (err)
		return err;
	if (s.n > spill->memory_bytes)
		return write_all(spill, s);
	tb_buf_append_str(&spill->buf, s);
	return tb_buf_err(&spill->buf);
}

static enum tb_err read_both(const struct tb_spill *spill, uint64_t offset,
			     char *to, size_t n, int flags)
{
	size_t part = 0;

	TB_ASSERT(offset <= tb_spill_bytes(spill) &&
		  n <= tb_spill_bytes(spill) - offset);
	if (offset < spill->file_bytes) {
		uint64_t left = spill->file_bytes - offset;
		enum tb_err err;

		part = n < left ? n : (size_t)left;
		err = read_all(spill, offset, to, part, flags);
		if (err)
			return err;
	}
	if (n > part)
		memcpy(to + part,
		       spill->buf.p + (offset + part - spill->file_bytes),
		       n - part);
	return TB_OK;
}

enum tb_err tb_spill_read(const struct tb_spill *spill, uint64_t offset,
			  char *to, size_t n)
{
	return read_both(spill, offset, to, n, 0);
}

enum tb_err tb_spill_read_at_hand(const struct tb_spill *spill, uint64_t offset,
				  char *to, size_t n)
{
	return read_both(spill, offset, to, n, RWF_NOWAIT);
}

enum tb_err tb_spill_settle(struct tb_spill *spill)
{
	enum tb_err err = TB_OK;

	if (spill->fd < 0)
		return TB_OK;
	err = flush(spill);
	if (!err)
		tb_buf_fini(&spill->buf);
	return err;
}

/* --- holding -------------------------------------------------------------*/

static enum tb_err hold_memory(struct tb_spill *spill, size_t room_bytes,
			       char **ret)
{
	char *behind;

	spill->buf.max = spill->buf.n + room_bytes;
	behind = tb_buf_reserve(&spill->buf, room_bytes);
	if (!behind)
		return tb_buf_err(&spill->buf);
	*ret = spill->buf.p;
	return TB_OK;
}

/* The disk has to have the room before it is written to: what a mapping cannot
 * write ends the process. */
static enum tb_err hold_file(struct tb_spill *spill, size_t room_bytes,
			     char **ret)
{
	size_t bytes = (size_t)spill->file_bytes + room_bytes;
	void *map;
	int error;

	do {
		error = posix_fallocate(spill->fd, 0, (off_t)bytes);
	} while (error == EINTR);
	if (error)
		return err_of(error);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, spill->fd,
		   0);
	if (map == MAP_FAILED)
		return err_of(errno);
	spill->map = map;
	spill->map_bytes = bytes;
	*ret = map;
	return TB_OK;
}

enum tb_err tb_spill_hold(struct tb_spill *spill, size_t room_bytes, char **ret)
{
	enum tb_err err = charge(spill, tb_spill_bytes(spill) + room_bytes);

	TB_ASSERT(!spill->map);
	if (!err)
		err = tb_spill_settle(spill);
	if (err)
		return err;
	return spill->fd < 0 ? hold_memory(spill, room_bytes, ret)
			     : hold_file(spill, room_bytes, ret);
}

void tb_spill_release(struct tb_spill *spill)
{
	if (spill->map)
		munmap(spill->map, spill->map_bytes);
	spill->map = NULL;
}
