/*
 * A reader of CSV (RFC 4180): fields between commas, quoted where they hold
 * commas, quotes or line ends. A text may be read piece by piece. Pure.
 */
#ifndef TB_CODEC_CSV_H
#define TB_CODEC_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct tb_csv {
	struct tb_str rest;
	size_t line; /* of the row that was read last, from 1 */
	size_t next_line;
	bool goes_on; /* there is more of the text behind `rest`. Who puts it
		       * there looks that the row that was not whole comes
		       * again */
};

/* A row, in memory of the caller's. */
struct tb_csv_row {
	struct tb_str *fields; /* slices of the text, or of the arena */
	size_t max;            /* room; fields behind it are only counted */
	size_t n;
};

/* A reader of a whole text. A byte order mark in front of it is none of it. */
struct tb_csv tb_csv(struct tb_str text);
/* The next row; empty lines are passed over. NOT_FOUND: there is none that is
 * whole; where the text does not go on, that is the end. INVALID: a quote that
 * does not end, text around one, or half a line end; the reader goes on behind
 * the line in which that row begins. NOMEM, TOO_LARGE: of the arena. */
enum tb_err tb_csv_next(struct tb_csv *csv, struct tb_arena *arena,
			struct tb_csv_row *row) tb_must_check;

/* Appends a field, quoted where it must be. */
void tb_csv_put(struct tb_buf *buf, struct tb_str field);

#endif
