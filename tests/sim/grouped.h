/*
 * A core on a store in memory whose commits can be made to run in one group:
 * each of several calls is made on a thread of its own and held where it hands
 * in its commit, or until it returns without one; then the commits run together
 * in the order of the calls. A second commit of a call runs by itself. Failures
 * end the program.
 */
#ifndef TB_TESTS_GROUPED_H
#define TB_TESTS_GROUPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/commit.h"
#include "kernel/core.h"

struct grouped;

/* With one org. */
struct grouped *grouped_create(uint32_t *ret_org);
void grouped_destroy(struct grouped *g);
struct tb_core *grouped_core(struct grouped *g);
/* For plans of failures (store/fail/fail.h). */
struct tb_store *grouped_store(struct grouped *g);
void grouped_set_now(struct grouped *g, int64_t now_us);

#define GROUPED_MAX 8
struct grouped_call {
	void (*run)(void *arg);
	void *arg;
	bool has_committed; /* it handed in a commit */
};
void grouped_run(struct grouped *g, struct grouped_call *calls, size_t n);

#endif
