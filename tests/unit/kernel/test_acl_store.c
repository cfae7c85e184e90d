/*
 * Access rules as they are kept, on each engine: the list in force and those
 * before it, versions that never repeat, and the audit trail with both lists.
 */
#include "world.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/acl.h"
#include "kernel/acl_store.h"
#include "kernel/audit_verify.h"

static enum tb_err put(struct world *w, struct tb_str text)
{
	return tb_acl_put(w->ic.core, &w->ic.note, w->org, text);
}

/* The list in force; its version, 0: none was ever put. */
static uint64_t in_force(struct world *w, struct tb_str *ret_text)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_str unread = TB_STR_NONE;
	uint64_t version = 0;
	uint64_t alone = 0;
	enum tb_err err =
		tb_acl_read(tx, w->ic.arena, w->org, false, &version, ret_text);

	assert_true(err == TB_OK || err == TB_ERR_NOT_FOUND);
	assert_int_equal(
		tb_acl_read(tx, w->ic.arena, w->org, true, &alone, &unread),
		err);
	assert_int_equal(alone, version);
	assert_null(unread.p);
	tb_core_read_end(tx);
	return version;
}

static enum tb_err read_version(struct world *w, uint64_t version,
				struct tb_str *ret_text)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	enum tb_err err =
		tb_acl_read_version(tx, w->ic.arena, w->org, version, ret_text);

	tb_core_read_end(tx);
	return err;
}

static struct tb_heads heads_of(struct world *w)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->ic.core, w->org, &heads));
	return heads;
}

static void put_on(struct world *w)
{
	struct tb_str text = TB_STR_NONE;
	uint64_t generation = heads_of(w).generation;
	uint64_t first;
	uint64_t second;

	assert_int_equal(in_force(w, &text), 0);
	MUST(put(w, TB_STR("{\"rules\": []}")));
	first = in_force(w, &text);
	assert_true(first > 0);
	assert_true(tb_str_eq(text, TB_STR("{\"rules\": []}")));
	assert_int_equal(heads_of(w).generation, generation + 1);
	MUST(put(w, TB_STR("{\"rules\":[]} ")));
	second = in_force(w, &text);
	assert_true(second > first);
	assert_true(tb_str_eq(text, TB_STR("{\"rules\":[]} ")));
	assert_int_equal(heads_of(w).generation, generation + 2);
}

static void test_list_is_kept_as_it_was_put(void **unused)
{
	(void)unused;
	world_on_each_engine(put_on);
}

static void same_on(struct world *w)
{
	struct tb_str text;
	struct tb_heads before;
	struct tb_heads after;
	uint64_t version;

	MUST(put(w, TB_STR("{\"rules\":[]}")));
	version = in_force(w, &text);
	before = heads_of(w);
	MUST(put(w, TB_STR("{\"rules\":[]}")));
	after = heads_of(w);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(in_force(w, &text), version);
}

static void test_same_list_again_changes_nothing(void **unused)
{
	(void)unused;
	world_on_each_engine(same_on);
}

static void kept_on(struct world *w)
{
	enum {
		N = 3 * TB_ACL_KEPT
	};
	uint64_t versions[N];
	struct tb_str text;
	char list[32];

	for (int i = 0; i < N; i++) {
		(void)snprintf(list, sizeof(list), "{\"rules\":[%d]}", i);
		MUST(put(w, tb_str_z(list)));
		versions[i] = in_force(w, &text);
		assert_true(i == 0 || versions[i] > versions[i - 1]);
		for (int k = 0; k <= i; k++) {
			enum tb_err err = read_version(w, versions[k], &text);

			if (k + TB_ACL_KEPT <= i) {
				assert_int_equal(err, TB_ERR_NOT_FOUND);
				continue;
			}
			assert_int_equal(err, TB_OK);
			(void)snprintf(list, sizeof(list), "{\"rules\":[%d]}",
				       k);
			assert_true(tb_str_eq(text, tb_str_z(list)));
		}
	}
	assert_int_equal(read_version(w, 1, &text), TB_ERR_NOT_FOUND);
}

static void test_last_lists_can_be_read(void **unused)
{
	(void)unused;
	world_on_each_engine(kept_on);
}

static void last_detail(struct world *w, struct tb_str *ret)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_audit_verdict verdict;
	struct tb_audit_entry entry;
	struct tb_audit_row row;
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, w->org, &org));
	MUST(tb_audit_verify(w->ic.core, w->org, &verdict));
	assert_null(verdict.problem);
	MUST(tx->store->ops->audit_next(tx, w->ic.arena, w->org,
					org.audit_n - 1, &row));
	MUST(tb_audit_decode(w->ic.arena, &row, &entry));
	*ret = entry.detail;
	tb_core_read_end(tx);
}

static void audit_on(struct world *w)
{
	struct tb_str detail;

	MUST(put(w, TB_STR("{\"rules\":[]}")));
	last_detail(w, &detail);
	assert_true(tb_str_eq(
		detail, TB_STR("{\"before\":null,\"after\":{\"rules\":[]}}")));
	MUST(put(w, TB_STR("{\"rules\":[1]}")));
	last_detail(w, &detail);
	assert_true(tb_str_eq(detail, TB_STR("{\"before\":{\"rules\":[]},"
					     "\"after\":{\"rules\":[1]}}")));
}

static void test_audit_trail_has_both_lists(void **unused)
{
	(void)unused;
	world_on_each_engine(audit_on);
}

/* As long as lists may be. */
static void put_long(struct tb_buf *buf, char mark)
{
	tb_buf_reset(buf);
	tb_buf_append_z(buf, "{\"rules\":[\"");
	while (buf->n < TB_ACL_TEXT_MAX_BYTES - 3)
		tb_buf_append_char(buf, mark);
	tb_buf_append_z(buf, "\"]}");
	assert_int_equal(buf->n, TB_ACL_TEXT_MAX_BYTES);
}

static void long_on(struct world *w)
{
	struct tb_str detail;
	struct tb_buf buf;

	tb_arena_destroy(w->ic.arena);
	w->ic.arena = tb_arena_create((size_t)1 << 30);
	tb_buf_init(&buf, TB_ACL_TEXT_MAX_BYTES);
	put_long(&buf, 'a');
	MUST(put(w, tb_buf_str(&buf)));
	put_long(&buf, 'b');
	MUST(put(w, tb_buf_str(&buf)));
	last_detail(w, &detail);
	assert_true(detail.n > 2 * TB_ACL_TEXT_MAX_BYTES);
	tb_buf_fini(&buf);
}

static void test_audit_trail_takes_the_longest_lists(void **unused)
{
	(void)unused;
	world_on_each_engine(long_on);
}

/* One run with a failure; false once it is not met any more. */
static bool fail_once(const struct tb_store_ops *ops, uint64_t store_call,
		      uint64_t allocation)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
				     .first = store_call,
				     .last = store_call,
				     .err = TB_ERR_CORRUPT };
	struct tb_str text;
	uint64_t version;
	struct world w;
	enum tb_err err;
	bool met;

	world_init(&w, ops);
	MUST(put(&w, TB_STR("{\"rules\":[]}")));
	version = in_force(&w, &text);
	if (store_call > 0)
		tb_fail_set_plan(w.ic.store, &plan);
	if (allocation > 0)
		tb_alloc_fail_at(allocation);
	err = put(&w, TB_STR("{\"rules\":[1]}"));
	met = allocation > 0
		      ? tb_alloc_calls() >= allocation
		      : tb_fail_calls(w.ic.store, TB_FAIL_ANY) >= store_call;
	tb_alloc_fail_at(0);
	tb_fail_set_plan(w.ic.store, NULL);
	assert_int_equal(in_force(&w, &text) > version, err == TB_OK);
	MUST(put(&w, TB_STR("{\"rules\":[1]}")));
	assert_true(in_force(&w, &text) > version);
	assert_true(tb_str_eq(text, TB_STR("{\"rules\":[1]}")));
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
		cmocka_unit_test(test_list_is_kept_as_it_was_put),
		cmocka_unit_test(test_same_list_again_changes_nothing),
		cmocka_unit_test(test_last_lists_can_be_read),
		cmocka_unit_test(test_audit_trail_has_both_lists),
		cmocka_unit_test(test_audit_trail_takes_the_longest_lists),
		cmocka_unit_test(test_nth_store_call_fails),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
