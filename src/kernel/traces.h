/*
 * Traces that a record leaves where it was seen: for each value that it once
 * had, and each viewer who once saw it, an entry stays that says so. There is
 * room for so many of them, or a record could be changed only so often.
 */
#ifndef TB_KERNEL_TRACES_H
#define TB_KERNEL_TRACES_H

#include <stdint.h>

#include "kernel/declaration.h"
#include "kernel/view.h"

/* Traces of one record; with one more, the older half goes. */
#define TB_TRACES_MAX 256

/* Lets the oldest traces of a record of the collection (NULL: of none) go where
 * there are too many: whoever asks for deletions since before those must start
 * over, as for a deleted record's traces. No number is given, nothing moves.
 * NOT_FOUND. */
enum tb_err tb_traces_make_room(struct tb_view *view,
				const struct tb_collection *collection,
				uint64_t rid) tb_must_check;

#endif
