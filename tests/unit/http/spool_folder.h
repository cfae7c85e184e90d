/*
 * A folder of a test's own for spools' files, and a pool in it.
 */
#ifndef TB_TESTS_SPOOL_FOLDER_H
#define TB_TESTS_SPOOL_FOLDER_H

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../base/torture.h"
#include "base/assert.h"
#include "http/spill.h"

static char folder[64];
static struct tb_spool_pool pool;

static inline uint64_t taken_bytes(void)
{
	return atomic_load(&pool.budget.taken_bytes);
}

/* A new pool for each test; the file system may be one that has no files
 * without names. */
static inline int set_up_pool(void **state)
{
	(void)state;
	tb_spool_pool_init(&pool, folder, (uint64_t)256 << 20);
	return 0;
}

static inline int tear_down_pool(void **state)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		assert_int_equal(entry->d_name[0], '.');
	closedir(dir);
	assert_int_equal(taken_bytes(), 0);
	return 0;
}

static inline int set_up_folder(void **state)
{
	const struct tb_str name = TB_STR("/tmp/tombolo-spool-XXXXXX");

	(void)state;
	memcpy(folder, name.p, name.n + 1);
	signal(SIGXFSZ, SIG_IGN);
	return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* Files cannot become longer than that, as on a disk that is full. */
static inline void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#define POOL_TEST(name)                                                        \
	cmocka_unit_test_setup_teardown(name, set_up_pool, tear_down_pool)

#endif
