/*
 * What the fuzz targets share. A target hands its input to a parser and
 * checks what must hold for any input; what does not hold ends the process,
 * which is how libFuzzer learns of it.
 */
#ifndef TB_TESTS_FUZZ_H
#define TB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/str.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static inline struct tb_str fuzz_input(const uint8_t *data, size_t n)
{
	return tb_str((const char *)data, n);
}

#endif
