/*
 * The folder of the signing keys, as files: names, atomic changes, reading.
 * keys.h says what the files mean. Everything here works on an open folder
 * and holds no state.
 */
#ifndef TB_AUTH_KEY_FILES_H
#define TB_AUTH_KEY_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "auth/keys.h"

/* Opens the folder, making it with its first keys when they are not there.
 * DENIED: others may read it. */
enum tb_err tb_key_files_open(const char *path, int *ret_dir) tb_must_check;

/* All keys, oldest first; the newest that is not retired signs. TOO_LARGE:
 * more than `max`. */
enum tb_err tb_key_files_scan(int dir, struct tb_key_info *rets, size_t max,
			      size_t *ret_n) tb_must_check;
/* The same to an array that the caller frees. */
enum tb_err tb_key_files_scan_all(int dir, struct tb_key_info **ret,
				  size_t *ret_n) tb_must_check;

/* The secret of a key that is not retired. NOT_FOUND, DENIED, CORRUPT. */
enum tb_err tb_key_files_read(int dir, const char *kid,
			      uint8_t ret[TB_KEY_SECRET_BYTES]) tb_must_check;
enum tb_err
tb_key_files_read_seal(int dir, uint8_t ret[TB_KEY_SECRET_BYTES]) tb_must_check;

/* Changes, as tb_keys_rotate and tb_keys_retire. */
enum tb_err tb_key_files_rotate(int dir) tb_must_check;
enum tb_err tb_key_files_retire(int dir, struct tb_str kid) tb_must_check;

#endif
