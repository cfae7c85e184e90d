#include "directory_fixture.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"

#define MINUTE_US (60 * 1000000ll)

static const struct tb_str nowhere[] = { { "nowhere", 7 } };

/* ---- orgs ---- */

static void test_an_org_is_found_by_its_name(void **state)
{
	struct fixture *f = *state;
	uint32_t second = inline_core_add_org(&f->ic, "shops");
	struct tb_tx *tx = inline_core_read(&f->ic);
	struct tb_heads heads;
	struct tb_org org;

	assert_int_not_equal(second, f->org);
	MUST(tb_directory_find_org(tx, TB_STR("shops"), &org));
	assert_int_equal(org.id, second);
	assert_string_equal(org.name, "shops");
	assert_string_equal(org.title, "A title");
	assert_int_equal(org.head, TB_NUM_RESERVED);
	assert_int_equal(org.epoch, 77);
	assert_int_equal(tb_directory_find_org(tx, TB_STR("shop"), &org),
			 TB_ERR_NOT_FOUND);
	MUST(tb_core_heads(f->ic.core, second, &heads));
	assert_int_equal(heads.epoch, 77);
	tb_core_read_end(tx);
}

/* Of a setting that names none it is the only one, as long as it is. */
static void test_a_set_org_is_the_named_or_the_only_one(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *tx = inline_core_read(&f->ic);
	struct tb_org org = { .id = 99 };
	uint32_t second;

	MUST(tb_directory_find_set_org(tx, TB_STR_NONE, &org));
	assert_int_equal(org.id, f->org);
	tb_core_read_end(tx);
	second = inline_core_add_org(&f->ic, "shops");
	tx = inline_core_read(&f->ic);
	org.id = 99;
	assert_int_equal(tb_directory_find_set_org(tx, TB_STR_NONE, &org),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(tb_directory_find_set_org(tx, TB_STR("shop"), &org),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(org.id, 99);
	MUST(tb_directory_find_set_org(tx, TB_STR("shops"), &org));
	assert_int_equal(org.id, second);
	tb_core_read_end(tx);
}

static void test_an_org_name_is_taken_once(void **state)
{
	struct fixture *f = *state;
	uint32_t id = 0;

	assert_int_equal(tb_directory_add_org(f->ic.core, &f->ic.note,
					      TB_STR("clinics"), TB_STR_NONE, 1,
					      &id),
			 TB_ERR_EXISTS);
	assert_int_equal(id, 0);
}

static void test_each_org_gets_the_next_id(void **state)
{
	struct fixture *f = *state;
	uint32_t a = inline_core_add_org(&f->ic, "a");
	uint32_t b = inline_core_add_org(&f->ic, "b");

	assert_int_equal(a, f->org + 1);
	assert_int_equal(b, a + 1);
}

static void test_names_that_cannot_be_an_orgs_are_refused(void **state)
{
	struct fixture *f = *state;
	char name[TB_ORG_NAME_MAX + 1];
	const struct tb_str bad[] = { TB_STR(""), TB_STR("a b"), TB_STR("a/b"),
				      TB_STR("\xc3\xa9"),
				      tb_str(name, sizeof(name)) };
	uint32_t id;

	memset(name, 'x', sizeof(name));
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_int_equal(tb_directory_add_org(f->ic.core, &f->ic.note,
						      bad[i], TB_STR("t"), 1,
						      &id),
				 TB_ERR_INVALID);
	assert_int_equal(tb_directory_add_org(f->ic.core, &f->ic.note,
					      TB_STR("ok"), TB_STR("\xff"), 1,
					      &id),
			 TB_ERR_INVALID);
}

static void test_init_again_keeps_the_epoch(void **state)
{
	struct fixture *f = *state;
	struct tb_heads heads;

	MUST(tb_directory_init(f->ic.core, 99));
	MUST(tb_core_heads(f->ic.core, TB_ORG_SYSTEM, &heads));
	assert_int_equal(heads.epoch, 1);
}

/* ---- accounts ---- */

static void test_a_site_is_stored_whole(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = site(f, "63", "Clinic \xc3\x89t\xc3\xa9");
	struct tb_account found;

	a.code = TB_STR("C\"63");
	a.may_edit_central = true;
	MUST(add(f, a));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_int_equal(found.org, f->org);
	assert_int_equal(found.site_id, 63);
	assert_int_equal(found.credential, 1);
	assert_str(found.key, "63");
	assert_str(found.username, "Clinic \xc3\x89t\xc3\xa9");
	assert_str(found.name, "A site");
	assert_str(found.code, "C\"63");
	assert_str(found.password, "hash");
	assert_int_equal(found.hardware.n, 0);
	assert_true(found.may_edit_central);
	assert_false(found.disabled);
	assert_false(found.is_admin);
	assert_true(found.rid != 0 && found.created_us >= f->ic.now_us);
}

static void test_a_user_is_stored_whole(void **state)
{
	struct fixture *f = *state;
	const struct tb_str stores[] = { TB_STR("s1"), TB_STR("s2") };
	const struct tb_str roles[] = { TB_STR("doctor") };
	const struct tb_str permissions[] = { TB_STR("p,1"), TB_STR("p]2") };
	struct tb_account a = user(f, "uuid-1", "anna");
	struct tb_account found;

	MUST(add_store(f, "s1"));
	MUST(add_store(f, "s2"));
	a.is_admin = true;
	a.stores = stores;
	a.n_stores = 2;
	a.roles = roles;
	a.n_roles = 1;
	a.permissions = permissions;
	a.n_permissions = 2;
	a.profile = TB_STR("10");
	a.email = TB_STR("anna@example.org");
	a.first_name = TB_STR("Anna");
	a.last_name = TB_STR("\xc3\x85s");
	MUST(add(f, a));
	MUST(find(f, TB_ACCOUNT_USER, "uuid-1", &found));
	assert_true(found.is_admin);
	assert_int_equal(found.n_stores, 2);
	assert_str(found.stores[1], "s2");
	assert_int_equal(found.n_roles, 1);
	assert_str(found.roles[0], "doctor");
	assert_int_equal(found.n_permissions, 2);
	assert_str(found.permissions[1], "p]2");
	assert_str(found.profile, "10");
	assert_str(found.email, "anna@example.org");
	assert_str(found.first_name, "Anna");
	assert_str(found.last_name, "\xc3\x85s");
}

static void test_login_names_are_found_over_all_orgs(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = site(f, "7", "seven");
	struct tb_account found;

	a.org = inline_core_add_org(&f->ic, "shops");
	MUST(add(f, a));
	MUST(find_login(f, TB_ACCOUNT_SITE, "seven", &found));
	assert_int_equal(found.org, a.org);
	/* A site's name is exact, and is no user's. */
	assert_int_equal(find_login(f, TB_ACCOUNT_SITE, "Seven", &found),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(find_login(f, TB_ACCOUNT_USER, "seven", &found),
			 TB_ERR_NOT_FOUND);
}

static void test_a_users_login_name_has_no_case(void **state)
{
	struct fixture *f = *state;
	struct tb_account found;

	MUST(add(f, user(f, "u1", "Anna_B")));
	MUST(find_login(f, TB_ACCOUNT_USER, "aNNA_b", &found));
	assert_str(found.username, "Anna_B");
	assert_int_equal(add(f, user(f, "u2", "anna_b")), TB_ERR_EXISTS);
}

static void test_a_key_is_taken_once(void **state)
{
	struct fixture *f = *state;

	MUST(add(f, site(f, "63", "one")));
	assert_int_equal(add(f, site(f, "63", "two")), TB_ERR_EXISTS);
	/* And the refused one does not hold the name. */
	MUST(add(f, site(f, "64", "two")));
}

static void test_a_username_is_taken_once_over_all_orgs(void **state)
{
	struct fixture *f = *state;
	struct tb_account other = site(f, "64", "one");

	MUST(add(f, site(f, "63", "one")));
	assert_int_equal(add(f, other), TB_ERR_EXISTS);
	other.org = inline_core_add_org(&f->ic, "shops");
	assert_int_equal(add(f, other), TB_ERR_EXISTS);
	f->ic.now_us += 10 * MINUTE_US;
	assert_int_equal(add(f, other), TB_ERR_EXISTS);
}

static void test_what_cannot_be_an_account_is_refused(void **state)
{
	struct fixture *f = *state;
	char name[TB_SITE_USERNAME_MAX_BYTES + 1];
	struct tb_account bad[] = {
		site(f, "0", "x"),
		site(f, "063", "x"),
		site(f, "2147483648", "x"),
		site(f, "-1", "x"),
		site(f, "", "x"),
		site(f, "6x", "x"),
		site(f, "63", ""),
		site(f, "63", "a:b"),
		site(f, "63", "a\nb"),
		site(f, "63", "\xc2\x85"),
		site(f, "63", "\xff"),
		site(f, "63", "\xed\xa0\x80"),
		site(f, "63", "x"),
		site(f, "63", "x"),
		user(f, "u", "ab"),
		user(f, "u", "a b c"),
		user(f, "u", "\xc3\xa9\xc3\xa9\xc3\xa9"),
		user(f, "", "anna"),
		user(f, "\xff", "anna"),
		user(f, "u\x01", "anna"),
		user(f, "u", "anna"),
		user(f, "u", "anna"),
		user(f, "u", "anna"),
		user(f, "u", "anna"),
		user(f, "u", "anna"),
		user(f, "u", "anna"),
	};
	char text[TB_ACCOUNT_TEXT_MAX_BYTES + 1];

	memset(name, 'x', sizeof(name));
	memset(text, 'x', sizeof(text));
	bad[12].username = tb_str(name, sizeof(name));
	bad[13].site_id = 64;
	bad[20].roles = &bad[17].key;
	bad[20].n_roles = 1;
	bad[21].profile = tb_str(text, sizeof(text));
	bad[22].email = TB_STR("a\n@b");
	bad[23].first_name = tb_str(text, sizeof(text));
	bad[24].last_name = TB_STR("\x7f");
	bad[25].email = TB_STR("\xff");
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_int_equal(add(f, bad[i]), TB_ERR_INVALID);
	/* None of them left a claim behind. */
	MUST(add(f, site(f, "63", "x")));
	MUST(add(f, user(f, "u", "anna")));
}

static void test_the_ends_of_the_ranges_are_taken(void **state)
{
	struct fixture *f = *state;
	char name[TB_SITE_USERNAME_MAX_BYTES];

	memset(name, 'x', sizeof(name));
	struct tb_account longest = site(f, "2147483647", "");
	longest.username = tb_str(name, sizeof(name));
	MUST(add(f, longest));
	MUST(add(f, site(f, "1", "y")));
	MUST(add(f, user(f, "u", "abc")));
}

static void test_a_user_of_an_unknown_store_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = user(f, "u1", "anna");

	a.stores = nowhere;
	a.n_stores = 1;
	assert_int_equal(add(f, a), TB_ERR_NOT_FOUND);
	a.n_stores = 0;
	MUST(add(f, a));
	a.n_stores = 1;
	assert_int_equal(update(f, a, TB_CHANGE_STORES), TB_ERR_NOT_FOUND);
}

static void test_an_org_that_is_not_there_has_no_accounts(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = site(f, "63", "one");

	a.org = 4711;
	assert_int_equal(add(f, a), TB_ERR_NOT_FOUND);
}

static void test_a_new_site_follows_its_own_scope(void **state)
{
	struct fixture *f = *state;
	struct tb_consumer consumer;

	MUST(add(f, site(f, "63", "one")));
	consumer = marks(f, 63);
	assert_int_equal(consumer.n_subs, 1);
	assert_int_equal(consumer.subs[0].scope, scope(f, "site/63"));
	assert_int_equal(consumer.subs[0].acked, 0);
	assert_int_equal(consumer.init, TB_INIT_NEW);
}

/* ---- updates ---- */

static void test_each_change_changes_its_member_alone(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = site(f, "63", "two");
	struct tb_account found;
	uint64_t before;

	MUST(add(f, site(f, "63", "one")));
	to.name = TB_STR("New");
	to.may_edit_central = true;
	to.disabled = true;
	before = generation(f);
	MUST(update(f, to, TB_CHANGE_NAME));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_str(found.name, "New");
	assert_str(found.username, "one");
	assert_false(found.disabled || found.may_edit_central);
	assert_int_equal(found.credential, 1);
	assert_true(generation(f) > before);
	MUST(update(f, to, TB_CHANGE_CENTRAL));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_true(found.may_edit_central);
	assert_int_equal(found.credential, 1);
}

static void test_each_text_of_a_user_changes_alone(void **state)
{
	static const struct {
		unsigned change;
		size_t at;
	} texts[] = {
		{ TB_CHANGE_PROFILE, offsetof(struct tb_account, profile) },
		{ TB_CHANGE_EMAIL, offsetof(struct tb_account, email) },
		{ TB_CHANGE_FIRST_NAME,
		  offsetof(struct tb_account, first_name) },
		{ TB_CHANGE_LAST_NAME, offsetof(struct tb_account, last_name) },
	};
	struct fixture *f = *state;
	struct tb_account to = user(f, "u", "anna");
	struct tb_account found;

	MUST(add(f, to));
	to.profile = TB_STR("p");
	to.email = TB_STR("p");
	to.first_name = TB_STR("p");
	to.last_name = TB_STR("p");
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++) {
		uint64_t before = generation(f);

		MUST(update(f, to, texts[i].change));
		MUST(find(f, TB_ACCOUNT_USER, "u", &found));
		for (size_t j = 0; j < TB_ARRAY_LEN(texts); j++) {
			const void *text = (char *)&found + texts[j].at;

			assert_int_equal(((const struct tb_str *)text)->n,
					 j <= i ? 1 : 0);
		}
		assert_int_equal(found.credential, 1);
		assert_true(generation(f) > before);
	}
}

/* Later than what anybody read before, and no later than what is read from
 * then on. */
static void test_a_user_is_noted_to_see_others(void **state)
{
	static const unsigned changes[] = { TB_CHANGE_ROLES, TB_CHANGE_PROFILE,
					    TB_CHANGE_ADMIN };
	const struct tb_str roles[] = { TB_STR("doctor"), TB_STR("staff") };
	struct fixture *f = *state;
	struct tb_account to = user(f, "u", "anna");
	struct tb_account found;
	struct tb_heads before, after;

	to.sight_num = 99;
	MUST(add(f, to));
	MUST(find(f, TB_ACCOUNT_USER, "u", &found));
	assert_int_equal(found.sight_num, 0);
	assert_int_equal(found.sight_us, 0);
	to.roles = roles;
	to.n_roles = 2;
	to.profile = TB_STR("10");
	to.is_admin = true;
	for (size_t i = 0; i < TB_ARRAY_LEN(changes); i++) {
		MUST(tb_core_heads(f->ic.core, f->org, &before));
		MUST(update(f, to, changes[i]));
		MUST(tb_core_heads(f->ic.core, f->org, &after));
		MUST(find(f, TB_ACCOUNT_USER, "u", &found));
		assert_in_range(found.sight_num, before.head + 1, after.head);
		assert_in_range(found.sight_us, before.last_us + 1,
				after.last_us);
	}
	/* The same again, and what nobody sees more or less by. */
	to.name = TB_STR("other");
	to.email = TB_STR("other");
	to.password = TB_STR("other");
	to.disabled = true;
	MUST(update(f, to,
		    TB_CHANGE_ROLES | TB_CHANGE_PROFILE | TB_CHANGE_ADMIN |
			    TB_CHANGE_NAME | TB_CHANGE_EMAIL |
			    TB_CHANGE_PASSWORD | TB_CHANGE_DISABLED));
	before.head = found.sight_num;
	MUST(find(f, TB_ACCOUNT_USER, "u", &found));
	assert_int_equal(found.sight_num, before.head);
}

static void test_password_disabled_and_release_raise_the_version(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = site(f, "63", "one");
	struct tb_account found;

	MUST(add(f, to));
	to.password = TB_STR("other");
	MUST(update(f, to, TB_CHANGE_PASSWORD));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_int_equal(found.credential, 2);
	to.disabled = true;
	MUST(update(f, to, TB_CHANGE_DISABLED));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_int_equal(found.credential, 3);
	assert_true(found.disabled);
	to.hardware = TB_STR("uuid-a");
	MUST(bind(f, to));
	to.hardware = TB_STR_NONE;
	MUST(update(f, to, TB_CHANGE_HARDWARE));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_int_equal(found.credential, 4);
	assert_int_equal(found.hardware.n, 0);
}

static void test_an_update_that_changes_nothing_is_no_change(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = site(f, "63", "one");
	uint64_t before;

	MUST(add(f, to));
	before = generation(f);
	MUST(update(f, to,
		    TB_CHANGE_DISABLED | TB_CHANGE_NAME | TB_CHANGE_HARDWARE));
	assert_int_equal(generation(f), before);
}

static void test_the_first_hardware_binds_and_others_do_not(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = site(f, "63", "one");
	struct tb_account found;

	MUST(add(f, to));
	to.hardware = TB_STR("uuid-a");
	MUST(bind(f, to));
	MUST(bind(f, to));
	to.hardware = TB_STR("uuid-b");
	assert_int_equal(bind(f, to), TB_ERR_CONFLICT);
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_str(found.hardware, "uuid-a");
	assert_int_equal(found.credential, 1);
}

static void test_a_rehash_is_for_the_same_password_only(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = site(f, "63", "one");
	struct tb_account found;
	uint64_t before;

	MUST(add(f, to));
	before = generation(f);
	to.credential = 1;
	to.password = TB_STR("newer hash");
	MUST(update(f, to, TB_CHANGE_REHASH));
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_str(found.password, "newer hash");
	assert_int_equal(found.credential, 1);
	assert_int_equal(generation(f), before);
	to.password = TB_STR("another password");
	MUST(update(f, to, TB_CHANGE_PASSWORD));
	to.password = TB_STR("newer hash of the old one");
	assert_int_equal(update(f, to, TB_CHANGE_REHASH), TB_ERR_CONFLICT);
}

static void test_what_is_not_there_cannot_be_updated(void **state)
{
	struct fixture *f = *state;
	struct tb_account to = site(f, "63", "one");

	assert_int_equal(update(f, to, TB_CHANGE_NAME), TB_ERR_NOT_FOUND);
	assert_int_equal(update(f, to, TB_CHANGE_USERNAME), TB_ERR_NOT_FOUND);
	/* Nor does the attempt hold the name. */
	MUST(add(f, site(f, "64", "one")));
	assert_int_equal(update(f, site(f, "64", "one"), TB_CHANGE_STORES),
			 TB_ERR_INVALID);
	assert_int_equal(update(f, site(f, "64", "a:b"), TB_CHANGE_USERNAME),
			 TB_ERR_INVALID);
}

/* ---- stores ---- */

static void test_a_store_is_active_on_one_site(void **state)
{
	struct fixture *f = *state;
	struct tb_account found;

	MUST(add(f, site(f, "63", "one")));
	MUST(add(f, site(f, "64", "two")));
	MUST(add_store(f, "s1"));
	assert_int_equal(store_info(f, "s1").site.n, 0);
	MUST(assign(f, "s1", "63"));
	assert_str(store_info(f, "s1").site, "63");
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_int_equal(found.n_stores, 1);
	assert_str(found.stores[0], "s1");
	MUST(assign(f, "s1", "64"));
	assert_str(store_info(f, "s1").site, "64");
	MUST(find(f, TB_ACCOUNT_SITE, "63", &found));
	assert_int_equal(found.n_stores, 0);
	MUST(find(f, TB_ACCOUNT_SITE, "64", &found));
	assert_int_equal(found.n_stores, 1);
	MUST(assign(f, "s1", ""));
	assert_int_equal(store_info(f, "s1").site.n, 0);
	MUST(find(f, TB_ACCOUNT_SITE, "64", &found));
	assert_int_equal(found.n_stores, 0);
}

static void test_a_moved_store_is_followed_from_its_beginning(void **state)
{
	struct fixture *f = *state;
	struct tb_consumer old;
	struct tb_consumer new;
	struct tb_subscription *sub;

	MUST(add(f, site(f, "63", "one")));
	MUST(add(f, site(f, "64", "two")));
	MUST(add_store(f, "s1"));
	MUST(add_store(f, "s2"));
	MUST(assign(f, "s2", "63"));
	MUST(assign(f, "s1", "63"));
	assert_int_equal(marks(f, 63).n_subs, 3);
	MUST(assign(f, "s1", "64"));
	old = marks(f, 63);
	new = marks(f, 64);
	assert_int_equal(old.n_subs, 2);
	assert_null(tb_consumer_subscription(&old, scope(f, "store/s1")));
	assert_non_null(tb_consumer_subscription(&old, scope(f, "store/s2")));
	sub = tb_consumer_subscription(&new, scope(f, "store/s1"));
	assert_non_null(sub);
	assert_int_equal(sub->acked, 0);
	assert_int_equal(store_info(f, "s1").scope, scope(f, "store/s1"));
}

static void test_assigning_where_it_is_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	MUST(add(f, site(f, "63", "one")));
	MUST(add_store(f, "s1"));
	MUST(assign(f, "s1", "63"));
	before = generation(f);
	MUST(assign(f, "s1", "63"));
	assert_int_equal(generation(f), before);
}

static void test_stores_and_sites_that_are_not_there(void **state)
{
	struct fixture *f = *state;
	struct tb_store_info info;
	struct tb_tx *tx;

	MUST(add_store(f, "s1"));
	assert_int_equal(add_store(f, "s1"), TB_ERR_EXISTS);
	assert_int_equal(add_store(f, ""), TB_ERR_INVALID);
	assert_int_equal(add_store(f, "\xff"), TB_ERR_INVALID);
	assert_int_equal(assign(f, "s1", "63"), TB_ERR_NOT_FOUND);
	assert_int_equal(assign(f, "s2", ""), TB_ERR_NOT_FOUND);
	tx = inline_core_read(&f->ic);
	assert_int_equal(tb_directory_find_store(f->ic.core, tx, f->ic.arena,
						 f->org, TB_STR("s2"), &info),
			 TB_ERR_NOT_FOUND);
	tb_core_read_end(tx);
}

static void test_a_store_is_disabled_and_enabled(void **state)
{
	struct fixture *f = *state;

	MUST(add_store(f, "s1"));
	MUST(tb_directory_disable_store(f->ic.core, &f->ic.note, f->org,
					TB_STR("s1"), true));
	assert_true(store_info(f, "s1").disabled);
	MUST(tb_directory_disable_store(f->ic.core, &f->ic.note, f->org,
					TB_STR("s1"), false));
	assert_false(store_info(f, "s1").disabled);
}

/* ---- lists ---- */

static size_t list_users(struct fixture *f, const char *store, uint64_t after,
			 struct tb_account *rets, size_t max, uint64_t *next)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	size_t n = 99;

	MUST(tb_directory_list_store_users(f->ic.core, tx, f->ic.arena, f->org,
					   tb_str_z(store), after, rets, max,
					   &n, next));
	tb_core_read_end(tx);
	return n;
}

static void test_the_users_of_a_store_are_listed(void **state)
{
	struct fixture *f = *state;
	const struct tb_str both[] = { TB_STR("s1"), TB_STR("s2") };
	struct tb_account a = user(f, "u1", "anna");
	struct tb_account b = user(f, "u2", "berta");
	struct tb_account rets[4];
	uint64_t next;

	MUST(add_store(f, "s1"));
	MUST(add_store(f, "s2"));
	assert_int_equal(list_users(f, "s1", 0, rets, 4, &next), 0);
	a.stores = both;
	a.n_stores = 2;
	b.stores = both + 1;
	b.n_stores = 1;
	MUST(add(f, a));
	MUST(add(f, b));
	assert_int_equal(list_users(f, "s1", 0, rets, 4, &next), 1);
	assert_str(rets[0].username, "anna");
	assert_int_equal(list_users(f, "s2", 0, rets, 1, &next), 1);
	assert_str(rets[0].username, "anna");
	assert_int_equal(list_users(f, "s2", next, rets, 4, &next), 1);
	assert_str(rets[0].username, "berta");
	assert_int_equal(list_users(f, "s2", next, rets, 4, &next), 0);
	/* Who leaves the store leaves its list. */
	a.stores = both;
	a.n_stores = 1;
	MUST(update(f, a, TB_CHANGE_STORES));
	assert_int_equal(list_users(f, "s2", 0, rets, 4, &next), 1);
	assert_str(rets[0].username, "berta");
}

static void test_the_users_of_an_unknown_store_are_not_listed(void **state)
{
	struct fixture *f = *state;
	struct tb_tx *tx = inline_core_read(&f->ic);
	struct tb_account rets[1];
	uint64_t next;
	size_t n;

	assert_int_equal(tb_directory_list_store_users(
				 f->ic.core, tx, f->ic.arena, f->org,
				 TB_STR("nowhere"), 0, rets, 1, &n, &next),
			 TB_ERR_NOT_FOUND);
	tb_core_read_end(tx);
}

static void test_as_many_stores_as_allowed_can_change_at_once(void **state)
{
	struct fixture *f = *state;
	char ids[2 * TB_USER_STORES_MAX][8];
	struct tb_str stores[2 * TB_USER_STORES_MAX];
	struct tb_account a = user(f, "u1", "anna");

	for (size_t i = 0; i < 2 * TB_USER_STORES_MAX; i++) {
		int n = snprintf(ids[i], sizeof(ids[i]), "s%zu", i);

		stores[i] = tb_str(ids[i], (size_t)n);
		MUST(add_store(f, ids[i]));
	}
	a.stores = stores;
	a.n_stores = TB_USER_STORES_MAX;
	MUST(add(f, a));
	a.name = TB_STR("New");
	MUST(update(f, a, TB_CHANGE_NAME));
	a.stores = stores + TB_USER_STORES_MAX;
	MUST(update(f, a, TB_CHANGE_STORES));
	a.stores = stores;
	MUST(update(f, a, TB_CHANGE_STORES));
	a.n_stores++;
	assert_int_equal(update(f, a, TB_CHANGE_STORES), TB_ERR_INVALID);
	stores[1] = stores[0];
	a.n_stores = 2;
	assert_int_equal(update(f, a, TB_CHANGE_STORES), TB_ERR_INVALID);
}

static void test_sites_and_stores_are_listed_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct tb_account accounts[2];
	struct tb_store_info stores[2];
	struct tb_tx *tx;
	uint64_t next = 0;
	size_t n;

	MUST(add(f, site(f, "1", "one")));
	MUST(add(f, site(f, "2", "two")));
	MUST(add(f, site(f, "3", "three")));
	MUST(add_store(f, "s1"));
	tx = inline_core_read(&f->ic);
	MUST(tb_directory_list(tx, f->ic.arena, TB_ACCOUNT_SITE, f->org, 0,
			       accounts, 2, &n, &next));
	assert_int_equal(n, 2);
	assert_int_equal(accounts[0].site_id, 1);
	assert_str(accounts[1].username, "two");
	MUST(tb_directory_list(tx, f->ic.arena, TB_ACCOUNT_SITE, f->org, next,
			       accounts, 2, &n, &next));
	assert_int_equal(n, 1);
	assert_int_equal(accounts[0].site_id, 3);
	MUST(tb_directory_list_stores(f->ic.core, tx, f->ic.arena, f->org, 0,
				      stores, 2, &n, &next));
	assert_int_equal(n, 1);
	assert_str(stores[0].id, "s1");
	assert_str(stores[0].name, "A store");
	MUST(tb_directory_list(tx, f->ic.arena, TB_ACCOUNT_DEVICE, f->org, 0,
			       accounts, 2, &n, &next));
	assert_int_equal(n, 0);
	tb_core_read_end(tx);
}

static void test_devices_have_no_login_name(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = { .kind = TB_ACCOUNT_DEVICE,
				.org = f->org,
				.key = TB_STR("till-1"),
				.name = TB_STR("Till") };
	struct tb_account found;

	MUST(add(f, a));
	assert_int_equal(add(f, a), TB_ERR_EXISTS);
	MUST(find(f, TB_ACCOUNT_DEVICE, "till-1", &found));
	assert_str(found.name, "Till");
	assert_int_equal(find_login(f, TB_ACCOUNT_DEVICE, "", &found),
			 TB_ERR_NOT_FOUND);
}

/* ---- what fails ---- */

static void test_any_call_of_the_store_may_fail(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = site(f, "63", "one");
	struct tb_account found;
	enum tb_err err = TB_ERR_BUSY;

	MUST(add_store(f, "s1"));
	for (uint64_t n = 1; err != TB_OK; n++) {
		struct tb_fail_plan plan = { .call = TB_FAIL_ANY,
					     .first = n,
					     .err = TB_ERR_BUSY };

		assert_true(n < 100);
		tb_fail_set_plan(f->ic.store, &plan);
		err = add(f, a);
		if (err == TB_OK)
			err = assign(f, "s1", "63");
		tb_fail_set_plan(f->ic.store, NULL);
		assert_true(err == TB_OK || err == TB_ERR_BUSY ||
			    err == TB_ERR_EXISTS);
		/* An add that was done before an assign that failed. */
		if (err == TB_ERR_EXISTS)
			err = assign(f, "s1", "63");
	}
	MUST(find_login(f, TB_ACCOUNT_SITE, "one", &found));
	assert_int_equal(found.n_stores, 1);
	assert_int_equal(marks(f, 63).n_subs, 2);
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	struct tb_account a = user(f, "u1", "anna");
	const struct tb_str stores[] = { TB_STR("s1") };
	struct tb_account found;
	enum tb_err err = TB_ERR_NOMEM;

	MUST(add_store(f, "s1"));
	a.stores = stores;
	a.n_stores = 1;
	for (uint64_t n = 1; err != TB_OK; n++) {
		assert_true(n < 2000);
		tb_alloc_fail_at(n);
		err = add(f, a);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
	}
	MUST(find_login(f, TB_ACCOUNT_USER, "anna", &found));
	assert_int_equal(found.n_stores, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_org_is_found_by_its_name),
		TEST(test_a_set_org_is_the_named_or_the_only_one),
		TEST(test_an_org_name_is_taken_once),
		TEST(test_each_org_gets_the_next_id),
		TEST(test_names_that_cannot_be_an_orgs_are_refused),
		TEST(test_init_again_keeps_the_epoch),
		TEST(test_a_site_is_stored_whole),
		TEST(test_a_user_is_stored_whole),
		TEST(test_login_names_are_found_over_all_orgs),
		TEST(test_a_users_login_name_has_no_case),
		TEST(test_a_key_is_taken_once),
		TEST(test_a_username_is_taken_once_over_all_orgs),
		TEST(test_what_cannot_be_an_account_is_refused),
		TEST(test_the_ends_of_the_ranges_are_taken),
		TEST(test_a_user_of_an_unknown_store_is_refused),
		TEST(test_an_org_that_is_not_there_has_no_accounts),
		TEST(test_a_new_site_follows_its_own_scope),
		TEST(test_each_change_changes_its_member_alone),
		TEST(test_each_text_of_a_user_changes_alone),
		TEST(test_a_user_is_noted_to_see_others),
		TEST(test_password_disabled_and_release_raise_the_version),
		TEST(test_an_update_that_changes_nothing_is_no_change),
		TEST(test_the_first_hardware_binds_and_others_do_not),
		TEST(test_a_rehash_is_for_the_same_password_only),
		TEST(test_what_is_not_there_cannot_be_updated),
		TEST(test_a_store_is_active_on_one_site),
		TEST(test_a_moved_store_is_followed_from_its_beginning),
		TEST(test_assigning_where_it_is_changes_nothing),
		TEST(test_stores_and_sites_that_are_not_there),
		TEST(test_a_store_is_disabled_and_enabled),
		TEST(test_the_users_of_a_store_are_listed),
		TEST(test_the_users_of_an_unknown_store_are_not_listed),
		TEST(test_as_many_stores_as_allowed_can_change_at_once),
		TEST(test_sites_and_stores_are_listed_page_by_page),
		TEST(test_devices_have_no_login_name),
		TEST(test_any_call_of_the_store_may_fail),
		TEST(test_any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
