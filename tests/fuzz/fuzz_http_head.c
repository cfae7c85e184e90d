/*
 * The head of a request as it comes: what is refused by its first lines is
 * refused whatever follows, and each piece is judged the same alone.
 */
#include "fuzz.h"

#include "base/alloc.h"
#include "http/hygiene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str bytes = fuzz_input(data, n);
	bool refused = tb_hygiene_scan(bytes) != NULL;

	for (size_t cut = 0; cut < n; cut++) {
		struct tb_str part = tb_str(bytes.p, cut);

		if (cut > 0 && bytes.p[cut - 1] != '\n')
			continue;
		if (tb_hygiene_scan(part))
			TB_ASSERT(refused);
	}
	return 0;
}
