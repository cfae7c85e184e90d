#include "app/data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/file.h"
#include "kernel/store.h"
#include "kernel/system.h"

#define PATH_MAX_BYTES 4096
#define LOOK_MAX_BYTES (1024 * 1024)

enum tb_err tb_data_prepare(const char *path)
{
	char part[PATH_MAX_BYTES];
	size_t n = strlen(path);
	struct stat st;

	if (n == 0 || n >= sizeof(part))
		return TB_ERR_INVALID;
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return tb_file_errno();
		part[i] = path[i];
	}
	if (stat(path, &st))
		return tb_file_errno();
	return S_ISDIR(st.st_mode) ? TB_OK : TB_ERR_INVALID;
}

/* EMPTY or FOREIGN, by whether the folder holds anything. A server's lock and
 * socket may be there before its store is. */
static enum tb_err look_at_folder(const char *path, enum tb_data_state *ret)
{
	static const char *const ours[] = { ".", "..", "server.lock",
					    "control.sock" };
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool is_ours;

	if (!dir && errno != ENOENT)
		return tb_file_errno();
	*ret = TB_DATA_EMPTY;
	while (dir && *ret == TB_DATA_EMPTY && (entry = readdir(dir))) {
		is_ours = false;
		for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			is_ours |= strcmp(entry->d_name, ours[i]) == 0;
		if (!is_ours)
			*ret = TB_DATA_FOREIGN;
	}
	if (dir)
		closedir(dir);
	return TB_OK;
}

static enum tb_err look_at_store(struct tb_tx *tx, struct tb_arena *arena,
				 enum tb_data_state *ret)
{
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_key mark = {
		.org = TB_ORG_SYSTEM,
		.coll = TB_COLL_SETTING,
		.key = TB_STR(TB_DATA_DEMO_MARK),
	};
	struct tb_record *record;
	struct tb_org org;
	enum tb_err err = ops->find(tx, arena, &mark, 1, &record);

	if (err)
		return err;
	if (record) {
		*ret = TB_DATA_DEMO;
		return TB_OK;
	}
	err = ops->org_next(tx, TB_ORG_SYSTEM, &org);
	if (err && err != TB_ERR_NOT_FOUND)
		return err;
	*ret = err ? TB_DATA_EMPTY : TB_DATA_REAL;
	return TB_OK;
}

static enum tb_err look_in_transaction(struct tb_store *store,
				       enum tb_data_state *ret)
{
	struct tb_arena *arena = tb_arena_create(LOOK_MAX_BYTES);
	struct tb_tx *tx;
	enum tb_err err;

	if (!arena)
		return TB_ERR_NOMEM;
	err = store->ops->begin(store, TB_TX_READ, &tx);
	if (!err) {
		err = look_at_store(tx, arena, ret);
		store->ops->rollback(tx);
	}
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_data_look(const struct tb_config *config,
			 enum tb_data_state *ret)
{
	struct tb_store_options at = config->engine.at;
	const struct tb_store_ops *ops = config->engine.store;
	struct tb_store *store;
	enum tb_err err;

	at.create = false;
	err = ops->open(&at, &store);
	if (err == TB_ERR_NOT_FOUND)
		return look_at_folder(at.path, ret);
	if (err)
		return err;
	err = look_in_transaction(store, ret);
	ops->close(store);
	return err;
}

enum tb_err tb_data_lock(const char *path, int *ret_fd)
{
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (folder < 0)
		return tb_file_errno();
	fd = openat(folder, "server.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close(folder);
	if (fd < 0)
		return tb_file_errno();
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return errno == EWOULDBLOCK ? TB_ERR_BUSY : TB_ERR_IO;
	}
	*ret_fd = fd;
	return TB_OK;
}

enum tb_err tb_data_keys_path(struct tb_arena *arena, const char *path,
			      struct tb_str *ret)
{
	return tb_arena_printf(arena, ret, "%s/keys", path);
}
