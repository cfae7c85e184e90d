/*
 * What roles permit: "A user's roles give the permissions; the names are these,
 * and others give none. An administrator has all."
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/jobs/caller.h"
#include "base/assert.h"

#define READ TB_JOBS_READ
#define CREATE TB_JOBS_CREATE
#define UPDATE TB_JOBS_UPDATE
#define REVIEW TB_JOBS_REVIEW
#define APPROVE TB_JOBS_APPROVE
#define DELETE TB_JOBS_DELETE
#define ALL (READ | CREATE | UPDATE | REVIEW | APPROVE | DELETE)

static unsigned permissions(const char *role)
{
	struct tb_str roles[] = { tb_str_z(role) };
	struct tb_principal caller = { .kind = TB_PRINCIPAL_USER,
				       .roles = roles,
				       .n_roles = 1 };

	return tb_jobs_permissions(&caller);
}

static void each_role_has_its_permissions(void **state)
{
	static const struct {
		const char *role;
		unsigned permissions;
	} roles[] = {
		{ "Guest", READ },
		{ "User", READ | CREATE },
		{ "Customer", READ | CREATE },
		{ "Reviewer", READ | CREATE | REVIEW | APPROVE },
		{ "Publisher", READ | CREATE | UPDATE | REVIEW | DELETE },
		{ "PowerUser", READ | CREATE | UPDATE | REVIEW | DELETE },
		{ "Owner", ALL },
		{ "ContentAdmin", ALL },
		{ "System", ALL },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(roles); i++)
		assert_int_equal(permissions(roles[i].role),
				 roles[i].permissions);
}

static void other_names_give_none(void **state)
{
	static const char *const names[] = { "",        "guest", "GUEST",
					     "Owner ",  "Owne",  "Admin",
					     "Publish", "any",   "System\n" };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++)
		assert_int_equal(permissions(names[i]), 0);
}

static void several_roles_add_up(void **state)
{
	struct tb_str roles[] = { TB_STR("nothing"), TB_STR("Customer"),
				  TB_STR("Reviewer") };
	struct tb_principal caller = { .kind = TB_PRINCIPAL_USER,
				       .roles = roles,
				       .n_roles = 3 };

	(void)state;
	assert_int_equal(tb_jobs_permissions(&caller),
			 READ | CREATE | REVIEW | APPROVE);
	caller.n_roles = 0;
	assert_int_equal(tb_jobs_permissions(&caller), 0);
}

static void an_administrator_may_everything_and_no_user_nothing(void **state)
{
	struct tb_str roles[] = { TB_STR("Owner") };
	struct tb_principal caller = { .kind = TB_PRINCIPAL_USER,
				       .is_admin = true };

	(void)state;
	assert_int_equal(tb_jobs_permissions(&caller), ALL);
	caller = (struct tb_principal) { .kind = TB_PRINCIPAL_SITE,
					 .roles = roles,
					 .n_roles = 1 };
	assert_int_equal(tb_jobs_permissions(&caller), 0);
	caller.kind = TB_PRINCIPAL_DEVICE;
	assert_int_equal(tb_jobs_permissions(&caller), 0);
}

/* ---- behind the token ---- */

static void what_is_wrong_is_told_in_order(void **state)
{
	struct tb_str roles[] = { TB_STR("Publisher") };
	struct tb_principal caller = { .kind = TB_PRINCIPAL_USER,
				       .org_name = TB_STR("shops"),
				       .roles = roles,
				       .n_roles = 1 };

	(void)state;
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR("shops"), READ),
			 TB_OK);
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR("shops"), DELETE),
			 TB_OK);
	assert_int_equal(
		tb_jobs_caller_check(&caller, TB_STR("shops"), APPROVE),
		TB_ERR_DENIED);
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR("other"), READ),
			 TB_ERR_DENIED);
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR("Shops"), READ),
			 TB_ERR_DENIED);
	/* Whoever forgets the header is told so, whatever else is wrong. */
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR_NONE, APPROVE),
			 TB_ERR_INVALID);
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR(""), APPROVE),
			 TB_ERR_INVALID);
	caller.is_admin = true;
	assert_int_equal(
		tb_jobs_caller_check(&caller, TB_STR("shops"), APPROVE), TB_OK);
	assert_int_equal(tb_jobs_caller_check(&caller, TB_STR("other"), READ),
			 TB_ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_has_its_permissions),
		cmocka_unit_test(other_names_give_none),
		cmocka_unit_test(several_roles_add_up),
		cmocka_unit_test(
			an_administrator_may_everything_and_no_user_nothing),
		cmocka_unit_test(what_is_wrong_is_told_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
