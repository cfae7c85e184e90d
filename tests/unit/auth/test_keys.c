/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "auth/keys.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "key_folder.h"

#define MUST(call) assert_int_equal(call, TB_OK)

struct fixture {
	struct key_folder folder;
	struct tb_keys *keys;
};

static int setup(void **state)
{
	static struct fixture f;

	MUST(tb_digest_init());
	key_folder_init(&f.folder);
	MUST(tb_keys_open(f.folder.path, &f.keys));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_keys_destroy(f->keys);
	key_folder_fini(&f->folder);
	return 0;
}

static size_t list(struct tb_keys *keys, struct tb_key_info rets[8])
{
	size_t n = 0;

	MUST(tb_keys_list(keys, rets, 8, &n));
	return n;
}

static void path_of(struct fixture *f, const char *name, const char *suffix,
		    char ret[256])
{
	snprintf(ret, 256, "%s/%s%s", f->folder.path, name, suffix);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_a_new_folder_gets_a_key_that_signs(void **state)
{
	struct fixture *f = *state;
	struct tb_key_info infos[8];
	struct tb_signing_key signing;
	struct tb_signing_key found;
	struct stat st;
	char path[256];

	assert_int_equal(list(f->keys, infos), 1);
	assert_int_equal(infos[0].state, TB_KEY_SIGNS);
	assert_true(infos[0].changed_s > 0);
	tb_keys_signing(f->keys, &signing);
	assert_string_equal(signing.kid, infos[0].kid);
	MUST(tb_keys_find(f->keys, tb_str_z(signing.kid), &found));
	assert_memory_equal(&found, &signing, sizeof(found));
	assert_int_equal(stat(f->folder.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	path_of(f, signing.kid, ".key", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_opened_again_the_keys_are_the_same(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key before;
	struct tb_signing_key after;
	uint8_t sealed_before[32];
	uint8_t sealed_after[32];

	tb_keys_signing(f->keys, &before);
	tb_keys_seal(f->keys, TB_STR("head"), sealed_before);
	tb_keys_destroy(f->keys);
	MUST(tb_keys_open(f->folder.path, &f->keys));
	tb_keys_signing(f->keys, &after);
	tb_keys_seal(f->keys, TB_STR("head"), sealed_after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_memory_equal(sealed_before, sealed_after, 32);
	tb_keys_seal(f->keys, TB_STR("heae"), sealed_after);
	assert_memory_not_equal(sealed_before, sealed_after, 32);
}

static void test_after_rotation_the_new_key_signs_and_both_verify(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key old;
	struct tb_signing_key new;
	struct tb_signing_key found;
	struct tb_key_info infos[8];
	uint64_t version = tb_keys_version(f->keys);

	tb_keys_signing(f->keys, &old);
	MUST(tb_keys_rotate(f->keys));
	tb_keys_signing(f->keys, &new);
	assert_string_not_equal(old.kid, new.kid);
	assert_memory_not_equal(old.secret, new.secret, sizeof(old.secret));
	MUST(tb_keys_find(f->keys, tb_str_z(old.kid), &found));
	assert_memory_equal(found.secret, old.secret, sizeof(old.secret));
	MUST(tb_keys_find(f->keys, tb_str_z(new.kid), &found));
	assert_int_equal(list(f->keys, infos), 2);
	assert_int_equal(infos[0].state, TB_KEY_VERIFIES);
	assert_int_equal(infos[1].state, TB_KEY_SIGNS);
	assert_true(tb_keys_version(f->keys) > version);
}

static void test_a_retired_key_verifies_no_more_and_is_erased(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key old;
	struct tb_signing_key found;
	struct tb_key_info infos[8];
	char path[256];

	tb_keys_signing(f->keys, &old);
	MUST(tb_keys_rotate(f->keys));
	MUST(tb_keys_retire(f->keys, tb_str_z(old.kid)));
	assert_int_equal(tb_keys_find(f->keys, tb_str_z(old.kid), &found),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(list(f->keys, infos), 2);
	assert_int_equal(infos[0].state, TB_KEY_RETIRED);
	path_of(f, old.kid, ".key", path);
	assert_int_not_equal(access(path, F_OK), 0);
	/* Again is as good; and the next key has a number of its own. */
	MUST(tb_keys_retire(f->keys, tb_str_z(old.kid)));
	MUST(tb_keys_rotate(f->keys));
	assert_int_equal(list(f->keys, infos), 3);
	assert_int_equal(infos[2].state, TB_KEY_SIGNS);
}

static void test_the_signing_key_cannot_be_retired(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key signing;

	tb_keys_signing(f->keys, &signing);
	assert_int_equal(tb_keys_retire(f->keys, tb_str_z(signing.kid)),
			 TB_ERR_CONFLICT);
	assert_int_equal(tb_keys_retire(f->keys, TB_STR("k000009-0")),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(tb_keys_retire(f->keys, TB_STR("../../x")),
			 TB_ERR_NOT_FOUND);
}

static void test_retiring_that_was_cut_short_counts(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key old;
	struct tb_signing_key found;
	char path[256];

	tb_keys_signing(f->keys, &old);
	MUST(tb_keys_rotate(f->keys));
	/* The mark is there, and the secret still, too. */
	path_of(f, old.kid, ".retired", path);
	write_file(path, "", 0600);
	MUST(tb_keys_reload(f->keys));
	assert_int_equal(tb_keys_find(f->keys, tb_str_z(old.kid), &found),
			 TB_ERR_NOT_FOUND);
}

static void test_reload_sees_what_another_process_did(void **state)
{
	struct fixture *f = *state;
	struct tb_keys *other;
	struct tb_signing_key theirs;
	struct tb_signing_key ours;
	uint64_t version = tb_keys_version(f->keys);

	MUST(tb_keys_reload(f->keys));
	assert_int_equal(tb_keys_version(f->keys), version);
	MUST(tb_keys_open(f->folder.path, &other));
	MUST(tb_keys_rotate(other));
	tb_keys_signing(other, &theirs);
	assert_int_equal(tb_keys_find(f->keys, tb_str_z(theirs.kid), &ours),
			 TB_ERR_NOT_FOUND);
	MUST(tb_keys_reload(f->keys));
	tb_keys_signing(f->keys, &ours);
	assert_string_equal(ours.kid, theirs.kid);
	assert_true(tb_keys_version(f->keys) > version);
	tb_keys_destroy(other);
}

static void test_what_others_can_read_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key signing;
	struct tb_keys *keys;
	char path[256];

	tb_keys_signing(f->keys, &signing);
	path_of(f, signing.kid, ".key", path);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(tb_keys_open(f->folder.path, &keys), TB_ERR_DENIED);
	assert_int_equal(tb_keys_reload(f->keys), TB_ERR_DENIED);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(f->folder.path, 0750), 0);
	assert_int_equal(tb_keys_open(f->folder.path, &keys), TB_ERR_DENIED);
	assert_int_equal(chmod(f->folder.path, 0700), 0);
	MUST(tb_keys_open(f->folder.path, &keys));
	tb_keys_destroy(keys);
}

static void test_a_damaged_key_leaves_the_old_ones_in_use(void **state)
{
	static const char *const damaged[] = { "", "abc\n", "zz" };
	struct fixture *f = *state;
	struct tb_signing_key before;
	struct tb_signing_key after;
	char path[256];

	tb_keys_signing(f->keys, &before);
	path_of(f, "k000002-0123456789abcdef", ".key", path);
	for (size_t i = 0; i < TB_ARRAY_LEN(damaged); i++) {
		write_file(path, damaged[i], 0600);
		assert_int_equal(tb_keys_reload(f->keys), TB_ERR_CORRUPT);
	}
	tb_keys_signing(f->keys, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_other_files_are_none_of_its_business(void **state)
{
	static const char *const names[] = { "README", "unfinished", "k1-2.key",
					     "k000003-0123456789ABCDEF.key",
					     "k00000x-0123456789abcdef.key" };
	struct fixture *f = *state;
	struct tb_key_info infos[8];

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		char path[256];

		path_of(f, names[i], "", path);
		write_file(path, "x", 0644);
	}
	MUST(tb_keys_reload(f->keys));
	assert_int_equal(list(f->keys, infos), 1);
	MUST(tb_keys_rotate(f->keys));
}

static void test_the_keys_in_use_have_a_ceiling(void **state)
{
	struct fixture *f = *state;
	struct tb_signing_key first;

	tb_keys_signing(f->keys, &first);
	for (size_t i = 1; i < TB_KEYS_MAX; i++)
		MUST(tb_keys_rotate(f->keys));
	assert_int_equal(tb_keys_rotate(f->keys), TB_ERR_TOO_LARGE);
	MUST(tb_keys_retire(f->keys, tb_str_z(first.kid)));
	MUST(tb_keys_rotate(f->keys));
}

static void test_a_place_without_a_folder_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_keys *keys;
	char path[256];

	path_of(f, "deeper", "/keys", path);
	assert_int_equal(tb_keys_open(path, &keys), TB_ERR_NOT_FOUND);
}

static void *open_it(void *arg)
{
	struct tb_keys *keys = NULL;

	return tb_keys_open(arg, &keys) == TB_OK ? keys : NULL;
}

static void test_of_several_that_start_at_once_all_have_one_key(void **state)
{
	struct key_folder folder;
	pthread_t threads[4];
	struct tb_signing_key first;

	(void)state;
	key_folder_init(&folder);
	for (size_t i = 0; i < TB_ARRAY_LEN(threads); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, open_it, folder.path),
			0);
	for (size_t i = 0; i < TB_ARRAY_LEN(threads); i++) {
		struct tb_signing_key key;
		void *keys;

		pthread_join(threads[i], &keys);
		assert_non_null(keys);
		tb_keys_signing(keys, &key);
		if (i == 0)
			first = key;
		assert_memory_equal(&first, &key, sizeof(key));
		tb_keys_destroy(keys);
	}
	key_folder_fini(&folder);
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	enum tb_err err = TB_ERR_NOMEM;

	for (uint64_t n = 1; err != TB_OK; n++) {
		struct tb_keys *keys = NULL;

		assert_true(n < 100);
		tb_alloc_fail_at(n);
		err = tb_keys_open(f->folder.path, &keys);
		if (err == TB_OK)
			err = tb_keys_rotate(keys);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		tb_keys_destroy(keys);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_new_folder_gets_a_key_that_signs),
		TEST(test_opened_again_the_keys_are_the_same),
		TEST(test_after_rotation_the_new_key_signs_and_both_verify),
		TEST(test_a_retired_key_verifies_no_more_and_is_erased),
		TEST(test_the_signing_key_cannot_be_retired),
		TEST(test_retiring_that_was_cut_short_counts),
		TEST(test_reload_sees_what_another_process_did),
		TEST(test_what_others_can_read_is_refused),
		TEST(test_a_damaged_key_leaves_the_old_ones_in_use),
		TEST(test_other_files_are_none_of_its_business),
		TEST(test_the_keys_in_use_have_a_ceiling),
		TEST(test_a_place_without_a_folder_is_refused),
		TEST(test_of_several_that_start_at_once_all_have_one_key),
		TEST(test_any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
