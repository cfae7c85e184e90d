/*
 * What the SQLite engine promises beyond the conformance suite: its file, its
 * schema's versions, its log, and what it says when the disk fails.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/check.h"
#include "store/sqlite/sqlite_conn.h"
#include "store/sqlite/sqlite_file.h"
#include "store/sqlite/sqlite_log.h"
#include "store/sqlite/sqlite_schema.h"
#include "store/stores.h"

#define SCOPE tb_rid(1, 65)

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, &tb_store_sqlite);
	fixture_add_org(f, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

static const char *path_of(struct fixture *f, const char *suffix)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/" TB_SQLITE_FILE "%s", f->folder,
		 suffix);
	return path;
}

static long file_size(struct fixture *f, const char *suffix)
{
	struct stat st;

	return stat(path_of(f, suffix), &st) == 0 ? (long)st.st_size : -1;
}

/* Commits a record of this size. */
static enum tb_err try_put(struct fixture *f, uint64_t num, size_t body_bytes)
{
	struct tb_entry e = fixture_entry(SCOPE, num);
	char *body = calloc(1, body_bytes);
	struct tb_record r;
	struct tb_tx *tx = NULL;
	struct tb_op op;
	char key[24];
	enum tb_err err;

	assert_non_null(body);
	snprintf(key, sizeof(key), "k%u", (unsigned)num);
	r = fixture_record(tb_rid(1, num), key, "", &e, 1);
	r.body = tb_str(body, body_bytes);
	op = fixture_put(&r, NULL);
	err = f->ops->begin(f->store, TB_TX_WRITE, &tx);
	if (err == TB_OK)
		err = f->ops->apply(tx, &op, 1);
	if (err == TB_OK)
		err = f->ops->commit(tx);
	else
		f->ops->rollback(tx);
	free(body);
	return err;
}

/* Runs SQL behind the engine's back, on a connection of its own. */
static void run_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path_of(f, ""), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void its_files_are_its_users_alone(void **state)
{
	struct fixture *f = *state;
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char folder[96];
	struct stat st;

	for (size_t i = 0; i < TB_ARRAY_LEN(suffixes); i++) {
		assert_int_equal(stat(path_of(f, suffixes[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	f->ops->close(f->store);
	snprintf(folder, sizeof(folder), "%s/made", f->folder);
	f->options.path = folder;
	MUST(f->ops->open(&f->options, &f->store));
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	f->ops->close(f->store);
	f->store = NULL;
	remove_folder(folder);
}

static void a_folder_whose_parent_is_missing_is_not_made(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->store);
	f->store = NULL;
	f->options.path = "/tmp/tombolo-no-such-folder/data";
	assert_int_equal(f->ops->open(&f->options, &f->store),
			 TB_ERR_NOT_FOUND);
	assert_null(f->store);
}

static void what_a_broken_start_left_is_cleared_away(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->store);
	remove_folder(f->folder);
	assert_int_equal(mkdir(f->folder, 0700), 0);
	close(open(path_of(f, ".new"), O_CREAT | O_WRONLY, 0600));
	close(open(path_of(f, ".new-journal"), O_CREAT | O_WRONLY, 0600));
	close(open(path_of(f, ""), O_CREAT | O_WRONLY, 0600));
	f->options.create = false;
	assert_int_equal(f->ops->open(&f->options, &f->store),
			 TB_ERR_NOT_FOUND);
	f->options.create = true;
	MUST(f->ops->open(&f->options, &f->store));
	assert_int_equal(file_size(f, ".new"), -1);
	assert_int_equal(file_size(f, ".new-journal"), -1);
	fixture_add_org(f, 1);
	MUST(try_put(f, 90, 10));
}

static void *open_and_close(void *arg)
{
	struct fixture *f = arg;
	struct tb_store *store;
	enum tb_err *err = malloc(sizeof(*err));

	assert_non_null(err);
	*err = f->ops->open(&f->options, &store);
	if (*err == TB_OK)
		f->ops->close(store);
	return err;
}

static void many_may_make_it_at_once(void **state)
{
	enum {
		THREADS = 4
	};
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	bool ok = true;

	f->ops->close(f->store);
	remove_folder(f->folder);
	f->options.busy_timeout_ms = 60000;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, open_and_close, f),
			0);
	for (int i = 0; i < THREADS; i++) {
		void *err;

		pthread_join(threads[i], &err);
		ok = ok && *(enum tb_err *)err == TB_OK;
		free(err);
	}
	assert_true(ok);
	MUST(f->ops->open(&f->options, &f->store));
	assert_int_equal(fixture_broken(f, NULL), 0);
}

/* A file's bytes, to see that they stay. */
struct bytes {
	char *p;
	size_t n;
};

static struct bytes read_bytes(struct fixture *f, const char *suffix)
{
	FILE *file = fopen(path_of(f, suffix), "rb");
	long size = file_size(f, suffix);
	struct bytes b = { 0 };

	if (!file)
		return b;
	b.p = malloc((size_t)size + 1);
	assert_non_null(b.p);
	b.n = fread(b.p, 1, (size_t)size, file);
	fclose(file);
	return b;
}

static void assert_refused_untouched(struct fixture *f, enum tb_err expected)
{
	struct bytes before = read_bytes(f, "");
	struct bytes after;

	for (int create = 0; create < 2; create++) {
		f->options.create = create;
		f->store = NULL;
		assert_int_equal(f->ops->open(&f->options, &f->store),
				 expected);
		assert_null(f->store);
		after = read_bytes(f, "");
		assert_int_equal(before.n, after.n);
		assert_memory_equal(before.p, after.p, before.n);
		free(after.p);
	}
	free(before.p);
}

static void a_newer_schema_is_refused_and_untouched(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->store);
	run_sql(f, "PRAGMA user_version = 99");
	assert_refused_untouched(f, TB_ERR_NEWER);
	assert_int_equal(file_size(f, "-wal"), -1);
}

static void a_newer_schema_that_is_in_the_log_yet_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bytes log;
	struct bytes log_after;
	sqlite3 *db;

	f->ops->close(f->store);
	assert_int_equal(sqlite3_open(path_of(f, ""), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	log = read_bytes(f, "-wal");
	assert_true(log.n > 0);
	assert_refused_untouched(f, TB_ERR_NEWER);
	log_after = read_bytes(f, "-wal");
	assert_int_equal(log.n, log_after.n);
	assert_memory_equal(log.p, log_after.p, log.n);
	free(log.p);
	free(log_after.p);
}

static void write_file(struct fixture *f, const char *bytes, size_t n)
{
	FILE *file = fopen(path_of(f, ""), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void a_file_that_is_not_ours_is_refused_and_untouched(void **state)
{
	static const char text[400] = "this is no database";
	static const char short_text[] = "SQLite format 3";
	struct fixture *f = *state;

	f->ops->close(f->store);
	write_file(f, text, sizeof(text));
	assert_refused_untouched(f, TB_ERR_CORRUPT);
	write_file(f, short_text, sizeof(short_text));
	assert_refused_untouched(f, TB_ERR_CORRUPT);
	assert_int_equal(unlink(path_of(f, "")), 0);
	run_sql(f, "CREATE TABLE theirs (x)");
	assert_refused_untouched(f, TB_ERR_CORRUPT);
}

static void a_copy_that_lost_its_log_mode_gets_it_back(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *reader;

	f->ops->close(f->store);
	run_sql(f, "PRAGMA journal_mode = DELETE");
	MUST(f->ops->open(&f->options, &f->store));
	reader = fixture_begin(f, TB_TX_READ);
	MUST(try_put(f, 90, 10));
	f->ops->rollback(reader);
	assert_true(file_size(f, "-wal") > 0);
}

static const struct tb_sqlite_step good_steps[] = {
	{ "CREATE TABLE a (x);" },
	{ "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2);" },
	{ "CREATE TABLE b (z);" },
};

static const struct tb_sqlite_step bad_steps[] = {
	{ "CREATE TABLE a (x);" },
	{ "CREATE TABLE c (z);" },
	{ "INSERT INTO nothing VALUES (1);" },
};

static int64_t query_int(sqlite3 *db, const char *sql)
{
	int64_t v = -1;

	MUST(tb_sqlite_query_int(db, sql, &v));
	return v;
}

static void steps_are_run_from_where_the_file_is(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	MUST(tb_sqlite_migrate(db, good_steps, 1));
	assert_int_equal(query_int(db, "PRAGMA user_version"), 1);
	MUST(tb_sqlite_migrate(db, good_steps, 3));
	MUST(tb_sqlite_migrate(db, good_steps, 3));
	assert_int_equal(query_int(db, "PRAGMA user_version"), 3);
	assert_int_equal(query_int(db, "SELECT count(*) + sum(y) FROM a"), 3);
	assert_int_equal(query_int(db, "SELECT count(*) FROM b"), 0);
	assert_int_equal(tb_sqlite_migrate(db, good_steps, 2), TB_ERR_NEWER);
	sqlite3_close(db);
}

static void details_move_to_their_rows(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	MUST(tb_sqlite_migrate(db, tb_sqlite_steps, 2));
	MUST(tb_sqlite_exec(
		db, "INSERT INTO audit VALUES (1, 1, x'01', zeroblob(32)), "
		    "(1, 2, x'02', zeroblob(32)), (2, 1, x'03', zeroblob(32));"
		    "INSERT INTO audit_detail VALUES (1, 2, x'12'), "
		    "(2, 1, x'21');"));
	MUST(tb_sqlite_migrate(db, tb_sqlite_steps, tb_sqlite_steps_n));
	assert_int_equal(query_int(db, "SELECT count(*) FROM audit"), 3);
	assert_int_equal(query_int(db, "SELECT count(detail) FROM audit"), 2);
	assert_int_equal(query_int(db, "SELECT count(*) FROM audit WHERE "
				       "(org, n, row, detail) IN "
				       "(VALUES (1, 2, x'02', x'12'), "
				       "(2, 1, x'03', x'21'))"),
			 2);
	sqlite3_close(db);
}

static void a_step_that_fails_leaves_the_old_version(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	MUST(tb_sqlite_migrate(db, bad_steps, 1));
	assert_int_not_equal(tb_sqlite_migrate(db, bad_steps, 3), TB_OK);
	assert_int_equal(query_int(db, "PRAGMA user_version"), 1);
	assert_int_equal(query_int(db, "SELECT count(*) FROM sqlite_schema"),
			 1);
	sqlite3_close(db);
}

/* Inconsistencies that no operation can make. */
static void damage_by_others_is_found(void **state)
{
	static const struct {
		const char *sql;
		const char *invariant;
	} damages[] = {
		{ "DELETE FROM feed", TB_CHECK_ENTRIES },
		{ "UPDATE feed SET rid = rid + 1", TB_CHECK_ENTRIES },
		{ "UPDATE feed SET time = time + 1", TB_CHECK_ENTRIES },
		{ "UPDATE feed SET origin = 9", TB_CHECK_ENTRIES },
		{ "UPDATE feed SET flags = 0", TB_CHECK_ENTRIES },
		{ "UPDATE feed SET entered = 1", TB_CHECK_ENTRIES },
		{ "UPDATE record SET entries = x'ff'", TB_CHECK_ENTRIES },
		{ "UPDATE record SET entries = x''", TB_CHECK_ENTRIES },
		{ "DELETE FROM record", TB_CHECK_ENTRIES },
		{ "UPDATE record SET org = 2", TB_CHECK_ORGS },
		{ "INSERT INTO audit VALUES ((1 << 40) + 3, x'', "
		  "zeroblob(32), NULL)",
		  TB_CHECK_AUDIT },
		{ "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema "
		  "WHERE name = 'record_key'",
		  TB_CHECK_FILE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(damages); i++) {
		fixture_fini(f);
		fixture_init(f, &tb_store_sqlite);
		fixture_add_org(f, 1);
		MUST(try_put(f, 90, 10));
		assert_int_equal(fixture_broken(f, NULL), 0);
		f->ops->close(f->store);
		run_sql(f, damages[i].sql);
		MUST(f->ops->open(&f->options, &f->store));
		assert_true(fixture_broken(f, damages[i].invariant) > 0);
	}
}

static void a_damaged_page_is_corrupt(void **state)
{
	struct fixture *f = *state;
	char junk[4096];
	int fd;

	MUST(try_put(f, 90, 10));
	f->ops->close(f->store);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(path_of(f, ""), O_WRONLY);
	for (off_t page = 1; page * 4096 < file_size(f, ""); page++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096),
				 sizeof(junk));
	close(fd);
	MUST(f->ops->open(&f->options, &f->store));
	assert_int_equal(try_put(f, 91, 10), TB_ERR_CORRUPT);
}

/*
 * The disk fails: SQLite lets a test put its own functions in the place of
 * the system's, all but fdatasync, which this program defines itself.
 */
static int write_errno; /* 0: writes succeed */
static int open_errno;
static int sync_errno;
static unsigned syncs;

static ssize_t failing_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (write_errno != 0) {
		errno = write_errno;
		return -1;
	}
	return pwrite(fd, p, n, at);
}

static int failing_open(const char *path, int flags, int mode)
{
	if (open_errno != 0) {
		errno = open_errno;
		return -1;
	}
	return open(path, flags, mode);
}

int fdatasync(int fd)
{
	syncs++;
	if (sync_errno != 0) {
		errno = sync_errno;
		return -1;
	}
	return fsync(fd);
}

static void replace(const char *name, sqlite3_syscall_ptr with)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	assert_int_equal(vfs->xSetSystemCall(vfs, name, with), SQLITE_OK);
}

static int setup_failing_disk(void **state)
{
	replace("open", (sqlite3_syscall_ptr)failing_open);
	replace("pwrite", (sqlite3_syscall_ptr)failing_pwrite);
	replace("pwrite64", (sqlite3_syscall_ptr)failing_pwrite);
	return setup(state);
}

static int teardown_failing_disk(void **state)
{
	write_errno = 0;
	open_errno = 0;
	sync_errno = 0;
	teardown(state);
	replace("open", NULL);
	replace("pwrite", NULL);
	replace("pwrite64", NULL);
	return 0;
}

static void a_full_disk_is_full_and_passes(void **state)
{
	static const int causes[] = { ENOSPC, EDQUOT, EFBIG };
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(causes); i++) {
		uint64_t num = 90 + 2 * i;

		write_errno = causes[i];
		/* A small one fails in commit, a large one in apply. */
		assert_int_equal(try_put(f, num, 10), TB_ERR_FULL);
		assert_int_equal(try_put(f, num, 100u << 20), TB_ERR_FULL);
		assert_null(fixture_find(f, tb_rid(1, num)));
		assert_int_equal(fixture_count(f, SCOPE), i);
		write_errno = 0;
		MUST(try_put(f, num, 10));
	}
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void a_disk_that_does_not_write_is_io(void **state)
{
	struct fixture *f = *state;

	write_errno = EIO;
	assert_int_equal(try_put(f, 90, 10), TB_ERR_IO);
	write_errno = 0;
	assert_null(fixture_find(f, tb_rid(1, 90)));
}

/* A commit's refusal is DENIED, and so a store in use never is. */
static void an_open_store_that_must_not_be_written_is_io(void **state)
{
	static const int causes[] = { EROFS, EACCES, EPERM };
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(causes); i++) {
		/* A small one fails in commit, a large one in apply. */
		write_errno = causes[i];
		assert_int_equal(try_put(f, 90, 100u << 20), TB_ERR_IO);
		assert_int_equal(try_put(f, 90, 10), TB_ERR_IO);
		write_errno = 0;
		assert_null(fixture_find(f, tb_rid(1, 90)));
		fixture_reopen(f);
	}
	assert_int_equal(tb_sqlite_err(NULL, SQLITE_READONLY), TB_ERR_IO);
}

static void an_open_store_whose_file_is_out_of_reach_is_io(void **state)
{
	static const int causes[] = { EACCES, EPERM, ENOENT };
	struct fixture *f = *state;
	struct tb_tx *tx;

	fixture_reopen(f);
	for (size_t i = 0; i < TB_ARRAY_LEN(causes); i++) {
		open_errno = causes[i];
		assert_int_equal(f->ops->begin(f->store, TB_TX_READ, &tx),
				 TB_ERR_IO);
	}
	open_errno = 0;
	assert_int_equal(fixture_count(f, SCOPE), 0);
}

static void opening_says_what_keeps_it_from_the_file(void **state)
{
	struct fixture *f = *state;
	struct tb_store *store;

	open_errno = EACCES;
	assert_int_equal(f->ops->open(&f->options, &store), TB_ERR_DENIED);
	open_errno = ENOENT;
	assert_int_equal(f->ops->open(&f->options, &store), TB_ERR_NOT_FOUND);
	assert_int_equal(tb_sqlite_open_err(NULL, SQLITE_READONLY),
			 TB_ERR_DENIED);
}

static void after_a_failed_sync_nothing_is_written_until_reopening(void **state)
{
	/* ENOSPC, too: a sync that failed for whatever reason may have lost
	 * what was written. */
	static const int causes[] = { EIO, ENOSPC };
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(causes); i++) {
		uint64_t num = 90 + 2 * i;

		MUST(try_put(f, num, 10));
		sync_errno = causes[i];
		assert_int_equal(try_put(f, num + 1, 10), TB_ERR_IO);
		sync_errno = 0;
		assert_int_equal(try_put(f, num + 1, 10), TB_ERR_IO);
		assert_non_null(fixture_find(f, tb_rid(1, num)));
		fixture_reopen(f);
		assert_non_null(fixture_find(f, tb_rid(1, num)));
		assert_int_equal(fixture_broken(f, NULL), 0);
	}
}

static void each_commit_is_synced(void **state)
{
	struct fixture *f = *state;

	for (uint64_t num = 90; num < 95; num++) {
		unsigned before = syncs;

		MUST(try_put(f, num, 10));
		assert_true(syncs > before);
	}
}

#define BIG_BYTES ((size_t)1 << 20)
#define CAP_BYTES ((long)TB_SQLITE_LOG_CAP_BYTES)

static void the_log_is_reused_below_its_cap(void **state)
{
	struct fixture *f = *state;

	for (uint64_t num = 100; num < 300; num++)
		MUST(try_put(f, num, BIG_BYTES));
	assert_true(file_size(f, "-wal") < CAP_BYTES / 2);
}

static void a_log_that_a_snapshot_held_is_cut_to_its_cap_after_it(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *reader = fixture_begin(f, TB_TX_READ);
	uint64_t num;

	for (num = 100; num < 200; num++)
		MUST(try_put(f, num, BIG_BYTES));
	/* What it may still read cannot be thrown away. */
	assert_true(file_size(f, "-wal") > CAP_BYTES);
	f->ops->rollback(reader);
	for (; num < 240; num++)
		MUST(try_put(f, num, BIG_BYTES));
	assert_true(file_size(f, "-wal") <= CAP_BYTES);
	assert_int_equal(fixture_count(f, SCOPE), 140);
}

/* Readers that follow each other without a pause. */
struct relay {
	struct fixture *f;
	int done;
};

static void *read_without_pause(void *arg)
{
	struct relay *relay = arg;
	struct fixture *f = relay->f;
	struct tb_tx *tx = NULL;

	while (!__atomic_load_n(&relay->done, __ATOMIC_ACQUIRE)) {
		struct tb_tx *next;

		if (f->ops->begin(f->store, TB_TX_READ, &next) != TB_OK)
			continue;
		f->ops->rollback(tx);
		tx = next;
	}
	f->ops->rollback(tx);
	return NULL;
}

static void a_log_that_is_always_read_stays_near_its_cap(void **state)
{
	struct fixture *f = *state;
	struct relay relay = { .f = f };
	pthread_t thread;

	f->options.busy_timeout_ms = 5000;
	fixture_reopen(f);
	assert_int_equal(
		pthread_create(&thread, NULL, read_without_pause, &relay), 0);
	for (uint64_t num = 100; num < 400; num++)
		MUST(try_put(f, num, BIG_BYTES));
	assert_true(file_size(f, "-wal") <= CAP_BYTES * 3 / 2);
	__atomic_store_n(&relay.done, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* True if the file of the closed store has these bytes anywhere. */
static bool file_holds(struct fixture *f, const char *text)
{
	FILE *file = fopen(path_of(f, ""), "rb");
	size_t n = (size_t)file_size(f, "");
	char *bytes = malloc(n);
	bool holds;

	assert_true(file && bytes && fread(bytes, 1, n, file) == n);
	holds = memmem(bytes, n, text, strlen(text)) != NULL;
	free(bytes);
	(void)fclose(file);
	return holds;
}

#define ERASED_ROWS 500

/* Neither in the rows' pages, nor in pages that became free. */
static void forgotten_details_are_overwritten(enum tb_op_kind kind,
					      struct fixture *f)
{
	static struct tb_op ops[ERASED_ROWS];

	for (uint64_t n = 1; n <= ERASED_ROWS; n++)
		ops[n - 1] = fixture_audit(1, n, "row", "a secret detail");
	fixture_apply(f, ops, ERASED_ROWS);
	fixture_reopen(f);
	assert_true(file_holds(f, "a secret detail"));
	for (uint64_t n = 1; n <= ERASED_ROWS; n++)
		ops[n - 1] = fixture_forget(kind, 1, n);
	fixture_apply(f, ops, ERASED_ROWS);
	fixture_reopen(f);
	assert_false(file_holds(f, "a secret detail"));
}

static void erased_details_are_overwritten(void **state)
{
	forgotten_details_are_overwritten(TB_OP_AUDIT_ERASE, *state);
}

static void dropped_details_are_overwritten(void **state)
{
	forgotten_details_are_overwritten(TB_OP_AUDIT_DROP, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define DISK_TEST(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup_failing_disk,              \
					teardown_failing_disk)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(its_files_are_its_users_alone),
		TEST(a_folder_whose_parent_is_missing_is_not_made),
		TEST(what_a_broken_start_left_is_cleared_away),
		TEST(many_may_make_it_at_once),
		TEST(a_newer_schema_is_refused_and_untouched),
		TEST(a_newer_schema_that_is_in_the_log_yet_is_refused),
		TEST(a_file_that_is_not_ours_is_refused_and_untouched),
		TEST(a_copy_that_lost_its_log_mode_gets_it_back),
		cmocka_unit_test(steps_are_run_from_where_the_file_is),
		cmocka_unit_test(details_move_to_their_rows),
		cmocka_unit_test(a_step_that_fails_leaves_the_old_version),
		TEST(damage_by_others_is_found),
		TEST(a_damaged_page_is_corrupt),
		DISK_TEST(a_full_disk_is_full_and_passes),
		DISK_TEST(a_disk_that_does_not_write_is_io),
		DISK_TEST(an_open_store_that_must_not_be_written_is_io),
		DISK_TEST(an_open_store_whose_file_is_out_of_reach_is_io),
		DISK_TEST(opening_says_what_keeps_it_from_the_file),
		DISK_TEST(
			after_a_failed_sync_nothing_is_written_until_reopening),
		DISK_TEST(each_commit_is_synced),
		TEST(erased_details_are_overwritten),
		TEST(dropped_details_are_overwritten),
		TEST(the_log_is_reused_below_its_cap),
		TEST(a_log_that_a_snapshot_held_is_cut_to_its_cap_after_it),
		TEST(a_log_that_is_always_read_stays_near_its_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
