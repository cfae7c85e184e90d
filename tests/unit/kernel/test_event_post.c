/*
 * Posting events, on each engine: they are in the history once, in the order
 * of their arrival, or nothing of a refused post is; also when a call of the
 * store or an allocation fails.
 */
#include "world.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/event.h"
#include "kernel/system.h"

#define EVENTS_MAX 16
#define BUF_MAX ((size_t)1 << 20)

struct posting {
	struct tb_event_post post;
	struct tb_event events[EVENTS_MAX];
};

/* A post of events "uuid=content", which is not how bodies look, but nothing
 * but a comparison does. */
static void make(struct world *w, struct posting *p, const char *const *said,
		 size_t n)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->ic.core, w->org, &heads));
	*p = (struct posting) { .post = { .generation = heads.generation } };
	p->post.events = p->events;
	p->post.n = n;
	p->post.commit.note = w->ic.note;
	for (size_t i = 0; i < n; i++) {
		struct tb_str rest = tb_str_z(said[i]);

		p->events[i].uuid = tb_str_cut(&rest, '=');
		MUST(tb_arena_printf(w->ic.arena, &p->events[i].body,
				     "{\"uuid\":\"%.*s\",\"x\":\"%.*s\"}",
				     TB_STR_ARG(p->events[i].uuid),
				     TB_STR_ARG(rest)));
	}
	tb_event_post_init(&p->post, w->org);
}

#define MAKE(w, p, ...)                                                        \
	make(w, p, (const char *const[]) { __VA_ARGS__ },                      \
	     TB_ARRAY_LEN(((const char *const[]) { __VA_ARGS__ })))

static enum tb_err commit(struct world *w, struct posting *p)
{
	return tb_core_commit(w->ic.core, &p->post.commit);
}

/* Everything that there is of events: "number:key ". */
static void put_history(struct world *w, struct tb_buf *buf)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_feed_query query = {
		.scope = tb_scope_known(w->org, TB_SCOPE_EVENTS),
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};
	struct tb_cursor *cursor;
	struct tb_feed_row row;

	MUST(tx->store->ops->feed_open(tx, &query, &cursor));
	while (tx->store->ops->feed_next(cursor, &row) == TB_OK)
		tb_buf_printf(buf, "%llu:%.*s ", (unsigned long long)row.num,
			      TB_STR_ARG(row.record.key));
	tx->store->ops->feed_close(cursor);
	tb_core_read_end(tx);
}

static void expect_history(struct world *w, const char *expected)
{
	struct tb_buf buf;

	tb_buf_init(&buf, BUF_MAX);
	put_history(w, &buf);
	tb_buf_append_char(&buf, '\0');
	assert_string_equal(buf.p, expected);
	tb_buf_fini(&buf);
}

static struct tb_org org_row(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, w->org, &org));
	tb_core_read_end(tx);
	return org;
}

static void count_finding(void *ctx, const char *invariant, uint64_t rid,
			  const char *what)
{
	size_t *n = ctx;

	print_error("%s %llu: %s\n", invariant, (unsigned long long)rid, what);
	++*n;
}

static void expect_sound(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	size_t n = 0;

	MUST(tx->store->ops->check(tx, count_finding, &n));
	tb_core_read_end(tx);
	assert_int_equal(n, 0);
}

static void order_on(struct world *w)
{
	struct posting p;

	MAKE(w, &p, "c=1", "a=1");
	MUST(commit(w, &p));
	assert_int_equal(p.post.before, 0);
	assert_int_equal(p.post.head, 2);
	MAKE(w, &p, "b=1");
	MUST(commit(w, &p));
	assert_int_equal(p.post.before, 2);
	assert_int_equal(p.post.head, 3);
	assert_int_equal(p.post.n_stored, 1);
	expect_history(w, "1:c 2:a 3:b ");
	expect_sound(w);
}

static void test_history_is_dense_and_in_order_of_arrival(void **unused)
{
	(void)unused;
	world_on_each_engine(order_on);
}

static void repeat_on(struct world *w)
{
	struct tb_org before;
	struct tb_org after;
	struct posting p;

	MAKE(w, &p, "a=1", "b=1", "a=1");
	MUST(commit(w, &p));
	assert_int_equal(p.events[0].outcome, TB_EVENT_STORED);
	assert_int_equal(p.events[2].outcome, TB_EVENT_REPEATED);
	assert_int_equal(p.post.n_stored, 2);
	before = org_row(w);
	MAKE(w, &p, "b=1", "a=1");
	p.events[1].body = TB_STR("{\"x\": \"\\u0031\", \"uuid\": \"a\"}");
	MUST(commit(w, &p));
	assert_int_equal(p.post.n_stored, 0);
	assert_int_equal(p.post.before, 2);
	assert_int_equal(p.post.head, 2);
	after = org_row(w);
	assert_memory_equal(&before, &after, sizeof(before));
	expect_history(w, "1:a 2:b ");
}

static void test_repetition_changes_nothing(void **unused)
{
	(void)unused;
	world_on_each_engine(repeat_on);
}

static void taken_on(struct world *w)
{
	struct tb_org before;
	struct tb_org after;
	struct posting p;

	MAKE(w, &p, "a=1");
	MUST(commit(w, &p));
	before = org_row(w);
	MAKE(w, &p, "b=1", "a=2", "c=1");
	assert_int_equal(commit(w, &p), TB_ERR_EXISTS);
	assert_int_equal(p.post.taken, 1);
	MAKE(w, &p, "b=1", "c=1", "b=2");
	assert_int_equal(commit(w, &p), TB_ERR_EXISTS);
	assert_int_equal(p.post.taken, 2);
	after = org_row(w);
	assert_memory_equal(&before, &after, sizeof(before));
	expect_history(w, "1:a ");
}

static void test_taken_uuid_refuses_the_whole_post(void **unused)
{
	(void)unused;
	world_on_each_engine(taken_on);
}

static void lenient_on(struct world *w)
{
	struct posting p;

	MAKE(w, &p, "a=1");
	MUST(commit(w, &p));
	MAKE(w, &p, "b=1", "a=2", "b=2", "c=1", "a=1");
	p.post.is_lenient = true;
	MUST(commit(w, &p));
	assert_int_equal(p.events[0].outcome, TB_EVENT_STORED);
	assert_int_equal(p.events[1].outcome, TB_EVENT_TAKEN);
	assert_int_equal(p.events[2].outcome, TB_EVENT_TAKEN);
	assert_int_equal(p.events[3].outcome, TB_EVENT_STORED);
	assert_int_equal(p.events[4].outcome, TB_EVENT_REPEATED);
	assert_int_equal(p.post.n_stored, 2);
	expect_history(w, "1:a 2:b 3:c ");
}

static void test_lenient_post_leaves_out_what_is_taken(void **unused)
{
	(void)unused;
	world_on_each_engine(lenient_on);
}

static void refused_on(struct world *w)
{
	struct posting p;

	MAKE(w, &p, "a=1");
	MUST(commit(w, &p));
	MAKE(w, &p, "b=1", "a=1");
	p.post.is_refused = true;
	assert_int_equal(commit(w, &p), TB_ERR_DENIED);
	MAKE(w, &p, "b=1", "a=2");
	p.post.is_refused = true;
	assert_int_equal(commit(w, &p), TB_ERR_EXISTS);
	assert_int_equal(p.post.taken, 1);
	expect_history(w, "1:a ");
}

static void test_refused_post_tells_only_of_taken_uuids(void **unused)
{
	(void)unused;
	world_on_each_engine(refused_on);
}

static void generation_on(struct world *w)
{
	struct posting p;

	MAKE(w, &p, "a=1");
	p.post.generation++;
	assert_int_equal(commit(w, &p), TB_ERR_CONFLICT);
	expect_history(w, "");
	p.post.generation--;
	MUST(commit(w, &p));
	expect_history(w, "1:a ");
}

static void test_post_of_another_generation_is_refused(void **unused)
{
	(void)unused;
	world_on_each_engine(generation_on);
}

static void audit_on(struct world *w)
{
	uint64_t before = org_row(w).audit_n;
	struct tb_audit_entry entry;
	struct tb_audit_row row;
	struct posting p;
	struct tb_tx *tx;

	MAKE(w, &p, "a=1", "b=1", "a=1");
	MUST(commit(w, &p));
	MAKE(w, &p, "a=1");
	MUST(commit(w, &p));
	assert_int_equal(org_row(w).audit_n, before + 1);
	tx = inline_core_read(&w->ic);
	MUST(tx->store->ops->audit_next(tx, w->ic.arena, w->org, before, &row));
	MUST(tb_audit_decode(w->ic.arena, &row, &entry));
	assert_true(
		tb_str_eq(entry.detail, TB_STR("{\"events\":3,\"stored\":2}")));
	tb_core_read_end(tx);
}

static void test_post_is_one_audit_row_unless_nothing_was_new(void **unused)
{
	(void)unused;
	world_on_each_engine(audit_on);
}

static void publish_org(void *ctx, const struct tb_org *org,
			const struct tb_moves *moves)
{
	inline_core_publish(ctx, org, moves);
}

/* Five posts in one group; the store does not take the first try, so that they
 * run again in halves, and each sees those before it. */
static void group_on(struct world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_APPLY,
				     .first = 1,
				     .last = 2,
				     .err = TB_ERR_CORRUPT };
	struct posting p[5];
	struct tb_commit *commits[5];

	MAKE(w, &p[0], "a=1");
	MAKE(w, &p[1], "b=1", "a=2");
	MAKE(w, &p[2], "b=2", "a=1");
	MAKE(w, &p[3], "c=1", "b=1");
	p[3].post.is_lenient = true;
	MAKE(w, &p[4], "c=1", "d=1");
	for (size_t i = 0; i < 5; i++)
		commits[i] = &p[i].post.commit;
	tb_fail_set_plan(w->ic.store, &plan);
	MUST(tb_group_run(w->ic.store, commits, 5, w->ic.now_us, publish_org,
			  &w->ic));
	tb_fail_set_plan(w->ic.store, NULL);
	/* The half of the first two failed again, so that they ran alone. */
	assert_int_equal(commits[0]->err, TB_OK);
	assert_int_equal(commits[1]->err, TB_ERR_EXISTS);
	assert_int_equal(p[1].post.taken, 1);
	assert_int_equal(commits[2]->err, TB_OK);
	assert_int_equal(p[2].events[1].outcome, TB_EVENT_REPEATED);
	assert_int_equal(p[2].post.n_stored, 1);
	assert_int_equal(commits[3]->err, TB_OK);
	assert_int_equal(p[3].events[1].outcome, TB_EVENT_TAKEN);
	assert_int_equal(commits[4]->err, TB_OK);
	assert_int_equal(p[4].events[0].outcome, TB_EVENT_REPEATED);
	assert_int_equal(p[4].post.before, 3);
	assert_int_equal(p[4].post.head, 4);
	expect_history(w, "1:a 2:b 3:c 4:d ");
	expect_sound(w);
}

static void test_posts_of_one_group_see_each_other(void **unused)
{
	(void)unused;
	world_on_each_engine(group_on);
}

static void test_many_events_in_one_post(void **unused)
{
	enum {
		N = 5000
	};
	static struct tb_event events[N];
	struct posting p;
	struct world w;

	(void)unused;
	world_init(&w, &tb_store_memory);
	MAKE(&w, &p, "x=1");
	p.post.events = events;
	p.post.n = N;
	for (size_t i = 0; i < N; i++) {
		MUST(tb_arena_printf(w.ic.arena, &events[i].uuid, "%zu",
				     i % (N - 10)));
		events[i].body = TB_STR("{}");
	}
	tb_event_post_init(&p.post, w.org);
	assert_int_equal(p.post.commit.weight, N);
	MUST(commit(&w, &p));
	assert_int_equal(p.post.n_stored, N - 10);
	assert_int_equal(p.post.head, N - 10);
	world_fini(&w);
}

/* One run with a failure; false once it is not met any more. */
static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct posting p;
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	MAKE(&w, &p, "a=1");
	MUST(commit(&w, &p));
	MAKE(&w, &p, "b=1", "a=1", "c=1", "b=1");
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = commit(&w, &p);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	expect_history(&w, err == TB_OK ? "1:a 2:b 3:c " : "1:a ");
	MUST(commit(&w, &p));
	expect_history(&w, "1:a 2:b 3:c ");
	expect_sound(&w);
	world_fini(&w);
	return met;
}

static void test_nth_store_call_fails(void **unused)
{
	(void)unused;
	world_fail_each_store_call(fail_once);
}

static void test_nth_allocation_fails(void **unused)
{
	(void)unused;
	world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_history_is_dense_and_in_order_of_arrival),
		cmocka_unit_test(test_repetition_changes_nothing),
		cmocka_unit_test(test_taken_uuid_refuses_the_whole_post),
		cmocka_unit_test(test_lenient_post_leaves_out_what_is_taken),
		cmocka_unit_test(test_refused_post_tells_only_of_taken_uuids),
		cmocka_unit_test(test_post_of_another_generation_is_refused),
		cmocka_unit_test(
			test_post_is_one_audit_row_unless_nothing_was_new),
		cmocka_unit_test(test_posts_of_one_group_see_each_other),
		cmocka_unit_test(test_many_events_in_one_post),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
