/*
 * Files below a configured folder. What is asked for is a relative path without
 * `..`; no link on the way is followed, so that nothing leads out of the
 * folder.
 */
#ifndef TB_JOBS_CONNECTORS_BENEATH_H
#define TB_JOBS_CONNECTORS_BENEATH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"

/* True if a path may be asked for: relative, names alone, each of at most 255
 * bytes. */
bool tb_beneath_is_path(struct tb_str path);

/* Where a file is. */
struct tb_beneath {
	int folder;       /* open; the caller's to close */
	const char *name; /* in the folder; in the arena */
};

/* Opens the folder that holds the file. DENIED ("file_path"), NOT_FOUND
 * ("file_missing"), IO ("file"), which may pass, NOMEM. */
enum tb_err
tb_beneath_find(const struct tb_source *source, struct tb_str path,
		struct tb_arena *arena, struct tb_beneath *ret,
		struct tb_connector_failure *ret_failure) tb_must_check;
/* Opens the file itself to be read; only a regular one. As above. */
enum tb_err
tb_beneath_open(const struct tb_source *source, struct tb_str path,
		struct tb_arena *arena, int *ret_fd,
		struct tb_connector_failure *ret_failure) tb_must_check;

/* What errno says of the file at a path. */
enum tb_err tb_beneath_failed(struct tb_str path, struct tb_arena *arena,
			      struct tb_connector_failure *ret_failure);

#endif
