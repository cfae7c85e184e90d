/*
 * The folder of the data: making it, the lock of the one server that may use
 * it, and what is in it: nothing, the demo, or somebody's records.
 */
#ifndef TB_APP_DATA_H
#define TB_APP_DATA_H

#include "app/config.h"
#include "base/err.h"

enum tb_data_state {
	TB_DATA_EMPTY,   /* no folder, nothing in it, or a store without an
			  * org */
	TB_DATA_FOREIGN, /* files, but no store */
	TB_DATA_DEMO,    /* a store that --demo made */
	TB_DATA_REAL,
};

/* Makes the folder for its owner alone, and those above it, unless it is
 * there. */
enum tb_err tb_data_prepare(const char *path) tb_must_check;
/* Looks; changes nothing but what opening a store changes. */
enum tb_err tb_data_look(const struct tb_config *config,
			 enum tb_data_state *ret) tb_must_check;

/* Takes the lock of the server; it is held until the descriptor is closed.
 * BUSY: another server holds it. */
enum tb_err tb_data_lock(const char *path, int *ret_fd) tb_must_check;

/* The path of the folder of the keys in this one, in the arena. */
enum tb_err tb_data_keys_path(struct tb_arena *arena, const char *path,
			      struct tb_str *ret) tb_must_check;

/* The silent record in the system org that marks the demo's store. */
#define TB_DATA_DEMO_MARK "demo"

#endif
