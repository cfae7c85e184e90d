#include "jobs/backoff.h"

#define SECOND_US 1000000ll

int64_t tb_backoff_us(uint32_t failures, int64_t first_us, int64_t max_us,
		      uint32_t asked_s, uint64_t random)
{
	int64_t us = first_us < max_us ? first_us : max_us;
	int64_t asked_us;

	for (uint32_t i = 1; i < failures && us < max_us; i++)
		us = us < max_us / 2 ? us * 2 : max_us;
	us = us / 2 + (int64_t)(random % ((uint64_t)(us - us / 2) + 1));
	if (asked_s > TB_BACKOFF_ASKED_MAX_S)
		asked_s = TB_BACKOFF_ASKED_MAX_S;
	asked_us = (int64_t)asked_s * SECOND_US;
	return us < asked_us ? asked_us : us;
}
