/*
 * The index of a spool's items and how it is put in order. Pure; private to
 * the spool.
 */
#ifndef TB_HTTP_SPOOL_SORT_H
#define TB_HTTP_SPOOL_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct tb_spool_entry {
	uint64_t key;     /* the number; of a text: made when it is sorted */
	uint64_t offset;  /* of the item in the spool */
	uint32_t len;     /* of the item */
	uint16_t key_at;  /* where in the item the text is */
	uint16_t key_len; /* of the text */
};

/* Sorts by merging between the entries and as many of scratch; gives the one
 * of the two that has the result. What has equal keys stays in its order.
 * `items`: what the offsets are in, for texts; NULL: the keys are numbers. */
struct tb_spool_entry *tb_spool_sort(struct tb_spool_entry *entries,
				     struct tb_spool_entry *scratch, size_t n,
				     const char *items);

#endif
