/*
 * Login names as they are claimed, given up and taken over, and who may
 * change accounts.
 */
#include "directory_fixture.h"

#include "kernel/acl_store.h"

#define MINUTE_US (60 * 1000000ll)

/* ---- claims ---- */

static enum tb_err fail_commit(struct fixture *f, uint64_t nth,
			       struct tb_account account)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = nth,
				     .err = TB_ERR_FULL };
	enum tb_err err;

	tb_fail_set_plan(f->ic.store, &plan);
	err = add(f, account);
	tb_fail_set_plan(f->ic.store, NULL);
	return err;
}

static void test_a_claim_without_an_account_is_none(void **state)
{
	struct fixture *f = *state;
	struct tb_account found;

	/* The claim is durable, the account is not: as after a crash. */
	assert_int_equal(fail_commit(f, 2, site(f, "63", "one")), TB_ERR_FULL);
	assert_int_equal(find_login(f, TB_ACCOUNT_SITE, "one", &found),
			 TB_ERR_NOT_FOUND);
	/* Its own account may go on at once; another one's has to wait until
	 * the lease has run out. */
	assert_int_equal(add(f, site(f, "64", "one")), TB_ERR_EXISTS);
	MUST(add(f, site(f, "63", "one")));
	MUST(find_login(f, TB_ACCOUNT_SITE, "one", &found));
	assert_int_equal(found.site_id, 63);
}

static void test_an_abandoned_claim_is_taken_over(void **state)
{
	struct fixture *f = *state;
	struct tb_account found;

	assert_int_equal(fail_commit(f, 2, site(f, "63", "one")), TB_ERR_FULL);
	f->ic.now_us += MINUTE_US + 1000;
	MUST(add(f, site(f, "64", "one")));
	MUST(find_login(f, TB_ACCOUNT_SITE, "one", &found));
	assert_int_equal(found.site_id, 64);
	assert_int_equal(add(f, site(f, "63", "one")), TB_ERR_EXISTS);
}

static void test_a_name_given_up_is_free_and_one_taken_is_not(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = user(f, "u1", "anna");
	struct tb_account found;

	MUST(add(f, a));
	a.username = TB_STR("berta");
	MUST(update(f, a, TB_CHANGE_USERNAME));
	assert_int_equal(find_login(f, TB_ACCOUNT_USER, "anna", &found),
			 TB_ERR_NOT_FOUND);
	MUST(find_login(f, TB_ACCOUNT_USER, "berta", &found));
	MUST(add(f, user(f, "u2", "anna")));
	a.username = TB_STR("anna");
	assert_int_equal(update(f, a, TB_CHANGE_USERNAME), TB_ERR_EXISTS);
	MUST(find_login(f, TB_ACCOUNT_USER, "anna", &found));
	assert_str(found.key, "u2");
}

static void test_another_case_of_a_name_gives_nothing_up(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = user(f, "u1", "anna");
	struct tb_account found;

	MUST(add(f, a));
	a.username = TB_STR("ANNA");
	MUST(update(f, a, TB_CHANGE_USERNAME));
	f->ic.now_us += 2 * MINUTE_US;
	assert_int_equal(add(f, user(f, "u2", "anna")), TB_ERR_EXISTS);
	MUST(find_login(f, TB_ACCOUNT_USER, "anna", &found));
	assert_str(found.username, "ANNA");
}

/* Changes an account before the first commit of a kind. */
struct meddler {
	struct fixture *f;
	const char *before;
	struct tb_account to;
	unsigned changes;
	unsigned seen;
};

static void meddling_submit(void *ctx, struct tb_commit *commit)
{
	struct meddler *meddler = ctx;

	if (strcmp(commit->kind->name, meddler->before) == 0 &&
	    meddler->seen++ == 0)
		MUST(update(meddler->f, meddler->to, meddler->changes));
	inline_core_submit(&meddler->f->ic, commit);
}

/* Gives an account another name while the meddler changes it. */
static void rename_meddled(struct meddler *meddler,
			   const struct tb_account *account)
{
	static const struct tb_declaration nothing;
	struct inline_core *ic = &meddler->f->ic;
	struct tb_core_options options = {
		.store = ic->store,
		.committer = { .submit = meddling_submit, .ctx = meddler },
		.now_us = inline_core_now_us,
		.now_ctx = ic,
		.declaration = &nothing,
	};
	struct tb_core *core;

	MUST(tb_core_create(&options, &core));
	MUST(tb_directory_update_account(core, &ic->note, account,
					 TB_CHANGE_USERNAME, false));
	tb_core_destroy(core);
}

static void test_a_change_in_the_middle_of_a_renaming_is_kept(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = user(f, "u1", "anna");
	struct meddler meddler = { .f = f,
				   .before = "update_account",
				   .to = a,
				   .changes = TB_CHANGE_NAME };
	struct tb_account found;

	MUST(add(f, a));
	meddler.to.name = TB_STR("Meddled");
	a.username = TB_STR("berta");
	rename_meddled(&meddler, &a);
	assert_true(meddler.seen > 1);
	MUST(find_login(f, TB_ACCOUNT_USER, "berta", &found));
	assert_str(found.name, "Meddled");
	assert_int_equal(find_login(f, TB_ACCOUNT_USER, "anna", &found),
			 TB_ERR_NOT_FOUND);
}

static void test_a_name_taken_again_is_not_released(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = user(f, "u1", "anna");
	struct meddler meddler = { .f = f,
				   .before = "release",
				   .to = a,
				   .changes = TB_CHANGE_USERNAME };
	struct tb_account found;

	MUST(add(f, a));
	a.username = TB_STR("berta");
	rename_meddled(&meddler, &a);
	assert_int_equal(meddler.seen, 1);
	MUST(find_login(f, TB_ACCOUNT_USER, "anna", &found));
	assert_str(found.key, "u1");
	assert_int_equal(add(f, user(f, "u2", "anna")), TB_ERR_EXISTS);
}

/* Moves the clock behind the lease before the second commit. */
static void slow_submit(void *ctx, struct tb_commit *commit)
{
	struct inline_core *ic = ctx;

	inline_core_submit(ctx, commit);
	ic->now_us += 2 * MINUTE_US;
}

static void test_an_account_does_not_outlive_its_claims_lease(void **state)
{
	struct fixture *f = *state;
	static const struct tb_declaration nothing;
	struct tb_core_options options = {
		.store = f->ic.store,
		.committer = { slow_submit, &f->ic },
		.now_us = inline_core_now_us,
		.now_ctx = &f->ic,
		.declaration = &nothing,
	};
	struct tb_account a = site(f, "63", "one");
	struct tb_account found;
	struct tb_core *slow;

	MUST(tb_core_create(&options, &slow));
	assert_int_equal(tb_directory_add_account(slow, &f->ic.note, &a),
			 TB_ERR_BUSY);
	tb_core_destroy(slow);
	assert_int_equal(find(f, TB_ACCOUNT_SITE, "63", &found),
			 TB_ERR_NOT_FOUND);
}

/* ---- administrators ---- */

static enum tb_err update_as(struct fixture *f, const char *by,
			     struct tb_account to, unsigned changes)
{
	return tb_directory_update_account_as(f->ic.core, &f->ic.note,
					      tb_str_z(by), &to, changes);
}

static struct tb_account admin(struct fixture *f, const char *key,
			       const char *username)
{
	struct tb_account account = user(f, key, username);

	account.is_admin = true;
	return account;
}

static void test_only_an_administrator_changes_others(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = user(f, "u2", "berta");

	MUST(add(f, user(f, "u1", "anna")));
	MUST(add(f, to));
	to.disabled = true;
	assert_int_equal(update_as(f, "u1", to, TB_CHANGE_DISABLED),
			 TB_ERR_DENIED);
	assert_int_equal(update_as(f, "nobody", to, TB_CHANGE_DISABLED),
			 TB_ERR_DENIED);
	MUST(add(f, admin(f, "u3", "carla")));
	MUST(update_as(f, "u3", to, TB_CHANGE_DISABLED));
}

static enum tb_err add_as(struct fixture *f, const char *by,
			  struct tb_account account)
{
	return tb_directory_add_account_as(f->ic.core, &f->ic.note,
					   tb_str_z(by), &account);
}

static enum tb_err put_rules_as(struct fixture *f, const char *by)
{
	return tb_acl_put_as(f->ic.core, &f->ic.note, f->org, tb_str_z(by),
			     TB_STR("{\"rules\":[]}"));
}

static void test_who_is_administrator_no_more_adds_nobody(void **state)
{
	struct fixture *f = *state;
	struct tb_account anna = admin(f, "u1", "anna");
	struct tb_account found;

	MUST(add(f, anna));
	MUST(add_as(f, "u1", user(f, "u2", "berta")));
	anna.disabled = true;
	MUST(tb_directory_update_account(f->ic.core, &f->ic.note, &anna,
					 TB_CHANGE_DISABLED, false));
	assert_int_equal(add_as(f, "u1", user(f, "u3", "carla")),
			 TB_ERR_DENIED);
	assert_int_equal(add_as(f, "u2", user(f, "u3", "carla")),
			 TB_ERR_DENIED);
	assert_int_equal(find(f, TB_ACCOUNT_USER, "u3", &found),
			 TB_ERR_NOT_FOUND);
}

static void test_who_is_administrator_no_more_puts_no_rules(void **state)
{
	struct fixture *f = *state;
	struct tb_account anna = admin(f, "u1", "anna");
	struct tb_heads before;
	struct tb_heads after;

	MUST(add(f, anna));
	MUST(put_rules_as(f, "u1"));
	anna.is_admin = false;
	MUST(tb_directory_update_account(f->ic.core, &f->ic.note, &anna,
					 TB_CHANGE_ADMIN, false));
	MUST(tb_core_heads(f->ic.core, f->org, &before));
	assert_int_equal(put_rules_as(f, "u1"), TB_ERR_DENIED);
	assert_int_equal(put_rules_as(f, "nobody"), TB_ERR_DENIED);
	MUST(tb_core_heads(f->ic.core, f->org, &after));
	assert_int_equal(after.generation, before.generation);
}

static void test_of_two_who_demote_each_other_one_remains(void **state)
{
	struct fixture *f = *state;
	struct tb_account anna = admin(f, "u1", "anna");
	struct tb_account berta = admin(f, "u2", "berta");
	struct tb_account found;

	MUST(add(f, anna));
	MUST(add(f, berta));
	anna.is_admin = false;
	berta.disabled = true;
	MUST(update_as(f, "u1", berta, TB_CHANGE_DISABLED));
	assert_int_equal(update_as(f, "u2", anna, TB_CHANGE_ADMIN),
			 TB_ERR_DENIED);
	MUST(find(f, TB_ACCOUNT_USER, "u1", &found));
	assert_true(found.is_admin);
	MUST(find(f, TB_ACCOUNT_USER, "u2", &found));
	assert_true(found.disabled);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_claim_without_an_account_is_none),
		TEST(test_an_abandoned_claim_is_taken_over),
		TEST(test_a_name_given_up_is_free_and_one_taken_is_not),
		TEST(test_another_case_of_a_name_gives_nothing_up),
		TEST(test_a_change_in_the_middle_of_a_renaming_is_kept),
		TEST(test_a_name_taken_again_is_not_released),
		TEST(test_an_account_does_not_outlive_its_claims_lease),
		TEST(test_only_an_administrator_changes_others),
		TEST(test_who_is_administrator_no_more_adds_nobody),
		TEST(test_who_is_administrator_no_more_puts_no_rules),
		TEST(test_of_two_who_demote_each_other_one_remains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
