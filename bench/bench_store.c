/*
 * The SQLite engine beside a bare loop of SQLite calls on the same tables with
 * the same settings, in turns, so that both meet the same disk. Writes are
 * timed by the clock, reads by the processor time of their one thread; the
 * last column is the ratio in processor time, which a busy machine does not
 * blur.
 *
 * usage: bench_store FOLDER [RECORDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/store.h"
#include "kernel/system.h"
#include "store/sqlite/sqlite_conn.h"
#include "store/sqlite/sqlite_file.h"
#include "store/stores.h"

#define ORG 1
#define SCOPE_NUM 65
#define COLL 100
#define FIRST_NUM 1000
#define GROUP 256
#define BODY_BYTES 250
#define KEY_BYTES 36
#define ROUNDS 10     /* of store and bare in turns */
#define READ_ROUNDS 5 /* the best counts */
#define SINGLE_COMMITS 1000
#define READERS_MAX 4
#define BUSY_MS 5000
#define ENTRY_BYTES 24 /* of one encoded entry in this bench */

/* A record of the bench: its number of birth is FIRST_NUM + its index. */
struct item {
	char key[KEY_BYTES];
	struct tb_entry entry;
};

static char body[BODY_BYTES];
static uint64_t random_state = 20240229;

static uint64_t random_next(void)
{
	random_state =
		random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state >> 33 ^ random_state << 31;
}

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum tb_err err)
{
	if (err != TB_OK) {
		fprintf(stderr, "bench_store: %s\n", tb_err_text(err));
		exit(1);
	}
}

static void make_items(struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char key[KEY_BYTES + 1];
		uint64_t a = random_next();
		uint64_t b = random_next();

		snprintf(key, sizeof(key), "%08x-%04x-4%03x-8%03x-%012llx",
			 (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
			 (unsigned)(a & 0xfff), (unsigned)(b >> 52),
			 (unsigned long long)(b & 0xffffffffffff));
		memcpy(items[i].key, key, KEY_BYTES);
		items[i].entry = (struct tb_entry) {
			.scope = tb_rid(ORG, SCOPE_NUM),
			.num = FIRST_NUM + i,
			.entered = FIRST_NUM + i,
			.time_us = 1700000000000000 + (int64_t)i,
			.origin = 63,
			.flags = TB_ENTRY_PRESENT,
		};
	}
}

/* Either of the two that are measured. */
struct subject {
	const char *name;
	void (*write)(void *self, struct item *items, const size_t *which,
		      size_t n, uint64_t num, bool is_new);
	uint64_t (*read)(void *self); /* bytes, so that nothing is left out */
	void *self;
	double seconds;
	double cpu_seconds;
};

/* --- the engine --- */

static struct tb_record record_of(const struct item *items, size_t i,
				  const struct tb_entry *entry)
{
	return (struct tb_record) {
		.rid = tb_rid(ORG, FIRST_NUM + i),
		.coll = tb_rid(ORG, COLL),
		.key = tb_str(items[i].key, KEY_BYTES),
		.body = tb_str(body, BODY_BYTES),
		.version = entry->num,
		.created_us = 1700000000000000,
		.updated_us = entry->time_us,
		.origin = entry->origin,
		.entries = entry,
		.n_entries = 1,
	};
}

static void store_write(void *self, struct item *items, const size_t *which,
			size_t n, uint64_t num, bool is_new)
{
	static struct tb_record now[GROUP], old[GROUP];
	static struct tb_entry before[GROUP];
	static struct tb_op ops[GROUP + 1];
	struct tb_store *store = self;
	struct tb_org org = { .id = ORG, .head = num + n };
	struct tb_tx *tx;

	for (size_t i = 0; i < n; i++) {
		struct item *item = &items[which[i]];

		before[i] = item->entry;
		old[i] = record_of(items, which[i], &before[i]);
		item->entry.num = num + i;
		now[i] = record_of(items, which[i], &item->entry);
		ops[i] = (struct tb_op) { .kind = TB_OP_RECORD,
					  .org_id = ORG,
					  .record = &now[i],
					  .old = is_new ? NULL : &old[i] };
	}
	ops[n] = (struct tb_op) { .kind = TB_OP_ORG,
				  .org_id = ORG,
				  .org = &org };
	must(store->ops->begin(store, TB_TX_WRITE, &tx));
	must(store->ops->apply(tx, ops, n + 1));
	must(store->ops->commit(tx));
}

static uint64_t store_read(void *self)
{
	const struct tb_feed_query query = {
		.scope = tb_rid(ORG, SCOPE_NUM),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_store *store = self;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	uint64_t bytes = 0;
	struct tb_tx *tx;

	must(store->ops->begin(store, TB_TX_READ, &tx));
	must(store->ops->feed_open(tx, &query, &cursor));
	while (store->ops->feed_next(cursor, &row) == TB_OK)
		bytes += row.record.key.n + row.record.body.n + (row.num > 0) +
			 (row.rid == row.record.rid);
	store->ops->feed_close(cursor);
	store->ops->rollback(tx);
	return bytes;
}

/* --- the bare loop --- */

enum bare_statement {
	BARE_BEGIN,
	BARE_COMMIT,
	BARE_ORG,
	BARE_INSERT,
	BARE_UPDATE,
	BARE_FEED_DELETE,
	BARE_FEED_INSERT,
	BARE_STATEMENTS,
};

static const char *const bare_texts[] = {
	[BARE_BEGIN] = "BEGIN IMMEDIATE",
	[BARE_COMMIT] = "COMMIT",
	[BARE_ORG] = "REPLACE INTO org VALUES (?1, '', '', 0, ?2, 0, 0, 0, 0, "
		     "0, 0, 0, 0, zeroblob(32), 0)",
	[BARE_INSERT] =
		"INSERT INTO record (rid, version, created, updated, origin, "
		"deleted, entries, body, org, coll, key) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[BARE_UPDATE] =
		"UPDATE record SET version = ?2, created = ?3, updated = ?4, "
		"origin = ?5, deleted = ?6, entries = ?7, body = ?8 "
		"WHERE rid = ?1",
	[BARE_FEED_DELETE] = "DELETE FROM feed WHERE scope = ?1 AND num = ?2",
	[BARE_FEED_INSERT] = "INSERT INTO feed (scope, num, rid, entered, "
			     "time, origin, flags) "
			     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
};

static const char bare_read_text[] =
	"SELECT f.num, f.rid, f.entered, f.time, f.origin, f.flags, r.coll, "
	"r.version, r.created, r.updated, r.origin, r.deleted, r.key, r.body "
	"FROM feed f LEFT JOIN record r ON r.rid = f.rid "
	"WHERE f.scope = ?1 AND f.num > ?2 AND f.num <= ?3 "
	"ORDER BY f.num LIMIT ?4";

struct bare {
	struct tb_sqlite_conn *writer;
	struct tb_sqlite_conn *reader;
	sqlite3_stmt *statements[BARE_STATEMENTS];
	sqlite3_stmt *read;
};

static void bare_must(int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE) {
		fprintf(stderr, "bench_store: SQLite says %d\n", rc);
		exit(1);
	}
}

static void bare_open(struct bare *bare, const char *folder)
{
	char *file = tb_sqlite_file_path(folder, TB_SQLITE_FILE);

	must(tb_sqlite_conn_open(file, BUSY_MS, &bare->writer));
	must(tb_sqlite_conn_configure(bare->writer, TB_TX_WRITE));
	must(tb_sqlite_conn_open(file, BUSY_MS, &bare->reader));
	must(tb_sqlite_conn_configure(bare->reader, TB_TX_READ));
	sqlite3_wal_autocheckpoint(bare->writer->db, 4096);
	for (size_t i = 0; i < BARE_STATEMENTS; i++)
		bare_must(sqlite3_prepare_v2(bare->writer->db, bare_texts[i],
					     -1, &bare->statements[i], NULL));
	bare_must(sqlite3_prepare_v2(bare->reader->db, bare_read_text, -1,
				     &bare->read, NULL));
	tb_free(file);
}

static void bare_close(struct bare *bare)
{
	for (size_t i = 0; i < BARE_STATEMENTS; i++)
		sqlite3_finalize(bare->statements[i]);
	sqlite3_finalize(bare->read);
	tb_sqlite_conn_close(bare->reader);
	tb_sqlite_conn_close(bare->writer);
}

static void bare_run(sqlite3_stmt *s)
{
	bare_must(sqlite3_step(s));
	sqlite3_reset(s);
}

static void bare_write_record(struct bare *bare, const struct item *item,
			      uint64_t rid, bool is_new)
{
	static const char entries[ENTRY_BYTES];
	const struct tb_entry *e = &item->entry;
	sqlite3_stmt *s = bare->statements[is_new ? BARE_INSERT : BARE_UPDATE];

	sqlite3_bind_int64(s, 1, (sqlite3_int64)rid);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)e->num);
	sqlite3_bind_int64(s, 3, 1700000000000000);
	sqlite3_bind_int64(s, 4, e->time_us);
	sqlite3_bind_int64(s, 5, e->origin);
	sqlite3_bind_int64(s, 6, 0);
	sqlite3_bind_blob(s, 7, entries, ENTRY_BYTES, SQLITE_STATIC);
	sqlite3_bind_blob(s, 8, body, BODY_BYTES, SQLITE_STATIC);
	if (is_new) {
		sqlite3_bind_int64(s, 9, ORG);
		sqlite3_bind_int64(s, 10, (sqlite3_int64)tb_rid(ORG, COLL));
		sqlite3_bind_blob(s, 11, item->key, KEY_BYTES, SQLITE_STATIC);
	}
	bare_run(s);
}

static void bare_write_feed(struct bare *bare, const struct tb_entry *e,
			    uint64_t rid)
{
	sqlite3_stmt *s = bare->statements[BARE_FEED_INSERT];

	sqlite3_bind_int64(s, 1, (sqlite3_int64)e->scope);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)e->num);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)rid);
	sqlite3_bind_int64(s, 4, (sqlite3_int64)e->entered);
	sqlite3_bind_int64(s, 5, e->time_us);
	sqlite3_bind_int64(s, 6, e->origin);
	sqlite3_bind_int64(s, 7, e->flags);
	bare_run(s);
}

static void bare_write(void *self, struct item *items, const size_t *which,
		       size_t n, uint64_t num, bool is_new)
{
	struct bare *bare = self;
	sqlite3_stmt *delete = bare->statements[BARE_FEED_DELETE];
	sqlite3_stmt *org = bare->statements[BARE_ORG];

	bare_run(bare->statements[BARE_BEGIN]);
	for (size_t i = 0; i < n; i++) {
		struct item *item = &items[which[i]];
		uint64_t rid = tb_rid(ORG, FIRST_NUM + which[i]);
		uint64_t before = item->entry.num;

		item->entry.num = num + i;
		bare_write_record(bare, item, rid, is_new);
		if (!is_new) {
			sqlite3_bind_int64(delete, 1,
					   (sqlite3_int64)item->entry.scope);
			sqlite3_bind_int64(delete, 2, (sqlite3_int64)before);
			bare_run(delete);
		}
		bare_write_feed(bare, &item->entry, rid);
	}
	sqlite3_bind_int64(org, 1, ORG);
	sqlite3_bind_int64(org, 2, (sqlite3_int64)(num + n));
	bare_run(org);
	bare_run(bare->statements[BARE_COMMIT]);
}

static uint64_t bare_read(void *self)
{
	struct bare *bare = self;
	sqlite3_stmt *s = bare->read;
	volatile int64_t sink;
	uint64_t bytes = 0;

	sqlite3_bind_int64(s, 1, (sqlite3_int64)tb_rid(ORG, SCOPE_NUM));
	sqlite3_bind_int64(s, 2, 0);
	sqlite3_bind_int64(s, 3, INT64_MAX);
	sqlite3_bind_int64(s, 4, -1);
	while (sqlite3_step(s) == SQLITE_ROW) {
		for (int i = 0; i < 12; i++)
			sink = sqlite3_column_int64(s, i);
		for (int i = 12; i < 14; i++) {
			sink = sqlite3_column_blob(s, i) != NULL;
			bytes += (uint64_t)sqlite3_column_bytes(s, i);
		}
		bytes += 2;
	}
	(void)sink;
	sqlite3_reset(s);
	return bytes;
}

/* --- measuring --- */

/* Writes `n` records in groups of `group`: those from `first` on when they are
 * new, else random ones of the first `total`. */
static void write_many(struct subject *subject, struct item *items,
		       size_t first, size_t n, size_t total, size_t group,
		       uint64_t num, bool is_new)
{
	size_t which[GROUP];
	double start;
	double cpu_start;

	for (size_t done = 0; done < n; done += group) {
		size_t k = n - done < group ? n - done : group;

		/* Each half of a group in its half of the records, so that
		 * none comes twice in one transaction. */
		for (size_t i = 0; i < k; i++)
			which[i] = is_new ? first + done + i
					  : i * (total / GROUP) +
						    random_next() %
							    (total / GROUP);
		start = clock_s(CLOCK_MONOTONIC);
		cpu_start = clock_s(CLOCK_THREAD_CPUTIME_ID);
		subject->write(subject->self, items, which, k, num + done,
			       is_new);
		subject->seconds += clock_s(CLOCK_MONOTONIC) - start;
		subject->cpu_seconds +=
			clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
	}
}

static void report(const char *what, const struct subject *subjects, double n)
{
	double store = n / subjects[0].seconds;
	double bare = n / subjects[1].seconds;

	printf("%-34s %10.0f %10.0f %8.2f %8.2f\n", what, store, bare,
	       store / bare, subjects[1].cpu_seconds / subjects[0].cpu_seconds);
	fflush(stdout);
}

static void bench_write(const char *what, struct subject *subjects,
			struct item **items, size_t first, size_t n,
			size_t total, size_t group, uint64_t num, bool is_new)
{
	for (size_t i = 0; i < 2; i++) {
		subjects[i].seconds = 0;
		subjects[i].cpu_seconds = 0;
	}
	for (size_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < 2; i++) {
			uint64_t state = random_state;

			/* Both change the same records. */
			write_many(&subjects[i], items[i],
				   first + round * (n / ROUNDS), n / ROUNDS,
				   total, group, num + round * (n / ROUNDS),
				   is_new);
			if (i == 0)
				random_state = state;
		}
	report(what, subjects, (double)(n / ROUNDS * ROUNDS));
}

static void bench_read(const char *what, struct subject *subjects, size_t n)
{
	uint64_t expected = n * (KEY_BYTES + BODY_BYTES + 2);

	for (size_t round = 0; round < READ_ROUNDS; round++)
		for (size_t i = 0; i < 2; i++) {
			double start = clock_s(CLOCK_THREAD_CPUTIME_ID);
			uint64_t bytes = subjects[i].read(subjects[i].self);
			double seconds =
				clock_s(CLOCK_THREAD_CPUTIME_ID) - start;

			TB_ASSERT(bytes == expected);
			if (round == 0 || seconds < subjects[i].seconds) {
				subjects[i].seconds = seconds;
				subjects[i].cpu_seconds = seconds;
			}
		}
	report(what, subjects, (double)n);
}

static void remove_store(const char *folder)
{
	static const char *const names[] = { TB_SQLITE_FILE,
					     TB_SQLITE_FILE "-wal",
					     TB_SQLITE_FILE "-shm" };

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		char *path = tb_sqlite_file_path(folder, names[i]);

		TB_ASSERT(path);
		unlink(path);
		tb_free(path);
	}
	rmdir(folder);
}

static struct tb_store *open_store(const char *folder)
{
	const struct tb_store_options options = {
		.path = folder,
		.create = true,
		.readers_max = READERS_MAX,
		.busy_timeout_ms = BUSY_MS,
	};
	struct tb_store *store;

	must(tb_store_sqlite.open(&options, &store));
	return store;
}

static void run(struct subject *subjects, size_t n)
{
	struct item *items[2];
	size_t total = n + ROUNDS * (SINGLE_COMMITS / ROUNDS);
	uint64_t num = FIRST_NUM;

	for (size_t i = 0; i < 2; i++) {
		items[i] = tb_calloc(total, sizeof(**items));
		TB_ASSERT(items[i]);
	}
	make_items(items[0], total);
	memcpy(items[1], items[0], total * sizeof(**items));
	printf("%-34s %10s %10s %8s %8s\n", "records", "store/s", "bare/s",
	       "ratio", "by CPU");
	bench_write("new records, groups of 256", subjects, items, 0, n, n,
		    GROUP, num, true);
	num += n;
	bench_write("new records, one a commit", subjects, items, n,
		    SINGLE_COMMITS, n, 1, num, true);
	num += SINGLE_COMMITS;
	bench_read("joined reads, insertion order", subjects, total);
	bench_write("random updates, groups of 256", subjects, items, 0, n / 2,
		    n, GROUP, num, false);
	bench_read("joined reads, after the updates", subjects, total);
	tb_free(items[0]);
	tb_free(items[1]);
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 1000000;
	struct bare bare;
	struct tb_store *store;
	char folders[2][256];
	struct subject subjects[] = {
		{ "store", store_write, store_read, NULL, 0, 0 },
		{ "bare", bare_write, bare_read, &bare, 0, 0 },
	};

	if (argc < 2 || n < GROUP * ROUNDS) {
		fprintf(stderr, "usage: bench_store FOLDER [RECORDS]\n");
		return 2;
	}
	snprintf(folders[0], sizeof(folders[0]), "%s/bench-store", argv[1]);
	snprintf(folders[1], sizeof(folders[1]), "%s/bench-bare", argv[1]);
	memset(body, 'b', sizeof(body));
	for (size_t i = 0; i < 2; i++)
		remove_store(folders[i]);
	store = open_store(folders[1]);
	tb_store_sqlite.close(store);
	store = open_store(folders[0]);
	subjects[0].self = store;
	bare_open(&bare, folders[1]);
	run(subjects, n);
	bare_close(&bare);
	tb_store_sqlite.close(store);
	for (size_t i = 0; i < 2; i++)
		remove_store(folders[i]);
	return 0;
}
