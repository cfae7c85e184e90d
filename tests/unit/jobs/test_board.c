#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "jobs/board.h"

static void a_new_org_is_to_be_looked_at(void **state)
{
	struct tb_board board = { 0 };
	struct tb_board_org *org = tb_board_get(&board, 7);
	uint32_t id;

	(void)state;
	assert_non_null(org);
	assert_true(org->is_changed);
	assert_int_equal(org->id, 7);
	assert_false(tb_board_take(&board, &id));
	assert_true(tb_board_next_us(&board) == INT64_MAX);
	assert_ptr_equal(tb_board_get(&board, 7), org);
	assert_int_equal(board.n, 1);
	tb_board_fini(&board);
}

static void orgs_stay_in_order(void **state)
{
	struct tb_board board = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_non_null(tb_board_get(&board, 1 + i * 7919 % 1000));
	assert_int_equal(board.n, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(board.orgs[i].id, i + 1);
	tb_board_fini(&board);
}

/* An org with many jobs does not keep the others waiting. */
static void orgs_take_turns(void **state)
{
	static const uint32_t wanted[] = { 1, 2, 3, 1, 3, 1 };
	struct tb_board board = { 0 };
	uint32_t id;

	(void)state;
	tb_board_get(&board, 1)->outlook.ready = 3;
	tb_board_get(&board, 2)->outlook.ready = 1;
	tb_board_get(&board, 3)->outlook.ready = 2;
	assert_non_null(tb_board_get(&board, 4));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_true(tb_board_take(&board, &id));
		assert_int_equal(id, wanted[i]);
	}
	assert_false(tb_board_take(&board, &id));
	tb_board_fini(&board);
}

/* Who has one of an org's jobs goes on with it while no other org's turn is. */
static void an_org_goes_on_when_it_is_its_turn(void **state)
{
	struct tb_board board = { 0 };
	uint32_t id;

	(void)state;
	tb_board_get(&board, 1)->outlook.ready = 3;
	tb_board_get(&board, 2)->outlook.ready = 1;
	assert_true(tb_board_take(&board, &id));
	assert_int_equal(id, 1);
	assert_false(tb_board_take_again(&board, 1));
	assert_int_equal(tb_board_get(&board, 1)->outlook.ready, 2);
	assert_true(tb_board_take_again(&board, 2));
	assert_int_equal(tb_board_get(&board, 2)->outlook.ready, 0);
	assert_false(tb_board_take_again(&board, 2));
	assert_true(tb_board_take_again(&board, 1));
	assert_true(tb_board_take_again(&board, 1));
	assert_false(tb_board_take_again(&board, 1));
	assert_false(tb_board_take_again(&board, 7));
	tb_board_fini(&board);
}

static void the_first_moment_is_that_of_any_org(void **state)
{
	struct tb_board board = { 0 };

	(void)state;
	tb_board_get(&board, 1)->outlook.next_due_us = 300;
	tb_board_get(&board, 2)->outlook.next_loss_us = 200;
	tb_board_get(&board, 3)->outlook.next_due_us = 400;
	assert_true(tb_board_next_us(&board) == 200);
	tb_board_get(&board, 3)->outlook.next_due_us = 100;
	assert_true(tb_board_next_us(&board) == 100);
	tb_board_fini(&board);
}

static void without_memory_there_is_no_org(void **state)
{
	struct tb_board board = { 0 };

	(void)state;
	tb_alloc_fail_at(1);
	assert_null(tb_board_get(&board, 1));
	tb_alloc_fail_at(0);
	assert_int_equal(board.n, 0);
	assert_non_null(tb_board_get(&board, 1));
	tb_board_fini(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_org_is_to_be_looked_at),
		cmocka_unit_test(orgs_stay_in_order),
		cmocka_unit_test(orgs_take_turns),
		cmocka_unit_test(an_org_goes_on_when_it_is_its_turn),
		cmocka_unit_test(the_first_moment_is_that_of_any_org),
		cmocka_unit_test(without_memory_there_is_no_org),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
