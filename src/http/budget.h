/*
 * The memory that the bodies of all requests in flight share. Takes and gives
 * from any thread, without a lock.
 */
#ifndef TB_HTTP_BUDGET_H
#define TB_HTTP_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tb_budget {
	_Atomic uint64_t taken_bytes;
	uint64_t max_bytes;
};

void tb_budget_init(struct tb_budget *budget, uint64_t max_bytes);
/* False: there is not as much left, and nothing was taken. */
bool tb_budget_take(struct tb_budget *budget, uint64_t bytes);
void tb_budget_give(struct tb_budget *budget, uint64_t bytes);
/* True if as much is left now. */
bool tb_budget_has(const struct tb_budget *budget, uint64_t bytes);

#endif
