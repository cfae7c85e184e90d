/*
 * The audit of what does not write: reads and failures, added up for each
 * principal and operation, and written to the org's audit chain once a
 * minute. Thread-safe and bounded: past the ceiling requests are counted
 * without their principals.
 */
#ifndef TB_ENGINE_READS_H
#define TB_ENGINE_READS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/core.h"

struct tb_reads;

struct tb_reads *tb_reads_create(void);        /* NULL: no memory */
void tb_reads_destroy(struct tb_reads *reads); /* takes NULL */

/* Counts one request. `principal` is "site/63" and the like, or empty for
 * nobody; `operation` is the route. */
void tb_reads_add(struct tb_reads *reads, uint32_t org, struct tb_str principal,
		  struct tb_str operation, unsigned status);
/* Writes the sums so far, a row for each org with up to some hundred sums.
 * What could not be written is kept for the next time. */
enum tb_err tb_reads_flush(struct tb_reads *reads, struct tb_core *core,
			   const uint8_t salt[16]) tb_must_check;

#endif
