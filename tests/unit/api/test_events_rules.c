#include "../kernel/inline_core.h"

#include <stdio.h>

#include "api/events/rules.h"
#include "base/alloc.h"
#include "kernel/acl_store.h"

#define ALICE TB_STR("alice")
#define ITEM TB_STR("item")
#define EDIT TB_STR("edit")

struct fixture {
	struct inline_core ic;
	struct tb_rules_cache *cache;
	uint32_t org;
	uint32_t other;
};

static int setup(void **state)
{
	static struct fixture f;

	inline_core_init(&f.ic);
	f.org = inline_core_add_org(&f.ic, "one");
	f.other = inline_core_add_org(&f.ic, "two");
	f.cache = tb_rules_cache_create(f.ic.core);
	assert_non_null(f.cache);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_rules_cache_destroy(f->cache);
	inline_core_fini(&f->ic);
	return 0;
}

/* Puts a list of one rule for this action in force. */
static void put(struct fixture *f, const char *action, bool allow)
{
	char text[200];
	int n = snprintf(text, sizeof(text),
			 "{\"rules\":[{\"user\":\"*\",\"item\":\"*\","
			 "\"action\":\"%s\",\"allow\":%s}]}",
			 action, allow ? "true" : "false");

	MUST(tb_acl_put(f->ic.core, &f->ic.note, f->org,
			tb_str(text, (size_t)n)));
}

static struct tb_rules get(struct fixture *f, uint32_t org)
{
	struct tb_rules rules;

	MUST(tb_rules_get(f->cache, org, &rules));
	return rules;
}

static bool allows(struct fixture *f, const char *action)
{
	struct tb_rules rules = get(f, f->org);
	bool is_allowed =
		tb_acl_allows(rules.acl, ALICE, ITEM, tb_str_z(action));

	tb_rules_release(&rules);
	return is_allowed;
}

static bool is_in_memory(struct fixture *f, uint32_t org)
{
	struct tb_rules rules;

	if (!tb_rules_find(f->cache, org, &rules))
		return false;
	tb_rules_release(&rules);
	return true;
}

static uint64_t generation(struct fixture *f)
{
	struct tb_heads heads;

	MUST(tb_core_heads(f->ic.core, f->org, &heads));
	return heads.generation;
}

/* A change of the org that is none of its rules. */
static void change_something_else(struct fixture *f)
{
	static unsigned n;
	char name[16];
	int len = snprintf(name, sizeof(name), "user-%u", n++);
	struct tb_account account = { .kind = TB_ACCOUNT_USER,
				      .org = f->org,
				      .key = tb_str(name, (size_t)len),
				      .username = tb_str(name, (size_t)len) };

	MUST(tb_directory_add_account(f->ic.core, &f->ic.note, &account));
}

static void test_an_org_without_rules_allows_everything(void **state)
{
	struct fixture *f = *state;
	struct tb_rules rules = get(f, f->org);

	assert_null(rules.acl);
	assert_int_equal(rules.version, 0);
	assert_int_equal(rules.generation, generation(f));
	tb_rules_release(&rules);
}

static void test_rules_are_found_once_they_were_read(void **state)
{
	struct fixture *f = *state;

	assert_false(is_in_memory(f, f->org));
	put(f, "edit", true);
	assert_false(is_in_memory(f, f->org));
	assert_true(allows(f, "edit"));
	tb_fail_set_plan(f->ic.store, NULL);
	assert_true(is_in_memory(f, f->org));
	assert_true(allows(f, "edit"));
	assert_int_equal(tb_fail_calls(f->ic.store, TB_FAIL_FIND), 0);
}

static void test_new_rules_hold_at_once(void **state)
{
	struct fixture *f = *state;

	put(f, "edit", true);
	assert_true(allows(f, "edit"));
	put(f, "edit", false);
	assert_false(is_in_memory(f, f->org));
	assert_false(allows(f, "edit"));
	put(f, "create", true);
	assert_false(allows(f, "edit"));
	assert_true(allows(f, "create"));
}

static void test_version_and_generation_are_of_one_time(void **state)
{
	struct fixture *f = *state;
	struct tb_rules before;
	struct tb_rules after;

	put(f, "edit", true);
	before = get(f, f->org);
	assert_int_equal(before.generation, generation(f));
	assert_true(before.version > 0);
	put(f, "edit", false);
	after = get(f, f->org);
	assert_int_equal(after.generation, generation(f));
	assert_true(after.version > before.version);
	/* What somebody holds is as it was. */
	assert_true(tb_acl_allows(before.acl, ALICE, ITEM, EDIT));
	tb_rules_release(&before);
	tb_rules_release(&after);
}

static void
test_after_another_change_the_list_is_not_compiled_anew(void **state)
{
	struct fixture *f = *state;
	struct tb_rules before;
	struct tb_rules after;

	put(f, "edit", true);
	before = get(f, f->org);
	change_something_else(f);
	assert_false(is_in_memory(f, f->org));
	after = get(f, f->org);
	assert_true(after.generation > before.generation);
	assert_int_equal(after.version, before.version);
	assert_ptr_equal(after.acl, before.acl);
	tb_rules_release(&before);
	tb_rules_release(&after);
}

static void test_orgs_have_rules_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct tb_rules rules;

	put(f, "edit", false);
	assert_false(allows(f, "edit"));
	rules = get(f, f->other);
	assert_null(rules.acl);
	tb_rules_release(&rules);
	assert_true(is_in_memory(f, f->other));
	put(f, "edit", true);
	assert_true(is_in_memory(f, f->other));
}

static void test_what_is_forgotten_is_read_again(void **state)
{
	struct fixture *f = *state;

	put(f, "edit", true);
	assert_true(allows(f, "edit"));
	tb_rules_forget(f->cache, f->org);
	assert_false(is_in_memory(f, f->org));
	assert_true(allows(f, "edit"));
	assert_true(is_in_memory(f, f->org));
	tb_rules_forget(f->cache, f->other);
}

static void test_earlier_lists_are_compiled_too(void **state)
{
	struct fixture *f = *state;
	struct tb_rules rules;
	const struct tb_acl *acl;
	uint64_t first;

	put(f, "edit", true);
	rules = get(f, f->org);
	first = rules.version;
	tb_rules_release(&rules);
	put(f, "edit", false);
	/* By another server, which has not seen it before. */
	tb_rules_cache_destroy(f->cache);
	f->cache = tb_rules_cache_create(f->ic.core);
	assert_non_null(f->cache);
	MUST(tb_rules_before(f->cache, f->org, first, &acl));
	assert_true(tb_acl_allows(acl, ALICE, ITEM, EDIT));
	tb_acl_unref(acl);
	assert_false(allows(f, "edit"));
}

static void test_an_earlier_list_is_read_once(void **state)
{
	struct fixture *f = *state;
	const struct tb_acl *acl;
	struct tb_rules rules;

	put(f, "edit", true);
	rules = get(f, f->org);
	put(f, "edit", false);
	tb_fail_set_plan(f->ic.store, NULL);
	MUST(tb_rules_before(f->cache, f->org, rules.version, &acl));
	assert_ptr_equal(acl, rules.acl);
	assert_int_equal(tb_fail_calls(f->ic.store, TB_FAIL_ANY), 0);
	tb_acl_unref(acl);
	tb_rules_release(&rules);
}

static void test_lists_of_another_epoch_are_others(void **state)
{
	struct fixture *f = *state;
	const struct tb_acl *acl;
	struct tb_rules rules;
	struct tb_org org;
	struct tb_tx *tx;

	put(f, "edit", true);
	rules = get(f, f->org);
	tx = inline_core_read(&f->ic);
	MUST(tx->store->ops->org_get(tx, f->org, &org));
	tb_core_read_end(tx);
	assert_int_equal(org.generation, rules.generation);
	org.epoch++;
	MUST(tb_core_publish(f->ic.core, &org));
	assert_false(is_in_memory(f, f->org));
	MUST(tb_rules_before(f->cache, f->org, rules.version, &acl));
	assert_ptr_not_equal(acl, rules.acl);
	tb_acl_unref(acl);
	tb_rules_release(&rules);
}

static void test_version_0_is_no_list(void **state)
{
	struct fixture *f = *state;
	const struct tb_acl *acl = (const struct tb_acl *)f;

	MUST(tb_rules_before(f->cache, f->org, 0, &acl));
	assert_null(acl);
}

static void test_a_list_that_is_not_kept_is_not_found(void **state)
{
	struct fixture *f = *state;
	const struct tb_acl *acl;
	struct tb_rules rules;
	uint64_t first;

	assert_int_equal(tb_rules_before(f->cache, f->org, 12345, &acl),
			 TB_ERR_NOT_FOUND);
	put(f, "edit", true);
	rules = get(f, f->org);
	first = rules.version;
	tb_rules_release(&rules);
	for (int i = 0; i < TB_ACL_KEPT; i++)
		put(f, "edit", i % 2);
	tb_rules_cache_destroy(f->cache);
	f->cache = tb_rules_cache_create(f->ic.core);
	assert_non_null(f->cache);
	assert_int_equal(tb_rules_before(f->cache, f->org, first, &acl),
			 TB_ERR_NOT_FOUND);
}

static void test_an_org_that_is_not_there_has_no_rules(void **state)
{
	struct fixture *f = *state;
	struct tb_rules rules;

	assert_int_equal(tb_rules_get(f->cache, 999, &rules), TB_ERR_NOT_FOUND);
	assert_false(is_in_memory(f, 999));
}

static void test_any_call_of_the_store_may_fail(void **state)
{
	struct fixture *f = *state;
	enum tb_err err = TB_ERR_BUSY;
	struct tb_rules rules;

	put(f, "edit", true);
	for (uint64_t n = 1; err; n++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .first = n,
					     .err = TB_ERR_BUSY };

		assert_true(n < 100);
		tb_fail_set_plan(f->ic.store, &plan);
		err = tb_rules_get(f->cache, f->org, &rules);
		tb_fail_set_plan(f->ic.store, NULL);
		assert_true(!err || err == TB_ERR_BUSY);
		assert_int_equal(is_in_memory(f, f->org), !err);
	}
	tb_rules_release(&rules);
	assert_true(allows(f, "edit"));
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	const struct tb_acl *acl = NULL;
	struct tb_rules rules = { .acl = NULL };
	enum tb_err err = TB_ERR_NOMEM;
	uint64_t calls;

	put(f, "edit", true);
	for (uint64_t n = 1; err; n++) {
		assert_true(n < 1000);
		tb_alloc_fail_at(n);
		err = tb_rules_get(f->cache, f->org, &rules);
		calls = tb_alloc_calls();
		tb_alloc_fail_at(0);
		assert_true(!err || err == TB_ERR_NOMEM);
		/* Rules that could not be kept are given all the same. */
		if (!err && calls >= n) {
			tb_rules_release(&rules);
			tb_rules_cache_destroy(f->cache);
			f->cache = tb_rules_cache_create(f->ic.core);
			err = TB_ERR_NOMEM;
		}
	}
	MUST(tb_rules_before(f->cache, f->org, rules.version, &acl));
	assert_ptr_equal(acl, rules.acl);
	tb_acl_unref(acl);
	tb_rules_release(&rules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_org_without_rules_allows_everything),
		TEST(test_rules_are_found_once_they_were_read),
		TEST(test_new_rules_hold_at_once),
		TEST(test_version_and_generation_are_of_one_time),
		TEST(test_after_another_change_the_list_is_not_compiled_anew),
		TEST(test_orgs_have_rules_of_their_own),
		TEST(test_what_is_forgotten_is_read_again),
		TEST(test_earlier_lists_are_compiled_too),
		TEST(test_an_earlier_list_is_read_once),
		TEST(test_lists_of_another_epoch_are_others),
		TEST(test_version_0_is_no_list),
		TEST(test_a_list_that_is_not_kept_is_not_found),
		TEST(test_an_org_that_is_not_there_has_no_rules),
		TEST(test_any_call_of_the_store_may_fail),
		TEST(test_any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
