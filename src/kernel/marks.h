/*
 * Which of a run of numbers are done: all up to one, and islands above it.
 * Pure.
 */
#ifndef TB_KERNEL_MARKS_H
#define TB_KERNEL_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Numbers from first to last. */
struct tb_island {
	uint64_t first;
	uint64_t last;
};

#define TB_MARKS_ISLANDS_MAX 4096

/* Zeroed: nothing is done. The islands' memory is of the functions below. */
struct tb_marks {
	uint64_t done;             /* all up to here */
	struct tb_island *islands; /* above it, in order, none adjacent */
	size_t n_islands;
};

bool tb_marks_has(const struct tb_marks *marks, uint64_t num);
/* The first number at or above `num` that is not done. */
uint64_t tb_marks_next(const struct tb_marks *marks, uint64_t num);
/* The first number at or above `num` that is done; UINT64_MAX: none. */
uint64_t tb_marks_next_done(const struct tb_marks *marks, uint64_t num);
/* The last number below `num` that is done; 0: none. */
uint64_t tb_marks_last_done(const struct tb_marks *marks, uint64_t num);
/* The first of the numbers that are done without a gap up to `num`, which is
 * done. */
uint64_t tb_marks_begin_of(const struct tb_marks *marks, uint64_t num);
/* How many numbers from `first` to `last` are not done. */
uint64_t tb_marks_missing(const struct tb_marks *marks, uint64_t first,
			  uint64_t last);
/* Adds numbers, the last of them below UINT64_MAX; memory from the arena.
 * TOO_LARGE: more than `islands_max` islands; then nothing changed. NOMEM. */
enum tb_err tb_marks_add(struct tb_marks *marks, struct tb_arena *arena,
			 uint64_t first, uint64_t last,
			 size_t islands_max) tb_must_check;
/* As JSON: {"done":N,"islands":[[first,last],...]}. */
void tb_marks_encode(struct tb_buf *buf, const struct tb_marks *marks);
/* CORRUPT: not what encode makes. */
enum tb_err tb_marks_decode(struct tb_arena *arena, struct tb_str text,
			    struct tb_marks *ret) tb_must_check;

#endif
