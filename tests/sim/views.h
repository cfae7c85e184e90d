/*
 * What somebody sees of a collection, read as an API reads it: by walking the
 * scopes of a sight from a number or from a time on. Used by the simulation
 * and by the kernel's tests.
 */
#ifndef TB_TESTS_SIM_VIEWS_H
#define TB_TESTS_SIM_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "fleet.h"
#include "kernel/sight.h"

/* A snapshot of a centre; what is read lives in its arena. */
struct look {
	struct centre *centre;
	struct tb_tx *tx;
	struct tb_arena *arena;
	struct tb_org org;
};

void look_begin(struct look *look, struct centre *centre);
void look_end(struct look *look);

/* The record of a collection with this key; NULL: none. */
struct tb_record *look_find(struct look *look, const char *collection,
			    struct tb_str key);
/* The scope of this name; 0: none. */
uint64_t look_scope(struct look *look, const char *name);

struct tb_sight look_sight(struct look *look,
			   const struct tb_collection *collection,
			   const struct tb_viewer *viewer);

/* Takes a record that is seen or was, once each. */
typedef void look_row_fn(void *ctx, struct look *look,
			 const struct tb_record *record,
			 const struct tb_seen *seen);
/* Whose last entry is above `after`, or is later than `after_us`. */
void look_above(struct look *look, const struct tb_sight *sight, uint64_t after,
		look_row_fn *fn, void *ctx);
void look_since(struct look *look, const struct tb_sight *sight,
		int64_t after_us, look_row_fn *fn, void *ctx);

/* The text that a key is in a body: of a string or a number; none otherwise. */
struct tb_str look_member(struct tb_arena *arena, struct tb_str body,
			  struct tb_str member);
/* What an API would show of a record: id, body, and its fields for display. */
void look_render(struct look *look, const struct tb_collection *collection,
		 const struct tb_record *record, struct tb_buf *buf);

#endif
