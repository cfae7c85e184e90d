/*
 * Small files read and written whole.
 */
#ifndef TB_APP_FILE_H
#define TB_APP_FILE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* errno as an error. */
enum tb_err tb_file_errno(void) tb_must_check;

/* The whole of a file, in the arena. TOO_LARGE: over `max` bytes. */
enum tb_err tb_file_read(struct tb_arena *arena, const char *path, size_t max,
			 struct tb_str *ret) tb_must_check;
/* Makes a file for its owner alone. EXISTS: it is there. */
enum tb_err tb_file_create(const char *path, int *ret_fd) tb_must_check;
/* Writes all of it. */
enum tb_err tb_file_write(int fd, struct tb_str text) tb_must_check;

#endif
