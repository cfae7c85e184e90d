/*
 * A file's bytes on their way to being records: the window over it, the number
 * of the line that begins there, and what is found there next. Private to the
 * reader of files.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_INPUT_H
#define TB_JOBS_CONNECTORS_FILE_INPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/window.h"

/* Why a line is no record. */
#define TB_FILE_LINE_TOO_LONG "line_too_long"
#define TB_FILE_CSV_INVALID "csv_invalid"
#define TB_FILE_CSV_FIELDS "csv_fields"

struct tb_file_input {
	struct tb_window window;
	uint64_t line; /* of what is not yet taken, from 1 */
	size_t line_max_bytes;
	const atomic_bool *is_stopped;
};

/* What is found; nothing of it is taken yet. */
struct tb_file_item {
	struct tb_str text;  /* a record's; borrowed until more is asked for;
			      * empty: there is none */
	const char *refused; /* why there is none, or NULL: nothing is here */
	struct tb_str message;
	uint64_t line;
	size_t n_bytes; /* that it takes up, line ends included */
	uint64_t n_lines;
	bool is_endless; /* its first line goes on behind the window */
};

/* Reads on. TOO_LARGE: the window is full. CLOSED: to be stopped. IO,
 * NOMEM. */
enum tb_err tb_file_input_fill(struct tb_file_input *input) tb_must_check;
/* The bytes of the line that is next, without its newline; `*ret_has_end`: with
 * one. TOO_LARGE: over the ceiling. Errors as above. */
enum tb_err tb_file_input_line(struct tb_file_input *input, size_t *ret_n,
			       bool *ret_has_end) tb_must_check;
/* Finds the next line as a record's text. NOT_FOUND: the file is at its end.
 * Errors as above. */
enum tb_err tb_file_input_find(struct tb_file_input *input,
			       struct tb_file_item *ret) tb_must_check;
/* Takes what was found. */
enum tb_err tb_file_input_take(struct tb_file_input *input,
			       const struct tb_file_item *item) tb_must_check;

#endif
