/*
 * Acknowledgements that are awaited, or owed: a bounded table. Embedded by its
 * session. Private to the folder.
 */
#ifndef TB_REALTIME_SIO_PENDING_H
#define TB_REALTIME_SIO_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tb_sio_pending_row {
	size_t nsp; /* the namespace's slot */
	uint64_t id;
	uint64_t tag;
};

struct tb_sio_pending {
	struct tb_sio_pending_row *rows;
	size_t n;
	size_t cap;
	size_t max;
};

/* Allocates nothing yet. */
void tb_sio_pending_init(struct tb_sio_pending *pending, size_t max);
void tb_sio_pending_fini(struct tb_sio_pending *pending);

/* EXISTS: the namespace has one with this id. BUSY: the table is full. NOMEM.
 */
enum tb_err tb_sio_pending_add(struct tb_sio_pending *pending, size_t nsp,
			       uint64_t id, uint64_t tag) tb_must_check;
bool tb_sio_pending_has(const struct tb_sio_pending *pending, size_t nsp,
			uint64_t id);
/* Takes it out; false when there is none. `ret_tag` may be NULL. */
bool tb_sio_pending_take(struct tb_sio_pending *pending, size_t nsp,
			 uint64_t id, uint64_t *ret_tag);
/* Takes out all with this tag, or all of a namespace. */
void tb_sio_pending_drop_tag(struct tb_sio_pending *pending, uint64_t tag);
void tb_sio_pending_drop_nsp(struct tb_sio_pending *pending, size_t nsp);

#endif
