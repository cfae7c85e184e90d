/*
 * What a file that is being sent to holds: beside it a small file says how long
 * it was after the last two pages, and where the sender's source was then. So
 * who goes on, wherever it was interrupted, cuts the file to what it knows of
 * and doubles nothing. Private to the writer of files.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_LEDGER_H
#define TB_JOBS_CONNECTORS_FILE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* After a page. */
struct tb_file_mark {
	struct tb_str cursor; /* its digest, in hex; empty: before the first */
	uint64_t length;      /* of the file */
};

struct tb_file_ledger {
	struct tb_str job;
	struct tb_file_mark last;
	struct tb_file_mark before;
	bool is_finished;
};

/* As it is kept, in the arena. */
enum tb_err tb_file_ledger_put(struct tb_arena *arena,
			       const struct tb_file_ledger *ledger,
			       struct tb_str *ret) tb_must_check;
/* INVALID: the text is none. Slices of the text and the arena. */
enum tb_err tb_file_ledger_parse(struct tb_arena *arena, struct tb_str text,
				 struct tb_file_ledger *ret) tb_must_check;

/* How a cursor is named in marks; an empty one by the empty text. */
enum tb_err tb_file_ledger_name(struct tb_arena *arena, struct tb_str cursor,
				struct tb_str *ret) tb_must_check;
/* The mark of this job's cursor; NULL: there is none. */
const struct tb_file_mark *
tb_file_ledger_find(const struct tb_file_ledger *ledger, struct tb_str job,
		    struct tb_str name);

#endif
