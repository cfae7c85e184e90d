#include "conformance.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCOPE tb_rid(1, 65)

static void an_engine_is_found_by_its_name(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(f->ops->name, engine_under_test->name);
	assert_ptr_equal(f->store->ops, f->ops);
	assert_null(tb_store_find(TB_STR("none")));
	assert_null(tb_store_find(TB_STR("sqlit")));
	f->ops->close(NULL);
}

static void what_was_committed_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 90);
	struct tb_record r = fixture_record(tb_rid(1, 90), "a", "1", &e, 1);
	struct tb_op op = fixture_put(&r, NULL);

	if (!engine_under_test->is_persistent)
		skip();
	fixture_apply(f, &op, 1);
	f->options.create = false;
	fixture_reopen(f);
	assert_record_equal(fixture_find(f, r.rid), &r);
	assert_int_equal(fixture_count(f, SCOPE), 1);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

/*
 * What a process commits before it is killed. It writes each number to a pipe
 * when its commit has returned.
 */
#define KILL_ROUNDS 10
#define KILL_ROWS_PER_COMMIT 3

static void commit_row_group(struct fixture *f, uint64_t first)
{
	struct tb_entry entries[KILL_ROWS_PER_COMMIT];
	struct tb_record records[KILL_ROWS_PER_COMMIT];
	struct tb_op ops[KILL_ROWS_PER_COMMIT];
	char keys[KILL_ROWS_PER_COMMIT][24];

	for (size_t i = 0; i < KILL_ROWS_PER_COMMIT; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%llu",
			 (unsigned long long)(first + i));
		entries[i] = fixture_entry(SCOPE, first + i);
		records[i] = fixture_record(tb_rid(1, first + i), keys[i], "{}",
					    &entries[i], 1);
		ops[i] = fixture_put(&records[i], NULL);
	}
	fixture_apply(f, ops, KILL_ROWS_PER_COMMIT);
}

static void commit_until_killed(struct fixture *f, uint64_t first, int fd)
{
	f->store = NULL;
	if (f->ops->open(&f->options, &f->store) != TB_OK)
		_exit(1);
	for (;; first += KILL_ROWS_PER_COMMIT) {
		commit_row_group(f, first);
		if (write(fd, &first, sizeof(first)) != sizeof(first))
			_exit(1);
	}
}

/* Kills the child after some reports; the last that came. */
static uint64_t kill_amid_commits(pid_t child, int fd, unsigned reports)
{
	uint64_t last = 0;
	uint64_t got;

	while (reports-- > 0)
		assert_int_equal(read(fd, &last, sizeof(last)), sizeof(last));
	kill(child, SIGKILL);
	/* What was still in the pipe was reported, too. */
	while (read(fd, &got, sizeof(got)) == sizeof(got))
		last = got;
	assert_int_equal(waitpid(child, NULL, 0), child);
	return last;
}

static void reported_commits_outlive_a_kill(void **state)
{
	struct fixture *f = *state;
	uint64_t first = 100;

	if (!engine_under_test->is_persistent)
		skip();
	for (unsigned round = 0; round < KILL_ROUNDS; round++) {
		uint64_t last;
		size_t rows;
		int fds[2];
		pid_t child;

		f->ops->close(f->store);
		assert_int_equal(pipe(fds), 0);
		child = fork();
		if (child == 0)
			commit_until_killed(f, first, fds[1]);
		close(fds[1]);
		last = kill_amid_commits(child, fds[0], 1 + round * 7);
		close(fds[0]);
		MUST(f->ops->open(&f->options, &f->store));
		rows = fixture_count(f, SCOPE);
		assert_int_equal(rows % KILL_ROWS_PER_COMMIT, 0);
		assert_in_range(100 + rows, last + KILL_ROWS_PER_COMMIT,
				last + 2 * KILL_ROWS_PER_COMMIT);
		assert_int_equal(fixture_broken(f, NULL), 0);
		first = 100 + rows;
	}
}

/* Holds the write lock from when it writes a byte until it is sent one. */
static void write_until_told(struct fixture *f, int told, int tell)
{
	struct tb_tx *tx;
	char byte = 'x';

	f->store = NULL;
	if (f->ops->open(&f->options, &f->store) != TB_OK ||
	    f->ops->begin(f->store, TB_TX_WRITE, &tx) != TB_OK ||
	    write(tell, &byte, 1) != 1 || read(told, &byte, 1) != 1)
		_exit(1);
	f->ops->rollback(tx);
	f->ops->close(f->store);
	_exit(0);
}

static void another_process_that_writes_makes_busy_then_lets_in(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *tx;
	int to_child[2];
	int from_child[2];
	int status;
	char byte = 'x';
	pid_t child;

	if (!engine_under_test->is_persistent)
		skip();
	f->ops->close(f->store);
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(from_child), 0);
	child = fork();
	if (child == 0)
		write_until_told(f, to_child[0], from_child[1]);
	MUST(f->ops->open(&f->options, &f->store));
	assert_int_equal(read(from_child[0], &byte, 1), 1);
	assert_int_equal(f->ops->begin(f->store, TB_TX_WRITE, &tx),
			 TB_ERR_BUSY);
	tx = fixture_begin(f, TB_TX_READ);
	f->ops->rollback(tx);
	assert_int_equal(write(to_child[1], &byte, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	tx = fixture_begin(f, TB_TX_WRITE);
	f->ops->rollback(tx);
	for (int i = 0; i < 2; i++) {
		close(to_child[i]);
		close(from_child[i]);
	}
}

static void a_store_that_is_not_there_is_made_only_when_asked(void **state)
{
	struct fixture *f = *state;

	if (!engine_under_test->is_persistent)
		skip();
	f->ops->close(f->store);
	remove_folder(f->folder);
	f->options.create = false;
	assert_int_equal(f->ops->open(&f->options, &f->store),
			 TB_ERR_NOT_FOUND);
	f->options.create = true;
	MUST(f->ops->open(&f->options, &f->store));
}

/*
 * Random changes to the engine and, in step, to the memory engine: whatever
 * one can be asked, both must answer alike.
 */
#define TWIN_STEPS 400
#define TWIN_RECORDS 24
#define TWIN_SCOPES 5

struct twins {
	struct fixture *a;
	struct fixture b;
	uint64_t random;
	uint64_t num;
	bool there[TWIN_RECORDS];
	struct tb_record records[TWIN_RECORDS];
	struct tb_entry entries[TWIN_RECORDS][TWIN_SCOPES];
	char keys[TWIN_RECORDS][8];
	char bodies[TWIN_RECORDS][16];
};

static uint64_t below(struct twins *t, uint64_t n)
{
	t->random = t->random * 6364136223846793005u + 1442695040888963407u;
	return (t->random >> 33) % n;
}

static size_t shuffle_entries(struct twins *t, const struct tb_record *old,
			      struct tb_entry *ret)
{
	size_t n = 0;

	for (uint64_t s = 0; s < TWIN_SCOPES; s++) {
		const struct tb_entry *was =
			old ? tb_record_entry(old, tb_rid(1, 65 + s)) : NULL;

		switch (below(t, 4)) {
		case 0:
			break;
		case 1:
			if (was)
				ret[n++] = *was;
			break;
		case 2:
			if (was) {
				ret[n] = *was;
				ret[n++].flags ^= TB_ENTRY_WAITING;
			}
			break;
		default:
			ret[n] = fixture_entry(tb_rid(1, 65 + s), t->num);
			ret[n++].origin = (uint32_t)below(t, 3);
		}
	}
	return n;
}

static void change_twin_record(struct twins *t, size_t i)
{
	struct tb_record old = t->records[i];
	struct tb_entry entries[TWIN_SCOPES];
	struct tb_record now;
	struct tb_op op;
	bool remove = t->there[i] && below(t, 6) == 0;
	size_t n = shuffle_entries(t, t->there[i] ? &old : NULL, entries);

	snprintf(t->bodies[i], sizeof(t->bodies[i]), "%u", (unsigned)t->num);
	now = fixture_record(tb_rid(1, 100 + i), t->keys[i], t->bodies[i],
			     entries, n);
	now.version = t->num;
	op = remove ? fixture_remove(&old)
		    : fixture_put(&now, t->there[i] ? &old : NULL);
	fixture_apply(t->a, &op, 1);
	fixture_apply(&t->b, &op, 1);
	memcpy(t->entries[i], entries, sizeof(entries));
	now.entries = t->entries[i];
	t->records[i] = now;
	t->there[i] = !remove;
}

static void change_twin_link(struct twins *t)
{
	struct tb_op op = fixture_link(below(t, 2) ? TB_OP_LINK : TB_OP_UNLINK,
				       1, below(t, 2) ? "p" : "q",
				       tb_rid(1, 100 + below(t, 8)));

	fixture_apply(t->a, &op, 1);
	fixture_apply(&t->b, &op, 1);
}

static void assert_twins_walk_alike(struct twins *t,
				    const struct tb_feed_query *query)
{
	struct fixture *fixtures[] = { t->a, &t->b };
	struct tb_cursor *cursors[2];
	struct tb_feed_row rows[2];
	struct tb_tx *tx[2];
	enum tb_err err[2];

	for (int i = 0; i < 2; i++) {
		tx[i] = fixture_begin(fixtures[i], TB_TX_READ);
		MUST(fixtures[i]->ops->feed_open(tx[i], query, &cursors[i]));
	}
	do {
		for (int i = 0; i < 2; i++)
			err[i] = fixtures[i]->ops->feed_next(cursors[i],
							     &rows[i]);
		assert_int_equal(err[0], err[1]);
		if (err[0] != TB_OK)
			break;
		assert_true(rows[0].num == rows[1].num &&
			    rows[0].rid == rows[1].rid &&
			    rows[0].entered == rows[1].entered &&
			    rows[0].time_us == rows[1].time_us &&
			    rows[0].origin == rows[1].origin &&
			    rows[0].flags == rows[1].flags);
		assert_record_equal(&rows[0].record, &rows[1].record);
	} while (true);
	for (int i = 0; i < 2; i++) {
		fixtures[i]->ops->feed_close(cursors[i]);
		fixtures[i]->ops->rollback(tx[i]);
	}
}

static void assert_twins_alike(struct twins *t)
{
	struct tb_feed_query query = {
		.after = below(t, t->num),
		.until = below(t, 2) ? UINT64_MAX : below(t, t->num),
		.limit = below(t, 2) ? UINT64_MAX : below(t, 10),
		.with_records = below(t, 2),
		.with_entries = below(t, 2),
		.skip_origin = (uint32_t)below(t, 3),
		.skip_above = below(t, t->num),
	};
	size_t i = below(t, TWIN_RECORDS);
	struct tb_record *a = fixture_find(t->a, tb_rid(1, 100 + i));
	struct tb_record *b = fixture_find(&t->b, tb_rid(1, 100 + i));

	assert_true(!a == !t->there[i] && !b == !t->there[i]);
	if (a) {
		assert_record_equal(a, b);
		assert_record_equal(a, &t->records[i]);
	}
	query.scope = tb_rid(1, 65 + below(t, TWIN_SCOPES));
	assert_twins_walk_alike(t, &query);
	tb_arena_reset(t->a->arena);
	tb_arena_reset(t->b.arena);
}

static void it_answers_as_the_memory_engine_does(void **state)
{
	struct twins *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->a = *state;
	t->random = 20240229;
	t->num = 200;
	fixture_init(&t->b, tb_store_find(TB_STR("memory")));
	fixture_add_org(&t->b, 1);
	for (size_t i = 0; i < TWIN_RECORDS; i++)
		snprintf(t->keys[i], sizeof(t->keys[i]), "k%zu", i);
	for (size_t i = 0; i < TWIN_STEPS; i++, t->num++) {
		change_twin_record(t, below(t, TWIN_RECORDS));
		change_twin_link(t);
		assert_twins_alike(t);
	}
	assert_int_equal(fixture_broken(t->a, "entries"), 0);
	assert_int_equal(fixture_broken(&t->b, "entries"), 0);
	fixture_fini(&t->b);
	free(t);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(an_engine_is_found_by_its_name),
	STORE_TEST(what_was_committed_is_there_after_reopening),
	STORE_TEST(reported_commits_outlive_a_kill),
	STORE_TEST(another_process_that_writes_makes_busy_then_lets_in),
	STORE_TEST(a_store_that_is_not_there_is_made_only_when_asked),
	STORE_TEST(it_answers_as_the_memory_engine_does),
};
PART(lifetime, tests);
