/*
 * Runs a piece of work again and again, each time with another one of its
 * allocations failing, until all of them have failed once.
 */
#ifndef TB_TESTS_TORTURE_H
#define TB_TESTS_TORTURE_H

/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"

/* `work` must give NOMEM or OK, and free what it took (ASan looks). Gives the
 * number of allocations it makes. */
static inline uint64_t torture(enum tb_err (*work)(void))
{
	for (uint64_t n = 1;; n++) {
		tb_alloc_fail_at(n);
		enum tb_err err = work();
		uint64_t calls = tb_alloc_calls();
		tb_alloc_fail_at(0);
		if (calls < n) {
			assert_int_equal(err, TB_OK);
			return calls;
		}
		assert_true(err == TB_ERR_NOMEM || err == TB_OK);
	}
}

#endif
