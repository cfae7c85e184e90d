/*
 * The history in parts: each part is a run of events rendered as they are
 * sent, `{...},{...}`, immutable, kept in a bounded memory and shared by all
 * answers; packed for gzip when somebody asks for that. Of every part that was
 * ever read a few numbers are kept (its length, its lowest and highest
 * timestamp), which say how long an answer will be and which parts a filter
 * can pass over. Thread-safe.
 */
#ifndef TB_API_EVENTS_SEGMENTS_H
#define TB_API_EVENTS_SEGMENTS_H

#include <stdint.h>

#include "kernel/core.h"

struct tb_segments;

/* NULL: no memory. */
struct tb_segments *tb_segments_create(struct tb_core *core,
				       uint64_t cache_max_bytes);
void tb_segments_destroy(struct tb_segments *segments); /* takes NULL */

#endif
