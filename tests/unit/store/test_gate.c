#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "store/gate.h"

static void only_so_many_are_inside(void **state)
{
	struct tb_gate gate;

	(void)state;
	tb_gate_init(&gate, 2);
	assert_int_equal(tb_gate_enter(&gate, 0), TB_OK);
	assert_int_equal(tb_gate_enter(&gate, 0), TB_OK);
	assert_int_equal(tb_gate_enter(&gate, 0), TB_ERR_BUSY);
	assert_int_equal(tb_gate_enter(&gate, 1001), TB_ERR_BUSY);
	tb_gate_leave(&gate);
	assert_int_equal(tb_gate_enter(&gate, 0), TB_OK);
	tb_gate_leave(&gate);
	tb_gate_leave(&gate);
	tb_gate_fini(&gate);
}

#define THREADS 4
#define ROUNDS 2000
#define PLACES 2

struct crowd {
	struct tb_gate gate;
	int inside;
	int too_many;
	int refused;
};

static void *go_in_and_out(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (tb_gate_enter(&crowd->gate, 60000) != TB_OK) {
			__atomic_add_fetch(&crowd->refused, 1,
					   __ATOMIC_RELAXED);
			continue;
		}
		if (__atomic_add_fetch(&crowd->inside, 1, __ATOMIC_RELAXED) >
		    PLACES)
			__atomic_add_fetch(&crowd->too_many, 1,
					   __ATOMIC_RELAXED);
		__atomic_sub_fetch(&crowd->inside, 1, __ATOMIC_RELAXED);
		tb_gate_leave(&crowd->gate);
	}
	return NULL;
}

static void a_crowd_is_let_in_in_turn(void **state)
{
	struct crowd crowd = { .inside = 0 };
	pthread_t threads[THREADS];

	(void)state;
	tb_gate_init(&crowd.gate, PLACES);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						go_in_and_out, &crowd),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(crowd.too_many, 0);
	assert_int_equal(crowd.refused, 0);
	tb_gate_fini(&crowd.gate);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_so_many_are_inside),
		cmocka_unit_test(a_crowd_is_let_in_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
