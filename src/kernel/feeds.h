/*
 * Questions about a feed that a few rows of it answer, however long it is:
 * where it ends, and up to which number it had come at a time. Reads in the
 * caller's transaction and keeps nothing.
 */
#ifndef TB_KERNEL_FEEDS_H
#define TB_KERNEL_FEEDS_H

#include <stdint.h>

#include "kernel/store.h"

/* The row with the highest number, without its record. NOT_FOUND: the feed is
 * empty. */
enum tb_err tb_feed_last(struct tb_tx *tx, uint64_t scope,
			 struct tb_feed_row *ret) tb_must_check;

/* The highest number such that no row up to it is of a later time than
 * `after_us`; `head`, when no row up to that one is. Rows above `head` are not
 * looked at. It relies on times that do not fall with the numbers, as those of
 * fixed entries do. It reads seven rows where the answer is near the last row,
 * and 44 at most. */
enum tb_err tb_feed_find_time(struct tb_tx *tx, uint64_t scope,
			      int64_t after_us, uint64_t head,
			      uint64_t *ret_num) tb_must_check;

#endif
