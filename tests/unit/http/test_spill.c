#include "spool_folder.h"

#define MEMORY_BYTES 1000

static struct tb_spill spill;

static char byte_at(uint64_t at)
{
	return (char)(at * 7 + at / 256);
}

static enum tb_err append_bytes(size_t n)
{
	uint64_t at = tb_spill_bytes(&spill);
	char bytes[4000];
	size_t i;

	assert_true(n <= sizeof(bytes));
	for (i = 0; i < n; i++)
		bytes[i] = byte_at(at + i);
	return tb_spill_append(&spill, tb_str(bytes, n));
}

static void assert_bytes(const char *p, uint64_t at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != byte_at(at + i))
			fail_msg("byte %zu of %zu at %zu", i, n, (size_t)at);
}

static void assert_reads(uint64_t at, size_t n)
{
	char bytes[8000];
	enum tb_err err;

	assert_true(n <= sizeof(bytes));
	assert_int_equal(tb_spill_read(&spill, at, bytes, n), TB_OK);
	assert_bytes(bytes, at, n);
	/* Without waiting the same comes, or nothing where there is a file. */
	memset(bytes, 0, sizeof(bytes));
	err = tb_spill_read_at_hand(&spill, at, bytes, n);
	if (!err)
		assert_bytes(bytes, at, n);
	else
		assert_true(err == TB_ERR_BUSY &&
			    !tb_spill_is_in_memory(&spill));
}

static void few_bytes_stay_in_memory(void **state)
{
	(void)state;
	tb_spill_init(&spill, &pool, MEMORY_BYTES);
	assert_int_equal(append_bytes(0), TB_OK);
	assert_int_equal(append_bytes(600), TB_OK);
	assert_int_equal(append_bytes(400), TB_OK);
	assert_true(tb_spill_is_in_memory(&spill));
	assert_int_equal(tb_spill_bytes(&spill), 1000);
	assert_reads(0, 1000);
	assert_reads(599, 2);
	assert_reads(1000, 0);
	assert_int_equal(tb_spill_settle(&spill), TB_OK);
	assert_true(tb_spill_is_in_memory(&spill));
	assert_reads(0, 1000);
	tb_spill_fini(&spill);
	assert_int_equal(tb_spill_bytes(&spill), 0);
}

static void append_to_file(void)
{
	size_t i;

	tb_spill_init(&spill, &pool, MEMORY_BYTES);
	for (i = 0; i < 100; i++)
		assert_int_equal(append_bytes(i), TB_OK);
	assert_int_equal(append_bytes(4000), TB_OK);
	assert_int_equal(append_bytes(10), TB_OK);
	assert_false(tb_spill_is_in_memory(&spill));
	assert_int_equal(tb_spill_bytes(&spill), 99 * 50 + 4010);
}

static void use_file(void)
{
	uint64_t end = 99 * 50 + 4010;

	append_to_file();
	/* Also over the border between the file and what is not yet there. */
	assert_reads(end - 20, 20);
	assert_reads(end - 10, 10);
	assert_reads(end - 5, 5);
	assert_reads(0, 8000);
	assert_int_equal(tb_spill_settle(&spill), TB_OK);
	assert_null(spill.buf.p);
	assert_reads(end - 8000, 8000);
	tb_spill_fini(&spill);
}

static void more_go_to_a_file(void **state)
{
	(void)state;
	use_file();
}

static void a_file_that_had_a_name_does_as_well(void **state)
{
	(void)state;
	pool.avoids_tmpfile = true;
	use_file();
}

static void what_is_held_can_be_changed(void **state)
{
	char *p;

	(void)state;
	append_to_file();
	assert_int_equal(tb_spill_hold(&spill, 10000, &p), TB_OK);
	assert_bytes(p, 0, 99 * 50 + 4010);
	p[0] = 'x';
	memset(p + 99 * 50 + 4010, 'y', 10000);
	tb_spill_release(&spill);
	assert_int_equal(tb_spill_bytes(&spill), 99 * 50 + 4010);
	assert_int_equal(tb_spill_hold(&spill, 0, &p), TB_OK);
	assert_int_equal(p[0], 'x');
	assert_bytes(p + 1, 1, 99 * 50 + 4009);
	tb_spill_fini(&spill);
}

static void memory_is_held_as_well(void **state)
{
	char *p;

	(void)state;
	tb_spill_init(&spill, &pool, MEMORY_BYTES);
	assert_int_equal(append_bytes(900), TB_OK);
	assert_int_equal(tb_spill_hold(&spill, 5000, &p), TB_OK);
	memset(p + 900, 'y', 5000);
	assert_bytes(p, 0, 900);
	tb_spill_release(&spill);
	assert_true(tb_spill_is_in_memory(&spill));
	assert_reads(0, 900);
	tb_spill_fini(&spill);
}

static void the_pool_bounds_what_all_hold(void **state)
{
	struct tb_spill other;
	char *p;

	(void)state;
	tb_spool_pool_init(&pool, folder, (uint64_t)128 << 10);
	append_to_file();
	assert_int_equal(taken_bytes(), 64 << 10);
	tb_spill_init(&other, &pool, MEMORY_BYTES);
	assert_int_equal(tb_spill_append(&other, TB_STR("x")), TB_OK);
	assert_int_equal(taken_bytes(), 128 << 10);
	assert_int_equal(tb_spill_hold(&spill, 64 << 10, &p), TB_ERR_BUSY);
	tb_spill_fini(&other);
	assert_int_equal(tb_spill_hold(&spill, 64 << 10, &p), TB_OK);
	assert_int_equal(tb_spill_append(&other, TB_STR("x")), TB_ERR_BUSY);
	tb_spill_fini(&other);
	tb_spill_fini(&spill);
}

static void take_share(struct tb_spill *mine, uint64_t owner)
{
	tb_spill_init(mine, &pool, MEMORY_BYTES);
	tb_spill_set_owner(mine, owner);
	assert_int_equal(tb_spill_append(mine, TB_STR("x")), TB_OK);
}

/* Whoever reads slowly, and however often, leaves something for the others. */
static void no_owner_has_it_all(void **state)
{
	struct tb_spill first, second, third, others;

	(void)state;
	tb_spool_pool_init(&pool, folder, (uint64_t)256 << 10);
	tb_spool_pool_divide(&pool, (uint64_t)128 << 10);
	take_share(&first, 7);
	take_share(&second, 7);
	tb_spill_init(&third, &pool, MEMORY_BYTES);
	tb_spill_set_owner(&third, 7);
	assert_int_equal(tb_spill_append(&third, TB_STR("x")), TB_ERR_BUSY);
	assert_int_equal(taken_bytes(), 128 << 10);
	take_share(&others, 8);
	/* What one gives back it may have again. */
	tb_spill_fini(&first);
	assert_int_equal(tb_spill_append(&third, TB_STR("x")), TB_OK);
	assert_int_equal(tb_spill_append(&first, TB_STR("x")), TB_ERR_BUSY);
	tb_spill_fini(&second);
	tb_spill_fini(&third);
	tb_spill_fini(&others);
	assert_int_equal(taken_bytes(), 0);
}

/* What the pool does not have takes nothing of a share. */
static void who_gets_nothing_is_charged_nothing(void **state)
{
	struct tb_spill first, second;

	(void)state;
	tb_spool_pool_init(&pool, folder, (uint64_t)64 << 10);
	take_share(&first, 7);
	tb_spill_init(&second, &pool, MEMORY_BYTES);
	tb_spill_set_owner(&second, 8);
	assert_int_equal(tb_spill_append(&second, TB_STR("x")), TB_ERR_BUSY);
	tb_spill_fini(&first);
	assert_int_equal(tb_spill_append(&second, TB_STR("x")), TB_OK);
	tb_spill_fini(&second);
	assert_int_equal(taken_bytes(), 0);
}

/* The n-th byte that is written, for every n that is in another write. */
static void a_full_disk_is_told(void **state)
{
	size_t room, i;

	(void)state;
	for (room = 0; room < 4000; room += 250) {
		enum tb_err err = TB_OK;

		limit_files(room);
		tb_spill_init(&spill, &pool, MEMORY_BYTES);
		for (i = 0; i < 13 && !err; i++)
			err = append_bytes(300);
		if (!err)
			err = tb_spill_settle(&spill);
		assert_int_equal(err, room < 3900 ? TB_ERR_FULL : TB_OK);
		tb_spill_fini(&spill);
	}
	limit_files(RLIM_INFINITY);
}

static void room_that_the_disk_has_not_is_not_held(void **state)
{
	char *p;

	(void)state;
	append_to_file();
	limit_files(10000);
	assert_int_equal(tb_spill_hold(&spill, 10000, &p), TB_ERR_FULL);
	limit_files(RLIM_INFINITY);
	tb_spill_fini(&spill);
}

static void a_file_that_cannot_be_used_is_an_error(void **state)
{
	static const bool avoids[] = { false, true };
	char byte;
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(avoids); i++) {
		tb_spool_pool_init(&pool, "/tmp/tombolo/is/not/there", 1 << 20);
		pool.avoids_tmpfile = avoids[i];
		tb_spill_init(&spill, &pool, MEMORY_BYTES);
		assert_int_equal(append_bytes(1000), TB_OK);
		assert_int_equal(append_bytes(1), TB_ERR_IO);
		tb_spill_fini(&spill);
	}
	tb_spool_pool_init(&pool, folder, 1 << 20);
	append_to_file();
	assert_int_equal(ftruncate(spill.fd, 0), 0);
	assert_int_equal(tb_spill_read(&spill, 0, &byte, 1), TB_ERR_IO);
	tb_spill_fini(&spill);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(few_bytes_stay_in_memory),
		POOL_TEST(more_go_to_a_file),
		POOL_TEST(a_file_that_had_a_name_does_as_well),
		POOL_TEST(what_is_held_can_be_changed),
		POOL_TEST(memory_is_held_as_well),
		POOL_TEST(the_pool_bounds_what_all_hold),
		POOL_TEST(no_owner_has_it_all),
		POOL_TEST(who_gets_nothing_is_charged_nothing),
		POOL_TEST(a_full_disk_is_told),
		POOL_TEST(room_that_the_disk_has_not_is_not_held),
		POOL_TEST(a_file_that_cannot_be_used_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
