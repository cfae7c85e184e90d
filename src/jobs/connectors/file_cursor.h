/*
 * How far a file was read, and which file that was: a cursor's text. A file
 * that was replaced, or changed where it was read already, is another one; one
 * that grew is the same.
 */
#ifndef TB_JOBS_CONNECTORS_FILE_CURSOR_H
#define TB_JOBS_CONNECTORS_FILE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct tb_file_place {
	uint64_t offset;
	uint64_t line; /* of what begins there, from 1 */
};

/* Makes the cursor from the bytes that lie around what was read: the first ones
 * and the last ones. IO: errno says why; RESYNC: there are fewer by now. */
enum tb_err tb_file_cursor_make(int fd, const struct tb_file_place *place,
				struct tb_arena *arena,
				struct tb_str *ret) tb_must_check;
/* RESYNC: it is another file's, or no cursor at all. IO. */
enum tb_err tb_file_cursor_read(int fd, struct tb_str cursor,
				struct tb_arena *arena,
				struct tb_file_place *ret) tb_must_check;

#endif
