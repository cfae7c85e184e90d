#include "http/ids.h"

#include <sys/random.h>

#include "http/request.h"

static void fill(struct tb_ids *ids)
{
	size_t n = 0;

	while (n < sizeof(ids->random)) {
		ssize_t got =
			getrandom(ids->random + n, sizeof(ids->random) - n, 0);

		/* The call itself cannot fail on the kernels that there are;
		 * only a signal may cut it short. */
		if (got > 0)
			n += (size_t)got;
	}
	ids->left = sizeof(ids->random);
}

void tb_ids_next(struct tb_ids *ids, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	if (ids->left == 0)
		fill(ids);
	for (i = 0; i < TB_ID_BYTES; i++) {
		uint8_t byte = ids->random[sizeof(ids->random) - ids->left--];

		ret[2 * i] = digits[byte >> 4];
		ret[2 * i + 1] = digits[byte & 15];
	}
}

bool tb_id_is_valid(struct tb_str id)
{
	size_t i;

	for (i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return id.n > 0 && id.n <= TB_REQUEST_ID_MAX;
}
