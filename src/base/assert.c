#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void tb_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
	abort();
}
