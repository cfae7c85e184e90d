/*
 * What is known of whole segments of histories without reading them: how long
 * each is when it is sent, and between which timestamps its events lie. It is
 * learned while they are read and never changes, as they do not. Some 24 bytes
 * for each segment, so that it is kept for all that were ever read.
 * Thread-safe.
 */
#ifndef TB_API_EVENTS_INDEX_H
#define TB_API_EVENTS_INDEX_H

#include <stdbool.h>
#include <stdint.h>

/* Events in a segment. */
#define TB_SEGMENT_EVENTS 1024

struct tb_history_index;

/* A history: an org's, as long as its store is not restored. */
struct tb_history_id {
	uint32_t org;
	uint64_t epoch;
};

struct tb_segment_facts {
	uint64_t bytes;   /* of all events and a comma each; 0: not known */
	int64_t lowest_s; /* timestamps; 0, as no event has it: not known */
	int64_t highest_s;
};

/* NULL: no memory. */
struct tb_history_index *tb_history_index_create(void);
void tb_history_index_destroy(struct tb_history_index *index); /* takes NULL */

/* What is known of a segment; zeroed where nothing is. */
struct tb_segment_facts tb_history_index_get(struct tb_history_index *index,
					     struct tb_history_id id,
					     uint64_t segment);
/* Adds what was not known yet. Without memory it is not kept. */
void tb_history_index_put(struct tb_history_index *index,
			  struct tb_history_id id, uint64_t segment,
			  const struct tb_segment_facts *facts);
/* The bytes of segments first to last - 1 together. False: some are not
 * known. */
bool tb_history_index_bytes(struct tb_history_index *index,
			    struct tb_history_id id, uint64_t first,
			    uint64_t last, uint64_t *ret);

#endif
