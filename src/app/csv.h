/*
 * A reader of CSV (RFC 4180): fields between commas, quoted where they hold
 * commas, quotes or line ends. Pure.
 */
#ifndef TB_APP_CSV_H
#define TB_APP_CSV_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#define TB_CSV_FIELDS_MAX 32

struct tb_csv {
	struct tb_str rest; /* p NULL behind the last row */
	size_t line;        /* of the row that was read last, from 1 */
	size_t next_line;
};

struct tb_csv_row {
	struct tb_str fields[TB_CSV_FIELDS_MAX]; /* in the arena */
	size_t n;
};

struct tb_csv tb_csv(struct tb_str text);
/* The next row; empty lines are passed over. NOT_FOUND: behind the last.
 * INVALID: a quote that does not end, or text around one. TOO_LARGE: too many
 * fields. NOMEM. */
enum tb_err tb_csv_next(struct tb_csv *csv, struct tb_arena *arena,
			struct tb_csv_row *ret) tb_must_check;

/* Appends a field, quoted where it must be. */
void tb_csv_put(struct tb_buf *buf, struct tb_str field);

#endif
