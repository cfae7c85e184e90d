/*
 * Access rules: what the contract says of each kind of pattern, and that the
 * compiled form decides as rules tried one after the other do, on many random
 * lists. TB_SEED replays a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/acl.h"
#include "naive_acl.h"

#define CASES 120000
#define RULES_MAX 24
#define ARENA_MAX ((size_t)64 << 20)
#define ALLOCATIONS_MAX 1000

#define RULE(u, i, a, y)                                                       \
	{                                                                      \
		TB_STR_INIT(u), TB_STR_INIT(i), TB_STR_INIT(a), y              \
	}

static const struct tb_acl *compiled(const struct tb_acl_rule *rules, size_t n)
{
	const struct tb_acl *acl = NULL;

	assert_int_equal(tb_acl_compile(rules, n, &acl), TB_OK);
	return acl;
}

static bool allows(const struct tb_acl *acl, const char *user, const char *item,
		   const char *action)
{
	return tb_acl_allows(acl, tb_str_z(user), tb_str_z(item),
			     tb_str_z(action));
}

static void test_first_match_decides(void **unused)
{
	static const struct tb_acl_rule rules[] = {
		RULE("ann", "i1", "edit", false),
		RULE("ann", "i1", "edit", true),
		RULE("ann", "i2", "edit", true),
		RULE("*", "*", "edit", false),
		RULE("bob", "i1", "edit", true),
	};
	const struct tb_acl *acl = compiled(rules, TB_ARRAY_LEN(rules));

	(void)unused;
	assert_false(allows(acl, "ann", "i1", "edit"));
	assert_true(allows(acl, "ann", "i2", "edit"));
	assert_false(allows(acl, "bob", "i1", "edit"));
	tb_acl_unref(acl);
}

static void test_no_match_denies(void **unused)
{
	static const struct tb_acl_rule rules[] = {
		RULE("ann", "i1", "edit", true),
	};
	const struct tb_acl *acl = compiled(rules, TB_ARRAY_LEN(rules));
	const struct tb_acl *empty = compiled(NULL, 0);

	(void)unused;
	assert_true(allows(acl, "ann", "i1", "edit"));
	assert_false(allows(acl, "bob", "i1", "edit"));
	assert_false(allows(acl, "ann", "i2", "edit"));
	assert_false(allows(acl, "ann", "i1", "view"));
	assert_false(allows(empty, "ann", "i1", "edit"));
	tb_acl_unref(acl);
	tb_acl_unref(empty);
}

static void test_without_rules_all_is_allowed(void **unused)
{
	(void)unused;
	assert_true(allows(NULL, "ann", "i1", "edit"));
	assert_false(tb_acl_governs_view(NULL));
	assert_true(tb_acl_may_view(NULL, TB_STR("ann"), TB_STR("i1")));
	assert_true(tb_acl_views_all(NULL, TB_STR("ann")));
	tb_acl_unref(tb_acl_ref(NULL));
}

static void test_star_is_any_user_and_any_action(void **unused)
{
	static const struct tb_acl_rule rules[] = {
		RULE("*", "i1", "edit", true),
		RULE("ann", "i2", "*", true),
	};
	const struct tb_acl *acl = compiled(rules, TB_ARRAY_LEN(rules));

	(void)unused;
	assert_true(allows(acl, "anyone", "i1", "edit"));
	assert_false(allows(acl, "anyone", "i1", "view"));
	assert_true(allows(acl, "ann", "i2", "anything"));
	assert_false(allows(acl, "bob", "i2", "anything"));
	/* A user or action that is a star is one like another. */
	assert_true(allows(acl, "*", "i1", "edit"));
	assert_false(allows(acl, "*", "i2", "*"));
	tb_acl_unref(acl);
}

static void test_prefix_matches_its_beginning(void **unused)
{
	static const struct tb_acl_rule rules[] = {
		RULE("*", "ward-7/secret*", "view", false),
		RULE("*", "ward-7/*", "view", true),
	};
	const struct tb_acl *acl = compiled(rules, TB_ARRAY_LEN(rules));

	(void)unused;
	assert_true(allows(acl, "ann", "ward-7/", "view"));
	assert_true(allows(acl, "ann", "ward-7/bed", "view"));
	assert_false(allows(acl, "ann", "ward-7/secret", "view"));
	assert_false(allows(acl, "ann", "ward-7/secrets", "view"));
	assert_true(allows(acl, "ann", "ward-7/secre", "view"));
	assert_false(allows(acl, "ann", "ward-7", "view"));
	assert_false(allows(acl, "ann", "ward-71", "view"));
	tb_acl_unref(acl);
}

static void test_reading_is_governed_by_view_and_star_only(void **unused)
{
	static const struct tb_acl_rule edits[] = {
		RULE("*", "*", "edit", false),
	};
	static const struct tb_acl_rule views[] = {
		RULE("ann", "i1", "view", true),
	};
	static const struct tb_acl_rule stars[] = {
		RULE("ann", "i1", "*", true),
	};
	const struct tb_acl *edit = compiled(edits, 1);
	const struct tb_acl *view = compiled(views, 1);
	const struct tb_acl *star = compiled(stars, 1);

	(void)unused;
	assert_false(tb_acl_governs_view(edit));
	assert_true(tb_acl_may_view(edit, TB_STR("bob"), TB_STR("i1")));
	assert_true(tb_acl_views_all(edit, TB_STR("bob")));
	assert_true(tb_acl_governs_view(view));
	assert_true(tb_acl_may_view(view, TB_STR("ann"), TB_STR("i1")));
	assert_false(tb_acl_may_view(view, TB_STR("bob"), TB_STR("i1")));
	assert_true(tb_acl_governs_view(star));
	assert_false(tb_acl_may_view(star, TB_STR("ann"), TB_STR("i2")));
	tb_acl_unref(edit);
	tb_acl_unref(view);
	tb_acl_unref(star);
}

static void test_views_all_sees_through_shadowed_rules(void **unused)
{
	static const struct tb_acl_rule rules[] = {
		RULE("*", "i1", "view", true),
		RULE("*", "i1", "view", false),
		RULE("boss", "*", "*", true),
		RULE("bob", "w/*", "view", false),
		RULE("*", "*", "*", true),
		RULE("ann", "x", "view", false),
	};
	const struct tb_acl *acl = compiled(rules, TB_ARRAY_LEN(rules));

	(void)unused;
	assert_true(tb_acl_views_all(acl, TB_STR("boss")));
	assert_false(tb_acl_views_all(acl, TB_STR("bob")));
	assert_true(tb_acl_views_all(acl, TB_STR("ann")));
	tb_acl_unref(acl);
}

static void test_widens_says_who_gains(void **unused)
{
	static const struct tb_acl_rule narrow[] = {
		RULE("ann", "i1", "view", true),
		RULE("*", "w/*", "view", true),
	};
	static const struct tb_acl_rule other[] = {
		RULE("*", "w/x", "view", false),
		RULE("*", "w/*", "view", true),
		RULE("bob", "i1", "view", true),
	};
	const struct tb_acl *a = compiled(narrow, TB_ARRAY_LEN(narrow));
	const struct tb_acl *b = compiled(other, TB_ARRAY_LEN(other));

	(void)unused;
	assert_false(tb_acl_widens(a, b, TB_STR("ann")));
	assert_true(tb_acl_widens(b, a, TB_STR("ann")));
	assert_true(tb_acl_widens(a, b, TB_STR("bob")));
	assert_false(tb_acl_widens(a, a, TB_STR("bob")));
	assert_true(tb_acl_widens(a, NULL, TB_STR("ann")));
	assert_false(tb_acl_widens(NULL, a, TB_STR("ann")));
	tb_acl_unref(a);
	tb_acl_unref(b);
}

/* Chains of prefixes below each other, as long as a pattern can be. */
static void test_deepest_nesting(void **unused)
{
	enum {
		DEPTH = TB_ACL_PATTERN_MAX_BYTES
	};
	static struct tb_acl_rule rules[DEPTH];
	static char text[DEPTH];
	static char item[DEPTH];
	const struct tb_acl *acl;

	(void)unused;
	memset(text, 'a', DEPTH);
	text[DEPTH - 1] = '*';
	for (size_t i = 0; i < DEPTH; i++)
		rules[i] = (struct tb_acl_rule) {
			.user = TB_STR("*"),
			.action = TB_STR("*"),
			.item = tb_str(text + i, DEPTH - i),
			.allow = i % 2 == 0,
		};
	acl = compiled(rules, DEPTH);
	memset(item, 'a', DEPTH);
	for (size_t i = 1; i < DEPTH; i++) {
		bool expected = (DEPTH - 1 - i) % 2 == 0;

		item[i] = 'b';
		assert_int_equal(tb_acl_allows(acl, TB_STR("u"),
					       tb_str(item, DEPTH),
					       TB_STR("x")),
				 expected);
		assert_int_equal(tb_acl_allows(acl, TB_STR("u"),
					       tb_str(item, i), TB_STR("x")),
				 expected);
		item[i] = 'a';
	}
	tb_acl_unref(acl);
}

static void test_references_are_counted(void **unused)
{
	static const struct tb_acl_rule rules[] = { RULE("a", "b", "c", true) };
	const struct tb_acl *acl = compiled(rules, 1);

	(void)unused;
	assert_ptr_equal(tb_acl_ref(acl), acl);
	tb_acl_unref(acl);
	assert_true(allows(acl, "a", "b", "c"));
	assert_true(tb_acl_bytes(acl) > sizeof(rules));
	tb_acl_unref(acl);
}

/* Random lists over small alphabets, so that much matches. */

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 16) % n);
}

static const struct tb_str users[] = {
	TB_STR_INIT("*"), TB_STR_INIT("u1"), TB_STR_INIT("u2"),
	TB_STR_INIT("*"), TB_STR_INIT("u3"),
};
static const struct tb_str actions[] = {
	TB_STR_INIT("*"),
	TB_STR_INIT("view"),
	TB_STR_INIT("edit"),
};

#define LETTERS "ab"
#define LENGTH_MAX 4
/* All items of up to LENGTH_MAX letters, and of each the one with a letter
 * behind it that is in no pattern. */
#define UNIVERSE_MAX 64

struct universe {
	char bytes[UNIVERSE_MAX][LENGTH_MAX + 1];
	struct tb_str items[UNIVERSE_MAX];
	size_t n;
};

static void universe_add(struct universe *u, const char *text, size_t n)
{
	assert_true(u->n < UNIVERSE_MAX);
	memcpy(u->bytes[u->n], text, n);
	u->items[u->n] = tb_str(u->bytes[u->n], n);
	u->n++;
}

static void universe_init(struct universe *u)
{
	u->n = 0;
	for (unsigned n = 0; n <= LENGTH_MAX; n++)
		for (unsigned bits = 0; bits < 1u << n; bits++) {
			char text[LENGTH_MAX + 1];

			for (unsigned i = 0; i < n; i++)
				text[i] = LETTERS[bits >> i & 1];
			if (n > 0)
				universe_add(u, text, n);
			text[n] = 'z';
			universe_add(u, text, n + 1);
		}
}

struct random_list {
	struct tb_acl_rule rules[RULES_MAX];
	char items[RULES_MAX][LENGTH_MAX + 1];
	struct naive_acl naive;
	const struct tb_acl *acl;
};

/* Lists of different characters: much or little is allowed. */
static void random_list_init(struct random_list *list)
{
	unsigned generosity = random_below(8) + 1;
	size_t n = random_below(RULES_MAX + 1);

	for (size_t i = 0; i < n; i++) {
		struct tb_acl_rule *rule = &list->rules[i];
		bool is_prefix = random_below(2);
		size_t len = random_below(LENGTH_MAX + 1);

		if (!is_prefix && len == 0)
			len = 1;
		for (size_t at = 0; at < len; at++)
			list->items[i][at] = LETTERS[random_below(2)];
		if (is_prefix)
			list->items[i][len++] = '*';
		rule->user = users[random_below(TB_ARRAY_LEN(users))];
		rule->action = actions[random_below(TB_ARRAY_LEN(actions))];
		rule->item = tb_str(list->items[i], len);
		rule->allow = random_below(9) < generosity;
	}
	list->naive = (struct naive_acl) { list->rules, n };
	list->acl = compiled(list->rules, n);
}

static void compare_decisions(const struct random_list *list,
			      const struct universe *u)
{
	for (size_t k = 0; k < 4; k++) {
		struct tb_str user = users[random_below(TB_ARRAY_LEN(users))];
		struct tb_str action =
			actions[random_below(TB_ARRAY_LEN(actions))];
		struct tb_str item = u->items[random_below((unsigned)u->n)];

		assert_int_equal(
			tb_acl_allows(list->acl, user, item, action),
			naive_allows(&list->naive, user, item, action));
		assert_int_equal(tb_acl_may_view(list->acl, user, item),
				 naive_may_view(&list->naive, user, item));
	}
}

static void compare_views(const struct random_list *before,
			  const struct random_list *after,
			  const struct universe *u)
{
	struct tb_str user = users[random_below(TB_ARRAY_LEN(users))];
	bool all = true;
	bool widens = false;

	for (size_t i = 0; i < u->n; i++) {
		bool may = naive_may_view(&after->naive, user, u->items[i]);

		all &= may;
		widens |= may &&
			  !naive_may_view(&before->naive, user, u->items[i]);
	}
	assert_int_equal(tb_acl_views_all(after->acl, user), all);
	assert_int_equal(tb_acl_widens(before->acl, after->acl, user), widens);
}

static void test_decides_as_the_rules_one_by_one(void **unused)
{
	const char *given = getenv("TB_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 20260101;
	struct universe universe;
	struct random_list lists[2];

	(void)unused;
	print_message("TB_SEED=%llu\n", (unsigned long long)seed);
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	universe_init(&universe);
	random_list_init(&lists[0]);
	for (size_t i = 1; i <= CASES; i++) {
		struct random_list *list = &lists[i % 2];

		random_list_init(list);
		compare_decisions(list, &universe);
		compare_views(&lists[(i + 1) % 2], list, &universe);
		tb_acl_unref(lists[(i + 1) % 2].acl);
	}
	tb_acl_unref(lists[CASES % 2].acl);
}

static void test_nth_allocation_fails(void **unused)
{
	struct random_list list;
	uint64_t n = 1;
	enum tb_err err;

	(void)unused;
	random_state = 7;
	do {
		random_list_init(&list);
		tb_acl_unref(list.acl);
	} while (list.naive.n < RULES_MAX);
	do {
		const struct tb_acl *acl = NULL;

		assert_true(n < ALLOCATIONS_MAX);
		tb_alloc_fail_at(n);
		err = tb_acl_compile(list.rules, list.naive.n, &acl);
		tb_alloc_fail_at(0);
		if (err != TB_OK) {
			assert_int_equal(err, TB_ERR_NOMEM);
			assert_null(acl);
		}
		tb_acl_unref(acl);
		n++;
	} while (err != TB_OK);
	assert_true(n > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match_decides),
		cmocka_unit_test(test_no_match_denies),
		cmocka_unit_test(test_without_rules_all_is_allowed),
		cmocka_unit_test(test_star_is_any_user_and_any_action),
		cmocka_unit_test(test_prefix_matches_its_beginning),
		cmocka_unit_test(
			test_reading_is_governed_by_view_and_star_only),
		cmocka_unit_test(test_views_all_sees_through_shadowed_rules),
		cmocka_unit_test(test_widens_says_who_gains),
		cmocka_unit_test(test_deepest_nesting),
		cmocka_unit_test(test_references_are_counted),
		cmocka_unit_test(test_decides_as_the_rules_one_by_one),
		cmocka_unit_test(test_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
