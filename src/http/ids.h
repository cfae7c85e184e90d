/*
 * Request ids: 16 random bytes in hex, drawn from the system in larger
 * portions. One thread.
 */
#ifndef TB_HTTP_IDS_H
#define TB_HTTP_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define TB_ID_BYTES 16
#define TB_ID_TEXT_LEN (2 * TB_ID_BYTES)

struct tb_ids {
	uint8_t random[64 * TB_ID_BYTES];
	size_t left; /* unused bytes at its end */
};

/* Writes TB_ID_TEXT_LEN characters, without a NUL. */
void tb_ids_next(struct tb_ids *ids, char *ret);
/* True for an id that a client may choose itself: [A-Za-z0-9._-]{1,64}. */
bool tb_id_is_valid(struct tb_str id);

#endif
