/*
 * Families of tokens, on each engine: which refresh rotates, repeats or ends;
 * when a pair counts as used; what is forgotten, and when.
 */
#include "world.h"

#include "base/alloc.h"
#include "kernel/family.h"

#define ID TB_STR("fam1")
#define NOW_S (INLINE_CORE_NOW_US / 1000000)
#define HOUR_S 3600
#define WEEK_S (7 * 24 * HOUR_S)
#define DAY_S (24 * HOUR_S)

static struct tb_family_refresh asked_for(const struct world *w,
					  struct tb_str id, uint64_t seq)
{
	struct tb_family_refresh asked = {
		.org = w->org,
		.id = id,
		.user = TB_STR("u\"1"),
		.seq = seq,
		.expires_s = NOW_S + WEEK_S,
		.next = { .issued_s = NOW_S,
			  .access_expires_s = NOW_S + HOUR_S,
			  .refresh_expires_s = NOW_S + WEEK_S,
			  .kid = "k1" },
		.note = w->ic.note,
	};

	asked.note.operation = "refresh";
	return asked;
}

/* Presents the token of a pair; the number of the pair that is answered, 0
 * when the family is ended. */
static uint64_t present(struct world *w, uint64_t seq)
{
	struct tb_family_refresh asked = asked_for(w, ID, seq);
	enum tb_family_verdict verdict;
	struct tb_family_pair pair = { .seq = 0 };

	MUST(tb_family_refresh(w->ic.core, &asked, &verdict, &pair));
	assert_int_equal(verdict == TB_FAMILY_ENDED, pair.seq == 0);
	return pair.seq;
}

static enum tb_err use(struct world *w, uint64_t seq)
{
	return tb_family_mark_used(w->ic.core, w->org, ID, seq);
}

static enum tb_err read(struct world *w, struct tb_str id,
			struct tb_family *ret)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	enum tb_err err = tb_family_read(tx, w->ic.arena, w->org, id, ret);

	tb_core_read_end(tx);
	return err;
}

static struct tb_heads heads_of(struct world *w)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->ic.core, w->org, &heads));
	return heads;
}

/* The last row of the org's audit chain. */
static struct tb_audit_entry last_row(struct world *w, uint64_t *ret_n)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_audit_entry entry = { .n = 0 };
	struct tb_audit_row row = { .n = 0 };

	while (tx->store->ops->audit_next(tx, w->ic.arena, w->org, row.n,
					  &row) == TB_OK)
		;
	MUST(tb_audit_decode(w->ic.arena, &row, &entry));
	tb_core_read_end(tx);
	*ret_n = row.n;
	return entry;
}

static void broken(void *ctx, const char *invariant, uint64_t rid,
		   const char *what)
{
	(void)ctx;
	(void)rid;
	fail_msg("%s: %s", invariant, what);
}

static void check_store(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tx->store->ops->check(tx, broken, NULL));
	tb_core_read_end(tx);
}

static void first_on(struct world *w)
{
	struct tb_family family;
	uint64_t n;

	assert_int_equal(read(w, ID, &family), TB_ERR_NOT_FOUND);
	assert_int_equal(present(w, 1), 2);
	MUST(read(w, ID, &family));
	assert_true(tb_str_eq(family.user, TB_STR("u\"1")));
	assert_int_equal(family.newest.seq, 2);
	assert_int_equal(family.newest.issued_s, NOW_S);
	assert_int_equal(family.newest.access_expires_s, NOW_S + HOUR_S);
	assert_int_equal(family.newest.refresh_expires_s, NOW_S + WEEK_S);
	assert_string_equal(family.newest.kid, "k1");
	assert_false(family.is_used || family.is_ended);
	assert_true(tb_str_eq(last_row(w, &n).operation, TB_STR("refresh")));
}

static void test_first_refresh_makes_the_record(void **unused)
{
	(void)unused;
	world_on_each_engine(first_on);
}

static void repeat_on(struct world *w)
{
	struct tb_family_refresh asked = asked_for(w, ID, 1);
	enum tb_family_verdict verdict;
	struct tb_family_pair first;
	struct tb_family_pair second;
	struct tb_heads before;
	struct tb_heads after;

	MUST(tb_family_refresh(w->ic.core, &asked, &verdict, &first));
	assert_int_equal(verdict, TB_FAMILY_ROTATED);
	before = heads_of(w);
	asked.next.issued_s += 60;
	asked.next.kid[0] = 'x';
	MUST(tb_family_refresh(w->ic.core, &asked, &verdict, &second));
	assert_int_equal(verdict, TB_FAMILY_REPEATED);
	after = heads_of(w);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_old_token_answers_the_same_pair_again(void **unused)
{
	(void)unused;
	world_on_each_engine(repeat_on);
}

static void used_on(struct world *w)
{
	struct tb_heads before;
	struct tb_family family;
	struct tb_audit_entry row;
	uint64_t n;
	uint64_t n_after;

	assert_int_equal(present(w, 1), 2);
	MUST(use(w, 2));
	before = heads_of(w);
	assert_int_equal(present(w, 1), 0);
	MUST(read(w, ID, &family));
	assert_true(family.is_ended);
	assert_int_equal(heads_of(w).generation, before.generation + 1);
	row = last_row(w, &n);
	assert_true(tb_str_eq(row.operation, TB_STR("family_ended")));
	assert_true(tb_str_eq(row.status, TB_STR("refused")));
	assert_non_null(
		memmem(row.detail.p, row.detail.n, "\"presented\":1", 13));
	/* The newest one is ended with it, and that is said once. */
	assert_int_equal(present(w, 2), 0);
	assert_int_equal(present(w, 1), 0);
	assert_int_equal(use(w, 2), TB_ERR_DENIED);
	(void)last_row(w, &n_after);
	assert_int_equal(n, n_after);
}

static void test_reuse_after_the_pair_was_used_ends_the_family(void **unused)
{
	(void)unused;
	world_on_each_engine(used_on);
}

static void chain_on(struct world *w)
{
	for (uint64_t seq = 1; seq < 5; seq++)
		assert_int_equal(present(w, seq), seq + 1);
	assert_int_equal(present(w, 4), 5);
	/* The pair before the last was used by being presented. */
	assert_int_equal(present(w, 3), 0);
	assert_int_equal(present(w, 5), 0);
	check_store(w);
}

static void test_presenting_a_token_uses_its_pair(void **unused)
{
	(void)unused;
	world_on_each_engine(chain_on);
}

static void mark_on(struct world *w)
{
	struct tb_family family;
	struct tb_heads before;
	struct tb_heads after;

	MUST(use(w, 1));
	assert_int_equal(read(w, ID, &family), TB_ERR_NOT_FOUND);
	assert_int_equal(present(w, 1), 2);
	/* The login's own pair says nothing of the newest. */
	MUST(use(w, 1));
	MUST(read(w, ID, &family));
	assert_false(family.is_used);
	MUST(use(w, 2));
	MUST(read(w, ID, &family));
	assert_true(family.is_used);
	before = heads_of(w);
	MUST(use(w, 2));
	after = heads_of(w);
	assert_memory_equal(&before, &after, sizeof(before));
	/* The next pair is a new one. */
	assert_int_equal(present(w, 2), 3);
	MUST(read(w, ID, &family));
	assert_false(family.is_used);
}

static void test_only_the_newest_pair_is_marked_and_once(void **unused)
{
	(void)unused;
	world_on_each_engine(mark_on);
}

static void restored_on(struct world *w)
{
	struct tb_family family;

	assert_int_equal(present(w, 1), 2);
	assert_int_equal(present(w, 7), 8);
	MUST(read(w, ID, &family));
	assert_int_equal(family.newest.seq, 8);
}

static void test_family_goes_on_after_the_store_was_restored(void **unused)
{
	(void)unused;
	world_on_each_engine(restored_on);
}

static void refresh(struct world *w, const char *id, int64_t life_s)
{
	struct tb_family_refresh asked = asked_for(w, tb_str_z(id), 1);
	enum tb_family_verdict verdict;
	struct tb_family_pair pair;

	asked.expires_s = NOW_S + life_s;
	asked.next.access_expires_s = NOW_S + 1;
	asked.next.refresh_expires_s = NOW_S + 1;
	MUST(tb_family_refresh(w->ic.core, &asked, &verdict, &pair));
}

static size_t drop(struct world *w, int64_t now_s, uint64_t *after)
{
	size_t dropped = SIZE_MAX;

	MUST(tb_family_drop_expired(w->ic.core, w->org, now_s * 1000000, after,
				    &dropped));
	return dropped;
}

static void expired_on(struct world *w)
{
	struct tb_family family;
	struct tb_heads before;
	struct tb_heads after;
	uint64_t at = 0;

	refresh(w, "short", HOUR_S);
	refresh(w, "long", WEEK_S);
	before = heads_of(w);
	assert_int_equal(drop(w, NOW_S + HOUR_S + DAY_S - 1, &at), 0);
	after = heads_of(w);
	assert_memory_equal(&before, &after, sizeof(before));
	/* All of its tokens count, the one of the login too. */
	assert_int_equal(drop(w, NOW_S + HOUR_S + DAY_S, &at), 1);
	assert_int_equal(at, 0);
	assert_int_equal(read(w, TB_STR("short"), &family), TB_ERR_NOT_FOUND);
	MUST(read(w, TB_STR("long"), &family));
	assert_int_equal(drop(w, NOW_S + WEEK_S + DAY_S, &at), 1);
	assert_int_equal(drop(w, NOW_S + WEEK_S + DAY_S, &at), 0);
	check_store(w);
}

static void test_expired_families_are_forgotten(void **unused)
{
	(void)unused;
	world_on_each_engine(expired_on);
}

static void many_on(struct world *w)
{
	enum {
		N = TB_FAMILY_DROP_MAX + 3
	};
	struct tb_family family;
	uint64_t at = 0;
	char id[32];

	for (int i = 0; i < N; i++) {
		(void)snprintf(id, sizeof(id), "f%d", i);
		refresh(w, id, i == N - 1 ? WEEK_S : HOUR_S);
	}
	assert_int_equal(drop(w, NOW_S + 2 * DAY_S, &at), TB_FAMILY_DROP_MAX);
	assert_true(at > 0);
	assert_int_equal(drop(w, NOW_S + 2 * DAY_S, &at), 2);
	assert_int_equal(at, 0);
	MUST(read(w, tb_str_z(id), &family));
}

static void test_one_run_looks_at_so_many(void **unused)
{
	(void)unused;
	world_on_each_engine(many_on);
}

/* What is done with a failure in it: each gives OK or its error, and then the
 * family is as it was or as it was to be. */
static enum tb_err rotate_once(struct world *w)
{
	struct tb_family_refresh asked = asked_for(w, ID, 2);
	enum tb_family_verdict verdict;
	struct tb_family_pair pair;
	enum tb_err err =
		tb_family_refresh(w->ic.core, &asked, &verdict, &pair);

	if (err == TB_OK)
		assert_true(verdict != TB_FAMILY_ENDED && pair.seq == 3);
	return err;
}

static enum tb_err end_once(struct world *w)
{
	struct tb_family_refresh asked = asked_for(w, ID, 1);
	enum tb_family_verdict verdict;
	struct tb_family_pair pair;
	enum tb_err err =
		tb_family_refresh(w->ic.core, &asked, &verdict, &pair);

	if (err == TB_OK)
		assert_int_equal(verdict, TB_FAMILY_ENDED);
	return err;
}

static enum tb_err use_once(struct world *w)
{
	return use(w, 2);
}

static enum tb_err drop_once(struct world *w)
{
	uint64_t after = 0;
	size_t dropped;

	return tb_family_drop_expired(w->ic.core, w->org,
				      (NOW_S + 2 * WEEK_S) * 1000000, &after,
				      &dropped);
}

static bool was_rotated(const struct tb_family *family)
{
	return family != NULL && family->newest.seq == 3;
}

static bool was_ended(const struct tb_family *family)
{
	return family != NULL && family->is_ended;
}

static bool was_used(const struct tb_family *family)
{
	return family != NULL && family->is_used;
}

static bool was_dropped(const struct tb_family *family)
{
	return family == NULL;
}

static const struct {
	enum tb_err (*run)(struct world *w);
	bool (*is_done)(const struct tb_family *family);
} works[] = { { rotate_once, was_rotated },
	      { end_once, was_ended },
	      { use_once, was_used },
	      { drop_once, was_dropped } };
static size_t work;

static bool is_done(struct world *w)
{
	struct tb_family family;
	enum tb_err err = read(w, ID, &family);

	assert_true(err == TB_OK || err == TB_ERR_NOT_FOUND);
	return works[work].is_done(err == TB_OK ? &family : NULL);
}

/* One run with a failure; false once it is not met any more. */
static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	assert_int_equal(present(&w, 1), 2);
	/* Before the failure, so that ending alone is what fails. */
	if (works[work].run == end_once)
		MUST(use(&w, 2));
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = works[work].run(&w);
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	assert_int_equal(is_done(&w), err == TB_OK);
	MUST(works[work].run(&w));
	assert_true(is_done(&w));
	world_fini(&w);
	return met;
}

static void test_nth_store_call_fails(void **unused)
{
	(void)unused;
	for (work = 0; work < TB_ARRAY_LEN(works); work++)
		world_fail_each_store_call(fail_once);
}

static void test_nth_allocation_fails(void **unused)
{
	(void)unused;
	for (work = 0; work < TB_ARRAY_LEN(works); work++)
		world_fail_each_allocation(fail_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_refresh_makes_the_record),
		cmocka_unit_test(test_old_token_answers_the_same_pair_again),
		cmocka_unit_test(
			test_reuse_after_the_pair_was_used_ends_the_family),
		cmocka_unit_test(test_presenting_a_token_uses_its_pair),
		cmocka_unit_test(test_only_the_newest_pair_is_marked_and_once),
		cmocka_unit_test(
			test_family_goes_on_after_the_store_was_restored),
		cmocka_unit_test(test_expired_families_are_forgotten),
		cmocka_unit_test(test_one_run_looks_at_so_many),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
