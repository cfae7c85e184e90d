/*
 * The cache of central pages: good at its heads alone, apart by every part of
 * its key, and bounded.
 */
#include "../base/torture.h"

#include <string.h>

#include "api/sites/page_cache.h"
#include "base/assert.h"

#define CACHE_BYTES 16384

static const struct tb_page_key key = { .epoch = 7,
					.cursor = 100,
					.org = 1,
					.limit = 10,
					.dialect = TB_SITES_PLAIN };
static const struct tb_page_tag tag = { .head = 500, .floor = 3 };

static int setup(void **state)
{
	*state = tb_page_cache_create(CACHE_BYTES);
	assert_non_null(*state);
	return 0;
}

static int teardown(void **state)
{
	tb_page_cache_destroy(*state);
	return 0;
}

static struct tb_blob *blob_of(const char *text)
{
	struct tb_blob *blob;
	struct tb_buf buf;

	tb_buf_init(&buf, CACHE_BYTES);
	tb_buf_append_z(&buf, text);
	blob = tb_blob_create(&buf);
	assert_non_null(blob);
	return blob;
}

static void put(struct tb_page_cache *cache, const struct tb_page_key *at,
		const char *text)
{
	struct tb_page_body page = { .blob = blob_of(text), .hint = 4 };

	tb_page_cache_put(cache, at, &tag, &page);
	tb_blob_unref(page.blob);
}

static bool has(struct tb_page_cache *cache, const struct tb_page_key *at,
		const struct tb_page_tag *with, const char *text)
{
	struct tb_page_body page;

	if (!tb_page_cache_get(cache, at, with, &page))
		return false;
	assert_true(tb_str_eq(tb_blob_str(page.blob), tb_str_z(text)));
	assert_int_equal(page.hint, 4);
	tb_blob_unref(page.blob);
	return true;
}

static void test_a_page_is_good_at_its_heads_alone(void **state)
{
	struct tb_page_tag later = tag, raised = tag;

	put(*state, &key, "page");
	assert_true(has(*state, &key, &tag, "page"));
	later.head++;
	assert_false(has(*state, &key, &later, "page"));
	raised.floor++;
	assert_false(has(*state, &key, &raised, "page"));
	assert_true(has(*state, &key, &tag, "page"));
}

static void test_pages_are_apart_by_all_that_was_asked(void **state)
{
	struct tb_page_key others[] = { key, key, key, key, key, key };

	others[0].epoch++;
	others[1].cursor++;
	others[2].org++;
	others[3].limit++;
	others[4].dialect = TB_SITES_VERSIONED;
	others[5].takes_gzip = true;
	put(*state, &key, "page");
	for (size_t i = 0; i < TB_ARRAY_LEN(others); i++)
		assert_false(has(*state, &others[i], &tag, "page"));
	put(*state, &others[5], "packed");
	assert_true(has(*state, &key, &tag, "page"));
	assert_true(has(*state, &others[5], &tag, "packed"));
}

static void test_a_newer_page_replaces_the_older(void **state)
{
	put(*state, &key, "old");
	put(*state, &key, "new");
	assert_true(has(*state, &key, &tag, "new"));
}

static void test_the_cache_is_bounded(void **state)
{
	char text[1024];
	size_t n = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (uint64_t i = 0; i < 100; i++) {
		struct tb_page_key at = key;

		at.cursor = i;
		put(*state, &at, text);
	}
	for (uint64_t i = 0; i < 100; i++) {
		struct tb_page_key at = key;

		at.cursor = i;
		n += has(*state, &at, &tag, text);
	}
	assert_in_range(n, 1, CACHE_BYTES / sizeof(text));
}

static void test_without_memory_a_page_is_not_kept(void **state)
{
	struct tb_page_body page = { .blob = blob_of("page") };

	for (uint64_t n = 1; n <= 2; n++) {
		tb_alloc_fail_at(n);
		tb_page_cache_put(*state, &key, &tag, &page);
		tb_alloc_fail_at(0);
		assert_false(tb_page_cache_get(*state, &key, &tag, &page));
	}
	tb_blob_unref(page.blob);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_page_is_good_at_its_heads_alone),
		TEST(test_pages_are_apart_by_all_that_was_asked),
		TEST(test_a_newer_page_replaces_the_older),
		TEST(test_the_cache_is_bounded),
		TEST(test_without_memory_a_page_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
