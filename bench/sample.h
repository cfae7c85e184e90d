/*
 * The records that the benchmarks push and the events that they post: what a
 * client would send, of one size, made from a number so that nothing has to be
 * kept. Pure.
 */
#ifndef TB_BENCH_SAMPLE_H
#define TB_BENCH_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define TB_SAMPLE_ID_BYTES 36
#define TB_SAMPLE_DATA_BYTES 250
/* Who posts the events. */
#define TB_SAMPLE_AUTHOR "user123"
/* An event has so many braces that open: its own and its payload's. Those of
 * the demo are alike, so that events can be counted by their braces. */
#define TB_SAMPLE_EVENT_BRACES 2

struct tb_sample {
	const char *table;
	const char *store; /* what its store_ID says */
	uint32_t site_id;
	uint64_t seed; /* other seeds give other ids */
	bool ordered;  /* ids that rise with their number, as UUIDv7 do; else
			* random, as UUIDv4 */
};

/* A bijection of 64-bit numbers that looks random (splitmix64). */
uint64_t tb_sample_mix(uint64_t v);

/* The id of record `i`: TB_SAMPLE_ID_BYTES. */
void tb_sample_put_id(struct tb_buf *buf, const struct tb_sample *sample,
		      uint64_t i);
/* Its data at a revision: TB_SAMPLE_DATA_BYTES. */
void tb_sample_put_data(struct tb_buf *buf, const struct tb_sample *sample,
			uint64_t i, unsigned revision);
/* The element of a push that inserts it. */
void tb_sample_put_record(struct tb_buf *buf, const struct tb_sample *sample,
			  uint64_t i);
/* Event `i`, as it is posted and as it is kept; about 170 bytes, as those that
 * the documentation of the API shows. */
void tb_sample_put_event(struct tb_buf *buf, const struct tb_sample *sample,
			 uint64_t i);

#endif
