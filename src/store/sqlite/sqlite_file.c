#include "store/sqlite/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/sqlite/sqlite_conn.h"
#include "store/sqlite/sqlite_schema.h"

/* The file while it has no schema yet; what has this name when nobody holds
 * the folder's lock was left by a process that did not come to its end. */
#define UNFINISHED TB_SQLITE_FILE ".new"
#define UNFINISHED_JOURNAL UNFINISHED "-journal"

#define LOCK_POLL_MS 2

/* docs/adr/0003-sqlite-settings.md says why this page size. */
static const char settings_new[] = "PRAGMA synchronous = FULL;"
				   "PRAGMA page_size = 4096;"
				   "PRAGMA application_id = 0x546d624f;";

/* The file format's header (https://www.sqlite.org/fileformat.html, 1.3). */
#define HEADER_SIZE 100
#define HEADER_MAGIC "SQLite format 3"
#define HEADER_USER_VERSION 60
#define HEADER_APPLICATION_ID 68

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

enum tb_err tb_sqlite_file_probe(sqlite3 *db, size_t n)
{
	uint8_t header[HEADER_SIZE];
	sqlite3_file *file;
	sqlite3_int64 size;
	int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER,
				      &file);

	/* Read through SQLite's own handle: to open and close the file beside
	 * it would drop the locks that this process has on it. */
	if (rc == SQLITE_OK)
		rc = file->pMethods->xFileSize(file, &size);
	if (rc != SQLITE_OK)
		return tb_sqlite_open_err(db, rc);
	if (size == 0)
		return TB_ERR_NOT_FOUND;
	if (size < HEADER_SIZE)
		return TB_ERR_CORRUPT;
	rc = file->pMethods->xRead(file, header, HEADER_SIZE, 0);
	if (rc != SQLITE_OK)
		return tb_sqlite_open_err(db, rc);
	if (memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0 ||
	    be32(header + HEADER_APPLICATION_ID) != TB_SQLITE_APPLICATION_ID)
		return TB_ERR_CORRUPT;
	return be32(header + HEADER_USER_VERSION) > n ? TB_ERR_NEWER : TB_OK;
}

char *tb_sqlite_file_path(const char *folder, const char *name)
{
	size_t size = strlen(folder) + 1 + strlen(name) + 1;
	char *path = tb_malloc(size);

	if (path)
		snprintf(path, size, "%s/%s", folder, name);
	return path;
}

static enum tb_err errno_err(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return TB_ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return TB_ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
		return TB_ERR_FULL;
	default:
		return TB_ERR_IO;
	}
}

/* The schema is written with a rollback journal, so that all of it is in the
 * file itself when that gets its name. */
static enum tb_err fill_file(const char *path)
{
	struct tb_sqlite_conn *conn;
	enum tb_err err = tb_sqlite_conn_open(path, 0, &conn);

	if (err != TB_OK)
		return err;
	err = tb_sqlite_exec(conn->db, settings_new);
	if (err == TB_OK)
		err = tb_sqlite_migrate(conn->db, tb_sqlite_steps,
					tb_sqlite_steps_n);
	if (err == TB_OK)
		err = tb_sqlite_exec(conn->db, "PRAGMA journal_mode = WAL");
	tb_sqlite_conn_close(conn);
	return err;
}

static enum tb_err remove_unfinished(int folder_fd)
{
	static const char *const names[] = { UNFINISHED, UNFINISHED_JOURNAL };

	for (size_t i = 0; i < 2; i++)
		if (unlinkat(folder_fd, names[i], 0) < 0 && errno != ENOENT)
			return errno_err();
	return TB_OK;
}

static enum tb_err make_file(int folder_fd, const char *path)
{
	enum tb_err err = remove_unfinished(folder_fd);
	int fd;

	if (err != TB_OK)
		return err;
	/* SQLite gives the files beside it the same mode. */
	fd = openat(folder_fd, UNFINISHED,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno_err();
	close(fd);
	err = fill_file(path);
	if (err == TB_OK &&
	    (renameat(folder_fd, UNFINISHED, folder_fd, TB_SQLITE_FILE) < 0 ||
	     fsync(folder_fd) < 0))
		err = errno_err();
	return err;
}

/* One process at a time makes the file; the kernel gives the lock back when
 * the process ends, however it ends. */
static enum tb_err lock_folder(int folder_fd, uint32_t timeout_ms)
{
	struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };

	for (uint32_t waited_ms = 0;; waited_ms += LOCK_POLL_MS) {
		if (flock(folder_fd, LOCK_EX | LOCK_NB) == 0)
			return TB_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return errno_err();
		if (waited_ms >= timeout_ms)
			return TB_ERR_BUSY;
		nanosleep(&pause, NULL);
	}
}

static bool has_file(int folder_fd)
{
	struct stat st;

	return fstatat(folder_fd, TB_SQLITE_FILE, &st, 0) == 0 &&
	       st.st_size > 0;
}

/* The folder's own name must last, too. */
static enum tb_err sync_parent(int folder_fd)
{
	enum tb_err err = TB_OK;
	int fd = openat(folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		err = errno_err();
	if (fd >= 0)
		close(fd);
	return err;
}

enum tb_err tb_sqlite_file_make(const char *folder, uint32_t busy_timeout_ms)
{
	bool is_new = mkdir(folder, 0700) == 0;
	enum tb_err err = TB_ERR_NOMEM;
	char *path;
	int fd;

	if (!is_new && errno != EEXIST)
		return errno_err();
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno_err();
	path = tb_sqlite_file_path(folder, UNFINISHED);
	if (path)
		err = lock_folder(fd, busy_timeout_ms);
	if (err == TB_OK && !has_file(fd))
		err = make_file(fd, path);
	if (err == TB_OK && is_new)
		err = sync_parent(fd);
	tb_free(path);
	close(fd);
	return err;
}
