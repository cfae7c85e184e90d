/*
 * The conformance suite binds every engine to kernel/store.h. Its parts are
 * tables of tests; test_store_conformance.c runs them all on each engine.
 */
#ifndef TB_TESTS_STORE_CONFORMANCE_H
#define TB_TESTS_STORE_CONFORMANCE_H

#include <stdbool.h>

#include "fixture.h"

/* An engine and what it promises beyond the rest. */
struct engine {
	const char *name;
	bool is_persistent; /* outlives its closing and the process */
};
extern const struct engine *engine_under_test;

struct part {
	const char *name;
	const struct CMUnitTest *tests;
	size_t n;
};
extern const struct part conformance_records;
extern const struct part conformance_feeds;
extern const struct part conformance_walks;
extern const struct part conformance_transactions;
extern const struct part conformance_lifetime;
extern const struct part conformance_check;

/* Each test gets a new store with orgs 1 and 2 as its state. */
int conformance_setup(void **state);
int conformance_teardown(void **state);

#define STORE_TEST(test)                                                       \
	cmocka_unit_test_setup_teardown(test, conformance_setup,               \
					conformance_teardown)
#define PART(part_name, table)                                                 \
	const struct part conformance_##part_name = {                          \
		#part_name, table, sizeof(table) / sizeof(*(table))            \
	}

#endif
