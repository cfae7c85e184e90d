#include "conformance.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define SCOPE tb_rid(1, 65)

/* Everything that a transaction can see of the state that `change` makes. */
struct sight {
	bool record;
	bool feed;
	bool child;
	bool audit;
	bool org;
};

static struct sight look(struct fixture *f, struct tb_tx *tx)
{
	const struct tb_feed_query query = { .scope = SCOPE,
					     .until = UINT64_MAX,
					     .limit = 1 };
	struct tb_key key = { .org = 1,
			      .coll = FIXTURE_COLL,
			      .key = TB_STR("new") };
	struct tb_record *record = NULL;
	struct tb_audit_row audit;
	struct tb_feed_row row;
	struct tb_cursor *cursor;
	struct tb_org org;
	struct sight s;
	uint64_t child;
	size_t n = 0;

	MUST(f->ops->find(tx, f->arena, &key, 1, &record));
	MUST(f->ops->feed_open(tx, &query, &cursor));
	s.feed = f->ops->feed_next(cursor, &row) == TB_OK;
	f->ops->feed_close(cursor);
	MUST(f->ops->children(tx, 1, FIXTURE_COLL, TB_STR("p"), 0, &child, 1,
			      &n));
	s.record = record != NULL;
	s.child = n == 1;
	s.audit = f->ops->audit_next(tx, f->arena, 1, 0, &audit) == TB_OK;
	s.org = f->ops->org_get(tx, 3, &org) == TB_OK;
	return s;
}

static void assert_sees_all(struct sight s)
{
	assert_true(s.record && s.feed && s.child && s.audit && s.org);
}

static void assert_sees_nothing(struct sight s)
{
	assert_true(!s.record && !s.feed && !s.child && !s.audit && !s.org);
}

static void change(struct fixture *f, struct tb_tx *tx)
{
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_record r = fixture_record(tb_rid(1, 90), "new", "1", &e, 1);
	struct tb_org org = fixture_org(3);
	struct tb_op ops[] = {
		fixture_put(&r, NULL),
		fixture_link(TB_OP_LINK, 1, "p", r.rid),
		fixture_audit(1, 1, "row", "detail"),
		fixture_put_org(&org),
	};

	MUST(f->ops->apply(tx, ops, TB_ARRAY_LEN(ops)));
}

/* Undoes `change` by operations. */
static void change_back(struct fixture *f, struct tb_tx *tx)
{
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_record r = fixture_record(tb_rid(1, 90), "new", "1", &e, 1);
	struct tb_op ops[] = {
		fixture_remove(&r),
		fixture_link(TB_OP_UNLINK, 1, "p", r.rid),
		fixture_forget(TB_OP_AUDIT_DROP, 1, 1),
	};

	MUST(f->ops->apply(tx, ops, TB_ARRAY_LEN(ops)));
}

static void a_snapshot_does_not_see_later_commits(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *before = fixture_begin(f, TB_TX_READ);
	struct tb_tx *writer = fixture_begin(f, TB_TX_WRITE);
	struct tb_tx *during;
	struct tb_tx *after;

	change(f, writer);
	during = fixture_begin(f, TB_TX_READ);
	assert_sees_all(look(f, writer));
	assert_sees_nothing(look(f, during));
	MUST(f->ops->commit(writer));
	after = fixture_begin(f, TB_TX_READ);
	assert_sees_nothing(look(f, before));
	assert_sees_nothing(look(f, during));
	assert_sees_all(look(f, after));
	f->ops->rollback(before);
	f->ops->rollback(during);
	f->ops->rollback(after);
}

static void a_snapshot_keeps_what_is_changed_later(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *writer = fixture_begin(f, TB_TX_WRITE);
	struct tb_tx *reader;

	change(f, writer);
	MUST(f->ops->commit(writer));
	reader = fixture_begin(f, TB_TX_READ);
	writer = fixture_begin(f, TB_TX_WRITE);
	change_back(f, writer);
	MUST(f->ops->commit(writer));
	assert_sees_all(look(f, reader));
	f->ops->rollback(reader);
	reader = fixture_begin(f, TB_TX_READ);
	assert_false(look(f, reader).record);
	assert_false(look(f, reader).feed);
	MUST(f->ops->commit(reader));
}

static void an_open_walk_does_not_see_later_commits(void **state)
{
	struct fixture *f = *state;
	const struct tb_feed_query query = { .scope = SCOPE,
					     .until = UINT64_MAX,
					     .limit = UINT64_MAX };
	struct tb_tx *reader = fixture_begin(f, TB_TX_READ);
	struct tb_tx *writer = fixture_begin(f, TB_TX_WRITE);
	struct tb_cursor *cursor;
	struct tb_feed_row row;

	MUST(f->ops->feed_open(reader, &query, &cursor));
	change(f, writer);
	MUST(f->ops->commit(writer));
	assert_int_equal(f->ops->feed_next(cursor, &row), TB_ERR_NOT_FOUND);
	f->ops->feed_close(cursor);
	f->ops->rollback(reader);
}

static void rollback_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *tx = fixture_begin(f, TB_TX_WRITE);

	change(f, tx);
	f->ops->rollback(tx);
	f->ops->rollback(NULL);
	tx = fixture_begin(f, TB_TX_WRITE);
	assert_sees_nothing(look(f, tx));
	change(f, tx);
	MUST(f->ops->commit(tx));
	tx = fixture_begin(f, TB_TX_WRITE);
	change_back(f, tx);
	f->ops->rollback(tx);
	tx = fixture_begin(f, TB_TX_READ);
	assert_sees_all(look(f, tx));
	f->ops->rollback(tx);
}

static void a_refused_write_leaves_nothing_of_its_group(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fixture_record(tb_rid(1, 90), "new", "1", NULL, 0);
	struct tb_op again = fixture_put(&r, NULL);
	struct tb_tx *tx = fixture_begin(f, TB_TX_WRITE);

	change(f, tx);
	assert_int_equal(f->ops->apply(tx, &again, 1), TB_ERR_EXISTS);
	f->ops->rollback(tx);
	tx = fixture_begin(f, TB_TX_WRITE);
	assert_sees_nothing(look(f, tx));
	MUST(f->ops->commit(tx));
}

static void a_second_writer_is_told_busy(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *first = fixture_begin(f, TB_TX_WRITE);
	struct tb_tx *second;

	assert_int_equal(f->ops->begin(f->store, TB_TX_WRITE, &second),
			 TB_ERR_BUSY);
	f->ops->rollback(first);
	second = fixture_begin(f, TB_TX_WRITE);
	f->ops->rollback(second);
}

static void one_snapshot_too_many_is_told_busy(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *readers[FIXTURE_READERS_MAX];
	struct tb_tx *writer;
	struct tb_tx *extra;

	for (size_t i = 0; i < FIXTURE_READERS_MAX; i++)
		readers[i] = fixture_begin(f, TB_TX_READ);
	assert_int_equal(f->ops->begin(f->store, TB_TX_READ, &extra),
			 TB_ERR_BUSY);
	writer = fixture_begin(f, TB_TX_WRITE);
	change(f, writer);
	MUST(f->ops->commit(writer));
	f->ops->rollback(readers[0]);
	readers[0] = fixture_begin(f, TB_TX_READ);
	assert_sees_all(look(f, readers[0]));
	for (size_t i = 0; i < FIXTURE_READERS_MAX; i++)
		f->ops->rollback(readers[i]);
}

/* A thread that asks for a transaction of which none is free. */
struct waiter {
	struct fixture *f;
	enum tb_tx_mode mode;
	enum tb_err err;
};

static void *wait_for_turn(void *arg)
{
	struct waiter *w = arg;
	struct tb_tx *tx;

	w->err = w->f->ops->begin(w->f->store, w->mode, &tx);
	if (w->err == TB_OK)
		w->f->ops->rollback(tx);
	return NULL;
}

static void let_in_when_one_ends(struct fixture *f, enum tb_tx_mode mode,
				 size_t places)
{
	struct waiter waiter = { .f = f, .mode = mode, .err = TB_ERR_COUNT };
	struct timespec pause = { .tv_nsec = 20000000 };
	struct tb_tx *taken[FIXTURE_READERS_MAX];
	pthread_t thread;

	for (size_t i = 0; i < places; i++)
		taken[i] = fixture_begin(f, mode);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_turn, &waiter),
			 0);
	/* Likely to be waiting by then; right, too, if it is not yet. */
	nanosleep(&pause, NULL);
	f->ops->rollback(taken[0]);
	pthread_join(thread, NULL);
	assert_int_equal(waiter.err, TB_OK);
	for (size_t i = 1; i < places; i++)
		f->ops->rollback(taken[i]);
}

static void who_waits_is_let_in_when_another_ends(void **state)
{
	struct fixture *f = *state;

	f->options.busy_timeout_ms = 60000;
	fixture_reopen(f);
	let_in_when_one_ends(f, TB_TX_WRITE, 1);
	let_in_when_one_ends(f, TB_TX_READ, FIXTURE_READERS_MAX);
}

/*
 * A writer moves one record after the other to the next number and the org's
 * head with it; readers must always see all records, the newest at the head,
 * and a head that does not go back.
 */
#define RACE_RECORDS 16
#define RACE_COMMITS 300
#define RACE_READERS 3
#define RACE_FIRST 100

struct race {
	struct fixture *f;
	int done;
	int failures;
};

static struct tb_record race_record(size_t i, struct tb_entry *e)
{
	static const char *const keys[RACE_RECORDS] = {
		"0", "1", "2",  "3",  "4",  "5",  "6",  "7",
		"8", "9", "10", "11", "12", "13", "14", "15",
	};

	return fixture_record(tb_rid(1, RACE_FIRST + i), keys[i], "{}", e, 1);
}

static bool race_snapshot_holds(struct fixture *f, struct tb_tx *tx,
				uint64_t *head)
{
	const struct tb_feed_query query = { .scope = SCOPE,
					     .until = UINT64_MAX,
					     .limit = UINT64_MAX,
					     .with_records = true,
					     .with_entries = true };
	struct tb_cursor *cursor;
	struct tb_feed_row row = { 0 };
	struct tb_org org;
	size_t n = 0;
	bool holds;

	if (f->ops->org_get(tx, 1, &org) != TB_OK ||
	    f->ops->feed_open(tx, &query, &cursor) != TB_OK)
		return false;
	holds = org.head >= *head;
	while (f->ops->feed_next(cursor, &row) == TB_OK) {
		holds = holds && row.record.version == row.num &&
			row.record.n_entries == 1 &&
			row.record.entries[0].num == row.num;
		n++;
	}
	f->ops->feed_close(cursor);
	*head = org.head;
	return holds && n == RACE_RECORDS && row.num == org.head;
}

static void *race_reader(void *arg)
{
	struct race *race = arg;
	struct fixture *f = race->f;
	uint64_t head = 0;

	while (!__atomic_load_n(&race->done, __ATOMIC_ACQUIRE)) {
		struct tb_tx *tx;

		if (f->ops->begin(f->store, TB_TX_READ, &tx) != TB_OK ||
		    !race_snapshot_holds(f, tx, &head))
			__atomic_add_fetch(&race->failures, 1,
					   __ATOMIC_RELAXED);
		else
			f->ops->rollback(tx);
	}
	return NULL;
}

static void race_commit(struct fixture *f, struct tb_entry *entries, size_t i,
			uint64_t num, bool is_new)
{
	struct tb_entry before = entries[i];
	struct tb_record old = race_record(i, &before);
	struct tb_record now;
	struct tb_org org = fixture_org(1);
	struct tb_op ops[2];

	entries[i] = fixture_entry(SCOPE, num);
	now = race_record(i, &entries[i]);
	org.head = num;
	ops[0] = fixture_put(&now, is_new ? NULL : &old);
	ops[1] = fixture_put_org(&org);
	fixture_apply(f, ops, 2);
}

static void readers_always_see_a_whole_commit(void **state)
{
	struct fixture *f = *state;
	struct race race = { .f = f };
	struct tb_entry entries[RACE_RECORDS];
	pthread_t readers[RACE_READERS];
	uint64_t num = RACE_FIRST;

	memset(entries, 0, sizeof(entries));
	for (size_t i = 0; i < RACE_RECORDS; i++)
		race_commit(f, entries, i, num++, true);
	for (size_t i = 0; i < RACE_READERS; i++)
		assert_int_equal(
			pthread_create(&readers[i], NULL, race_reader, &race),
			0);
	for (size_t i = 0; i < RACE_COMMITS; i++)
		race_commit(f, entries, i % RACE_RECORDS, num++, false);
	__atomic_store_n(&race.done, 1, __ATOMIC_RELEASE);
	for (size_t i = 0; i < RACE_READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(race.failures, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(a_snapshot_does_not_see_later_commits),
	STORE_TEST(a_snapshot_keeps_what_is_changed_later),
	STORE_TEST(an_open_walk_does_not_see_later_commits),
	STORE_TEST(rollback_leaves_nothing),
	STORE_TEST(a_refused_write_leaves_nothing_of_its_group),
	STORE_TEST(a_second_writer_is_told_busy),
	STORE_TEST(one_snapshot_too_many_is_told_busy),
	STORE_TEST(who_waits_is_let_in_when_another_ends),
	STORE_TEST(readers_always_see_a_whole_commit),
};
PART(transactions, tests);
