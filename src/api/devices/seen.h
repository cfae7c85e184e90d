/*
 * Which devices were seen since it was last written down: kept in memory, so
 * that a pull writes nothing, and flushed about once a minute. A crash loses a
 * minute of it, which nothing depends on. Thread-safe, but for create and
 * destroy.
 */
#ifndef TB_API_DEVICES_SEEN_H
#define TB_API_DEVICES_SEEN_H

#include <stdint.h>

#include "base/str.h"
#include "kernel/core.h"

/* Devices seen between two flushes; what more come are not noted. */
#define TB_SEEN_MAX 65536

struct tb_seen;

/* NULL: no memory. */
struct tb_seen *tb_seen_create(void);
void tb_seen_destroy(struct tb_seen *seen); /* takes NULL */

/* The device is there now; copied. What is no device's id is not noted. From
 * memory. */
void tb_seen_note(struct tb_seen *seen, uint32_t org, struct tb_str device,
		  int64_t now_us);
/* Writes it down; what cannot be written is kept. Blocks. */
void tb_seen_flush(struct tb_seen *seen, struct tb_core *core);

#endif
