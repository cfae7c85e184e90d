/*
 * All records of a collection, piece by piece: what is there, and what is
 * deleted and not yet forgotten. Each is given at least once, as it was or as
 * it is, whatever changes meanwhile; one that changes, again. Each piece is
 * read in a snapshot that is short.
 */
#ifndef TB_KERNEL_COLLECTION_READ_H
#define TB_KERNEL_COLLECTION_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"

/* How far it was read. Zeroed: not at all. */
struct tb_collection_place {
	uint64_t scope;  /* whose feed is walked; 0: the next one's */
	uint64_t after;  /* the last number in it */
	uint64_t scopes; /* where the list of scopes is, if there are many */
};

/* Takes a record, borrowed during the call; false ends the piece before it,
 * which must not be the first. */
typedef bool tb_collection_take_fn(void *ctx, const struct tb_record *record);

struct tb_collection_reader {
	struct tb_core *core;
	uint32_t org;
	struct tb_str name;
	int64_t after_us; /* only what changed later; INT64_MIN: everything */
	size_t looks_max; /* rows and scopes that are looked at in a piece */
	tb_collection_take_fn *take;
	void *ctx;
};

struct tb_collection_piece {
	bool is_last;
	uint64_t end; /* the last number of its feed, if it has but one */
};

/* Reads a piece and moves the place behind it. NOT_FOUND: the collection is not
 * declared, and no record was ever of it. An error moves nothing. */
enum tb_err tb_collection_read(const struct tb_collection_reader *reader,
			       struct tb_arena *arena,
			       struct tb_collection_place *place,
			       struct tb_collection_piece *ret) tb_must_check;

#endif
