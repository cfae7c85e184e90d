/*
 * Who sees what, and when an answer starts over: whenever, and only when,
 * something before the cursor may have come into sight.
 */
#include "../kernel/inline_core.h"

#include <stdio.h>

#include "api/events/view.h"
#include "kernel/acl_store.h"

#define EPOCH 77
#define HEAD 10

#define VIEWS(user, item)                                                      \
	"{\"user\":\"" user "\",\"item\":\"" item                              \
	"\",\"action\":\"view\",\"allow\":true}"
#define LIST(rules) "{\"rules\":[" rules "]}"
#define ONE LIST(VIEWS("alice", "one"))
#define TWO LIST(VIEWS("alice", "two"))
#define BOTH LIST(VIEWS("alice", "one") "," VIEWS("alice", "two"))
#define ALL LIST(VIEWS("alice", "*"))

struct fixture {
	struct inline_core ic;
	struct tb_rules_cache *rules;
	uint32_t org;
};

static int setup(void **state)
{
	static struct fixture f;

	inline_core_init(&f.ic);
	f.org = inline_core_add_org(&f.ic, "one");
	f.rules = tb_rules_cache_create(f.ic.core);
	assert_non_null(f.rules);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_rules_cache_destroy(f->rules);
	inline_core_fini(&f->ic);
	return 0;
}

static void put(struct fixture *f, const char *list)
{
	MUST(tb_acl_put(f->ic.core, &f->ic.note, f->org, tb_str_z(list)));
}

static struct tb_events_view view_of(struct fixture *f, const char *user,
				     bool is_admin)
{
	struct tb_principal principal = { .org = f->org,
					  .key = tb_str_z(user),
					  .is_admin = is_admin };
	struct tb_events_view view;
	struct tb_rules rules;

	MUST(tb_rules_get(f->rules, f->org, &rules));
	tb_events_view_init(&view, &principal, &rules);
	tb_rules_release(&rules);
	return view;
}

static struct tb_events_cursor cursor_of(struct fixture *f, const char *user,
					 bool is_admin, uint64_t num)
{
	struct tb_events_view view = view_of(f, user, is_admin);
	struct tb_events_cursor cursor =
		tb_events_view_cursor(&view, EPOCH, num);

	tb_events_view_fini(&view);
	return cursor;
}

static bool starts_over(struct fixture *f, const char *user, bool is_admin,
			struct tb_events_cursor cursor)
{
	struct tb_events_view view = view_of(f, user, is_admin);
	enum tb_events_verdict verdict =
		tb_events_view_judge(&view, EPOCH, HEAD, &cursor);

	if (verdict == TB_EVENTS_DEPENDS)
		MUST(tb_events_view_resolve(&view, f->rules, f->org, &cursor,
					    &verdict));
	assert_int_not_equal(verdict, TB_EVENTS_DEPENDS);
	tb_events_view_fini(&view);
	return verdict == TB_EVENTS_STARTS_OVER;
}

static void test_without_rules_for_viewing_everyone_sees_all(void **state)
{
	struct fixture *f = *state;

	assert_false(cursor_of(f, "alice", false, 1).is_restricted);
	put(f, LIST("{\"user\":\"alice\",\"item\":\"one\",\"action\":\"edit\","
		    "\"allow\":true}"));
	assert_false(cursor_of(f, "bob", false, 1).is_restricted);
	put(f, ONE);
	assert_true(cursor_of(f, "alice", false, 1).is_restricted);
	assert_true(cursor_of(f, "bob", false, 1).is_restricted);
	assert_false(cursor_of(f, "bob", true, 1).is_restricted);
	put(f, ALL);
	assert_false(cursor_of(f, "alice", false, 1).is_restricted);
	assert_true(cursor_of(f, "bob", false, 1).is_restricted);
}

static void test_another_epoch_and_a_number_ahead_start_over(void **state)
{
	struct fixture *f = *state;
	struct tb_events_cursor cursor = cursor_of(f, "alice", false, HEAD);

	assert_false(starts_over(f, "alice", false, cursor));
	cursor.num++;
	assert_true(starts_over(f, "alice", false, cursor));
	cursor.num--;
	cursor.epoch++;
	assert_true(starts_over(f, "alice", false, cursor));
}

static void test_who_saw_all_has_missed_nothing(void **state)
{
	struct fixture *f = *state;
	struct tb_events_cursor cursor = cursor_of(f, "alice", false, 5);

	put(f, ONE);
	assert_false(starts_over(f, "alice", false, cursor));
	assert_false(starts_over(f, "bob", false, cursor));
	assert_false(starts_over(f, "bob", true, cursor));
}

static void test_a_wider_view_starts_over_a_narrower_goes_on(void **state)
{
	struct fixture *f = *state;
	struct tb_events_cursor cursor;

	put(f, BOTH);
	cursor = cursor_of(f, "alice", false, 5);
	assert_false(starts_over(f, "alice", false, cursor));
	put(f, ONE);
	assert_false(starts_over(f, "alice", false, cursor));
	/* Back again: what the cursor's reader saw is what there is. */
	put(f, BOTH);
	assert_false(starts_over(f, "alice", false, cursor));
	put(f, ONE);
	cursor = cursor_of(f, "alice", false, 5);
	put(f, TWO);
	assert_true(starts_over(f, "alice", false, cursor));
	put(f, BOTH);
	assert_true(starts_over(f, "alice", false, cursor));
	put(f, ALL);
	assert_true(starts_over(f, "alice", false, cursor));
}

static void test_another_reader_s_cursor_starts_over(void **state)
{
	struct fixture *f = *state;

	put(f, ONE);
	assert_true(
		starts_over(f, "alice", false, cursor_of(f, "bob", false, 5)));
	/* Also one's own from before one was an administrator. */
	assert_true(
		starts_over(f, "alice", true, cursor_of(f, "alice", false, 5)));
}

static void test_rules_that_are_not_kept_start_over(void **state)
{
	struct fixture *f = *state;
	struct tb_events_cursor cursor;

	put(f, BOTH);
	cursor = cursor_of(f, "alice", false, 5);
	for (int i = 0; i < TB_ACL_KEPT / 2 - 1; i++) {
		put(f, ONE);
		put(f, TWO);
	}
	assert_false(starts_over(f, "alice", false, cursor));
	for (int i = 0; i < TB_ACL_KEPT; i++) {
		put(f, ONE);
		put(f, TWO);
	}
	tb_rules_cache_destroy(f->rules);
	f->rules = tb_rules_cache_create(f->ic.core);
	assert_non_null(f->rules);
	assert_true(starts_over(f, "alice", false, cursor));
	/* And what was never there. */
	cursor.version += 1000000;
	assert_true(starts_over(f, "alice", false, cursor));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_rules_for_viewing_everyone_sees_all),
		TEST(test_another_epoch_and_a_number_ahead_start_over),
		TEST(test_who_saw_all_has_missed_nothing),
		TEST(test_a_wider_view_starts_over_a_narrower_goes_on),
		TEST(test_another_reader_s_cursor_starts_over),
		TEST(test_rules_that_are_not_kept_start_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
