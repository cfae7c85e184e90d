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
	uint32_t len;     /* of the item; 0: it only takes others away */
	uint16_t key_at;  /* where in the item the text is */
	uint16_t key_len; /* of the text */
};

/* Sorts by merging between the entries and as many of scratch; gives the one
 * of the two that has the result. What has equal keys stays in its order.
 * `items`: what the offsets are in, for texts; NULL: the keys are numbers. */
struct tb_spool_entry *tb_spool_sort(struct tb_spool_entry *entries,
				     struct tb_spool_entry *scratch, size_t n,
				     const char *items);
/* Of sorted entries with equal keys only the last one stays, and of those none
 * whose item is empty. How many there are then. */
size_t tb_spool_keep_last(struct tb_spool_entry *entries, size_t n,
			  const char *items);
/* Puts them in the order of their offsets instead; otherwise as above. */
struct tb_spool_entry *tb_spool_sort_back(struct tb_spool_entry *entries,
					  struct tb_spool_entry *scratch,
					  size_t n);

#endif
