/*
 * Reads a spool's body from its beginning to its end, its items in order.
 * Private to the spool.
 */
#ifndef TB_HTTP_SPOOL_READER_H
#define TB_HTTP_SPOOL_READER_H

#include "http/spill.h"
#include "http/spool_sort.h"

/* A value: a copy of one reads on from where that one is. */
struct tb_spool_reader {
	const struct tb_spill *data;          /* borrowed, as the entries */
	const struct tb_spool_entry *entries; /* NULL: it is in order */
	size_t n_entries;
	uint64_t bytes; /* of the body */
	uint64_t at;    /* in the body */
	size_t next;    /* the entry to come */
	uint64_t from;  /* what is left of the run of items before it */
	uint64_t to;
	bool never_waits; /* for a disk: reading is BUSY instead */
};

/* How much is left to read. */
uint64_t tb_spool_reader_left(const struct tb_spool_reader *reader);
/* Reads on; `n` is not more than is left. IO, BUSY. */
enum tb_err tb_spool_reader_read(struct tb_spool_reader *reader, char *to,
				 size_t n) tb_must_check;
/* The same into a buffer of just that length. NOMEM. */
enum tb_err tb_spool_reader_read_buf(struct tb_spool_reader *reader, size_t n,
				     struct tb_buf *ret) tb_must_check;

#endif
