/*
 * CSV as records: the first row names the members, each further one is an
 * object of strings. Private to the reader of files.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_CSV_H
#define TB_JOBS_CONNECTORS_FILE_CSV_H

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/file_input.h"

struct tb_file_csv;

/* Reads the row of names, which the input then stands behind. INVALID:
 * `*ret_problem` says what is wrong with it, in the arena. Else as
 * tb_file_input_fill. */
enum tb_err tb_file_csv_create(struct tb_file_input *input,
			       struct tb_arena *arena, struct tb_file_csv **ret,
			       struct tb_str *ret_problem) tb_must_check;
void tb_file_csv_destroy(struct tb_file_csv *csv); /* takes NULL */

/* Finds the next row as a record's text; as tb_file_input_find. A message is in
 * the arena. */
enum tb_err tb_file_csv_find(struct tb_file_csv *csv,
			     struct tb_file_input *input,
			     struct tb_arena *arena,
			     struct tb_file_item *ret) tb_must_check;

#endif
