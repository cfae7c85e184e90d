#include "http/budget.h"

#include "base/assert.h"

void tb_budget_init(struct tb_budget *budget, uint64_t max_bytes)
{
	atomic_init(&budget->taken_bytes, 0);
	budget->max_bytes = max_bytes;
}

bool tb_budget_has(const struct tb_budget *budget, uint64_t bytes)
{
	uint64_t taken = atomic_load_explicit(&budget->taken_bytes,
					      memory_order_relaxed);

	return bytes <= budget->max_bytes - taken;
}

bool tb_budget_take(struct tb_budget *budget, uint64_t bytes)
{
	uint64_t taken = atomic_load_explicit(&budget->taken_bytes,
					      memory_order_relaxed);

	do {
		if (bytes > budget->max_bytes - taken)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&budget->taken_bytes, &taken, taken + bytes,
		memory_order_relaxed, memory_order_relaxed));
	return true;
}

void tb_budget_give(struct tb_budget *budget, uint64_t bytes)
{
	uint64_t before = atomic_fetch_sub_explicit(&budget->taken_bytes, bytes,
						    memory_order_relaxed);

	TB_ASSERT(before >= bytes);
}
