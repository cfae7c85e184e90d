/*
 * Who may call the devices API, and for whom, with and without a token.
 */
#include "../auth/fixture.h"

#include "api/devices/caller.h"
#include "api/devices/errors.h"

struct world {
	struct fixture *f;
	struct tb_devices devices; /* as far as callers look at it */
	const struct tb_principal *user;
	const struct tb_principal *admin;
	const struct tb_principal *site;
	struct tb_principal device;
};

static int set_up(void **state)
{
	static struct world w;
	struct tb_account admin = { .kind = TB_ACCOUNT_USER,
				    .key = TB_STR("a1"),
				    .username = TB_STR("Bruno"),
				    .is_admin = true };
	char hash[TB_PASSWORD_HASH_BYTES];
	void *fixture;

	setup(&fixture);
	w = (struct world) { .f = fixture };
	MUST(tb_passwords_make(w.f->passwords, TB_ACCOUNT_USER,
			       TB_STR("adminpass123"), hash));
	admin.org = w.f->org;
	admin.password = tb_str_z(hash);
	MUST(tb_directory_add_account(w.f->ic.core, &w.f->ic.note, &admin));
	add_account(w.f, TB_ACCOUNT_DEVICE, "till-1", NULL, NULL);
	w.devices.core = w.f->ic.core;
	w.user = admitted(tb_auth_login_user(w.f->auth, TB_STR("Anna"),
					     TB_STR("testpass123"),
					     TB_STR(ADDRESS), w.f->ic.now_us));
	w.admin = admitted(tb_auth_login_user(w.f->auth, TB_STR("Bruno"),
					      TB_STR("adminpass123"),
					      TB_STR(ADDRESS), w.f->ic.now_us));
	w.site = admitted(
		ask(w.f, basic(w.f, "username", SITE_HASH), NULL, true));
	w.device = (struct tb_principal) { .kind = TB_PRINCIPAL_DEVICE,
					   .org = w.f->org,
					   .key = TB_STR("till-1") };
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	void *fixture = w->f;

	tb_principal_unref(w->user);
	tb_principal_unref(w->admin);
	tb_principal_unref(w->site);
	return teardown(&fixture);
}

static struct tb_devices_caller caller(struct world *w,
				       const struct tb_principal *principal)
{
	struct tb_devices_caller made;
	const char *flaw;

	MUST(tb_devices_caller_init(&made, &w->devices, principal, &flaw));
	return made;
}

static void assert_refused(struct world *w,
			   const struct tb_principal *principal,
			   enum tb_err expected, const char *words)
{
	struct tb_devices_caller made;
	const char *flaw = NULL;

	assert_int_equal(
		tb_devices_caller_init(&made, &w->devices, principal, &flaw),
		expected);
	assert_string_equal(flaw, words);
}

/* `words` NULL: it may. */
static void assert_speaks(struct world *w, const struct tb_principal *principal,
			  const char *device, const char *words)
{
	struct tb_devices_caller made = caller(w, principal);
	const char *flaw = NULL;
	enum tb_err err =
		tb_devices_caller_check(&made, tb_str_z(device), &flaw);

	assert_int_equal(err, words ? TB_ERR_DENIED : TB_OK);
	if (words)
		assert_string_equal(flaw, words);
}

static void assert_user(struct world *w, const struct tb_principal *principal,
			const char *claimed, const char *expected)
{
	struct tb_devices_caller made = caller(w, principal);
	const char *flaw = NULL;
	struct tb_str user;
	enum tb_err err =
		tb_devices_caller_user(&made, tb_str_z(claimed), &user, &flaw);

	assert_int_equal(err, expected ? TB_OK : TB_ERR_DENIED);
	if (expected)
		assert_true(tb_str_eq(user, tb_str_z(expected)));
	else
		assert_string_equal(flaw, TB_DEVICES_OTHER_USER);
}

static void nobody_calls_without_a_token_unless_it_is_open(void **state)
{
	struct world *w = *state;

	assert_refused(w, NULL, TB_ERR_UNAUTHENTICATED, TB_DEVICES_NO_TOKEN);
	w->devices.open_org = 77;
	assert_int_equal(caller(w, NULL).org, 77);
	/* Who sends a token acts in its own org. */
	assert_int_equal(caller(w, w->user).org, w->f->org);
}

static void a_site_never_calls(void **state)
{
	struct world *w = *state;

	assert_refused(w, w->site, TB_ERR_DENIED, TB_DEVICES_DENIED);
	w->devices.open_org = 77;
	assert_refused(w, w->site, TB_ERR_DENIED, TB_DEVICES_DENIED);
}

static void a_device_speaks_for_itself_alone(void **state)
{
	struct world *w = *state;

	assert_speaks(w, &w->device, "till-1", NULL);
	assert_speaks(w, &w->device, "till-2", TB_DEVICES_OTHER_DEVICE);
	assert_speaks(w, &w->device, "till-", TB_DEVICES_OTHER_DEVICE);
	assert_user(w, &w->device, "u1", "u1");
	assert_user(w, &w->device, "", "");
}

static void a_user_speaks_for_devices_without_an_account(void **state)
{
	struct world *w = *state;

	assert_speaks(w, w->user, "till-2", NULL);
	assert_speaks(w, w->user, "till-1", TB_DEVICES_OWN_TOKEN);
	assert_speaks(w, w->admin, "till-1", NULL);
}

static void events_of_a_user_are_in_its_own_name(void **state)
{
	struct world *w = *state;

	assert_user(w, w->user, "", "u1");
	assert_user(w, w->user, "u1", "u1");
	assert_user(w, w->user, "u2", NULL);
	assert_user(w, w->admin, "u1", NULL);
}

static void
who_sends_no_token_speaks_for_everybody_where_it_is_open(void **state)
{
	struct world *w = *state;

	w->devices.open_org = w->f->org;
	assert_speaks(w, NULL, "till-1", NULL);
	assert_speaks(w, NULL, "till-2", NULL);
	assert_user(w, NULL, "u2", "u2");
	assert_user(w, NULL, "", "");
	/* The rules for tokens stay. */
	assert_speaks(w, w->user, "till-1", TB_DEVICES_OWN_TOKEN);
}

/* The account of an org says nothing of another org's device. */
static void accounts_are_the_orgs_own(void **state)
{
	struct world *w = *state;
	struct tb_principal other = { .kind = TB_PRINCIPAL_USER,
				      .org = inline_core_add_org(&w->f->ic,
								 "other"),
				      .key = TB_STR("u1") };

	assert_speaks(w, &other, "till-1", NULL);
}

static void a_store_that_cannot_be_asked_is_no_answer(void **state)
{
	struct world *w = *state;
	static const struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
						  .first = 1,
						  .err = TB_ERR_IO };
	struct tb_devices_caller made = caller(w, w->user);
	const char *flaw = NULL;

	tb_fail_set_plan(w->f->ic.store, &plan);
	assert_int_equal(
		tb_devices_caller_check(&made, TB_STR("till-2"), &flaw),
		TB_ERR_IO);
	assert_null(flaw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(nobody_calls_without_a_token_unless_it_is_open),
		TEST(a_site_never_calls),
		TEST(a_device_speaks_for_itself_alone),
		TEST(a_user_speaks_for_devices_without_an_account),
		TEST(events_of_a_user_are_in_its_own_name),
		TEST(who_sends_no_token_speaks_for_everybody_where_it_is_open),
		TEST(accounts_are_the_orgs_own),
		TEST(a_store_that_cannot_be_asked_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
