#include "jobs/connectors/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/connectors/failure.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static bool is_name(struct tb_str name)
{
	return name.n > 0 && name.n <= NAME_MAX &&
	       !tb_str_eq(name, TB_STR(".")) &&
	       !tb_str_eq(name, TB_STR("..")) &&
	       memchr(name.p, '\0', name.n) == NULL;
}

bool tb_beneath_is_path(struct tb_str path)
{
	struct tb_str rest = path;

	do {
		if (!is_name(tb_str_cut(&rest, '/')))
			return false;
	} while (rest.p != NULL);
	return true;
}

enum tb_err tb_beneath_failed(struct tb_str path, struct tb_arena *arena,
			      struct tb_connector_failure *ret_failure)
{
	int number = errno;
	char plain[TB_FAILURE_PLAIN_MAX_BYTES + 1];
	const char *code = "file";
	enum tb_err err = TB_ERR_IO;

	switch (number) {
	case ENOENT:
		code = "file_missing";
		err = TB_ERR_NOT_FOUND;
		break;
	case ELOOP:
	case ENOTDIR:
	case EISDIR:
	case EACCES:
	case EPERM:
	case EROFS:
		code = "file_path";
		err = TB_ERR_DENIED;
		break;
	case ENOSPC:
	case EDQUOT:
		err = TB_ERR_FULL;
		break;
	case ENOMEM:
		err = TB_ERR_NOMEM;
		break;
	default:
		break;
	}
	return tb_failure_set(ret_failure, arena, err, code,
			      err != TB_ERR_NOT_FOUND && err != TB_ERR_DENIED,
			      "%s: %s", tb_failure_plain(path, plain),
			      strerror(number));
}

/* From one folder to the one of this name in it; the first one is closed. */
static int step(int folder, const char *name)
{
	int next = openat(folder, name, FOLDER_FLAGS | O_NOFOLLOW);
	int number = errno;

	close(folder);
	errno = number;
	return next;
}

enum tb_err tb_beneath_find(const struct tb_source *source, struct tb_str path,
			    struct tb_arena *arena, struct tb_beneath *ret,
			    struct tb_connector_failure *ret_failure)
{
	struct tb_str rest = path;
	struct tb_str name;
	enum tb_err err;
	int folder;

	if (!tb_beneath_is_path(path))
		return tb_failure_set(ret_failure, arena, TB_ERR_DENIED,
				      "file_path", false,
				      "the path leads out of the folder");
	folder = open(source->path, FOLDER_FLAGS);
	for (;;) {
		if (folder < 0)
			return tb_beneath_failed(path, arena, ret_failure);
		err = tb_arena_strdup(arena, tb_str_cut(&rest, '/'), &name);
		if (err != TB_OK) {
			close(folder);
			return tb_failure_of(ret_failure, err);
		}
		if (rest.p == NULL)
			break;
		folder = step(folder, name.p);
	}
	*ret = (struct tb_beneath) { folder, name.p };
	return TB_OK;
}

enum tb_err tb_beneath_open(const struct tb_source *source, struct tb_str path,
			    struct tb_arena *arena, int *ret_fd,
			    struct tb_connector_failure *ret_failure)
{
	struct tb_beneath place = { .folder = -1, .name = "" };
	struct stat st;
	enum tb_err err =
		tb_beneath_find(source, path, arena, &place, ret_failure);
	int number;
	int fd;

	if (err != TB_OK)
		return err;
	/* Not to wait for who writes into what turns out to be a pipe. */
	fd = openat(place.folder, place.name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	number = errno;
	close(place.folder);
	errno = number;
	if (fd < 0)
		return tb_beneath_failed(path, arena, ret_failure);
	if (fstat(fd, &st) != 0)
		err = tb_beneath_failed(path, arena, ret_failure);
	else if (!S_ISREG(st.st_mode))
		err = tb_failure_set(ret_failure, arena, TB_ERR_DENIED,
				     "file_path", false,
				     "it is no regular file");
	if (err != TB_OK) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return TB_OK;
}
