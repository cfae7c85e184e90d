#include "app/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"

#define CHUNK_BYTES 65536

enum tb_err tb_file_errno(void)
{
	switch (errno) {
	case ENOENT:
		return TB_ERR_NOT_FOUND;
	case EEXIST:
		return TB_ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return TB_ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
		return TB_ERR_FULL;
	case ENOTDIR:
	case EISDIR:
		return TB_ERR_INVALID;
	default:
		return TB_ERR_IO;
	}
}

static enum tb_err read_all(int fd, struct tb_buf *buf)
{
	ssize_t n = 1;
	char *p;

	while (n > 0) {
		p = tb_buf_reserve(buf, CHUNK_BYTES);
		if (!p)
			return tb_buf_err(buf);
		n = read(fd, p, CHUNK_BYTES);
		if (n < 0 && errno != EINTR)
			return tb_file_errno();
		if (n < 0)
			n = 1;
		else
			buf->n += (size_t)n;
	}
	return TB_OK;
}

enum tb_err tb_file_read(struct tb_arena *arena, const char *path, size_t max,
			 struct tb_str *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tb_buf buf;
	enum tb_err err;

	if (fd < 0)
		return tb_file_errno();
	tb_buf_init(&buf, max + CHUNK_BYTES);
	err = read_all(fd, &buf);
	close(fd);
	if (!err && buf.n > max)
		err = TB_ERR_TOO_LARGE;
	if (!err)
		err = tb_arena_strdup(arena, tb_buf_str(&buf), ret);
	tb_buf_fini(&buf);
	return err;
}

enum tb_err tb_file_create(const char *path, int *ret_fd)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return tb_file_errno();
	*ret_fd = fd;
	return TB_OK;
}

enum tb_err tb_file_write(int fd, struct tb_str text)
{
	ssize_t n;

	while (text.n > 0) {
		n = write(fd, text.p, text.n);
		if (n < 0 && errno != EINTR)
			return tb_file_errno();
		if (n > 0)
			text = tb_str(text.p + n, text.n - (size_t)n);
	}
	return TB_OK;
}
