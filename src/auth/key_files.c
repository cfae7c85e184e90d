#include "auth/key_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"

#define SEAL_FILE "audit.seal"
#define UNFINISHED_FILE "unfinished"
#define KEY_SUFFIX ".key"
#define RETIRED_SUFFIX ".retired"
/* "k" and six digits, so that kids sort by age; then what tells apart two
 * keys that were given the same number in two copies of a folder. */
#define KID_NUMBER_MAX 999999u
#define KID_LEN (1 + 6 + 1 + 16)
#define FILE_NAME_MAX (TB_KID_MAX + sizeof(RETIRED_SUFFIX))
#define SECRET_TEXT_BYTES (2 * TB_KEY_SECRET_BYTES + 1) /* hex, line end */
/* Retired keys are kept for the record; more than so many files are none of
 * ours. */
#define SCAN_MAX 4096

_Static_assert(KID_LEN <= TB_KID_MAX, "a kid fits");

static enum tb_err io_err(void)
{
	switch (errno) {
	case ENOENT:
		return TB_ERR_NOT_FOUND;
	case EEXIST:
		return TB_ERR_EXISTS;
	case EACCES:
	case EPERM:
		return TB_ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
		return TB_ERR_FULL;
	case ENOMEM:
		return TB_ERR_NOMEM;
	default:
		return TB_ERR_IO;
	}
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool is_kid(struct tb_str s)
{
	if (s.n != KID_LEN || s.p[0] != 'k' || s.p[7] != '-')
		return false;
	for (size_t i = 1; i < KID_LEN; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';
		bool hex = digit || (s.p[i] >= 'a' && s.p[i] <= 'f');

		if (i != 7 && !(i < 7 ? digit : hex))
			return false;
	}
	return true;
}

static uint32_t kid_number(const char *kid)
{
	uint64_t n = 0;
	enum tb_err err = tb_str_to_u64(tb_str(kid + 1, 6), &n);

	TB_ASSERT(err == TB_OK);
	return (uint32_t)n;
}

/* True for a key's file, of either suffix. */
static bool parse_name(const char *name, char ret_kid[TB_KID_MAX + 1],
		       bool *ret_retired)
{
	struct tb_str s = tb_str_z(name);
	bool retired = tb_str_ends(s, TB_STR(RETIRED_SUFFIX));

	if (!retired && !tb_str_ends(s, TB_STR(KEY_SUFFIX)))
		return false;
	s.n -= strlen(retired ? RETIRED_SUFFIX : KEY_SUFFIX);
	if (!is_kid(s))
		return false;
	memcpy(ret_kid, s.p, s.n);
	ret_kid[s.n] = '\0';
	*ret_retired = retired;
	return true;
}

static void make_name(const char *kid, const char *suffix,
		      char ret[FILE_NAME_MAX])
{
	snprintf(ret, FILE_NAME_MAX, "%s%s", kid, suffix);
}

static bool file_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

static enum tb_err check_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return TB_ERR_IO;
	return (st.st_mode & 077) == 0 ? TB_OK : TB_ERR_DENIED;
}

static enum tb_err read_secret(int dir, const char *name,
			       uint8_t ret[TB_KEY_SECRET_BYTES])
{
	char text[SECRET_TEXT_BYTES + 1];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum tb_err err;
	ssize_t n;

	if (fd < 0)
		return io_err();
	err = check_private(fd);
	n = read(fd, text, sizeof(text));
	if (err == TB_OK && n < 0)
		err = TB_ERR_IO;
	if (err == TB_OK && n != SECRET_TEXT_BYTES)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK && tb_hex_parse(tb_str(text, SECRET_TEXT_BYTES - 1),
					 ret, TB_KEY_SECRET_BYTES) != TB_OK)
		err = TB_ERR_CORRUPT;
	sodium_memzero(text, sizeof(text));
	close(fd);
	return err;
}

/* Writes a file under another name and renames it when it is on disk, so that
 * a crash leaves a whole file or none. The folder is locked. */
static enum tb_err write_file(int dir, const char *name, struct tb_str text)
{
	enum tb_err err = TB_OK;
	int fd;

	/* What a crash left behind. */
	if (unlinkat(dir, UNFINISHED_FILE, 0) != 0 && errno != ENOENT)
		return io_err();
	fd = openat(dir, UNFINISHED_FILE,
		    O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return io_err();
	if (write(fd, text.p, text.n) != (ssize_t)text.n)
		err = errno == ENOSPC ? TB_ERR_FULL : TB_ERR_IO;
	else if (fsync(fd) != 0)
		err = TB_ERR_IO;
	close(fd);
	if (err == TB_OK && renameat(dir, UNFINISHED_FILE, dir, name) != 0)
		err = io_err();
	if (err == TB_OK && fsync(dir) != 0)
		err = TB_ERR_IO;
	return err;
}

static enum tb_err write_new_secret(int dir, const char *name)
{
	uint8_t secret[TB_KEY_SECRET_BYTES];
	char text[SECRET_TEXT_BYTES + 1];
	enum tb_err err;

	randombytes_buf(secret, sizeof(secret));
	sodium_bin2hex(text, sizeof(text), secret, sizeof(secret));
	text[SECRET_TEXT_BYTES - 1] = '\n';
	err = write_file(dir, name, tb_str(text, SECRET_TEXT_BYTES));
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(text, sizeof(text));
	return err;
}

static int compare_names(const void *a, const void *b)
{
	const struct tb_key_info *x = a;
	const struct tb_key_info *y = b;

	return strcmp(x->kid, y->kid);
}

static enum tb_err stat_key(int dir, const char *name, struct tb_key_info *info)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return io_err();
	info->changed_s = st.st_ctim.tv_sec;
	return TB_OK;
}

static enum tb_err scan_entry(int dir, const char *name,
			      struct tb_key_info *rets, size_t max, size_t *n)
{
	struct tb_key_info info = { .changed_s = 0 };
	char retired_name[FILE_NAME_MAX];
	bool retired;
	enum tb_err err;

	if (!parse_name(name, info.kid, &retired))
		return TB_OK;
	make_name(info.kid, RETIRED_SUFFIX, retired_name);
	/* Both files are there when retiring was cut short. */
	if (!retired && file_exists(dir, retired_name))
		return TB_OK;
	info.state = retired ? TB_KEY_RETIRED : TB_KEY_VERIFIES;
	err = stat_key(dir, name, &info);
	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err == TB_OK && *n == max)
		err = TB_ERR_TOO_LARGE;
	if (err == TB_OK)
		rets[(*n)++] = info;
	return err;
}

enum tb_err tb_key_files_scan(int dir, struct tb_key_info *rets, size_t max,
			      size_t *ret_n)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	enum tb_err err = TB_OK;
	size_t n = 0;

	if (stream == NULL) {
		err = io_err();
		close_fd(fd);
		return err;
	}
	while (err == TB_OK && (entry = readdir(stream)) != NULL)
		err = scan_entry(dir, entry->d_name, rets, max, &n);
	closedir(stream);
	if (err != TB_OK)
		return err;
	qsort(rets, n, sizeof(*rets), compare_names);
	for (size_t i = n; i > 0; i--)
		if (rets[i - 1].state == TB_KEY_VERIFIES) {
			rets[i - 1].state = TB_KEY_SIGNS;
			break;
		}
	*ret_n = n;
	return TB_OK;
}

enum tb_err tb_key_files_scan_all(int dir, struct tb_key_info **ret,
				  size_t *ret_n)
{
	struct tb_key_info *infos = tb_calloc(SCAN_MAX, sizeof(*infos));
	enum tb_err err = TB_ERR_NOMEM;

	if (infos != NULL)
		err = tb_key_files_scan(dir, infos, SCAN_MAX, ret_n);
	if (err != TB_OK) {
		tb_free(infos);
		return err;
	}
	*ret = infos;
	return TB_OK;
}

static enum tb_err make_key(int dir, uint32_t number)
{
	uint64_t random;
	char kid[TB_KID_MAX + 1];
	char name[FILE_NAME_MAX];

	if (number > KID_NUMBER_MAX)
		return TB_ERR_TOO_LARGE;
	randombytes_buf(&random, sizeof(random));
	snprintf(kid, sizeof(kid), "k%06u-%016llx", number,
		 (unsigned long long)random);
	make_name(kid, KEY_SUFFIX, name);
	return write_new_secret(dir, name);
}

/* Makes what a new folder lacks. */
static enum tb_err change_missing(int dir, const void *ctx)
{
	struct tb_key_info *infos;
	size_t n;
	enum tb_err err = tb_key_files_scan_all(dir, &infos, &n);

	(void)ctx;
	if (err != TB_OK)
		return err;
	if (n == 0 || infos[n - 1].state != TB_KEY_SIGNS)
		err = make_key(dir,
			       n > 0 ? kid_number(infos[n - 1].kid) + 1 : 1);
	tb_free(infos);
	if (err == TB_OK && !file_exists(dir, SEAL_FILE))
		err = write_new_secret(dir, SEAL_FILE);
	return err;
}

/* Runs a change of the folder while no other process changes it. flock locks
 * an open file, so each change opens the folder for itself. */
static enum tb_err with_lock(int dir,
			     enum tb_err (*change)(int dir, const void *ctx),
			     const void *ctx)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum tb_err err;

	if (fd < 0)
		return io_err();
	err = flock(fd, LOCK_EX) == 0 ? change(dir, ctx) : TB_ERR_IO;
	close(fd);
	return err;
}

static enum tb_err open_dir(const char *path, int *ret)
{
	bool is_new = mkdir(path, 0700) == 0;
	enum tb_err err;
	int parent;
	int fd;

	if (!is_new && errno != EEXIST)
		return io_err();
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return io_err();
	err = check_private(fd);
	if (err == TB_OK && is_new) {
		parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0 || fsync(parent) != 0)
			err = TB_ERR_IO;
		close_fd(parent);
	}
	if (err != TB_OK) {
		close(fd);
		return err;
	}
	*ret = fd;
	return TB_OK;
}

enum tb_err tb_key_files_open(const char *path, int *ret_dir)
{
	int dir = -1;
	enum tb_err err = open_dir(path, &dir);

	if (err != TB_OK)
		return err;
	err = with_lock(dir, change_missing, NULL);
	if (err != TB_OK) {
		close(dir);
		return err;
	}
	*ret_dir = dir;
	return TB_OK;
}

static enum tb_err change_rotate(int dir, const void *ctx)
{
	struct tb_key_info *infos;
	size_t n;
	size_t n_live = 0;
	enum tb_err err = tb_key_files_scan_all(dir, &infos, &n);

	(void)ctx;
	if (err != TB_OK)
		return err;
	for (size_t i = 0; i < n; i++)
		n_live += infos[i].state != TB_KEY_RETIRED;
	err = TB_ERR_TOO_LARGE;
	if (n_live < TB_KEYS_MAX && n < SCAN_MAX)
		err = make_key(dir,
			       n > 0 ? kid_number(infos[n - 1].kid) + 1 : 1);
	tb_free(infos);
	return err;
}

enum tb_err tb_key_files_rotate(int dir)
{
	return with_lock(dir, change_rotate, NULL);
}

/* The state of a key. NOT_FOUND. */
static enum tb_err find_state(int dir, struct tb_str kid,
			      enum tb_key_state *ret)
{
	struct tb_key_info *infos = NULL;
	size_t n = 0;
	enum tb_err err = tb_key_files_scan_all(dir, &infos, &n);

	if (err != TB_OK)
		return err;
	err = TB_ERR_NOT_FOUND;
	for (size_t i = 0; i < n; i++)
		if (tb_str_eq(tb_str_z(infos[i].kid), kid)) {
			*ret = infos[i].state;
			err = TB_OK;
		}
	tb_free(infos);
	return err;
}

static enum tb_err change_retire(int dir, const void *ctx)
{
	const struct tb_str *kid = ctx;
	char name[FILE_NAME_MAX];
	char retired[FILE_NAME_MAX];
	char z[TB_KID_MAX + 1];
	enum tb_key_state state;
	enum tb_err err = find_state(dir, *kid, &state);

	if (err != TB_OK)
		return err;
	if (state == TB_KEY_SIGNS)
		return TB_ERR_CONFLICT;
	snprintf(z, sizeof(z), "%.*s", TB_STR_ARG(*kid));
	make_name(z, KEY_SUFFIX, name);
	make_name(z, RETIRED_SUFFIX, retired);
	/* The mark comes first: from then on the key is dead, whether or not
	 * its secret could be removed. */
	if (state != TB_KEY_RETIRED)
		err = write_file(dir, retired, TB_STR_NONE);
	if (err == TB_OK && unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		err = io_err();
	if (err == TB_OK && fsync(dir) != 0)
		err = TB_ERR_IO;
	return err;
}

enum tb_err tb_key_files_retire(int dir, struct tb_str kid)
{
	return with_lock(dir, change_retire, &kid);
}

enum tb_err tb_key_files_read(int dir, const char *kid,
			      uint8_t ret[TB_KEY_SECRET_BYTES])
{
	char name[FILE_NAME_MAX];

	make_name(kid, KEY_SUFFIX, name);
	return read_secret(dir, name, ret);
}

enum tb_err tb_key_files_read_seal(int dir, uint8_t ret[TB_KEY_SECRET_BYTES])
{
	return read_secret(dir, SEAL_FILE, ret);
}
